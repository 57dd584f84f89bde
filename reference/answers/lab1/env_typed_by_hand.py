# %% [markdown]
# Typed from a tutorial.

# %% exercise="env" verdict="wrong" caught_by=["test_versions_are_the_kernels", "test_device_is_the_machines"]
env = {
    "python": "3.10.12",
    "packages": {"torch": "2.4.0", "transformers": "4.44.2", "peft": "0.12.0", "trl": "0.9.6", "datasets": "2.21.0", "unsloth": "2024.9"},
    "device": "cuda",
    "dtype": "float16",
}
(OUT / "env.json").write_text(json.dumps(env))
