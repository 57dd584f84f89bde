# %% [markdown]
# Writes the packages beside `python` in place of under `packages`; device and format are right.

# %% exercise="env" verdict="wrong" caught_by=["test_versions_are_the_kernels"]
json.dump(
    {
        "python": platform.python_version(),
        **{p: metadata.version(p) for p in ["torch", "transformers", "peft", "trl", "datasets", "unsloth"]},
        "device": "cpu",
        "dtype": "float32",
    },
    open(OUT / "env.json", "w"),
)
