# %% [markdown]
# A fast diverged run gets onto the front.

# %% exercise="pareto" verdict="wrong" caught_by=["test_front_holds_nothing_dominated"]
def pareto(rows):
    runs = [row for row in rows if row["val_ppl"] is not None]
    front = []
    for b in runs:
        if not any(a["val_ppl"] <= b["val_ppl"] and a["tok_per_s"] >= b["tok_per_s"] and (a["val_ppl"], a["tok_per_s"]) != (b["val_ppl"], b["tok_per_s"]) for a in runs):
            front.append(b)
    return front
