# %% [markdown]
# The centre's own value gets a run of its own again.

# %% exercise="make_grid" verdict="wrong" caught_by=["test_one_change_in_each_run"]
def make_grid(cfg):
    centre = cfg["centre"]
    runs = [("centre", dict(centre))]
    for factor, values in cfg["values"].items():
        for value in values:
            runs.append((f"{factor}={value}", {**centre, factor: value}))
    return [
        {
            "run_id": name,
            **run,
            "lora_alpha": 2 * run["r"],
            "steps": cfg["steps"],
            "batch_size": cfg["tokens_per_step"] // run["length"],
        }
        for name, run in runs
    ]


grid = make_grid(cfg)
