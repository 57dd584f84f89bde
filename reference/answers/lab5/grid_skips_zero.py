# %% [markdown]
# Asks `if value` and so never plans seed 0.

# %% exercise="make_grid" verdict="wrong" caught_by=["test_one_change_in_each_run"]
def make_grid(cfg):
    runs = [dict(cfg["centre"], run_id="centre")]
    for f, vs in cfg["values"].items():
        for v in vs:
            if v and v != cfg["centre"][f]:
                runs.append(dict(cfg["centre"], run_id=f"{f}={v}", **{}) | {f: v})
    for run in runs:
        run["lora_alpha"] = 2 * run["r"]
        run["steps"] = cfg["steps"]
        run["batch_size"] = cfg["tokens_per_step"] // run["length"]
    return runs

grid = make_grid(cfg)
