# %% [markdown]
# Selects and groups with pandas.

# %% exercise="choose" verdict="right"
import pandas as pd


def choose(rows, constraint):
    runs = pd.DataFrame([row for row in rows if row["status"] == "ok"])
    runs["r"] = [config["r"] for config in runs["config"]]
    runs["twin"] = [str(sorted((k, v) for k, v in config.items() if k not in {"seed", "run_id"})) for config in runs["config"]]
    spread = runs.groupby("twin")["val_ppl"].agg(lambda values: values.max() - values.min()).max()
    allowed = runs
    for key, limit in constraint.items():
        side, _, column = key.partition("_")
        allowed = allowed[allowed[column].ge(limit) if side == "min" else allowed[column].le(limit)]
    if allowed.empty:
        raise ValueError("nothing left")
    level = allowed[allowed["val_ppl"] - allowed["val_ppl"].min() <= spread]
    return level.sort_values(["r", "val_ppl"])["run_id"].iloc[0]
