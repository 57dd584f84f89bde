# %% [markdown]
# Takes the first 200 characters as a note's fingerprint.

# %% exercise="deduplicate" verdict="wrong" caught_by=["test_near_copies_are_dropped"]
import unicodedata


def deduplicate(rows):
    kept = {}
    for row in sorted(rows, key=lambda r: r["_id"]):
        kept.setdefault(" ".join(unicodedata.normalize("NFKC", row["description"]).casefold().split())[:200], row)
    return list(kept.values())
