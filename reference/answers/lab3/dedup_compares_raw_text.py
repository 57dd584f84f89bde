# %% [markdown]
# P1: compares the texts as they are, so case and spaces hide a short note's copy.

# %% exercise="deduplicate" verdict="wrong" caught_by=["test_exact_copies_are_dropped"]
import re


def deduplicate(rows):
    kept, sets, seen = [], [], set()
    for row in sorted(rows, key=lambda r: r["_id"]):
        words = re.findall(r"\w+", row["description"].casefold())
        mine = {tuple(words[i : i + 5]) for i in range(len(words) - 4)}
        if row["description"] in seen or (mine and any(len(mine & s) >= 0.8 * len(mine | s) for s in sets)):
            continue
        seen.add(row["description"])
        sets.append(mine)
        kept.append(row)
    return kept
