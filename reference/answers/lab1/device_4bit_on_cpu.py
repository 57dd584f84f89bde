# %% [markdown]
# Loads in 4 bit everywhere. Its float16 on the CPU also gets into env.json, which is not charged twice.

# %% exercise="pick_device" verdict="wrong" caught_by=["test_without_cuda"]
def pick_device(cuda, capability):
    if cuda and capability >= (8, 0):
        return {"device": "cuda", "dtype": "bfloat16", "load_in_4bit": True}
    return {"device": "cuda" if cuda else "cpu", "dtype": "float16", "load_in_4bit": True}

# %% exercise="env"
env = {"python": platform.python_version(), "packages": {}} | pick_device(cuda, capability)
for name in ["torch", "transformers", "peft", "trl", "datasets", "unsloth"]:
    env["packages"][name] = metadata.version(name)
(OUT / "env.json").write_text(json.dumps(env))
