# %% [markdown]
# Sets of words instead of shingles: another note in the same words is dropped.

# %% exercise="deduplicate" verdict="wrong" caught_by=["test_near_copies_are_dropped"]
import re
import unicodedata


def deduplicate(rows):
    kept, sets, seen = [], [], set()
    for row in sorted(rows, key=lambda r: r["_id"]):
        key = " ".join(unicodedata.normalize("NFKC", row["description"]).casefold().split())
        words = re.findall(r"\w+", key)
        mine = set(words)
        if key in seen or (len(words) > 4 and any(len(mine & s) >= 0.8 * len(mine | s) for s in sets)):
            continue
        seen.add(key)
        sets.append(mine)
        kept.append(row)
    return kept
