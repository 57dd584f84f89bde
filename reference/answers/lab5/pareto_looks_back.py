# %% [markdown]
# Compares each run only with those that are on the front already.

# %% exercise="pareto" verdict="wrong" caught_by=["test_front_is_the_same_in_any_order"]
def pareto(rows):
    front = []
    for b in rows:
        if b["status"] == "ok" and not any(
            a["val_ppl"] <= b["val_ppl"] and a["tok_per_s"] >= b["tok_per_s"] and (a["val_ppl"] < b["val_ppl"] or a["tok_per_s"] > b["tok_per_s"]) for a in front
        ):
            front.append(b)
    return front
