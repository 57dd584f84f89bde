# %% [markdown]
# Sorts once and sweeps from the best perplexity on, keeping what is faster than all before; equals go together.

# %% exercise="pareto" verdict="right"
from itertools import groupby


def pareto(rows):
    runs = sorted((r for r in rows if r["status"] == "ok"), key=lambda r: (r["val_ppl"], -r["tok_per_s"]))
    front, fastest = [], -math.inf
    for _, group in groupby(runs, key=lambda r: r["val_ppl"]):
        group = list(group)
        top = group[0]["tok_per_s"]
        if top > fastest:
            front += [r for r in group if r["tok_per_s"] == top]
            fastest = top
    return front
