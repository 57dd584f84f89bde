# %% [markdown]
# Divides the logits that it was given, in place.

# %% exercise="filter_logits" verdict="wrong" caught_by=["test_knobs_turn_in_order"]
def filter_logits(logits, temperature, top_k, top_p):
    if temperature == 0:
        top_k, top_p = 1, 1.0
    else:
        logits /= temperature
    x = logits.clone()
    if 0 < top_k < len(x):
        x[x < x.topk(top_k).values[-1]] = -float("inf")
    s, i = x.sort(descending=True)
    p = s.softmax(-1)
    x[i[(p.cumsum(-1) - p) >= top_p]] = -float("inf")
    return x
