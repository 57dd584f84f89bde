# %% [markdown]
# Drops all rows that have an exact copy, the first one too.

# %% exercise="deduplicate" verdict="wrong" caught_by=["test_exact_copies_are_dropped"]
import re
import unicodedata
from collections import Counter


def deduplicate(rows):
    def key(row):
        return " ".join(unicodedata.normalize("NFKC", row["description"]).casefold().split())

    counts = Counter(key(row) for row in rows)
    kept, sets = [], []
    for row in sorted(rows, key=lambda r: r["_id"]):
        words = re.findall(r"\w+", row["description"].casefold())
        mine = {tuple(words[i : i + 5]) for i in range(len(words) - 4)}
        if counts[key(row)] > 1 or (mine and any(len(mine & s) >= 0.8 * len(mine | s) for s in sets)):
            continue
        sets.append(mine)
        kept.append(row)
    return kept
