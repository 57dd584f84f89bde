# %% [markdown]
# Takes 0 for no seed at all.

# %% exercise="seed_everything" verdict="wrong" caught_by=["test_python_and_numpy_repeat", "test_torch_repeats"]
def seed_everything(seed):
    seed = seed or 1
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
