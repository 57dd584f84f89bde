# %% [markdown]
# Dominated only by what is better in both goals.

# %% exercise="pareto" verdict="wrong" caught_by=["test_front_holds_nothing_dominated"]
def pareto(rows):
    runs = [row for row in rows if row["status"] == "ok"]
    front = []
    for b in runs:
        if not any(a["val_ppl"] < b["val_ppl"] and a["tok_per_s"] > b["tok_per_s"] for a in runs):
            front.append(b)
    return front
