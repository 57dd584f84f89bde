# %% [markdown]
# Keeps the k + 1 largest.

# %% exercise="filter_logits" verdict="wrong" caught_by=["test_top_k_keeps_k"]
def filter_logits(logits, temperature, top_k, top_p):
    if temperature == 0:
        temperature, top_k = 1.0, 0
        logits = logits.masked_fill(logits < logits.max(), -torch.inf)
    z = logits / temperature
    if 0 < top_k < len(z):
        z = z.masked_fill(z < z.topk(top_k + 1).values[-1], -torch.inf)
    if top_p < 1:
        ordered, where = z.sort(descending=True)
        total = ordered.softmax(-1).cumsum(-1)
        remove = total > top_p
        remove[1:] = remove[:-1].clone()
        remove[0] = False
        z = z.clone()
        z[where[remove]] = -torch.inf
    return z
