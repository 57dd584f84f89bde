# %% [markdown]
# Ignores its arguments and asks torch about this machine.

# %% exercise="pick_device" verdict="wrong" caught_by=["test_gpus_by_capability"]
def pick_device(cuda, capability):
    if not torch.cuda.is_available():
        return {"device": "cpu", "dtype": "float32", "load_in_4bit": False}
    dtype = "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    return {"device": "cuda", "dtype": dtype, "load_in_4bit": True}
