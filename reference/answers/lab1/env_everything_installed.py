# %% [markdown]
# Lists everything that is installed, the six among it.

# %% exercise="env" verdict="right"
import sys

everything = {d.metadata["Name"]: d.version for d in metadata.distributions()}
for name in PACKAGES if "PACKAGES" in globals() else ["torch", "transformers", "peft", "trl", "datasets", "unsloth"]:
    everything.setdefault(name, None)
json.dump(
    {
        "python": sys.version.split()[0],
        "packages": everything,
        "device": str(torch.device("cuda" if torch.cuda.is_available() else "cpu")),
        "dtype": "float32" if not cuda else ("float16" if capability < (8, 0) else "bfloat16"),
    },
    open("out/lab1/env.json", "w"),
)
