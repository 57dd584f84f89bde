# %% [markdown]
# Rounds all three sizes down, so the last articles are in no split.

# %% exercise="split_rows" verdict="wrong" caught_by=["test_articles_stay_whole"]
import random


def split_rows(rows, seed):
    groups = {}
    rows = sorted(deduplicate(rows), key=lambda r: r["_id"])
    for row in rows:
        groups.setdefault(row["_id"].rsplit("-", 1)[0] if row["_id"].startswith("pmc") else row["_id"], []).append(row)
    order = sorted(groups)
    random.Random(seed).shuffle(order)
    a, b = int(0.8 * len(order)), int(0.1 * len(order))
    parts = order[:a], order[a : a + b], order[a + b : a + b + b]
    return [[row for name in part for row in groups[name]] for part in parts]


train_ds, val_ds, test_ds = [Dataset.from_list(part) for part in split_rows(cleaned, seed=profile.train["seed"])]
