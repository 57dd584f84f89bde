# %% [markdown]
# Alpha stays at the centre's, so a new rank also changes the volume.

# %% exercise="make_grid" verdict="wrong" caught_by=["test_equal_budgets_are_planned"]
def make_grid(cfg):
    centre = cfg["centre"]
    runs = [("centre", dict(centre))]
    for factor, values in cfg["values"].items():
        for value in values:
            if value != centre[factor]:
                runs.append((f"{factor}={value}", {**centre, factor: value}))
    return [
        {
            "run_id": name,
            **run,
            "lora_alpha": 2 * centre["r"],
            "steps": cfg["steps"],
            "batch_size": cfg["tokens_per_step"] // run["length"],
        }
        for name, run in runs
    ]


grid = make_grid(cfg)
