# %% [markdown]
# Seeds torch and forgets the other two.

# %% exercise="seed_everything" verdict="wrong" caught_by=["test_python_and_numpy_repeat"]
def seed_everything(seed):
    torch.manual_seed(seed)
    torch.cuda.manual_seed_all(seed)
