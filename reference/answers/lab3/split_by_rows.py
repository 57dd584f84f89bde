# %% [markdown]
# P3: shuffles rows, so siblings part.

# %% exercise="split_rows" verdict="wrong" caught_by=["test_articles_stay_whole"]
import random


def split_rows(rows, seed):
    rows = sorted(deduplicate(rows), key=lambda r: r["_id"])
    random.Random(seed).shuffle(rows)
    a, b = int(0.8 * len(rows)), int(0.9 * len(rows))
    return rows[:a], rows[a:b], rows[b:]


train_ds, val_ds, test_ds = [Dataset.from_list(part) for part in split_rows(cleaned, seed=profile.train["seed"])]
