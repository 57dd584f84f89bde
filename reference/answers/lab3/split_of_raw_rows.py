# %% [markdown]
# The datasets hold the raw texts: everything cleaned was forgotten.

# %% exercise="split_rows" verdict="wrong" caught_by=["test_datasets_hold_the_cleaned_rows"]
import random


def split_rows(rows, seed):
    groups = {}
    rows = sorted(deduplicate(rows), key=lambda r: r["_id"])
    for row in rows:
        groups.setdefault(row["_id"].rsplit("-", 1)[0] if row["_id"].startswith("pmc") else row["_id"], []).append(row)
    order = sorted(groups)
    random.Random(seed).shuffle(order)
    train, val, test = [], [], []
    for name in order:
        part = train if len(train) < 0.8 * len(rows) else val if len(val) < 0.1 * len(rows) else test
        part += groups[name]
    return train, val, test


train_ds, val_ds, test_ds = [Dataset.from_list(part) for part in split_rows(raw, seed=profile.train["seed"])]
