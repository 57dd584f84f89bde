# %% [markdown]
# Names a run after the value alone: rank 24 and seed 24 get the same name.

# %% exercise="make_grid" verdict="wrong" caught_by=["test_every_run_has_a_name_of_its_own"]
def make_grid(cfg):
    runs = [dict(cfg["centre"], run_id="centre")]
    for f, vs in cfg["values"].items():
        for v in vs:
            if v != cfg["centre"][f]:
                runs.append(dict(cfg["centre"], run_id=f"{v}", **{}) | {f: v})
    for run in runs:
        run["lora_alpha"] = 2 * run["r"]
        run["steps"] = cfg["steps"]
        run["batch_size"] = cfg["tokens_per_step"] // run["length"]
    return runs

grid = make_grid(cfg)
