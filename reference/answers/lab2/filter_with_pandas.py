# %% [markdown]
# A pandas series, sorted, cut, and put back in its places.

# %% exercise="filter_logits" verdict="right"
import pandas as pd


def filter_logits(logits, temperature, top_k, top_p):
    s = pd.Series(logits.detach().cpu().numpy().astype("float64"))
    best = s.sort_values(ascending=False, kind="stable")
    if temperature == 0:
        kept = best.iloc[:1]
    else:
        best = best / temperature
        kept = best.iloc[:top_k] if top_k > 0 else best
        if top_p < 1:
            p = np.exp(kept - kept.iloc[0])
            p /= p.sum()
            kept = kept[p.cumsum().shift(fill_value=0) < top_p - 1e-12]
    return torch.tensor(kept.reindex(range(len(s)), fill_value=-np.inf).to_numpy(), dtype=logits.dtype)
