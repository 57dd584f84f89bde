# %% [markdown]
# Takes bfloat16 on every GPU, a T4 included.

# %% exercise="pick_device" verdict="wrong" caught_by=["test_gpus_by_capability"]
def pick_device(cuda, capability):
    return {"device": "cuda" if cuda else "cpu", "dtype": "bfloat16" if cuda else "float32", "load_in_4bit": cuda}
