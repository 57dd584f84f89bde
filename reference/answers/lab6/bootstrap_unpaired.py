# %% [markdown]
# Each model draws its own notes.

# %% exercise="paired_bootstrap" verdict="wrong" caught_by=["test_interval_is_paired"]
def paired_bootstrap(base, tuned, tokens, draws=2000, seed=0):
    base, tuned, tokens = np.array(base), np.array(tuned), np.array(tokens)
    rng = np.random.default_rng(seed)
    n = len(tokens)
    a, b = rng.integers(n, size=(2, draws, n))
    ratios = np.exp(tuned[a].sum(1) / tokens[a].sum(1)) / np.exp(base[b].sum(1) / tokens[b].sum(1))
    return tuple(np.quantile(ratios, [0.025, 0.975]))
