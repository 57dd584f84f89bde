# %% [markdown]
# P2: looks for exact copies only.

# %% exercise="deduplicate" verdict="wrong" caught_by=["test_near_copies_are_dropped"]
import unicodedata


def deduplicate(rows):
    kept = {}
    for row in sorted(rows, key=lambda r: r["_id"]):
        kept.setdefault(" ".join(unicodedata.normalize("NFKC", row["description"]).casefold().split()), row)
    return list(kept.values())
