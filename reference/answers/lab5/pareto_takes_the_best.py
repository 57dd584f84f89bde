# %% [markdown]
# Returns only the run with the best perplexity.

# %% exercise="pareto" verdict="wrong" caught_by=["test_front_holds_all_others"]
def pareto(rows):
    return [min((row for row in rows if row["status"] == "ok"), key=lambda row: row["val_ppl"])] if any(row["status"] == "ok" for row in rows) else []
