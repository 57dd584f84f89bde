# %% [markdown]
# A permutation of the articles, cut where the running number of rows passes 80 and 90 %; returns Datasets.

# %% exercise="split_rows" verdict="right"
import numpy as np
import pandas as pd


def split_rows(rows, seed):
    frame = pd.DataFrame(list(deduplicate(rows))).sort_values("_id").reset_index(drop=True)
    frame["article"] = frame["_id"].where(~frame["_id"].str.startswith("pmc-"), frame["_id"].str.extract(r"^(.*)-\d+$")[0])
    sizes = frame.groupby("article").size()
    sizes = sizes.iloc[np.random.default_rng(seed).permutation(len(sizes))]
    middle = (sizes.cumsum() - sizes / 2) / len(frame)
    names = np.select([middle < 0.8, middle < 0.9], ["train", "val"], "test")
    where = frame["article"].map(dict(zip(sizes.index, names)))
    return tuple(Dataset.from_pandas(frame.loc[where == n, ["_id", "description"]], preserve_index=False) for n in ("train", "val", "test"))


train_ds, val_ds, test_ds = split_rows(cleaned, seed=profile.train["seed"])
