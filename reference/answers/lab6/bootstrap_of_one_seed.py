# %% [markdown]
# Draws from a generator of its own and forgets the argument `seed`.

# %% exercise="paired_bootstrap" verdict="wrong" caught_by=["test_interval_is_paired"]
def paired_bootstrap(base, tuned, tokens, draws=2000, seed=0):
    base, tuned, tokens = (np.asarray(x, dtype=float) for x in (base, tuned, tokens))
    np.random.seed(0)
    found = []
    for _ in range(draws):
        i = np.random.randint(0, len(base), len(base))
        found.append(np.exp(tuned[i].sum() / tokens[i].sum()) / np.exp(base[i].sum() / tokens[i].sum()))
    return tuple(np.quantile(found, [0.025, 0.975]))
