# %% [markdown]
# Builds the changes first, as a list of single-entry dicts, and the centre last.

# %% exercise="make_grid" verdict="right"
def make_grid(cfg: dict) -> list[dict]:
    changes = [{name: value} for name in sorted(cfg["values"]) for value in sorted(cfg["values"][name]) if value != cfg["centre"][name]]
    grid = []
    for change in [*changes, {}]:
        run = cfg["centre"] | change
        batch, rest = divmod(cfg["tokens_per_step"], run["length"])
        assert rest == 0
        label = "_".join(f"{k}-{v!r}" for k, v in change.items()) or "c"
        grid.append(run | {"run_id": label, "lora_alpha": 2 * run["r"], "steps": cfg["steps"], "batch_size": batch, "changes": change})
    return grid


grid = make_grid(cfg)
