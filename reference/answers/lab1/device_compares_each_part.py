# %% [markdown]
# Compares both parts of the capability, so (7, 8) is not below (8, 0).

# %% exercise="pick_device" verdict="wrong" caught_by=["test_gpus_by_capability"]
def pick_device(cuda, capability):
    if not cuda:
        return {"device": "cpu", "dtype": "float32", "load_in_4bit": False}
    old = capability[0] <= 7 and capability[1] <= 5
    return {"device": "cuda", "dtype": "float16" if old else "bfloat16", "load_in_4bit": True}
