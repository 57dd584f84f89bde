# %% [markdown]
# # Lab 4 · LoRA: continue a model's pretraining on patient notes
#
# A pretrained model knows English, and little of how a case report goes. Today it reads a few dozen pages of them. You train a
# handful of extra numbers, 0.6 % (a 7B model) to 5 % (the tiny one) of what the model has, and prove that it got better on notes that nobody trained on.
#
# **You learn** what LoRA adds and what it leaves alone · to set up a training run · to train with Unsloth, on a GPU or a CPU
# · to read a loss curve · to tell a trained adapter from one that only looks so.
#
# **Time** about 90 minutes of yours. Training takes half a minute at most with the tiny model and some 3 minutes with SmolLM2-135M
# on a CPU, and about 15 minutes with a 7B model on a T4.
#
# **Hand in** this notebook. It leaves `out/lab4/adapter/` and `out/lab4/log.jsonl`. The grader measures the adapter itself.
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
from unsloth import FastLanguageModel, UnslothTrainer, UnslothTrainingArguments  # first: it patches what is imported next

import json

import matplotlib.pyplot as plt
import torch
from datasets import Dataset
from transformers import get_scheduler

from utils.seed import seed_everything

# %% [markdown]
# ## More of the same: continued pretraining
#
# | | continued pretraining (today) | instruction tuning |
# |---|---|---|
# | data | plain text of the field | prompts with good answers |
# | loss on | every token | the answer's tokens |
# | teaches | how texts of the field go | how to answer |
# | chat template | none | yes |
#
# The data is what Lab 3 left, in `INPUTS / "lab3"`: blocks of equal length, cut from one long line of notes. (`INPUTS` is your own
# `out/`; when your notebook is graded, everybody gets the same blocks.) Here is a piece of one.
#
# Not done with Lab 3? `python data/prepare_open_patients.py --out out/lab3` in a terminal in the course's folder (on Colab in a cell,
# with a `!` before it) makes the same files.

# %%
train_blocks = Dataset.from_parquet(str(INPUTS / "lab3/train_blocks.parquet"))
val_blocks = Dataset.from_parquet(str(INPUTS / "lab3/val_blocks.parquet"))
cut = len(train_blocks[0]["input_ids"])
if cut != profile.block_size:
    raise ValueError(
        f"The blocks have {cut} tokens, the profile {profile.name} wants {profile.block_size}: they were made for another base model. "
        "Run Lab 3 again on this machine."
    )
print(f"{len(train_blocks)} training blocks, {len(val_blocks)} validation blocks, {profile.block_size} tokens each")

on_gpu = torch.cuda.is_available()
base, tokenizer = FastLanguageModel.from_pretrained(
    profile.base_model,
    max_seq_length=profile.block_size,
    dtype=getattr(torch, profile.dtype),
    load_in_4bit=profile.load_in_4bit,
    use_gradient_checkpointing="unsloth" if on_gpu else False,  # saves memory, costs time: only a big model needs it
)
base.name_or_path = profile.base_model_id  # what the adapter will name as its base: a public name, no folder of yours
seam = next(block for block in train_blocks["input_ids"] if tokenizer.eos_token_id in block[20:-20])
at = seam.index(tokenizer.eos_token_id, 20)
print(tokenizer.decode(seam[:at])[-160:], "⟪EOS⟫", tokenizer.decode(seam[at + 1 :])[:160])

# %% [markdown]
# **Why the EOS matters.** It is the only sign that a new patient begins. With it, the model learns where a note ends, and that
# nothing before the sign says anything about what comes after. Without it, it learns that a knee may follow a heart attack.
#
# Now let the base model write, before you change it. It will write again when you are done.

# %%
PROMPTS = ["A 62-year-old woman was admitted with", "On examination, his blood pressure was"]


def continue_note(model, prompt: str, new_tokens: int = 50) -> str:
    """`prompt` and what the model writes after it; the same draw each time."""
    FastLanguageModel.for_inference(model)
    seed_everything(0)
    inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
    ids = model.generate(**inputs, max_new_tokens=new_tokens, do_sample=True, temperature=0.7, pad_token_id=tokenizer.pad_token_id)
    FastLanguageModel.for_training(model)
    return tokenizer.decode(ids[0], skip_special_tokens=True)


before = {prompt: continue_note(base, prompt) for prompt in PROMPTS}
for text in before.values():
    print(text, "\n")

# %% [markdown]
# ## LoRA in one line
#
# Full fine-tuning changes every weight matrix $W$ (out × in). LoRA freezes $W$ and learns a *low-rank* correction:
#
# $$W' = W + \frac{\alpha}{r}\,B A \qquad A: r \times \text{in}, \quad B: \text{out} \times r$$
#
# - **Only $A$ and $B$ train**: $r\,(\text{in} + \text{out})$ numbers in place of $\text{in} \cdot \text{out}$.
# - **$B$ starts at zero, $A$ at random.** So $BA = 0$: training begins exactly at the base model. And as $A \ne 0$, $B$ gets a
#   gradient from the first step on. Were both zero, neither would ever move.
# - **$\alpha / r$ is a volume knob.** *rsLoRA* uses $\alpha / \sqrt{r}$, which keeps the volume up when $r$ is large.
#
# ## Exercise 1 · `merge_manual`
#
# Once trained, the correction can be added into $W$, and the model is as fast as before. Do that by hand:
#
# `merge_manual(W, A, B, alpha, r, rslora=False)` returns $W'$, a float tensor of the shape of `W`: (out, in). `A` is (r, in), `B`
# is (out, r); `alpha` and `r` are numbers. Scale with $\alpha / r$, or with $\alpha / \sqrt{r}$ when `rslora` is true. Leave `W`
# itself as it is: you may want the base back.


# %% exercise="merge_manual"
def merge_manual(W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float, r: int, rslora: bool = False) -> torch.Tensor:
    """W plus LoRA's scaled correction, as a new (out, in) tensor."""
    ### BEGIN SOLUTION
    scale = alpha / r**0.5 if rslora else alpha / r
    return W + scale * (B @ A)
    ### END SOLUTION


# %% tags=["try"]
# What does a correction of rank 1 look like?
seed_everything(3)
W, A, B = torch.randn(24, 40), torch.randn(1, 40), torch.randn(24, 1)
merged = merge_manual(W, A, B, alpha=2, r=1)
fig, axes = plt.subplots(1, 3, figsize=(9, 2.2))
for ax, (title, matrix) in zip(axes, {"W": W, "the correction, rank 1": merged - W, "W′": merged}.items()):
    ax.imshow(matrix, cmap="coolwarm", vmin=-4, vmax=4, aspect="auto")
    ax.set(title=title, xlabel="in", xticks=[], yticks=[])
axes[0].set_ylabel("out")
plt.show()
print("B = 0 leaves W:", torch.equal(merge_manual(W, A, 0 * B, 2, 1), W))
louder = merge_manual(0 * W, A, B, 8, 4, True).norm() / merge_manual(0 * W, A, B, 8, 4).norm()
print(f"with r = 4 and α = 8, rsLoRA turns the volume up by {louder:.1f}")

# %% [markdown]
# ## Exercise 2 · `peft_model`
#
# Put LoRA into the base model. A Llama layer has seven linear projections, four of attention and three of the MLP. Adapt
# **all seven in every layer**: on small data that matters more than the rank does.

# %%
for name, module in base.named_modules():
    if ".layers.0." in name and name.endswith("_proj"):
        out_features, in_features = module.weight.shape if not profile.load_in_4bit else (module.out_features, module.in_features)
        r = profile.lora["r"]
        print(
            f"{name:32} {out_features:5} × {in_features:5} = {out_features * in_features:10,}   LoRA, r={r}: {r * (in_features + out_features):7,}"
        )
print("\nprofile.lora =", json.dumps(profile.lora, indent=1))

# %% [markdown]
# Define `peft_model`: what `FastLanguageModel.get_peft_model(base, …)` returns (PEFT's own `get_peft_model` is as good).
#
# - Take rank, alpha, dropout, targets and `use_rslora` from `profile.lora`. Another rank from 2 to 64, another alpha and rsLoRA
#   are fine too; but the louder $\alpha / r$ or $\alpha / \sqrt{r}$, the lower must the learning rate of Exercise 3 be.
# - `random_state=profile.train["seed"]`: $A$ is drawn when the adapter is made, so that is when the seed counts.
# - Plain LoRA only: its default start, no variants such as DoRA, no trained biases or embeddings, one rank for all. The base stays
#   frozen. (You get this when you ask for nothing else.)
#
# **A trap.** If *none* of your `target_modules` exists, PEFT complains. If *some* don't (`gate` for `gate_proj`), it says
# nothing and leaves them out. So count.

# %% exercise="peft_model"
### BEGIN SOLUTION
peft_model = FastLanguageModel.get_peft_model(
    base,
    r=profile.lora["r"],
    lora_alpha=profile.lora["lora_alpha"],
    lora_dropout=profile.lora["lora_dropout"],
    target_modules=profile.lora["target_modules"],
    use_rslora=profile.lora["use_rslora"],
    bias="none",
    random_state=profile.train["seed"],
)
### END SOLUTION

# %% tags=["try"]
peft_model.print_trainable_parameters()
trainable = {name: p for name, p in peft_model.named_parameters() if p.requires_grad}
adapted = {name.rpartition(".lora_")[0] for name in trainable}
print(f"{len(adapted)} modules adapted; 7 × {base.config.num_hidden_layers} layers = {7 * base.config.num_hidden_layers}")
print("anything but LoRA in training:", [name for name in trainable if "lora_" not in name] or "no")
print("largest |B| now:", max(p.abs().max().item() for name, p in trainable.items() if "lora_B" in name))

# %% [markdown]
# ## Exercise 3 · `train_args`
#
# These numbers decide how far a run gets as much as the method does, and what you leave out, a library's default decides for you.
#
# Define `train_args`, an `UnslothTrainingArguments(…)`. (It is TRL's `SFTConfig` with one more field; that, or transformers'
# `TrainingArguments`, counts as well.) The numbers are in `profile.train`. They are a good start, and these are the limits:
#
# | argument | wanted |
# |---|---|
# | `max_steps` | the profile's; half to twice is fine |
# | `per_device_train_batch_size` × `gradient_accumulation_steps` | the *effective* batch: the profile's; half to twice is fine |
# | `learning_rate` | the profile's; up to ten times more or less is allowed, and Lab 5 shows what it does |
# | `warmup_steps` | from 1 step to 30 % of the steps. A number below 1 is a share; `warmup_ratio` is gone |
# | `lr_scheduler_type`, `weight_decay` | the profile's, or your choice |
# | `seed` | the profile's |
#
# And what every run here needs: `output_dir=str(OUT / "trainer")`, `logging_steps=1`, `save_strategy="no"`,
# `report_to="none"`, `max_length=profile.block_size` (the default cuts at 1024), `packing=False` (it is done),
# `bf16=profile.dtype == "bfloat16"`, `fp16=profile.dtype == "float16"`, `gradient_checkpointing=on_gpu`.

# %% exercise="train_args"
### BEGIN SOLUTION
train_args = UnslothTrainingArguments(
    max_steps=profile.train["max_steps"],
    per_device_train_batch_size=profile.train["per_device_train_batch_size"],
    gradient_accumulation_steps=profile.train["gradient_accumulation_steps"],
    learning_rate=profile.train["learning_rate"],
    warmup_steps=profile.train["warmup_steps"],
    lr_scheduler_type=profile.train["lr_scheduler_type"],
    weight_decay=profile.train["weight_decay"],
    seed=profile.train["seed"],
    output_dir=str(OUT / "trainer"),
    logging_steps=1,
    save_strategy="no",
    report_to="none",
    max_length=profile.block_size,
    packing=False,
    bf16=profile.dtype == "bfloat16",
    fp16=profile.dtype == "float16",
    gradient_checkpointing=on_gpu,
)
### END SOLUTION

# %% tags=["try"]
steps = train_args.max_steps
dummy = torch.optim.AdamW([torch.zeros(1)], lr=train_args.learning_rate)
schedule = get_scheduler(train_args.lr_scheduler_type, dummy, train_args.get_warmup_steps(steps), steps)
rates = []
for _ in range(steps):
    rates.append(schedule.get_last_lr()[0])
    dummy.step()
    schedule.step()
tokens = steps * train_args.per_device_train_batch_size * train_args.gradient_accumulation_steps * profile.block_size
fig, ax = plt.subplots(figsize=(6, 2))
ax.plot(range(1, steps + 1), rates)
ax.set(
    xlabel="step",
    ylabel="learning rate",
    title=f"{tokens:,} tokens: {tokens / (len(train_blocks) * profile.block_size):.2f} times through the training blocks",
)
plt.show()

# %% [markdown]
# ## Exercise 4 · `adapter`
#
# Train, **then** save. Make an `UnslothTrainer` of `peft_model`, `train_args`, `train_dataset=train_blocks` and
# `processing_class=tokenizer`, call its `train()`, and save the adapter to `OUT / "adapter"` with `peft_model.save_pretrained(…)`.
#
# The blocks bring their `labels`, equal to `input_ids`: the model does the shifting. So nothing is left to do to the data. (A
# loop of your own, or another trainer, is fine: what counts is the adapter.)
#
# What is left in `out/lab4/adapter/`: `adapter_config.json` and `adapter_model.safetensors`, an adapter of this base. Don't
# merge it into `peft_model`: with `merge_and_unload()` the adapter is gone, and the base is no longer the base. (A warning that the
# base's `config.json` could not be fetched or found is harmless.)
#
# The grader loads your adapter onto its own copy of the base and measures the *perplexity* on **private notes**: $e$ to the mean loss per
# token. At 20, the model is as unsure as if it chose among 20 equally likely tokens; Lab 6 takes it apart. Points: tuned ÷ base at
# most **0.95** for half, at most **0.90** for all.

# %% exercise="adapter" files=["out/lab4/adapter/adapter_config.json", "out/lab4/adapter/adapter_model.safetensors"] leaves=["out/lab4/adapter/adapter_config.json", "out/lab4/adapter/adapter_model.safetensors"]
### BEGIN SOLUTION
trainer = UnslothTrainer(model=peft_model, processing_class=tokenizer, train_dataset=train_blocks, args=train_args)
trainer.train()
peft_model.save_pretrained(str(OUT / "adapter"))
### END SOLUTION


# %% tags=["try"]
@torch.no_grad()
def mean_loss(model, blocks: Dataset, most: int = 48) -> float:
    """Mean nats per predicted token over the first `most` blocks."""
    model.eval()
    rows = torch.tensor(blocks["input_ids"][:most], device=model.device)
    total = sum(model(input_ids=part, labels=part, use_cache=False).loss.item() * len(part) for part in rows.split(8))
    return total / len(rows)


with peft_model.disable_adapter():  # the base, as it was
    base_loss = mean_loss(peft_model, val_blocks)
tuned_loss = mean_loss(peft_model, val_blocks)
print(f"validation perplexity: base {torch.tensor(base_loss).exp():.2f}, tuned {torch.tensor(tuned_loss).exp():.2f}")
print(f"tuned ÷ base = {torch.tensor(tuned_loss - base_loss).exp():.3f}")
print({path.name: f"{path.stat().st_size / 1e6:.2f} MB" for path in sorted((OUT / "adapter").iterdir())})

# %% [markdown]
# And what does it write now? Same prompts, same draw.

# %%
for prompt in PROMPTS:
    print("before:", before[prompt])
    print("after: ", continue_note(peft_model, prompt), "\n")

# %% [markdown]
# It sounds more like a case report (the tiny model: more values and units, and no more sense), and it is still made up. **Fluent is
# not true.**
#
# ## Exercise 5 · `log`
#
# A training run without a log is hearsay. Write `out/lab4/log.jsonl`: one JSON object per line, one line for **each optimizer step**
# in order, and no other lines. Each has at least
#
# - `step`: 1, 2, 3, … up to `max_steps`;
# - `loss`: that step's training loss, as the trainer gives it (mean nats per token of its batch: minus the *natural* log of the
#   probability that the model gave to the token that came);
# - `learning_rate`: the one that step used.
#
# The trainer has it all in `trainer.state.log_history`; its last entry is a summary, which doesn't belong here. The grader holds
# your log against the losses that it measures itself, of the base and of your adapter.

# %% exercise="log" files=["out/lab4/log.jsonl"] leaves=["out/lab4/log.jsonl"]
### BEGIN SOLUTION
steps = [entry for entry in trainer.state.log_history if "loss" in entry]
with (OUT / "log.jsonl").open("w") as file:
    for entry in steps:
        file.write(json.dumps({key: entry[key] for key in ("step", "loss", "learning_rate", "grad_norm")}) + "\n")
### END SOLUTION

# %% tags=["try"]
logged = [json.loads(line) for line in (OUT / "log.jsonl").read_text().splitlines()]
fig, ax = plt.subplots(figsize=(7, 2.8))
ax.plot([entry["step"] for entry in logged], [entry["loss"] for entry in logged], marker=".", label="training, each step's batch")
ax.axhline(base_loss, color="grey", ls="--", label="validation, base")
ax.axhline(tuned_loss, color="green", ls="--", label="validation, tuned")
ax.set(xlabel="step", ylabel="loss (nats per token)", title="It begins at the base model and falls; noise is normal")
ax.legend()
plt.show()

# %% [markdown]
# **Read it.** The first point is the base's own loss, as $B = 0$. Does it end below the green line? Then it knows the training notes
# better than new ones. Does it jump up? The learning rate is too high. Does it stay flat? Then nothing was trained.
#
# Now see your formula at work: PEFT's own correction of a real, trained layer against yours. Of its singular values, no more than $r$
# can differ from 0: that is what *low rank* means.

# %%
name, layer = next((name, m) for name, m in peft_model.named_modules() if name.endswith("q_proj") and hasattr(m, "lora_A"))
config = peft_model.peft_config["default"]
A, B = layer.lora_A["default"].weight.detach().float(), layer.lora_B["default"].weight.detach().float()
by_hand = merge_manual(torch.zeros(len(B), A.shape[1], device=A.device), A, B, config.lora_alpha, config.r, config.use_rslora)
print(name, "largest difference:", (by_hand - layer.get_delta_weight("default").float()).abs().max().item())
print("singular values that are not 0:", int((torch.linalg.svdvals(by_hand.cpu()) > 1e-5).sum()), "of", min(by_hand.shape))

# %% [markdown]
# ## Exercise 6 · `make_optimizer`
#
# With a GPU, one trains the embeddings too (`embed_tokens`, `lm_head`) so that the model learns new words. These are whole matrices, not
# LoRA, and most of their rows meet few tokens: at LoRA's learning rate they run away. Give them a rate **2 to 10 times
# smaller**. In Unsloth that is `embedding_learning_rate`; here you write what it does.
#
# `make_optimizer(model, lr, embedding_lr, weight_decay=0.0)` returns a `torch.optim.AdamW`:
#
# - parameters with `embed_tokens` or `lm_head` in their name learn at `embedding_lr`, all others at `lr`;
# - every parameter that trains (`requires_grad`) is in exactly one group, a frozen one in none;
# - `weight_decay` applies to all weight matrices. (Whether 1-D parameters such as norms decay is up to you.)
#
# `model` is any `torch.nn.Module`; PEFT's names look like `base_model.model.lm_head.modules_to_save.default.weight`.


# %% exercise="make_optimizer"
def make_optimizer(model: torch.nn.Module, lr: float, embedding_lr: float, weight_decay: float = 0.0) -> torch.optim.Optimizer:
    """AdamW over what trains, embeddings and head at a rate of their own."""
    ### BEGIN SOLUTION
    embeddings, others = [], []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            (embeddings if "embed_tokens" in name or "lm_head" in name else others).append(parameter)
    groups = [{"params": others, "lr": lr}, {"params": embeddings, "lr": embedding_lr}]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=lr, weight_decay=weight_decay)
    ### END SOLUTION


# %% tags=["try"]
toy = torch.nn.ModuleDict(
    {"embed_tokens": torch.nn.Embedding(50, 8), "q_proj": torch.nn.Linear(8, 8), "lm_head": torch.nn.Linear(8, 50, bias=False)}
)
toy["q_proj"].bias.requires_grad_(False)
optimizer = make_optimizer(toy, lr=2e-4, embedding_lr=4e-5, weight_decay=0.01)
for group in optimizer.param_groups:
    print(f"lr {group['lr']:.0e}, weight decay {group['weight_decay']}: shapes {[tuple(p.shape) for p in group['params']]}")

# %% [markdown]
# ## Before you go: does the neighbour matter?
#
# In a block, a note can see the end of the note before it. Here is the loss on the starts of notes, alone and behind a stranger.

# %%
lines = (INPUTS / "lab3/val.jsonl").read_text(encoding="utf-8").splitlines()[:17]
notes = [tokenizer(json.loads(line)["description"], verbose=False)["input_ids"] for line in lines]
half = profile.block_size // 2
notes = [ids for ids in notes if len(ids) >= half]
alone = torch.tensor([ids[:half] for ids in notes[1:]], device=peft_model.device)
strangers = torch.tensor([ids[1 - half :] + [tokenizer.eos_token_id] for ids in notes[:-1]], device=peft_model.device)
packed = torch.cat([strangers, alone], dim=1)
labels = packed.clone()
labels[:, : half + 1] = -100  # scored: the same tokens as alone, all but the first
peft_model.eval()
with torch.no_grad():
    print("alone           ", peft_model(input_ids=alone, labels=alone, use_cache=False).loss.item())
    print("behind a stranger", peft_model(input_ids=packed, labels=labels, use_cache=False).loss.item())

# %% [markdown]
# - Does the stranger help or harm, and how much is that beside what training gained? What can a note learn from another patient's?
# - You changed a few per cent of the numbers. Which *sentence of this notebook* convinces you that the rest is untouched?
# - The same training as a script, every number an option: `python train/run.py --help`. Lab 5 tries nine of them.
