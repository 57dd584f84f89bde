# %% [markdown]
# The seeding function of transformers.

# %% exercise="seed_everything" verdict="right"
from transformers import set_seed

def seed_everything(seed: int) -> None:
    set_seed(seed)
