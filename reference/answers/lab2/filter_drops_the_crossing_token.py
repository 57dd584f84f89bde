# %% [markdown]
# Keeps tokens only while their sum stays below p, but always one.

# %% exercise="filter_logits" verdict="wrong" caught_by=["test_top_p_keeps_the_crossing_token"]
def filter_logits(logits, temperature, top_k, top_p):
    if temperature == 0:
        temperature, top_k = 1.0, 1
    z = logits / temperature
    if 0 < top_k < len(z):
        z = z.masked_fill(z < z.topk(top_k).values[-1], -torch.inf)
    if top_p < 1:
        ordered, where = z.sort(descending=True)
        total = ordered.softmax(-1).cumsum(-1)
        remove = total > top_p
        remove[0] = False
        z = z.clone()
        z[where[remove]] = -torch.inf
    return z
