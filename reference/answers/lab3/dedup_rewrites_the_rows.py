# %% [markdown]
# Returns the rows with their texts normalised.

# %% exercise="deduplicate" verdict="wrong" caught_by=["test_exact_copies_are_dropped", "test_datasets_hold_the_cleaned_rows"]
def deduplicate(rows):
    kept, seen = [], []
    for r in sorted(rows, key=lambda r: r["_id"]):
        n = " ".join(unicodedata.normalize("NFKC", r["description"]).casefold().split())
        w = re.findall(r"\w+", n)
        s = {tuple(w[k : k + 5]) for k in range(len(w) - 4)}
        if any(n == m or (s and t and len(s & t) / len(s | t) >= 0.8) for m, t in seen):
            continue
        r["description"] = n
        kept.append(r)
        seen.append((n, s))
    return kept
