# %% [markdown]
# numpy, with the smallest number that removes a token in place of -inf.

# %% exercise="filter_logits" verdict="right"
def filter_logits(logits, temperature, top_k, top_p):
    z = logits.numpy().astype(np.float32)
    gone = np.finfo(np.float32).min
    if temperature == 0:
        return torch.tensor(np.where(np.arange(len(z)) == z.argmax(), z, gone))
    z = z / temperature
    rank = np.empty(len(z), dtype=int)
    rank[np.argsort(-z)] = np.arange(len(z))
    if top_k:
        z = np.where(rank < top_k, z, gone)
    p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
    before = np.array([p[rank < r].sum() for r in rank]) if top_p < 1 else np.zeros(len(z))
    return torch.tensor(np.where(before < top_p, z, gone).astype(np.float32))
