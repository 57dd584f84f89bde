# %% [markdown]
# Seeds Python and NumPy, and not the one that training draws from.

# %% exercise="seed_everything" verdict="wrong" caught_by=["test_torch_repeats"]
def seed_everything(seed):
    random.seed(seed)
    np.random.seed(seed)
