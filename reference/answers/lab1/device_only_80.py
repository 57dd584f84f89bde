# %% [markdown]
# Knows (8, 0) only: an RTX 4090 (8, 9) and an H100 (9, 0) get float16.

# %% exercise="pick_device" verdict="wrong" caught_by=["test_gpus_by_capability"]
def pick_device(cuda, capability):
    if not cuda:
        return {"device": "cpu", "dtype": "float32", "load_in_4bit": False}
    return {"device": "cuda", "dtype": "bfloat16" if capability == (8, 0) else "float16", "load_in_4bit": True}
