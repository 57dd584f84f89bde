# %% [markdown]
# Compares the major number only, starts from the CPU's answer, and gives a torch.dtype's name.

# %% exercise="pick_device" verdict="right"
def pick_device(cuda, capability):
    choice = dict(device="cpu", dtype="float32", load_in_4bit=False)
    if cuda:
        major, _ = capability
        choice.update(device="cuda", dtype="float16" if major < 8 else "bfloat16", load_in_4bit=True)
    return choice
