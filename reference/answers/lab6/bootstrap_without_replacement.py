# %% [markdown]
# Shuffles: every draw holds the same notes.

# %% exercise="paired_bootstrap" verdict="wrong" caught_by=["test_interval_is_paired"]
def paired_bootstrap(base, tuned, tokens, draws=2000, seed=0):
    base, tuned, tokens = np.array(base), np.array(tuned), np.array(tokens)
    rng = np.random.default_rng(seed)
    n = len(tokens)
    ratios = []
    for _ in range(draws):
        drawn = rng.choice(n, size=n, replace=False)
        ratios.append(round(np.exp((tuned[drawn].sum() - base[drawn].sum()) / tokens[drawn].sum()), 9))
    return tuple(np.quantile(ratios, [0.025, 0.975]))
