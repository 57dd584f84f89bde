# %% [markdown]
# # Lab 2 · The base model: what it says, and how you make it say it
#
# A language model does one thing: it gives every token of its vocabulary (every word, or piece of one, that it knows) a score for coming
# next. All the rest (writing,
# sampling, batches) is a few lines around it. Today you write these lines, so that nothing about `generate` is magic when you
# compare models in Lab 6.
#
# **You learn** to read logits as probabilities · to decode greedily · to sample with temperature, top-k and top-p · to generate for
# many prompts at once · to log a generation so that it can be made again.
#
# **Time** about 75 minutes of yours. All cells together take a minute on a CPU, a few on a T4 (its model is 4 GB to fetch, once).
#
# **Hand in** this notebook. It leaves `out/lab2/generations.jsonl`.
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

# %% defines=["model", "tokenizer"]
import json
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

device = "cuda" if torch.cuda.is_available() else "cpu"
tokenizer = AutoTokenizer.from_pretrained(profile.base_model)
model = AutoModelForCausalLM.from_pretrained(profile.base_model, dtype=profile.dtype, device_map=device)
print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(tokenizer):,} tokens to choose from")

# %% [markdown]
# ## From text to scores
#
# Text in, ids out; ids in, one row of scores per position out. The scores are called *logits*. Row *i* is about the token
# **after** position *i*. Look at the shapes:

# %%
encoded = tokenizer("The patient was admitted with chest", return_tensors="pt").to(device)
print([tokenizer.decode([i]) for i in encoded["input_ids"][0]])
with torch.no_grad():
    logits = model(**encoded).logits
print("input_ids", tuple(encoded["input_ids"].shape), "→ logits", tuple(logits.shape), "= (texts, positions, vocabulary)")

# %% [markdown]
# Your functions use `model` and `tokenizer` as they stand here. They will be tried on other prompts, and on this model with its
# scores bent now and then, so that an ending can come early.
#
# ## Exercise 1 · `next_token_logprobs`
#
# Logits can be any number. *Log-probabilities* mean something: their exponentials add up to 1.
# $\log p_i = z_i - \log\sum_j e^{z_j}$, which is `log_softmax`. The training loss, and the perplexity of Lab 6, are made of these.
#
# `next_token_logprobs(text: str) -> torch.Tensor`: the log-probability (natural log) of every token to come **right after** `text`. A
# float32 tensor of shape `(vocabulary,)`, where the vocabulary is the last axis of the logits. Encode `text` as the tokenizer does by
# itself, and don't pad it.


# %% exercise="next_token_logprobs"
def next_token_logprobs(text: str) -> torch.Tensor:
    """Log-probability of each token of the vocabulary to follow `text`: (vocabulary,) float32."""
    ### BEGIN SOLUTION
    with torch.no_grad():
        logits = model(**tokenizer(text, return_tensors="pt").to(model.device)).logits
    return F.log_softmax(logits[0, -1].float(), dim=-1)
    ### END SOLUTION


# %% tags=["try"]
start = "The patient was admitted with a"
best = next_token_logprobs(start).exp().topk(12)
fig, ax = plt.subplots(figsize=(7, 2.4))
ax.bar([repr(tokenizer.decode([i])) for i in best.indices.tolist()], best.values.cpu())
ax.set(xlabel="next token", ylabel="probability", title=f"{start} …  (the 12 shown hold {best.values.sum():.0%})")
ax.tick_params(axis="x", rotation=45)
plt.show()

# %% [markdown]
# ## Exercise 2 · `greedy`
#
# Take the most likely token, append it, ask again: that is *greedy decoding*. It never varies, so it is how two models are compared.
#
# `greedy(prompt: str, n: int) -> list[int]`: the ids of at most `n` **new** tokens (without the prompt's), each the most likely
# after everything before it. When `tokenizer.eos_token_id` comes, it is the last id returned. (EOS, *end of sequence*, is the token by which a
# model says that it is done.)
#
# It must give the ids of `model.generate(…, max_new_tokens=n, do_sample=False)`. Write the loop yourself once; you will see
# what `generate` does a million times a day.
#
# **Keep ids.** Going back to text at each step (`text += tokenizer.decode(…)`) looks harmless and isn't: the same text can be cut into
# tokens in several ways, and the model then goes on from tokens that it never chose.

# %%
for pieces in ([" pain"], [" pa", "in"], [" p", "a", "i", "n"]):  # three ways to the same five characters
    ids = [i for piece in pieces for i in tokenizer(piece, add_special_tokens=False)["input_ids"]]
    print(f"{ids} → {tokenizer.decode(ids)!r}")


# %% exercise="greedy"
def greedy(prompt: str, n: int) -> list[int]:
    """At most `n` new token ids, the most likely one each time; ends with EOS when that comes."""
    ### BEGIN SOLUTION
    ids = tokenizer(prompt, return_tensors="pt").to(model.device)["input_ids"]
    new: list[int] = []
    while len(new) < n and new[-1:] != [tokenizer.eos_token_id]:
        with torch.no_grad():
            best = model(ids).logits[0, -1].argmax()
        new.append(int(best))
        ids = torch.cat([ids, best.view(1, 1)], dim=1)
    return new
    ### END SOLUTION


# %% tags=["try"]
new = greedy("The patient was admitted with", 30)
print(len(new), "tokens:", new[:8], "…")
print("The patient was admitted with" + tokenizer.decode(new))

# %% [markdown]
# Greedy text tends to go round in circles: the likeliest way on is often to say the same again. So we roll dice, but loaded ones.
#
# ## Exercise 3 · `filter_logits`
#
# Rolling among *all* tokens sooner or later hits nonsense: thousands of unlikely tokens are likely together. Three
# knobs tame it. `filter_logits(logits, temperature, top_k, top_p)` takes a 1-D float tensor `(vocabulary,)` and returns a **new** one of
# the same shape, tokens in their places. It turns the knobs **in this order**:
#
# 1. **temperature** ≥ 0: divide the logits by it. Below 1 the favourites gain, above 1 the outsiders. `0` stands for greedy: only the
#    largest logit is kept (as any finite number), whatever the other knobs say.
# 2. **top_k** ≥ 0: keep the `k` largest. `0` keeps all; so does a `k` larger than the vocabulary.
# 3. **top_p**, 0 < p ≤ 1: turn what is left into probabilities (they add up to 1 again) and go from the most likely down until their
#    sum **reaches** `p`. Keep these, *including the one that crosses the line*. `1.0` keeps all.
#
# Kept tokens have their logit divided by the temperature; all others get `-inf`, so that `softmax` gives them 0. There is
# always at least one token left. (How you break ties is up to you.)
#
# Example: probabilities 0.5, 0.3, 0.2 and `top_p=0.6`: 0.5 does not reach 0.6, and 0.5 + 0.3 does. Two tokens stay.


# %% exercise="filter_logits"
def filter_logits(logits: torch.Tensor, temperature: float, top_k: int, top_p: float) -> torch.Tensor:
    """(vocabulary,) → (vocabulary,): logits / temperature where a token is kept, -inf where not."""
    ### BEGIN SOLUTION
    if temperature == 0:
        only = torch.full_like(logits, -torch.inf)
        only[logits.argmax()] = 0.0
        return only
    kept = logits / temperature
    if 0 < top_k < kept.numel():
        kept = kept.masked_fill(kept < kept.topk(top_k).values[-1], -torch.inf)
    if top_p < 1:
        ordered, where = kept.sort(descending=True)
        probabilities = ordered.softmax(dim=-1)
        reached_before = probabilities.cumsum(dim=-1) - probabilities >= top_p
        kept = kept.index_fill(0, where[reached_before], -torch.inf)
    return kept
    ### END SOLUTION


# %% tags=["try"]
toy = torch.tensor([0.2, 0.5, 0.3]).log()
print("top_p=0.6 of 0.2, 0.5, 0.3 →", filter_logits(toy, 1.0, 0, 0.6).softmax(-1).tolist())

with torch.no_grad():
    logits = model(**tokenizer("On examination the", return_tensors="pt").to(device)).logits[0, -1].float().cpu()
order = logits.argsort(descending=True)[:40]
fig, axes = plt.subplots(1, 4, figsize=(10, 2.2), sharey=True)
for ax, knobs in zip(axes, [(1.0, 0, 1.0), (0.5, 0, 1.0), (1.0, 8, 1.0), (1.0, 0, 0.5)]):
    left = filter_logits(logits, *knobs)
    ax.bar(np.arange(40), left.softmax(-1)[order])
    ax.set_title("T={}, k={}, p={}".format(*knobs) + f"\n{left.isfinite().sum()} tokens left", fontsize=9)
    ax.set_xlabel("tokens, likeliest first")
axes[0].set_ylabel("probability")
plt.show()

# %% [markdown]
# ## Exercise 4 · `generate_batch`
#
# One forward pass for eight prompts costs little more than for one: a GPU is bored by a single prompt. But the prompts of a
# batch have different lengths, so the short ones are padded. **Where** decides everything: the next token is read off the *last*
# column. Padding there, and the model goes on from padding.
#
# `generate_batch(prompts: list[str]) -> list[list[int]]`: for each prompt, in order, the ids of at most `NEW_TOKENS` new tokens.
#
# - **The same ids as `greedy(prompt, NEW_TOKENS)`**, each prompt alone, whoever its neighbours are: greedy decoding, no
#   sampling.
# - A prompt's list ends with its EOS if that comes; no padding after it, nothing of the prompt before it. (With
#   many models, our small ones among them, `pad_token_id == eos_token_id`, so you can't tell them apart by the id: cut after the *first*.)
# - All prompts go through the model **together**: no more forward passes than `NEW_TOKENS`. `model.generate` is welcome.
#
# Give the model the tokenizer's `attention_mask`, so that it doesn't look at the padding.

# %%
NEW_TOKENS = 16
PROMPTS = [
    "A 4-year-old boy was brought to",
    "Fever",
    "The patient, a 71-year-old woman with diabetes and high blood pressure, reported that for two weeks",
    "On examination",
]
print("tokens:", [len(tokenizer(prompt)["input_ids"]) for prompt in PROMPTS])


# %% exercise="generate_batch"
def generate_batch(prompts: list[str]) -> list[list[int]]:
    """For each prompt the ids of at most NEW_TOKENS new tokens, decoded greedily, all prompts at once."""
    ### BEGIN SOLUTION
    batch = tokenizer(prompts, return_tensors="pt", padding=True, padding_side="left").to(model.device)
    written = model.generate(**batch, max_new_tokens=NEW_TOKENS, do_sample=False)
    rows = written[:, batch["input_ids"].shape[1] :].tolist()
    eos = tokenizer.eos_token_id
    return [row[: row.index(eos) + 1] if eos in row else row for row in rows]
    ### END SOLUTION


# %% tags=["try"]
started = time.perf_counter()
together = generate_batch(PROMPTS)
middle = time.perf_counter()
alone = [greedy(prompt, NEW_TOKENS) for prompt in PROMPTS]
for how, rows, seconds in [("together", together, middle - started), ("one after the other", alone, time.perf_counter() - middle)]:
    print(f"{how:20} {sum(map(len, rows)) / seconds:4.0f} tokens a second")
for prompt, ids, same in zip(PROMPTS, together, alone):
    print("✓" if ids == same else "✗ not as alone:", prompt, "|", tokenizer.decode(ids))

# %% [markdown]
# ## Exercise 5 · `generations.jsonl`
#
# A sampled sentence without its recipe is an anecdote. Keep the recipe with it, and anyone can bake it again.
#
# **First** `sample(prompt: str, params: dict, seed: int) -> str`: the continuation (without the prompt), sampled from the
# model as `params` says:
#
# - `params` has `"temperature"` (> 0), `"top_k"`, `"top_p"` (as in Exercise 3) and `"max_new_tokens"`;
# - it stops early when EOS comes; special tokens are not part of the text (`skip_special_tokens=True`);
# - **the same three arguments give the same text, whatever was run before**; another seed may give another.
#
# Use `model.generate(do_sample=True, …)`, or your own loop with `filter_logits` and `torch.multinomial`: both are fine.
#
# **Then** `out/lab2/generations.jsonl`: one JSON object a line, `{"prompt": …, "params": …, "seed": …, "text": …}`, with what `sample`
# was given and what it returned. At least one line for **each** of `PROMPTS` with **each** of `RECIPES` (so eight or more); the
# seeds are yours.

# %%
RECIPES = [
    {"temperature": 0.7, "top_k": 50, "top_p": 0.9, "max_new_tokens": 24},
    {"temperature": 1.2, "top_k": 0, "top_p": 1.0, "max_new_tokens": 24},
]


# %% exercise="generations" defines=["sample"] files=["out/lab2/generations.jsonl"]
### BEGIN SOLUTION
def sample(prompt: str, params: dict, seed: int) -> str:
    """A continuation of `prompt`, sampled as `params` and `seed` say."""
    torch.manual_seed(seed)
    inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
    written = model.generate(**inputs, do_sample=True, **params)
    return tokenizer.decode(written[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


with (OUT / "generations.jsonl").open("w", encoding="utf-8") as file:
    for prompt in PROMPTS:
        for seed, params in enumerate(RECIPES):
            row = {"prompt": prompt, "params": params, "seed": seed, "text": sample(prompt, params, seed)}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
### END SOLUTION

# %% tags=["try"]
for row in map(json.loads, (OUT / "generations.jsonl").read_text(encoding="utf-8").splitlines()):
    again = sample(row["prompt"], row["params"], row["seed"])
    print("✓" if again == row["text"] else "✗", f"T={row['params']['temperature']} seed={row['seed']}", repr(row["prompt"] + row["text"]))

# %% [markdown]
# Compare the cool lines with the hot ones: which would you rather read, and which would you rather *test*? In Lab 6 you will put
# such lines of the base and of your tuned model side by side, without knowing which is which.
#
# **Before you hand in**: *Restart and run all*.
