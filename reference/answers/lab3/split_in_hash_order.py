# %% [markdown]
# Orders the articles by a hash of seed and name, then cuts by rows; no random generator.

# %% exercise="split_rows" verdict="right"
import hashlib
from itertools import groupby


def article_of(row):
    kind, *rest = row["_id"].split("-")
    return "-".join([kind, rest[0]]) if kind == "pmc" else row["_id"]


def split_rows(rows, seed):
    rows = deduplicate(rows)
    ordered = sorted(rows, key=lambda r: (hashlib.sha256(f"{seed}/{article_of(r)}".encode()).hexdigest(), r["_id"]))
    train, val, test = [], [], []
    for _, group in groupby(ordered, key=article_of):
        part = train if len(train) < 0.8 * len(rows) else val if len(val) < 0.1 * len(rows) else test
        part += group
    return train, val, test


train_ds, val_ds, test_ds = [Dataset.from_list(part) for part in split_rows(cleaned, seed=profile.train["seed"])]
