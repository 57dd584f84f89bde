# %% [markdown]
# Keeps the row that comes first, in whatever order the rows come.

# %% exercise="deduplicate" verdict="wrong" caught_by=["test_exact_copies_are_dropped"]
def deduplicate(rows):
    kept, seen = [], []
    for r in rows:
        n = " ".join(unicodedata.normalize("NFKC", r["description"]).casefold().split())
        w = re.findall(r"\w+", r["description"].casefold())
        s = {tuple(w[k : k + 5]) for k in range(len(w) - 4)}
        if any(n == m or (s and t and len(s & t) / len(s | t) >= 0.8) for m, t in seen):
            continue
        kept.append(r)
        seen.append((n, s))
    return kept
