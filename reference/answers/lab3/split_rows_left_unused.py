# %% [markdown]
# `split_rows` is right, but the datasets come from `train_test_split` of all rows.

# %% exercise="split_rows" verdict="wrong" caught_by=["test_articles_stay_whole", "test_copies_go_before_the_split"]
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


halves = Dataset.from_list(cleaned).train_test_split(0.2, seed=1)
train_ds = halves["train"]
rest = halves["test"].train_test_split(0.5, seed=1)
val_ds, test_ds = rest["train"], rest["test"]
