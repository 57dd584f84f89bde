# %% [markdown]
# Compares capabilities as text, where "10.0" comes before "8.0".

# %% exercise="pick_device" verdict="wrong" caught_by=["test_gpus_by_capability"]
def pick_device(cuda, capability):
    if not cuda:
        return {"device": "cpu", "dtype": "float32", "load_in_4bit": False}
    version = f"{capability[0]}.{capability[1]}"
    return {"device": "cuda", "dtype": "bfloat16" if version >= "8.0" else "float16", "load_in_4bit": True}
