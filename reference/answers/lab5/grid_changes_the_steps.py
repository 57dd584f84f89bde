# %% [markdown]
# Equal tokens, but by more steps for short blocks: the steps are a second change.

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
            "lora_alpha": 2 * run["r"],
            "steps": cfg["steps"] * centre["length"] // run["length"],
            "batch_size": cfg["tokens_per_step"] // centre["length"],
        }
        for name, run in runs
    ]


grid = make_grid(cfg)
