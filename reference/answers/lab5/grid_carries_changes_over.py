# %% [markdown]
# Each run starts from the last one, so changes pile up.

# %% exercise="make_grid" verdict="wrong" caught_by=["test_one_change_in_each_run"]
def make_grid(cfg):
    centre = cfg["centre"]
    runs = [("centre", dict(centre))]
    for factor, values in cfg["values"].items():
        for value in values:
            if value != centre[factor]:
                runs.append((f"{factor}={value}", {**runs[-1][1], factor: value}))
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
