# %% [markdown]
# A loop over `random.choices`, and sorted ratios.

# %% exercise="paired_bootstrap" verdict="right"
def paired_bootstrap(base, tuned, tokens, draws=2000, seed=0):
    rng = random.Random(seed)
    documents = list(zip(base, tuned, tokens))
    ratios = []
    for _ in range(draws):
        b, t, n = map(sum, zip(*rng.choices(documents, k=len(documents))))
        ratios.append(math.exp(t / n) / math.exp(b / n))
    ratios.sort()
    return ratios[round(0.025 * (draws - 1))], ratios[round(0.975 * (draws - 1))]
