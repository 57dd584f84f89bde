# %% [markdown]
# Uses torch's own types in place of their names.

# %% exercise="pick_device" verdict="right"
def pick_device(cuda: bool, capability: tuple[int, int] | None) -> dict:
    match cuda, capability:
        case False, _:
            dtype = torch.float32
        case True, (major, minor) if 10 * major + minor >= 80:
            dtype = torch.bfloat16
        case _:
            dtype = torch.float16
    return {"load_in_4bit": cuda, "dtype": dtype, "device": torch.device("cuda" if cuda else "cpu")}
