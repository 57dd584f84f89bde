# %% [markdown]
# Keeps diverged runs off the front, and lets them push others off it.

# %% exercise="pareto" verdict="wrong" caught_by=["test_front_holds_all_others"]
def pareto(rows):
    n = [r for r in rows if r["val_ppl"] is not None]
    return [b for b in n if b["status"] == "ok" and not any(a["val_ppl"] <= b["val_ppl"] and a["tok_per_s"] >= b["tok_per_s"] and (a["val_ppl"] < b["val_ppl"] or a["tok_per_s"] > b["tok_per_s"]) for a in n)]
