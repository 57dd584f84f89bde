# %% [markdown]
# Takes NumPy's seed modulo 1000: some seeds fall together.

# %% exercise="seed_everything" verdict="wrong" caught_by=["test_python_and_numpy_repeat"]
def seed_everything(seed):
    random.seed(seed)
    np.random.seed(seed % 1000)
    torch.manual_seed(seed)
