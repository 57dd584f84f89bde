# %% [markdown]
# Asks for the versions, but types the device of the Colab machine it was written on.

# %% exercise="env" verdict="wrong" caught_by=["test_device_is_the_machines"]
env = {
    "python": platform.python_version(),
    "packages": {name: metadata.version(name) for name in ["torch", "transformers", "peft", "trl", "datasets", "unsloth"]},
    "device": "cuda",
    "dtype": "float16",
}
(OUT / "env.json").write_text(json.dumps(env))
