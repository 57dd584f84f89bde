# %% [markdown]
# Walks down the ranking in plain Python and stops by itself.

# %% exercise="filter_logits" verdict="right"
def filter_logits(logits, temperature, top_k, top_p):
    if temperature == 0:
        temperature, top_k = 1.0, 1
    scaled = (logits.double() / temperature).tolist()
    ranking = sorted(range(len(scaled)), key=lambda i: -scaled[i])[: top_k or None]
    weights = [np.exp(scaled[i] - scaled[ranking[0]]) for i in ranking]
    out, so_far = torch.full_like(logits, float("-inf")), 0.0
    for i, weight in zip(ranking, weights):
        out[i] = scaled[i]
        so_far += weight / sum(weights)
        if so_far >= top_p and top_p < 1:
            break
    return out
