# %% [markdown]
# Seeds all three, always with 42.

# %% exercise="seed_everything" verdict="wrong" caught_by=["test_python_and_numpy_repeat", "test_torch_repeats"]
def seed_everything(seed):
    random.seed(42)
    np.random.seed(42)
    torch.manual_seed(42)
