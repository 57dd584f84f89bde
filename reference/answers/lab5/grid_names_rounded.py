# %% [markdown]
# Two learning rates that round to the same text share a name.

# %% exercise="make_grid" verdict="wrong" caught_by=["test_every_run_has_a_name_of_its_own"]
def make_grid(cfg):
    centre = cfg["centre"]
    runs = [("centre", dict(centre))]
    for factor, values in cfg["values"].items():
        for value in values:
            if value != centre[factor]:
                runs.append((f"{factor}={value:.0e}", {**centre, factor: value}))
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
