# %% [markdown]
# # Lab 6 · Evaluation: did it get better, and at what price?
#
# Your adapter makes a model write like a case report. Is it *better*? Today you answer with numbers that somebody else can
# reproduce, and you look as hard for what got worse as for what got better.
#
# **You learn** what perplexity is, and four ways to get it wrong · to compare models that cut text differently · to say how
# sure you are · to look for forgetting and for memorised notes · to judge texts blind · to write a report that cannot drift
# from its numbers.
#
# **Time** about 90 minutes of yours. The cells run for 20 seconds with the tiny model, 10 minutes with SmolLM2-135M on
# a CPU or with a 7B model on a T4.
#
# **Hand in** this notebook. It leaves `out/lab6/`: `metrics.json`, `pairs.jsonl` with its `key.json`, and `report.md`. Lab 7
# puts the numbers into the model card.
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
import hashlib
import json
import math
import random
import re

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

# %% [markdown]
# ## One model, two voices
#
# The adapter sits beside the base's weights. So one object is both models: as it is, it speaks *tuned*; inside
# `with model.disable_adapter():` it speaks *base*. That saves memory, and makes it easy to forget which one is talking.
#
# The adapter is Lab 4's, in `INPUTS / "lab4"`. (None yet? `python train/run.py --out out/lab4` trains one.)

# %% defines=["model", "tokenizer"]
tokenizer = AutoTokenizer.from_pretrained(profile.base_model)
device = "cuda" if torch.cuda.is_available() else "cpu"
base_model = AutoModelForCausalLM.from_pretrained(profile.base_model, dtype=getattr(torch, profile.dtype), device_map=device)
model = PeftModel.from_pretrained(base_model, str(INPUTS / "lab4/adapter"))
print(f"{type(model).__name__} on {model.device}, {sum(p.numel() for p in model.parameters()):,} parameters")

# %% [markdown]
# And what to test on: notes of the test split, which nobody has looked at since Lab 3 made it. `eval_config` says exactly what
# is measured; whoever gets the same fingerprint measured the same thing. (A warning that a note is longer than the model's
# maximum is fine: no window will be.)


# %%
def as_documents(rows: list[dict]) -> list[dict]:
    """Rows with `_id` and `description`, tokenized, with their source and a class of length."""
    documents = []
    for row in rows:
        text, words = row["description"], len(row["description"].split())
        length = "short (<100 words)" if words < 100 else "medium" if words < 300 else "long (≥300 words)"
        ids = tokenizer(text)["input_ids"]
        documents.append({"_id": row["_id"], "text": text, "ids": ids, "source": row["_id"].split("-")[0], "length": length})
    return documents


def read_jsonl(path) -> list[dict]:
    return [json.loads(line) for line in open(path, encoding="utf-8") if line.strip()]


def draw(rows: list[dict], most: int) -> list[dict]:
    """At most `most` rows, by lot, not by taste."""
    rows = sorted(rows, key=lambda row: row["_id"])
    return random.Random(profile.train["seed"]).sample(rows, min(most, len(rows)))


most = profile.eval["max_documents"]
docs = as_documents(draw(read_jsonl(INPUTS / "lab3/test.jsonl"), most))
train_docs = as_documents(draw(read_jsonl(INPUTS / "lab3/train.jsonl"), most))
general_docs = as_documents([{"_id": row["id"], "description": row["text"]} for row in read_jsonl("eval/general.jsonl")[:most]])

WINDOWS = {"window": profile.eval["window"], "stride": profile.eval["stride"]}
eval_config = {
    "base_model": profile.base_model_id,
    **WINDOWS,
    "test_texts_sha256": hashlib.sha256("\n".join(doc["text"] for doc in docs).encode()).hexdigest(),
}
eval_config_sha = hashlib.sha256(json.dumps(eval_config, sort_keys=True).encode()).hexdigest()
print(f"{len(docs)} test notes, {sum(len(doc['ids']) for doc in docs):,} tokens; eval_config_sha {eval_config_sha[:12]}…")

# %% [markdown]
# ## Surprise
#
# A language model reads from left to right. Before each token it says how likely every possible next token is. Then the token
# comes, and $-\ln p$ of it is the model's **surprise**, in *nats*: 0 if it was sure, 2.3 if it gave it one chance in ten.


# %%
@torch.no_grad()
def surprise(model, ids: list[int]) -> torch.Tensor:
    """Nats of every token but the first, which nothing comes before: (len(ids) - 1,)."""
    line = torch.tensor([ids], device=model.device)
    logits = model(input_ids=line).logits[0, :-1].float()  # what stands at position t is about token t + 1
    return F.cross_entropy(logits, line[0, 1:], reduction="none").cpu()


sentence = tokenizer("A 54-year-old man was admitted with chest pain and shortness of breath.")["input_ids"]
tuned = surprise(model, sentence)
with model.disable_adapter():
    base = surprise(model, sentence)

fig, ax = plt.subplots(figsize=(9, 2.6))
x = np.arange(len(base))
ax.bar(x - 0.2, base, 0.4, label=f"base, mean {base.mean():.2f}")
ax.bar(x + 0.2, tuned, 0.4, label=f"tuned, mean {tuned.mean():.2f}")
ax.set_xticks(x, [tokenizer.decode([token]) for token in sentence[1:]], rotation=60)
ax.set(xlabel="token that came", ylabel="surprise (nats)", title="Where did reading notes help, and where not?")
ax.legend()
plt.show()

# %% [markdown]
# Look at single tokens, not at the two means: on one sentence either model may win. That is why you will score whole notes, and many.
#
# Average the surprise and take the exponential: that is the **perplexity**,
# $\exp\left(\frac{1}{N}\sum_t -\ln p_t\right)$. A model with perplexity 20 hesitates as if between 20 equally likely tokens.
#
# **Trap 1: what is averaged.** $N$ counts *tokens*. The mean of each note's perplexity is another number, and so is the mean over
# batches: on six real notes the three gave 21.5, 25.2 and 23.9. So keep *sums* (nats and tokens) and divide once, at the end.
#
# **Trap 2: context.** A model sees a limited window. How does one score a note that is longer? Side by side, without overlap, and the
# first tokens of every window are guessed blindly. So let the windows overlap, and score each token **once**, in the first window
# that reaches it.

# %%
fig, ax = plt.subplots(figsize=(8, 2))
for row, (begin, scored, end) in enumerate([(0, 1, 8), (4, 8, 12), (8, 12, 16), (12, 16, 18)]):
    ax.barh(row, end - begin, left=begin, color="lightgrey", edgecolor="white", label="context only" if row == 0 else None)
    ax.barh(row, end - scored, left=scored, color="tab:green", edgecolor="white", label="scored" if row == 0 else None)
ax.set(
    xlabel="token of the note",
    ylabel="window",
    yticks=range(4),
    xticks=range(19),
    title="18 tokens, window 8, stride 4: 17 are scored, each once",
)
ax.invert_yaxis()
ax.legend(loc="lower left")
plt.show()

# %% [markdown]
# ## Exercise 1 · `strided_ppl`
#
# `strided_ppl(model, ids, window, stride)` scores a list of documents; `ids` is a list of lists of token ids. For **each document by
# itself** (no note may see the one before it):
#
# - window *k* covers the tokens from $k \cdot$`stride` up to, not including, $k \cdot$`stride` + `window`, or the end of the document;
# - the first window scores all its tokens but the document's first; each later one scores only what no earlier window did;
# - stop when the end is reached. `1 <= stride < window`; with one token there is nothing to score.
#
# Return a dict:
#
# | key | value |
# |---|---|
# | `"nats"` | one number per document: the *sum* of its surprises |
# | `"tokens"` | one whole number per document: how many tokens were scored (its tokens − 1) |
# | `"ppl"` | `exp(sum of all nats / sum of all tokens)` |
#
# The model may come in training mode: switch dropout off (`model.eval()`) and gradients too. Take the log-softmax in float32.
#
# **Trap 3: the off-by-one.** `model(ids, labels=labels).loss` is a *mean*, and the model moves the labels itself. A label at the window's
# first position is never scored. If you multiply the mean by a count, count what was really scored.


# %% exercise="strided_ppl"
def strided_ppl(model, ids: list[list[int]], window: int, stride: int) -> dict:
    """{"ppl": float, "nats": sum per document, "tokens": scored tokens per document}."""
    ### BEGIN SOLUTION
    model.eval()
    nats, tokens = [], []
    for document in ids:
        line = torch.tensor(document, device=model.device)
        total, done = 0.0, 1  # nothing comes before token 0
        for begin in range(0, len(line), stride):
            if done >= len(line):
                break
            part = line[begin : begin + window]
            first = done - begin
            with torch.no_grad():
                logits = model(input_ids=part[None], use_cache=False).logits[0, first - 1 : -1].float()
            total += F.cross_entropy(logits, part[first:], reduction="sum").item()
            done = begin + len(part)
        nats.append(total)
        tokens.append(max(0, len(line) - 1))
    return {"ppl": math.exp(sum(nats) / sum(tokens)), "nats": nats, "tokens": tokens}
    ### END SOLUTION


# %% tags=["try"]
few = [doc["ids"] for doc in sorted(docs, key=lambda doc: len(doc["ids"]))[len(docs) // 2 :][:2]]
found = strided_ppl(model, few, **WINDOWS)
print("tokens in each document", [len(ids) for ids in few], "· scored", [int(n) for n in found["tokens"]])

windows = [32, 64, 128, 256]
fig, ax = plt.subplots(figsize=(6, 2.6))
ax.plot(windows, [strided_ppl(model, few, window, window // 2)["ppl"] for window in windows], marker="o")
ax.set(xlabel="window (tokens; stride is half of it)", ylabel="perplexity", title="Same model, same notes: more context, less surprise")
ax.set_xscale("log")
ax.set_xticks(windows, windows)
ax.minorticks_off()
plt.show()

# %% [markdown]
# **Trap 4.** Look at that curve again. Score the base with a small window and the tuned model with a large one, and you have an
# "improvement" without any training. Both get `WINDOWS`, always.
#
# ## Exercise 2 · `bits_per_byte`
#
# Perplexity counts *tokens*, and each tokenizer has its own. A model with long tokens has fewer, harder guesses to make. (A `�` below is
# half a character: γ has two bytes, and some tokenizers spend a token on each.)


# %%
text = "Haemoglobin was 9.6 g/dL and γ-GT 130 U/L; temperature 38.4 °C."
pieces = [tokenizer.decode([token]) for token in tokenizer(text)["input_ids"]]
print(f"{len(pieces)} tokens:", " | ".join(pieces))
print(f"{len(text)} characters, {len(text.encode('utf-8'))} bytes in UTF-8")

# %% [markdown]
# The bytes of the text are the same for everybody. So divide by those, and count in bits, as in file sizes (1 bit is $\ln 2$ nats):
#
# $$\text{bits per byte} = \frac{\text{nats}}{\ln 2 \cdot \text{bytes}}$$
#
# `bits_per_byte(nats, texts)`: `nats` is one number, the sum over all texts; `texts` is a list of strings; the bytes are those of the
# texts in UTF-8, and nothing between them. Returns a float. (`lm-evaluation-harness` counts the same way.)


# %% exercise="bits_per_byte"
def bits_per_byte(nats: float, texts: list[str]) -> float:
    """Bits that the model needs for a byte of text."""
    ### BEGIN SOLUTION
    return nats / math.log(2) / sum(len(text.encode("utf-8")) for text in texts)
    ### END SOLUTION


# %% tags=["try"]
texts = [doc["text"] for doc in docs if doc["ids"] in few]
print(f"your model needs {bits_per_byte(sum(found['nats']), texts):.2f} bits for a byte of a note; as plain text it takes 8, zipped 4 to 5")

# %% [markdown]
# ## Exercise 3 · `paired_bootstrap`
#
# A dozen or two notes are few. With *other* notes, would the tuned model still win? The **bootstrap** asks the notes that you have:
# draw as many notes as there are, *with replacement* (some come twice, some not at all), compute the result again, do that
# 2,000 times, and see how much it moves. Between the 2.5 % and the 97.5 % quantile lie 95 % of the results.
#
# **Paired** means: each drawn note counts for *both* models. Hard notes are hard for both; if each model drew its own notes, that luck
# would drown the difference.
#
# `paired_bootstrap(base, tuned, tokens, draws=2000, seed=0)` takes three lists with one number per document (nats of the base, nats
# of the tuned model, scored tokens). In each draw, compute
#
# $$\frac{\text{perplexity}_\text{tuned}}{\text{perplexity}_\text{base}} \quad\text{where}\quad
# \text{perplexity} = \exp\frac{\text{sum of the drawn nats}}{\text{sum of the drawn tokens}}$$
#
# and return `(low, high)`: the 2.5 % and 97.5 % quantiles (`np.quantile`). The same seed gives the same interval.


# %% exercise="paired_bootstrap"
def paired_bootstrap(base: list[float], tuned: list[float], tokens: list[int], draws: int = 2000, seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of tuned / base perplexity when documents are drawn anew."""
    ### BEGIN SOLUTION
    drawn = np.random.default_rng(seed).integers(len(tokens), size=(draws, len(tokens)))
    base, tuned, tokens = np.array(base), np.array(tuned), np.array(tokens)
    ratios = np.exp((tuned[drawn].sum(1) - base[drawn].sum(1)) / tokens[drawn].sum(1))
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(low), float(high)
    ### END SOLUTION


# %% tags=["try"]
toy = np.random.default_rng(3)
n = toy.integers(100, 800, 200)
hard = toy.normal(3, 0.5, 200)  # nats per token: notes differ a lot …
gain = toy.normal(0.03, 0.1, 200)  # … and the models only a little
for count in (10, 50, 200):
    low, high = paired_bootstrap(list((hard * n)[:count]), list(((hard - gain) * n)[:count]), list(n[:count]))
    print(f"{count:3} notes: tuned / base between {low:.3f} and {high:.3f}", "" if high < 1 else "  ← 1 is inside: not shown to be better")

# %% [markdown]
# ## Does it remember notes?
#
# A model that recites its training notes leaks them. The test: give it the first 50 tokens of a note, let it write the next 50
# greedily, and see whether they are the note's own, word for word. Test notes show how much of that is chance: they *cannot*
# be remembered. (Here the function is given. Read it.)


# %%
@torch.no_grad()
def recites(model, documents: list[dict], given: int = 50, length: int = 50) -> dict:
    """Of notes that are long enough: the share recited to the end, and how many tokens they are followed on average."""
    notes = [doc["ids"] for doc in documents if len(doc["ids"]) >= given + length]
    if not notes:
        return {"n_docs": 0, "rate": 0.0, "tokens_followed": 0.0}
    start = torch.tensor([ids[:given] for ids in notes], device=model.device)
    written = model.generate(
        input_ids=start, attention_mask=torch.ones_like(start), max_new_tokens=length, min_new_tokens=length, do_sample=False
    )[:, given:].cpu()
    same = written == torch.tensor([ids[given : given + length] for ids in notes])
    followed = same.int().cumprod(1).sum(1)  # tokens before the first that differs
    return {"n_docs": len(notes), "rate": (followed == length).float().mean().item(), "tokens_followed": followed.float().mean().item()}


memorisation = {"train": recites(model, train_docs), "test": recites(model, docs)}
for split, result in memorisation.items():
    print(
        f"{split:5} {result['rate']:.0%} of {result['n_docs']} notes recited; followed for {result['tokens_followed']:.1f} tokens on average"
    )

# %% [markdown]
# A pass or two over the notes rarely makes a model recite. Twenty passes do: try it with your Lab 4 adapter some day.
#
# ## Exercise 4 · `metrics.json`
#
# Now measure. Three sets of questions, one kind of answer:
#
# - **Overall, per source, per length**: on all of `docs`, on the `docs` of each `doc["source"]`, of each `doc["length"]`.
# - **Forgetting**: the same on `general_docs`, everyday English. A model that reads only notes may lose some of it. A ratio above
#   **1.15** counts as forgetting, and has to be reported.
# - **Regressions**: which two notes gained least, or lost most?
#
# Score `docs` and `general_docs` with `strided_ppl`, base and tuned, both with `WINDOWS`. Then write `out/lab6/metrics.json`. The block
# that comes again and again, call it a *summary*, is
#
# ```
# {"n_docs": how many notes, "ratio": tuned token_ppl / base token_ppl,
#  "base":  {"token_ppl": …, "bpb": …, "n_tokens": scored tokens, "n_bytes": UTF-8 bytes of the texts},
#  "tuned": {the same four}}
# ```
#
# and the file is the summary of `docs`, with these keys beside its own:
#
# | key | value |
# |---|---|
# | `"per_source"` | `{"pmc": summary, …}`, the sources that occur in `docs` |
# | `"per_length"` | the same for `doc["length"]` |
# | `"general_text"` | summary of `general_docs` |
# | `"bootstrap_ci"` | `[low, high]` of `paired_bootstrap` over `docs` |
# | `"memorisation"` | `memorisation` |
# | `"per_document"` | a list, one for each of `docs`: `{"_id", "n_tokens", "base_nats", "tuned_nats"}` |
# | `"worst"` | the two `_id`s with the largest (tuned − base) nats per token, the worst first |
# | `"eval_config"`, `"eval_config_sha"` | as above |
#
# In every summary sums come first, then *one* division. Round in the report, not here. More keys of your own are welcome.


# %% exercise="metrics" files=["out/lab6/metrics.json"]
### BEGIN SOLUTION
def score(documents: list[dict]) -> list[dict]:
    """The documents with their scored tokens and the nats of both models."""
    ids = [doc["ids"] for doc in documents]
    tuned = strided_ppl(model, ids, **WINDOWS)
    with model.disable_adapter():
        base = strided_ppl(model, ids, **WINDOWS)
    return [
        {**doc, "tokens": n, "base": b, "tuned": t}
        for doc, n, b, t in zip(documents, tuned["tokens"], base["nats"], tuned["nats"], strict=True)
    ]


def summary(rows: list[dict]) -> dict:
    """Sums over the rows, divided once."""
    n_tokens, texts = sum(row["tokens"] for row in rows), [row["text"] for row in rows]
    result = {"n_docs": len(rows)}
    for name in ("base", "tuned"):
        nats = sum(row[name] for row in rows)
        result[name] = {
            "token_ppl": math.exp(nats / n_tokens),
            "bpb": bits_per_byte(nats, texts),
            "n_tokens": n_tokens,
            "n_bytes": sum(len(text.encode("utf-8")) for text in texts),
        }
    return result | {"ratio": result["tuned"]["token_ppl"] / result["base"]["token_ppl"]}


def by(key: str, rows: list[dict]) -> dict:
    return {value: summary([row for row in rows if row[key] == value]) for value in sorted({row[key] for row in rows})}


scored = score(docs)
columns = [[row[key] for row in scored] for key in ("base", "tuned", "tokens")]
worst = sorted(scored, key=lambda row: (row["base"] - row["tuned"]) / row["tokens"])[:2]
metrics = summary(scored) | {
    "per_source": by("source", scored),
    "per_length": by("length", scored),
    "general_text": summary(score(general_docs)),
    "bootstrap_ci": list(paired_bootstrap(*columns)),
    "memorisation": memorisation,
    "per_document": [
        {"_id": row["_id"], "n_tokens": row["tokens"], "base_nats": row["base"], "tuned_nats": row["tuned"]} for row in scored
    ],
    "worst": [row["_id"] for row in worst],
    "eval_config": eval_config,
    "eval_config_sha": eval_config_sha,
}
(OUT / "metrics.json").write_text(json.dumps(metrics, indent=1, ensure_ascii=False), encoding="utf-8")
### END SOLUTION

# %% tags=["try"]
metrics = json.loads((OUT / "metrics.json").read_text(encoding="utf-8"))
slices = {"all test notes": metrics, **metrics["per_source"], **metrics["per_length"], "general text": metrics["general_text"]}
print(f"{'':20} {'notes':>5} {'tokens':>7} {'base':>8} {'tuned':>8} {'ratio':>6}   bits per byte")
for name, s in slices.items():
    base, tuned = s["base"], s["tuned"]
    print(
        f"{name:20} {s['n_docs']:5} {base['n_tokens']:7,} {base['token_ppl']:8.2f} {tuned['token_ppl']:8.2f} {s['ratio']:6.3f}   "
        f"{base['bpb']:.3f} → {tuned['bpb']:.3f}"
    )

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4))
rows = metrics["per_document"]
base, tuned = ([row[key] / row["n_tokens"] for row in rows] for key in ("base_nats", "tuned_nats"))
left.scatter(base, tuned, color=["tab:red" if row["_id"] in metrics["worst"] else "tab:green" for row in rows])
left.axline((np.mean(base), np.mean(base)), slope=1, color="grey", ls="--")
left.set(xlabel="base (nats per token)", ylabel="tuned (nats per token)", title="Each dot a note; below the line it got easier")
low, high = metrics["bootstrap_ci"]
right.barh(
    list(slices), [s["ratio"] for s in slices.values()], color=["tab:green" if s["ratio"] < 1 else "tab:red" for s in slices.values()]
)
right.errorbar([metrics["ratio"]], [0], xerr=[[metrics["ratio"] - low], [high - metrics["ratio"]]], color="black", capsize=4)
right.axvline(1, color="grey", ls="--")
right.invert_yaxis()
right.set(xlabel="tuned / base perplexity", title=f"Left of 1 is better; 95 % interval {low:.3f} to {high:.3f}")
fig.tight_layout()
plt.show()

# %% [markdown]
# Which slice gained most, which least? A slice of three notes says little, so look at its `n_docs` before you explain it.
#
# ## Exercise 5 · `pairs.jsonl`
#
# Perplexity says nothing about what a model *writes*. So let both write, and judge **blind**: you see A and B, and don't know which
# is which. The prompts are drawn by lot. Choosing those where your model shines is called cherry-picking.

# %% defines=["chosen"]
chosen = random.Random(profile.train["seed"]).sample(read_jsonl("eval/prompts_med.jsonl"), 10)
for prompt in chosen[:3]:
    print(prompt)

# %% [markdown]
# For each of the ten `chosen`, let base and tuned model continue `prompt["prompt"]`:
#
# - **greedily** (`do_sample=False`), up to `profile.eval["new_tokens"]` new tokens, fewer if EOS comes first;
# - keep **only the continuation**, without the prompt, decoded with `skip_special_tokens=True`;
# - toss a coin for who is A. (Each model should be A at least twice; take another seed if the coin disagrees.)
#
# Write two files:
#
# - `out/lab6/pairs.jsonl`, ten lines: `{"id": …, "prompt": …, "A": "…", "B": "…"}`, and nothing in it that gives the models away;
# - `out/lab6/key.json`: `{"<id>": {"A": "base", "B": "tuned"}, …}`, to open when you have judged.


# %% exercise="pairs" files=["out/lab6/pairs.jsonl", "out/lab6/key.json"]
### BEGIN SOLUTION
def continuation(prompt: str) -> str:
    inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
    ids = model.generate(**inputs, max_new_tokens=profile.eval["new_tokens"], do_sample=False, pad_token_id=tokenizer.pad_token_id)
    return tokenizer.decode(ids[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


coin = random.Random(profile.train["seed"])
pairs, key = [], {}
for prompt in chosen:
    texts = {"tuned": continuation(prompt["prompt"])}
    with model.disable_adapter():
        texts["base"] = continuation(prompt["prompt"])
    first, second = coin.sample(["base", "tuned"], 2)
    pairs.append({"id": prompt["id"], "prompt": prompt["prompt"], "A": texts[first], "B": texts[second]})
    key[prompt["id"]] = {"A": first, "B": second}
(OUT / "pairs.jsonl").write_text("".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs), encoding="utf-8")
(OUT / "key.json").write_text(json.dumps(key, indent=1), encoding="utf-8")
### END SOLUTION

# %% [markdown]
# Now judge, before you open the key. For each pair, who is better in
#
# | | ask |
# |---|---|
# | fluency | Is it English that a physician could have written? |
# | plausibility | Could this patient exist? Do age, sex, findings and treatment fit together? |
# | invented numbers | Which values come out of nowhere, or cannot be? |
# | repetition | Does it turn in circles? |

# %% tags=["try"]
pairs = read_jsonl(OUT / "pairs.jsonl")
for pair in pairs[:4]:
    print(pair["prompt"])
    for side in "AB":
        print(f"  {side}: {pair[side].strip()}")

# %% [markdown]
# The last row can be counted: the share of four-word runs that a text has said before. (That gives away a little. Judge first.)


# %% tags=["try"]
def repetition_4(text: str) -> float:
    """Share of runs of four words that occurred before in the same text."""
    words = text.split()
    runs = [tuple(words[i : i + 4]) for i in range(len(words) - 3)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


key = json.loads((OUT / "key.json").read_text())
for name in ("base", "tuned"):
    rates = [repetition_4(pair[side]) for pair in pairs for side in "AB" if key[pair["id"]][side] == name]
    print(
        f"{name:5} repeats {np.mean(rates):.0%} of its four-word runs; it was A {sum(key[pair['id']]['A'] == name for pair in pairs)} times"
    )

# %% [markdown]
# Greedy decoding makes small models turn in circles; that is the decoder's fault as much as the model's (Lab 2).
#
# ## Exercise 6 · `report.md`
#
# Numbers typed by hand are wrong after the next run. So **write a program that writes the report**: it reads `metrics.json` and
# fills in. Write `out/lab6/report.md` with these sections, as `## ` headings in any order:
#
# | section | has to say |
# |---|---|
# | `## Overall` | token perplexity and bits per byte of base and tuned, and both ends of the interval |
# | `## By source`, `## By length` | base and tuned perplexity of each slice: a table |
# | `## Forgetting` | the ratio on general text, and what it means |
# | `## Memorisation` | the rate on train and on test |
# | `## Examples` | what you saw in the pairs, in your own words |
# | `## Regressions` | both `_id`s of `metrics["worst"]`, and the words *general text* if its ratio is above 1.15 |
# | `## Limits` | what these numbers do not show; that this is for research and education, not for patients |
#
# **Every number in the report must be a value in `metrics.json`**, rounded as you like, or as a percentage (`0.931` may be `0.93`,
# `93 %` or `93.1 %`). If you want to show another number, put it into `metrics.json` first. Free are whole numbers up to 100 without a `%`,
# `95 %`, the names of the slices (`long (≥300 words)`), and whatever stands in headings, in `code`, in quotes (lines that begin with `>`)
# or right beside a letter or a hyphen (`SmolLM2-135M`, `usmle-1002`).

# %% exercise="report" files=["out/lab6/report.md"]
### BEGIN SOLUTION
m = json.loads((OUT / "metrics.json").read_text(encoding="utf-8"))


def table(slices: dict) -> str:
    lines = ["| | notes | base | tuned | ratio |", "|---|---|---|---|---|"]
    for name, s in slices.items():
        cells = (name, s["n_docs"], f"{s['base']['token_ppl']:.2f}", f"{s['tuned']['token_ppl']:.2f}", f"{s['ratio']:.3f}")
        lines.append(f"| `{cells[0]}` | " + " | ".join(map(str, cells[1:])) + " |")
    return "\n".join(lines)


base, tuned, (low, high), general = m["base"], m["tuned"], m["bootstrap_ci"], m["general_text"]
verdict = "better than" if high < 1 else "worse than" if low > 1 else "not shown to differ from"
forgot = general["ratio"] > 1.15
report = f"""# Evaluation of the adapter for `{m["eval_config"]["base_model"]}`

Settings `{m["eval_config_sha"][:12]}`: window {m["eval_config"]["window"]}, stride {m["eval_config"]["stride"]}, for both models.

## Overall

On {m["n_docs"]} held-out notes the tuned model is {verdict} the base.

| | token perplexity | bits per byte |
|---|---|---|
| base | {base["token_ppl"]:.2f} | {base["bpb"]:.3f} |
| tuned | {tuned["token_ppl"]:.2f} | {tuned["bpb"]:.3f} |

Tuned ÷ base is {m["ratio"]:.3f}; its 95 % interval over notes goes from {low:.3f} to {high:.3f}.

## By source

{table(m["per_source"])}

## By length

{table(m["per_length"])}

## Forgetting

On general text the perplexity went from {general["base"]["token_ppl"]:.2f} to {general["tuned"]["token_ppl"]:.2f}, a ratio of
{general["ratio"]:.3f}. {"The adapter has cost general English." if forgot else "That is within what this course allows."}

## Memorisation

Recited word for word: {m["memorisation"]["train"]["rate"]:.1%} of the training notes, {m["memorisation"]["test"]["rate"]:.1%} of the test notes.

## Examples

Ten prompts drawn by lot, judged blind. Both models write fluent fragments and soon repeat themselves; both invent findings.

## Regressions

The notes that gained least, or lost most: `{m["worst"][0]}` and `{m["worst"][1]}`.{" Perplexity on general text rose." if forgot else ""}

## Limits

Few notes, one seed, one adapter. Perplexity says how well the form of notes is predicted, not whether anything is true. For research
and education only, not for the care of patients.
"""
(OUT / "report.md").write_text(report, encoding="utf-8")
### END SOLUTION


# %% tags=["try"]
def strays(report: str, metrics: dict) -> list[str]:
    """Numbers of the report that are not in the metrics."""
    values: list[float] = []
    pending = [metrics]
    while pending:
        value = pending.pop()
        pending += value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
        if isinstance(value, (int, float)):
            values += [value, 100 * value]
    prose = re.sub(r"```.*?```|`[^`\n]*`|≥300 words|^[#>][^\n]*|^\s*\d+[.)] ", " ", report, flags=re.MULTILINE | re.DOTALL)
    found = []
    for number, decimals, percent in re.findall(r"(?<![\w.,-])(\d[\d,]*(?:\.(\d+))?)(?![\w-]|\.\d)(\s?%)?", prose):
        value = float(number.replace(",", ""))
        is_free = value <= 100 and not decimals and (not percent or value == 95)
        if not is_free and not any(abs(value - abs(known)) <= 0.6 * 10 ** -len(decimals) for known in values):
            found.append(number + percent)
    return found


report = (OUT / "report.md").read_text(encoding="utf-8")
print(report)
print("numbers that are not in metrics.json:", strays(report, json.loads((OUT / "metrics.json").read_text(encoding="utf-8"))) or "none")

# %% [markdown]
# ## Before you go
#
# - Your tuned model is better by some per cent. Name two ways in which that could be true *and* useless.
# - What would the interval look like with ten times as many notes?
# - Somebody sends you `token_ppl = 6.1` from another model. What do you ask before you compare?

# %% leaves=["out/lab6/metrics.json"]
print({path.name: f"{path.stat().st_size:,} bytes" for path in sorted(OUT.iterdir())})
