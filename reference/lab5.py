# %% [markdown]
# # Lab 5 · Sweep: nine fair experiments
#
# Lab 4 trained once, with numbers that somebody gave you. Were they any good? Today you find out as an experimenter would:
# nine short runs, one thing changed in each, the same budget for all, and a ruler for luck.
#
# **You learn** to plan a sweep · to keep it fair · to recognise a diverged run, and to report it · to read a trade-off · to
# choose without fooling yourself.
#
# **Time** about 75 minutes of yours. The nine runs take 20 seconds with the tiny model, 6 minutes with SmolLM2-135M on a
# CPU, 20 minutes with a 7B model on a T4.
#
# **Hand in** this notebook. It leaves `out/lab5/runs.jsonl`.
#
# *For education and research. What the model writes about illness is invented: never for clinical use.*

# %% tags=["setup"]

# %% tags=["install", "colab"]
# Once per session, about three minutes.
import importlib.util

if importlib.util.find_spec("unsloth") is None:
    print("Installing …")
    # %pip install -q -r requirements.txt
    # %pip install -q --no-deps unsloth==2026.10.9 unsloth_zoo==2026.10.9 cut_cross_entropy==25.1.1

# %%
import json
import math
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib.pyplot as plt
import numpy as np
import torch
from datasets import Dataset, disable_progress_bars
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from utils.seed import seed_everything

disable_progress_bars()
device = "cuda" if torch.cuda.is_available() else "cpu"
tokenizer = AutoTokenizer.from_pretrained(profile.base_model)
base = AutoModelForCausalLM.from_pretrained(profile.base_model, dtype=getattr(torch, profile.dtype), device_map=device)
base.requires_grad_(False)
if device == "cuda":
    base.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})  # saves memory, costs time
print(f"{sum(p.numel() for p in base.parameters()):,} parameters on {base.device}")

# %% [markdown]
# ## One thing at a time
#
# A LoRA run has many knobs. We turn three, and a fourth that should not matter: the **seed**. It draws LoRA's first $A$ and the order
# of the notes; what it changes is luck, and we need to know how big luck is.
#
# All combinations of these values would be 4 × 3 × 3 × 2 = 72 runs. We make a *star* of nine instead: a **centre**, which is what Lab 4
# used, and runs that differ from it in **one** factor. Whatever changes then has one cause. (The price: a star cannot see whether a larger
# rank would want another learning rate.)

# %%
cfg = {
    "centre": {
        "learning_rate": profile.train["learning_rate"],
        "r": profile.lora["r"],
        "length": profile.block_size,
        "seed": profile.train["seed"],
    },
    "values": profile.sweep["values"],
    "steps": profile.sweep["steps"],
    "tokens_per_step": profile.sweep["tokens_per_step"],
}
print(json.dumps(cfg, indent=1))

# %% [markdown]
# ## Exercise 1 · `make_grid`
#
# `make_grid(cfg) -> list[dict]` plans the runs: the centre **once**, and for every value in `cfg["values"]` the centre with that one
# factor replaced. A value that equals the centre's *is* the centre: don't plan it again. The order is free.
#
# **Fair means: the same number of training tokens for all.** If blocks become twice as long and nothing else changes, that run reads
# twice as much, and wins for the wrong reason. So something has to give way. Each run is a dict with
#
# | field | is |
# |---|---|
# | `run_id` | a name (a `str`) of your choice, another for each run, such as `"r=4"` |
# | `learning_rate`, `r`, `length`, `seed` | the four factors |
# | `lora_alpha` | 2 · `r`, so that α / r, LoRA's volume, stays as it is when the rank changes |
# | `steps` | `cfg["steps"]` |
# | `batch_size` | as many rows of `length` tokens as make `cfg["tokens_per_step"]` tokens: an `int` (all lengths divide it) |
#
# Your function will also meet other plans: other values, more or fewer of them, an empty list, a centre that is not in the lists.


# %% exercise="make_grid" defines=["make_grid", "grid"]
def make_grid(cfg: dict) -> list[dict]:
    """The centre, and every run that differs from it in one factor, all with the same token budget."""
    ### BEGIN SOLUTION
    centre = cfg["centre"]
    runs = {"centre": centre}
    for factor, values in cfg["values"].items():
        for value in values:
            if value != centre[factor]:
                runs[f"{factor}={value}"] = {**centre, factor: value}
    return [
        {
            "run_id": run_id,
            **run,
            "lora_alpha": 2 * run["r"],
            "steps": cfg["steps"],
            "batch_size": cfg["tokens_per_step"] // run["length"],
        }
        for run_id, run in runs.items()
    ]
    ### END SOLUTION


grid = make_grid(cfg)

# %% tags=["try"]
print(f"{len(grid)} runs")
for run in grid:
    turned = [factor for factor in cfg["centre"] if run[factor] != cfg["centre"][factor]]
    tokens = run["steps"] * run["batch_size"] * run["length"]
    print(f"{run['run_id']:22} turns {', '.join(turned) or 'nothing':14} α/r {run['lora_alpha'] / run['r']:g}   {tokens:,} tokens")

# %% [markdown]
# ## The workbench
#
# Nine short runs: setting up a trainer nine times would cost more than the training. So we keep the base in memory, put an adapter in, train it in
# a loop of a dozen lines, measure, and take it out again. Read the four tools; you will put them together.


# %%
def finite(number: float) -> float | None:
    """`number`, or None when it is infinite or not a number: JSON has no NaN."""
    return number if math.isfinite(number) else None


@contextmanager
def fresh_adapter(r: int, lora_alpha: int) -> Iterator[PeftModel]:
    """The base with a new adapter, as long as the `with` lasts. A is drawn here, so seed before."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    config = LoraConfig(r=r, lora_alpha=lora_alpha, target_modules=profile.lora["target_modules"], task_type="CAUSAL_LM")
    model = get_peft_model(base, config)
    try:
        yield model
    finally:
        model.unload()  # the base again, as it was


train_blocks = Dataset.from_parquet(str(INPUTS / "lab3/train_blocks.parquet"))
val_blocks = Dataset.from_parquet(str(INPUTS / "lab3/val_blocks.parquet"))
train_line = torch.tensor(train_blocks["input_ids"]).flatten()  # all notes in one long line, as Lab 3 made it
longest = max([profile.block_size, *profile.sweep["values"]["length"]])


def batches(config: dict) -> torch.Tensor:
    """Token ids, (steps, batch_size, length): the line of notes cut anew, its pieces in the seed's order.

    Runs of one seed read the same notes in the same order, whatever their length.
    """
    pieces = train_line[: len(train_line) // longest * longest].view(-1, longest)
    needed = math.ceil(config["steps"] * config["batch_size"] * config["length"] / longest)
    draw = torch.Generator().manual_seed(config["seed"])
    order = torch.cat([torch.randperm(len(pieces), generator=draw) for _ in range(math.ceil(needed / len(pieces)))])
    text = pieces[order[:needed]].flatten()
    return text[: config["steps"] * config["batch_size"] * config["length"]].view(config["steps"], config["batch_size"], config["length"])


def train(model: PeftModel, data: torch.Tensor, learning_rate: float) -> list[float | None]:
    """One AdamW step per batch at a constant rate; the loss of each, in nats per token."""
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=learning_rate, weight_decay=0.0)
    scaler = torch.amp.GradScaler(device, init_scale=1024.0, enabled=profile.dtype == "float16")  # small gradients vanish in fp16
    losses = []
    model.train()
    for batch in data.to(device):
        loss = model(input_ids=batch, labels=batch, use_cache=False).loss
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        losses.append(finite(loss.item()))
    return losses


val_ids = torch.tensor(val_blocks["input_ids"])
val_ids = val_ids[:: max(1, len(val_ids) // profile.sweep["val_blocks"])][: profile.sweep["val_blocks"]].to(device)
val_bytes = sum(len(tokenizer.decode(row[1:], skip_special_tokens=True).encode()) for row in val_ids)


@torch.no_grad()
def validate(model: torch.nn.Module) -> dict[str, float | None]:
    """{"val_ppl", "bpb"}: perplexity, and bits per byte, on the same validation blocks for every run."""
    model.eval()
    targets = val_ids[:, 1:].numel()
    nats = sum(model(input_ids=part, labels=part, use_cache=False).loss.item() * part[:, 1:].numel() for part in val_ids.split(8))
    return {"val_ppl": finite(float(np.exp(nats / targets))), "bpb": finite(nats / math.log(2) / val_bytes)}


def peak_memory() -> int:
    """Bytes: on a GPU the run's own peak; on a CPU the process's so far, which never falls and so says little."""
    return torch.cuda.max_memory_allocated() if device == "cuda" else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


base_score = validate(base)
print(f"untouched base: validation perplexity {base_score['val_ppl']:.2f}, {base_score['bpb']:.3f} bits per byte")
print(f"guessing blindly: perplexity {len(tokenizer):,}, loss {math.log(len(tokenizer)):.2f}")

# %% [markdown]
# **Why LoRA wants about ten times the learning rate of full fine-tuning.** Full fine-tuning moves $W$ itself. LoRA moves it through
# $\frac{\alpha}{r}BA$, a product of two small matrices of which one begins at zero, so a step of the same size moves $W$ much less. In
# careful comparisons ([LoRA Without Regret](https://thinkingmachines.ai/blog/lora/)) LoRA's best rate was about ten times the other, at
# nearly every rank. Copy a rate from a full fine-tuning recipe, and LoRA seems not to learn.
#
# And too high? Then a step overshoots, the next gradient is larger, and the loss climbs past where it began: the run **diverges**.
#
# **Bet now, before you look:** which of your runs will have the lowest validation perplexity? Which will diverge?
#
# ## Exercise 2 · `runs`
#
# Write `run_one(config)`: one run, from nothing to a row.
#
# 1. **Seed first**: `seed_everything(config["seed"])`. Then make the adapter; the other way round the run cannot be repeated.
# 2. Train a `fresh_adapter` on `batches(config)` with `train`, to the end, also when it goes badly.
# 3. `validate` while the adapter is still in.
#
# Everything comes from `config`, so that it also runs what is not in your plan. Use the four tools as they are (or do exactly what they do: AdamW, constant
# rate, no weight decay, the same batches). It returns a dict, made of plain Python numbers:
#
# | field | is |
# |---|---|
# | `run_id`, `config` | the config's `run_id`; the config as given |
# | `tokens` | trained on: steps × batch × length |
# | `trainable` | how many parameters trained |
# | `losses` | one a step, from `train` |
# | `val_ppl`, `bpb` | from `validate`: perplexity, and bits per byte (Lab 6 explains it; lower is better) |
# | `tok_per_s`, `peak_mem` | training tokens per second of *training*; `peak_memory()` |
# | `status` | `"ok"`, or `"diverged"`: some loss or `val_ppl` is `None`, or `val_ppl` is higher than the untouched base's |
#
# The last lines of the cell make all runs and write them down, **the failed one too**. A diverged run is a result: it tells the next person where the
# cliff is. (While `make_grid` is open, two runs stand in for it.)


# %% defines=["planned"]
def so_far(make, instead):
    """What `make()` gives, or `instead` while the exercise behind it is open."""
    try:
        return make()
    except Exception as error:  # whatever it is, the other exercises can be done meanwhile
        print(f"Going on without it for now: {error!r}")
        return instead


stand_in = {**cfg["centre"], "run_id": "centre", "lora_alpha": 2 * profile.lora["r"], "steps": cfg["steps"]}
stand_in["batch_size"] = cfg["tokens_per_step"] // profile.block_size
planned = so_far(lambda: grid, [stand_in, {**stand_in, "run_id": "high rate", "learning_rate": max(cfg["values"]["learning_rate"])}])
print([run["run_id"] for run in planned])


# %% exercise="runs" defines=["run_one"] files=["out/lab5/runs.jsonl"]
def run_one(config: dict) -> dict:
    """Train and measure one adapter as `config` says; its row for runs.jsonl."""
    ### BEGIN SOLUTION
    seed_everything(config["seed"])
    data = batches(config)
    with fresh_adapter(config["r"], config["lora_alpha"]) as model:
        trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
        started = time.perf_counter()
        losses = train(model, data, config["learning_rate"])
        seconds = time.perf_counter() - started
        score = validate(model)
    is_ok = None not in losses and score["val_ppl"] is not None and score["val_ppl"] <= base_score["val_ppl"]
    return {
        "run_id": config["run_id"],
        "config": config,
        "tokens": data.numel(),
        "trainable": trainable,
        "losses": losses,
        **score,
        "tok_per_s": data.numel() / seconds,
        "peak_mem": peak_memory(),
        "status": "ok" if is_ok else "diverged",
    }
    ### END SOLUTION


with (OUT / "runs.jsonl").open("w") as file:
    for config in planned:
        row = run_one(config)
        file.write(json.dumps(row) + "\n")
        print(f"{row['run_id']:22} {row['status']:9} val_ppl {row['val_ppl'] or math.inf:12,.2f}   {row['tok_per_s']:7,.0f} tokens/s")

# %% [markdown]
# ## Look
#
# Loss curves first: always look before you rank. On the left most curves have the *same* wiggles, as runs of one seed read the same notes in the
# same order: that is what makes them comparable. On the right, how many steps did it take until you could have known?

# %% tags=["try"]
rows = [json.loads(line) for line in (OUT / "runs.jsonl").read_text().splitlines()]
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 3.4))
for row in rows:
    ax = right if row["status"] == "diverged" else left
    ax.plot(range(1, len(row["losses"]) + 1), row["losses"], marker=".", label=row["run_id"])
right.axhline(math.log(len(tokenizer)), color="grey", ls=":", label="guessing blindly")
for ax, title in ((left, "They learn: falling, with the noise of each batch"), (right, "Diverged: up, and past blind guessing")):
    ax.set(xlabel="step", ylabel="training loss (nats per token)", title=title)
    ax.legend(fontsize=7, ncols=2)
plt.show()

# %% [markdown]
# Now each factor against validation perplexity. The grey band is as wide as the difference between the centre and its twin, the run that
# changed *nothing but the seed*. **Whatever stays inside the band, you have not measured.** One twin is the least one can do; with five you would see
# that luck can be twice as large.

# %% tags=["try"]
centre = cfg["centre"]
fine = [row for row in rows if row["status"] == "ok"]
middle = next(row for row in fine if all(row["config"][factor] == centre[factor] for factor in centre))
luck = max(abs(row["val_ppl"] - middle["val_ppl"]) for row in fine if all(row["config"][f] == centre[f] for f in centre if f != "seed"))
fig, axes = plt.subplots(1, 3, figsize=(12, 3.2), sharey=True)
for ax, factor in zip(axes, ("learning_rate", "r", "length")):
    line = [row for row in fine if all(row["config"][f] == centre[f] for f in centre if f != factor)]
    line.sort(key=lambda row: row["config"][factor])
    ax.plot([row["config"][factor] for row in line], [row["val_ppl"] for row in line], marker="o")
    ax.axhspan(middle["val_ppl"] - luck, middle["val_ppl"] + luck, color="grey", alpha=0.3, label="luck")
    ax.set(xscale="log", xlabel=factor, title=f"only {factor} changes")
    ax.set_xticks([row["config"][factor] for row in line], [f"{row['config'][factor]:g}" for row in line])
    ax.minorticks_off()
for row in rows:
    if row["status"] == "diverged":
        axes[0].axvline(row["config"]["learning_rate"], color="red", ls=":", label="diverged")
axes[0].axhline(base_score["val_ppl"], color="black", ls="--", lw=1, label="untouched base")
axes[0].set(ylabel="validation perplexity")
axes[0].legend(fontsize=7, loc="upper right", bbox_to_anchor=(0.85, 0.95))
plt.show()

# %% [markdown]
# And what a rank costs. Parameters grow in proportion to $r$; what they bring is another matter. On little data rank
# matters little, as long as the learning rate fits. (Does this one fit every rank? That is what a star cannot tell.)

# %% tags=["try"]
ranked = sorted((row for row in fine if all(row["config"][f] == centre[f] for f in centre if f != "r")), key=lambda row: row["config"]["r"])
fig, ax = plt.subplots(figsize=(6, 2.8))
ax.bar([str(row["config"]["r"]) for row in ranked], [row["trainable"] for row in ranked], color="lightsteelblue")
for i, row in enumerate(ranked):
    ax.annotate(f"val_ppl {row['val_ppl']:.2f}", (i, row["trainable"]), ha="center", va="bottom")
ax.set(xlabel="rank r", ylabel="trainable parameters", title="Rank, what it costs, and what it brings")
ax.margins(y=0.2)
plt.show()

# %% [markdown]
# ## Exercise 3 · `pareto`
#
# Better perplexity or more tokens per second? With two goals there is often no best run, but there are runs that nobody should want:
# those where another is better in both.
#
# Run *a* **dominates** run *b* when *a* is at least as good in both `val_ppl` (lower is better) and `tok_per_s` (higher is
# better), and better in at least one of them.
#
# `pareto(rows) -> list[dict]` gives the rows that no other row dominates: the *Pareto front*. Leave diverged runs out from the start (their `val_ppl` may
# be `None`); they dominate nobody, and are never on the front. Two runs with equal numbers don't dominate each other. Neither the
# order in which rows come nor the order in which you return them matters.


# %% exercise="pareto"
def pareto(rows: list[dict]) -> list[dict]:
    """The rows with status "ok" that no other such row dominates in (val_ppl, tok_per_s)."""
    ### BEGIN SOLUTION
    runs = [row for row in rows if row["status"] == "ok"]

    def dominates(a: dict, b: dict) -> bool:
        gains = (b["val_ppl"] - a["val_ppl"], a["tok_per_s"] - b["tok_per_s"])
        return min(gains) >= 0 and max(gains) > 0

    return [row for row in runs if not any(dominates(other, row) for other in runs)]
    ### END SOLUTION


# %% tags=["try"]
toy = [
    {"run_id": "small", "status": "ok", "val_ppl": 12.0, "tok_per_s": 900.0},
    {"run_id": "large", "status": "ok", "val_ppl": 9.0, "tok_per_s": 400.0},
    {"run_id": "clumsy", "status": "ok", "val_ppl": 12.5, "tok_per_s": 400.0},
    {"run_id": "boom", "status": "diverged", "val_ppl": None, "tok_per_s": 950.0},
]
print([row["run_id"] for row in pareto(toy)], "should be small and large")
front = sorted(pareto(fine), key=lambda row: row["tok_per_s"])
fig, ax = plt.subplots(figsize=(7, 3.2))
for row in fine:
    ax.plot(row["tok_per_s"], row["val_ppl"], "o", color="tab:red" if row in front else "tab:grey")
    ax.annotate(row["run_id"], (row["tok_per_s"], row["val_ppl"]), fontsize=7, xytext=(4, 4), textcoords="offset points")
ax.plot([row["tok_per_s"] for row in front], [row["val_ppl"] for row in front], color="tab:red", lw=1, label="Pareto front")
ax.set(
    xlabel="training tokens per second (more is better →)",
    ylabel="validation perplexity (less is better)",
    title="Who is worth a second look?",
)
ax.legend()
plt.show()

# %% [markdown]
# Mind the clock: on a busy machine tokens per second move by a third from one run to the next. A front is as sharp as its ruler.
#
# ## Exercise 4 · `choose`
#
# Now decide, by a rule that you fix *before* you see the numbers. `choose(rows, constraint) -> str` returns the `run_id` of one run:
#
# 1. **Candidates** are the runs with status `"ok"` that meet the constraint. A diverged run never wins, whatever its numbers.
#    `constraint` is a dict: `"min_tok_per_s": 500.0` means `tok_per_s` ≥ 500, `"max_peak_mem": 4e9` means `peak_mem` ≤ 4e9, and so on for
#    any number in a row: `min_` or `max_`, then the field. All of its entries must hold; `{}` asks nothing. If no candidate is
#    left, raise `ValueError`.
# 2. **Luck** is the largest difference in `val_ppl` between two runs whose configs are equal but for `seed` (and `run_id`). Look at *all* runs
#    with status `"ok"`, whether they meet the constraint or not. Without such a pair it is 0.
# 3. Take the lowest `val_ppl` among the candidates. Every candidate at most *luck* above it **cannot be told apart from it**. Of these, choose
#    the smallest rank `config["r"]`: it is the cheapest to store. If several have that rank, the one with the lowest `val_ppl` of them.
#
# **Look at validation only.** Rows may bring other numbers, such as training losses or a `test_ppl` that somebody measured. Whoever picks the best of nine on
# the test set has trained on the test set, a little: the winner's score is then too good to be true.


# %% exercise="choose"
def choose(rows: list[dict], constraint: dict) -> str:
    """The `run_id` of the smallest rank among the candidates that luck cannot tell from the best."""
    ### BEGIN SOLUTION
    runs = [row for row in rows if row["status"] == "ok"]

    def meets(row: dict) -> bool:
        limits = [(key[:3], row[key[4:]], limit) for key, limit in constraint.items()]
        return all(value >= limit if side == "min" else value <= limit for side, value, limit in limits)

    candidates = [row for row in runs if meets(row)]
    if not candidates:
        raise ValueError(f"no run meets {constraint}")
    twins: dict[str, list[float]] = {}
    for row in runs:
        same = {key: value for key, value in row["config"].items() if key not in ("seed", "run_id")}
        twins.setdefault(json.dumps(same, sort_keys=True), []).append(row["val_ppl"])
    luck = max(max(found) - min(found) for found in twins.values())
    best = min(row["val_ppl"] for row in candidates)
    level = [row for row in candidates if row["val_ppl"] - best <= luck]
    return min(level, key=lambda row: (row["config"]["r"], row["val_ppl"]))["run_id"]
    ### END SOLUTION


# %% tags=["try"]
def made_up(run_id: str, val_ppl: float, r: int, seed: int, tok_per_s: float) -> dict:
    return {
        "run_id": run_id,
        "status": "ok",
        "val_ppl": val_ppl,
        "tok_per_s": tok_per_s,
        "config": {"run_id": run_id, "r": r, "seed": seed},
    }


toy = [
    made_up("a", 20.0, 16, 1, 400.0),
    made_up("b", 20.5, 8, 1, 500.0),
    made_up("b again", 21.5, 8, 2, 500.0),
    made_up("c", 24.0, 4, 1, 600.0),
]
print(choose(toy, {}), "should be b: it is worse than a, but by less than luck")
print(choose(toy, {"min_tok_per_s": 600.0}), "should be c")
try:
    print(choose(toy, {"min_tok_per_s": 900.0}), "should not be printed")
except ValueError as error:
    print("ValueError, as it should be:", error)

print("\nAnd your own runs:")
for constraint in ({}, {"max_trainable": middle["trainable"] - 1}):
    winner = next(row for row in rows if row["run_id"] == choose(rows, constraint))
    print(f"{constraint} → {winner['run_id']}: perplexity {winner['val_ppl']:.2f} ± {luck:.2f}, {winner['trainable']:,} parameters")

# %% [markdown]
# ## What you can say now
#
# Not "this is the best learning rate", but: *around this centre, at this budget, on these notes, the learning rate mattered most; the differences
# of rank and length have to be held against luck; above some rate training fails.* That is what a sweep is for.
#
# - Did you win your bet?
# - The best rate of a short run is often too high for a long one. How would you check that without paying for nine long runs?
# - You compared nine runs on the same validation blocks. Why is the winner's perplexity a little too good, and which data will tell (Lab 6)?
