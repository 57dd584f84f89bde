# %% [markdown]
# Measures luck over all pairs, and walks through the candidates from the best on.

# %% exercise="choose" verdict="right"
from itertools import combinations


def same_but_seed(a, b):
    keys = (a.keys() | b.keys()) - {"seed", "run_id"}
    return all(a.get(key) == b.get(key) for key in keys) and a["seed"] != b["seed"]


def choose(rows, constraint):
    fine = [row for row in rows if row["status"] == "ok"]
    luck = max((abs(a["val_ppl"] - b["val_ppl"]) for a, b in combinations(fine, 2) if same_but_seed(a["config"], b["config"])), default=0.0)
    pool = []
    for row in fine:
        ok = True
        for key, limit in constraint.items():
            if key.startswith("min_") and row[key.removeprefix("min_")] < limit:
                ok = False
            if key.startswith("max_") and row[key.removeprefix("max_")] > limit:
                ok = False
        if ok:
            pool.append(row)
    if not pool:
        raise ValueError("no candidate")
    pool.sort(key=lambda row: row["val_ppl"])
    winner = pool[0]
    for row in pool:
        if row["val_ppl"] - pool[0]["val_ppl"] <= luck and row["config"]["r"] < winner["config"]["r"]:
            winner = row
    return winner["run_id"]
