# %% [markdown]
# Goes through the six with `metadata.version`, null for what is missing.

# %% exercise="env" verdict="right"
PACKAGES = ["torch", "transformers", "peft", "trl", "datasets", "unsloth"]
def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
device, dtype = "cpu", "float32"
if cuda:
    device, dtype = "cuda", "bfloat16" if capability[0] >= 8 else "float16"
report = {"python": platform.python_version(), "packages": dict(zip(PACKAGES, map(version, PACKAGES))), "device": device, "dtype": dtype}
with (OUT / "env.json").open("w", encoding="utf-8") as file:
    file.write(json.dumps(report))
