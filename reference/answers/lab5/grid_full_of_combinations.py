# %% [markdown]
# Two changes at once: ranks are tried at each length.

# %% exercise="make_grid" verdict="wrong" caught_by=["test_one_change_in_each_run"]
def make_grid(cfg):
    centre = cfg["centre"]
    runs = [("centre", dict(centre))]
    for factor, values in cfg["values"].items():
        for value in values:
            if value != centre[factor]:
                runs.append((f"{factor}={value}", {**centre, factor: value}))
    for r in cfg["values"]["r"]:
        for length in cfg["values"]["length"]:
            if r != centre["r"] and length != centre["length"]:
                runs.append((f"r={r} length={length}", {**centre, "r": r, "length": length}))
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
