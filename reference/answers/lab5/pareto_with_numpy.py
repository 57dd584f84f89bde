# %% [markdown]
# Compares all pairs at once with arrays, and returns a tuple.

# %% exercise="pareto" verdict="right"
def pareto(rows):
    runs = [row for row in rows if row["status"] != "diverged"]
    cost = np.array([[row["val_ppl"], -row["tok_per_s"]] for row in runs], dtype=float).reshape(-1, 2)
    no_worse = (cost[:, None] <= cost[None]).all(-1)
    better = (cost[:, None] < cost[None]).any(-1)
    return tuple(row for row, dominated in zip(runs, (no_worse & better).any(0)) if not dominated)
