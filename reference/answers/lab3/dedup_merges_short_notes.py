# %% [markdown]
# Two notes without shingles count as alike: of all short notes one stays.

# %% exercise="deduplicate" verdict="wrong" caught_by=["test_exact_copies_are_dropped"]
import re


def deduplicate(rows):
    kept, sets = [], []
    for row in sorted(rows, key=lambda r: r["_id"]):
        words = re.findall(r"\w+", row["description"].casefold())
        mine = {tuple(words[i : i + 5]) for i in range(len(words) - 4)}
        if any(len(mine & s) >= 0.8 * len(mine | s) for s in sets):
            continue
        sets.append(mine)
        kept.append(row)
    return kept
