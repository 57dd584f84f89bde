# %% [markdown]
# Draws from a fresh generator each time.

# %% exercise="paired_bootstrap" verdict="wrong" caught_by=["test_interval_is_paired"]
def paired_bootstrap(base, tuned, tokens, draws=2000, seed=0):
    base, tuned, tokens = np.array(base), np.array(tuned), np.array(tokens)
    rng = np.random.default_rng(seed)
    n = len(tokens)
    drawn = np.random.default_rng().integers(n, size=(draws, n))
    return tuple(np.quantile(np.exp((tuned - base)[drawn].sum(1) / tokens[drawn].sum(1)), [0.025, 0.975]))
