# %% [markdown]
# Draws 2,000 times, whatever `draws` says.

# %% exercise="paired_bootstrap" verdict="wrong" caught_by=["test_interval_is_paired"]
def paired_bootstrap(base, tuned, tokens, draws=2000, seed=0):
    base, tuned, tokens = (np.asarray(x, dtype=float) for x in (base, tuned, tokens))
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(2000):
        i = rng.integers(0, len(base), len(base))
        found.append(np.exp(tuned[i].sum() / tokens[i].sum()) / np.exp(base[i].sum() / tokens[i].sum()))
    return tuple(np.quantile(found, [0.025, 0.975]))
