# %% [markdown]
# Makes all combinations, the centre's values included, and keeps those with at most one change.

# %% exercise="make_grid" verdict="right"
import itertools


def make_grid(cfg):
    centre = cfg["centre"]
    names = list(centre)
    options = [[centre[name], *(v for v in cfg["values"].get(name, []) if v != centre[name])] for name in names]
    runs = []
    for values in itertools.product(*options):
        changed = [(n, v) for n, v in zip(names, values) if v != centre[n]]
        if len(changed) <= 1:
            run = dict(zip(names, values))
            run.update(run_id=f"run {len(runs):02}", lora_alpha=run["r"] * 2, steps=cfg["steps"], batch_size=int(cfg["tokens_per_step"] / run["length"]))
            runs.append(run)
    return runs


grid = make_grid(cfg)
