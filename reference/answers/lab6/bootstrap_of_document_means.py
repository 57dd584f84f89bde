# %% [markdown]
# P17: the mean of the notes' own ratios.

# %% exercise="paired_bootstrap" verdict="wrong" caught_by=["test_interval_is_paired"]
def paired_bootstrap(base, tuned, tokens, draws=2000, seed=0):
    base, tuned, tokens = np.array(base), np.array(tuned), np.array(tokens)
    rng = np.random.default_rng(seed)
    n = len(tokens)
    ratios = np.exp((tuned - base) / tokens)
    return tuple(np.quantile(ratios[rng.integers(n, size=(draws, n))].mean(1), [0.025, 0.975]))
