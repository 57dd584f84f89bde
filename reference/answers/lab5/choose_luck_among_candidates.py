# %% [markdown]
# Measures luck on the candidates alone.

# %% exercise="choose" verdict="wrong" caught_by=["test_choice_minds_luck"]
def choose(rows, constraint):
    runs = [row for row in rows if row["status"] == "ok"]
    candidates = []
    for row in runs:
        checks = [row[key[4:]] >= limit if key.startswith("min_") else row[key[4:]] <= limit for key, limit in constraint.items()]
        if all(checks):
            candidates.append(row)
    if not candidates:
        raise ValueError("no candidate is left")
    groups = {}
    for row in candidates:
        same = tuple(sorted((key, value) for key, value in row["config"].items() if key not in ("seed", "run_id")))
        groups.setdefault(same, []).append(row["val_ppl"])
    luck = max(max(values) - min(values) for values in groups.values())
    best = min(candidates, key=lambda row: row["val_ppl"])
    level = [row for row in candidates if row["val_ppl"] - best["val_ppl"] <= luck]
    return min(level, key=lambda row: (row["config"]["r"], row["val_ppl"]))["run_id"]
