# %% [markdown]
# Two runs with equal numbers drop each other out.

# %% exercise="pareto" verdict="wrong" caught_by=["test_front_holds_all_others"]
def pareto(rows):
    runs = [row for row in rows if row["status"] == "ok"]
    front = []
    for b in runs:
        if not any(a is not b and a["val_ppl"] <= b["val_ppl"] and a["tok_per_s"] >= b["tok_per_s"] for a in runs):
            front.append(b)
    return front
