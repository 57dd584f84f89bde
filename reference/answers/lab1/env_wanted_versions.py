# %% [markdown]
# Writes what requirements.txt asks for in place of what is installed.

# %% exercise="env" verdict="wrong" caught_by=["test_versions_are_the_kernels"]
import re
wanted = dict(re.findall(r"^(\w+)([=<>].*)$", Path("requirements.txt").read_text(), re.MULTILINE))
choice = pick_device(cuda, capability)
env = {
    "python": platform.python_version(),
    "packages": {name: wanted.get(name) for name in ["torch", "transformers", "peft", "trl", "datasets", "unsloth"]},
    "device": choice["device"],
    "dtype": choice["dtype"],
}
(OUT / "env.json").write_text(json.dumps(env))
