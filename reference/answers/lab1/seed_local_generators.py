# %% [markdown]
# Makes seeded generators and lets the global ones be.

# %% exercise="seed_everything" verdict="wrong" caught_by=["test_python_and_numpy_repeat", "test_torch_repeats"]
def seed_everything(seed):
    return random.Random(seed), np.random.default_rng(seed), torch.Generator().manual_seed(seed)
