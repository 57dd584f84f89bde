# %% [markdown]
# Copies the states of fresh generators into the global ones.

# %% exercise="seed_everything" verdict="right"
def seed_everything(seed):
    os.environ["PYTHONHASHSEED"] = str(seed)
    random.setstate(random.Random(seed).getstate())
    np.random.set_state(np.random.RandomState(seed).get_state())
    torch.set_rng_state(torch.Generator().manual_seed(seed).get_state())
    torch.cuda.manual_seed_all(seed)
