# %% [markdown]
# Asks the imported modules for their versions, and torch for the device.

# %% exercise="env" verdict="right"
import sys, importlib
PACKAGES = ["torch", "transformers", "peft", "trl", "datasets", "unsloth"]
versions = {"numpy": np.__version__}
for name in PACKAGES:
    versions[name] = importlib.import_module(name).__version__
with open(OUT / "env.json", "w") as file:
    json.dump({
        "os": platform.system(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "packages": versions,
        **{key: str(value) for key, value in pick_device(cuda, capability).items() if key != "load_in_4bit"},
    }, file)
