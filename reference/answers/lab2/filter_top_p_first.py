# %% [markdown]
# Turns top_p before top_k.

# %% exercise="filter_logits" verdict="wrong" caught_by=["test_knobs_turn_in_order"]
def filter_logits(logits, temperature, top_k, top_p):
    if temperature == 0:
        temperature, top_k = 1.0, 1
    z = logits / temperature
    largest = z.topk(min(top_k or len(z), len(z))).values[-1]
    ordered, where = z.sort(descending=True)
    p = ordered.softmax(-1)
    if top_p < 1:
        z = z.index_fill(0, where[p.cumsum(-1) - p >= top_p], -torch.inf)
    return z.masked_fill(z < largest, -torch.inf)
