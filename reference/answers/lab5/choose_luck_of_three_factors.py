# %% [markdown]
# Compares three factors only: two runs of which one had more steps count as luck.

# %% exercise="choose" verdict="wrong" caught_by=["test_choice_minds_luck"]
def choose(rows, constraint):
    ok = [row for row in rows if row["status"] == "ok"]
    luck = 0.0
    for a in ok:
        for b in ok:
            if all(a["config"].get(k) == b["config"].get(k) for k in ("learning_rate", "r", "length")):
                luck = max(luck, a["val_ppl"] - b["val_ppl"])
    cands = []
    for row in ok:
        good = True
        for key, limit in constraint.items():
            kind, field = key.split("_", 1)
            if kind == "min" and row[field] < limit or kind == "max" and row[field] > limit:
                good = False
        if good:
            cands.append(row)
    if not cands:
        raise ValueError("no candidate")
    best = min(row["val_ppl"] for row in cands)
    close = [row for row in cands if row["val_ppl"] <= best + luck]
    close.sort(key=lambda row: (row["config"]["r"], row["val_ppl"]))
    return close[0]["run_id"]
