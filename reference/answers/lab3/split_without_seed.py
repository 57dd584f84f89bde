# %% [markdown]
# Shuffles with the global generator: no two runs agree.

# %% exercise="split_rows" verdict="wrong" caught_by=["test_copies_go_before_the_split"]
import random


def split_rows(rows, seed):
    groups = {}
    rows = sorted(deduplicate(rows), key=lambda r: r["_id"])
    for row in rows:
        groups.setdefault(row["_id"].rsplit("-", 1)[0] if row["_id"].startswith("pmc") else row["_id"], []).append(row)
    order = sorted(groups)
    random.shuffle(order)
    train, val, test = [], [], []
    for name in order:
        part = train if len(train) < 0.8 * len(rows) else val if len(val) < 0.1 * len(rows) else test
        part += groups[name]
    return train, val, test


train_ds, val_ds, test_ds = [Dataset.from_list(part) for part in split_rows(cleaned, seed=profile.train["seed"])]
