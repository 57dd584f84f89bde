# %% [markdown]
# Looks at the capability even where there is no CUDA, and stops at None.

# %% exercise="pick_device" verdict="wrong" caught_by=["test_without_cuda"]
def pick_device(cuda, capability):
    if capability >= (8, 0):
        return {"device": "cuda", "dtype": "bfloat16", "load_in_4bit": True}
    if capability >= (5, 0):
        return {"device": "cuda", "dtype": "float16", "load_in_4bit": True}
    return {"device": "cpu", "dtype": "float32", "load_in_4bit": False}
