# %% [markdown]
# # Lab 3 · Data: clean, split, tokenize, pack
#
# A language model learns whatever its data repeats: the medicine, and also the typos, the copies and the leaks. In this
# lab you turn raw patient notes into training blocks, and make sure that nothing you will *test* on was *trained* on.
#
# **You learn** to clean text without harming it · to find copies · to split without leaks · to tokenize and pack without
# losing a token · to pad a batch so that the padding teaches nothing.
#
# **Time** about 90 minutes of yours. Every cell runs in seconds, on a T4 as on a CPU. The GPU has nothing to do today, yet work on
# the machine (on Colab: the runtime type) that you will train on in Lab 4: its base model decides how text is cut into tokens.
#
# **Hand in** this notebook. It leaves `out/lab3/`: three splits, packed blocks and `stats.json`. Lab 4 trains on them.
#
# *For education and research, never for clinical use. The notes that come with the course are invented: no patient is behind them.*

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
import random
import re
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from datasets import Dataset, disable_progress_bars
from transformers import AutoTokenizer

disable_progress_bars()
raw = [json.loads(line) for line in Path("data/open_patients_sample.jsonl").read_text(encoding="utf-8").splitlines() if line]
print(f"{len(raw)} notes, fields {list(raw[0])}")
print(Counter(row["_id"].split("-")[0] for row in raw))

# %% [markdown]
# ## A look before you touch anything
#
# We work on some 250 notes that were written for this course in the form of
# [ncbi/Open-Patients](https://huggingface.co/datasets/ncbi/Open-Patients), its dirt and its copies included. There,
# `load_dataset("ncbi/Open-Patients", split="train")` gives 180,142 rows with the same two fields.
#
# The start of an `_id` says what a note is like: in Open-Patients, `pmc` is a published case report, `usmle` an exam question, `trec`
# a search topic. They differ in length, so look at that first.

# %%
fig, ax = plt.subplots(figsize=(7, 2.6))
words = defaultdict(list)
for row in raw:
    words[row["_id"].split("-")[0]].append(len(row["description"].split()))
ax.hist(list(words.values()), bins=40, stacked=True, label=list(words))
ax.set(xlabel="words in a note", ylabel="notes", title="Most of the long notes are case reports")
ax.legend()
plt.show()

# %% [markdown]
# Now the dirt. The notes of Open-Patients were cut out of articles, and the cut left marks: the *number* of a figure went, its
# brackets stayed. Ours have the same marks. Read a few lines; you will write the rules for them.

# %%
dirt = {
    "empty brackets": r"\[\s*\]|\(\s*\)",
    "empty references": r"\([Ff]ig[^()\d]*\)|\(Table[^()\d]*\)",
    "flattened powers": r"[×xX]\s?10\d+\s?/\s?\w+",
    "odd spaces": r"[\u00a0\u2000-\u200b\u202f]",
}


def count_dirt(rows: list[dict]) -> dict[str, int]:
    """How many notes show each kind of dirt."""
    return {kind: sum(bool(re.search(pattern, row["description"])) for row in rows) for kind, pattern in dirt.items()}


print(count_dirt(raw))
for pattern in dirt.values():
    for hit in [re.search(f".{{0,30}}(?:{pattern}).{{0,20}}", row["description"]) for row in raw][:60]:
        if hit:
            print("   …", repr(hit.group()))
            break

# %% [markdown]
# ## Exercise 1 · `clean`
#
# `clean(text: str) -> str` applies five rules, and otherwise leaves the text alone.
#
# | | in the note | wanted |
# |---|---|---|
# | 1 | tabs, no-break, thin and other odd spaces, runs of spaces | one plain space |
# | 2 | zero-width spaces `\u200b`, byte-order marks `\ufeff`, soft hyphens `\u00ad` | nothing |
# | 3 | `\r\n`, blank lines, spaces at either end of a line | paragraphs parted by exactly one `\n`; no blank at the ends |
# | 4 | empty references: `[]` `[, ]` `[–]` `()` `(, )` `( and )` `(Fig. )` `(figures , )` `(Table )` `(Fig. a–c)` | gone, with the space before them |
# | 5 | flattened powers: `× 109/L` | `× 10^9/L` |
#
# **Rule 4, exactly.** Square brackets are empty when they hold only commas, semicolons, dashes and spaces. Round brackets
# are empty when they hold only commas, semicolons, spaces and the word `and`; with the word `Fig`, `Figs`, `Figure(s)` or
# `Table(s)` (any case, dot or not) also dashes and *single* letters, which name panels. All other brackets stay: `(+)`,
# `(−)` and `(–)` are findings, `(a)` counts, and no digit may disappear.
#
# **Rule 5, exactly.** A multiplication sign `×`, or an `x` or `X` without a letter before it; then `10`; an exponent of one or
# two digits that does not begin with 0; a `/` and a unit. Spaces between them are allowed, except inside the number.
# Everything else is a number as it stands: `pulse 104/min`, `BP 109/70`, `max 104/min`, `x 1000/mm3`, `2 x 108 mg`.
#
# **Two promises.** `clean(clean(text)) == clean(text)`: mind nested dirt like `([])`. And °C, µ, γ, ≥, é, ½ and m² survive:
# NFKC (Unicode's way to write look-alikes alike, `unicodedata.normalize("NFKC", …)`) would turn m² into m2, and ASCII would lose the
# dose in µg.


# %% exercise="clean"
def clean(text: str) -> str:
    """Apply the five rules; what they don't name stays as it is."""
    ### BEGIN SOLUTION
    text = re.sub(r"[\u200b\ufeff\u00ad]", "", text)
    text = re.sub(r"[^\S\n]+", " ", text)
    panel = r"(?:\s|[,;–—−-]|\band\b|\b[A-Za-z]\b)*"
    figure = rf"{panel}\b(?:fig(?:ure)?s?|tables?)\b\.?(?:{panel}\b(?:fig(?:ure)?s?|tables?)\b\.?)*{panel}"
    empty = re.compile(rf" *(?:\[[\s,;–—−-]*\]|\((?:[\s,;]|\band\b)*\)|\({figure}\))", re.IGNORECASE)
    found = 1
    while found:
        text, found = empty.subn("", text)
    text = re.sub(r"(×|(?<![^\W\d_])[xX])( ?)10([1-9]\d?)(?= ?/ ?[^\W\d_])", r"\1\g<2>10^\3", text)
    text = re.sub(r" {2,}", " ", text)
    return "\n".join(line.strip() for line in text.split("\n") if line.strip())
    ### END SOLUTION


# %% tags=["try"]
for before in [
    "Fever of 38.4\u00a0°C\u2009 for 3 days [, ]. ",
    "A mass (Fig. ) was seen (Figs. a, b).\r\n\r\nIt was excised ([]).",
    "Platelets 106 × 109/L, pulse 109/min, Murphy (+), BSA 1.73 m².",
]:
    after = clean(before)
    print(repr(before), "→", repr(after), "✓" if clean(after) == after else "✗ not the same when cleaned twice")

# %% [markdown]
# Now all notes. `so_far` lets you skip an exercise: while yours is open, the next steps use what there is.


# %%
def so_far(make, instead):
    """What `make()` gives, or `instead` while the exercise behind it is open."""
    try:
        return make()
    except Exception as error:  # whatever it is, the other exercises can be done meanwhile
        print(f"Going on without it for now: {error!r}")
        return instead


cleaned = so_far(lambda: [{**row, "description": clean(row["description"])} for row in raw], raw)
print("before", count_dirt(raw))
print("after ", count_dirt(cleaned))

# %% [markdown]
# A few odd ones may be left (`(see Fig. )`): rules that catch *everything* begin to eat findings.
#
# ## Exercise 2 · `deduplicate`
#
# A note that is in the data twice is learned twice; if one copy is in the test set, your test is an open-book exam.
#
# `deduplicate(rows: list[dict]) -> list[dict]` keeps one row of every group of copies. Two notes are copies when
#
# - **exact**: their texts agree after NFKC, `casefold()`, and with every run of whitespace as one space; or
# - **near**: the sets of their *shingles* (all runs of five consecutive words) overlap with a Jaccard index
#   $|A\cap B| / |A\cup B| \ge 0.8$. Words are `re.findall(r"\w+", text.casefold())`. A note of fewer than five words
#   has no shingles: only an exact copy counts there.
#
# Keep the row with the smallest `_id` of each group, so that the result does not depend on the order of the rows. The
# order in which you return them is free.
#
# Comparing all pairs is fine for some hundred notes. At 180,000 it is 16 billion pairs: `data/prepare_open_patients.py`
# shows the way out (MinHash).


# %% exercise="deduplicate" defines=["deduplicate", "kept"]
def deduplicate(rows: list[dict]) -> list[dict]:
    """One row of every group of exact or near copies: the one with the smallest `_id`."""
    ### BEGIN SOLUTION
    seen: set[str] = set()
    survivors: list[dict] = []
    shingles: list[set] = []
    having: dict[tuple, list[int]] = defaultdict(list)  # shingle -> survivors that have it
    for row in sorted(rows, key=lambda row: row["_id"]):
        exact = " ".join(unicodedata.normalize("NFKC", row["description"]).casefold().split())
        parts = re.findall(r"\w+", row["description"].casefold())
        mine = {tuple(parts[i : i + 5]) for i in range(len(parts) - 4)}
        shared = Counter(other for shingle in mine for other in having[shingle])
        near = any(n >= 0.8 * (len(mine) + len(shingles[other]) - n) for other, n in shared.items())
        if exact in seen or near:
            continue
        for shingle in mine:
            having[shingle].append(len(survivors))
        seen.add(exact)
        survivors.append(row)
        shingles.append(mine)
    return survivors
    ### END SOLUTION


# %% tags=["try"]
story = "A 54-year-old man came in with crushing chest pain that had begun two hours earlier while he was shovelling snow."
deduplicate(
    [
        {"_id": "pmc-1-1", "description": story},
        {"_id": "pmc-2-1", "description": story.upper().replace(" ", "\n")},
        {"_id": "pmc-3-1", "description": story + " Troponin was raised."},
        {"_id": "pmc-4-1", "description": story.replace("crushing chest", "dull back").replace("shovelling snow", "asleep")},
    ]
)  # pmc-1-1 and pmc-4-1 should be left

# %%
kept = so_far(lambda: deduplicate(cleaned), cleaned)
print(f"{len(cleaned)} notes, {len(kept)} after dropping copies")

# %% [markdown]
# ## Exercise 3 · `split_rows`
#
# The quiet leak: one article can describe several patients, or one patient twice. `pmc-7671985-1` and `pmc-7671985-2` are
# siblings, with the same authors, the same style and often the same sentences. Put one in train and one in test, and the test
# measures memory. In Open-Patients 167,034 patients come from 140,897 articles, so this *will* happen unless you prevent it.
#
# `split_rows(rows, seed) -> (train, val, test)`: three lists of rows.
#
# 1. Drop copies **first**, with your `deduplicate`: copies dropped inside each split still face each other across splits.
# 2. Keep **articles** whole. Only `pmc-<article>-<patient>` ids have siblings; every other row (`usmle-1002`,
#    `trec-cds-2014-1`) is an article of its own.
# 3. Give train, val and test **80, 10 and 10 %** of the *rows* that are left, each within 4 percentage points (or one
#    article, where that is more). With a few hundred rows, drawing each article's split by lot (or by a hash) misses that now and then: shuffle the articles and deal
#    them out until a split is full.
# 4. The same rows and `seed` give the same split, **in whatever order the rows come**. Another seed gives another.


# %% exercise="split_rows" defines=["split_rows", "train_ds", "val_ds", "test_ds", "cleaned"]
def split_rows(rows: list[dict], seed: int) -> tuple[list[dict], list[dict], list[dict]]:
    """Rows without copies, dealt out to (train, val, test) by whole articles."""
    ### BEGIN SOLUTION
    articles: dict[str, list[dict]] = defaultdict(list)
    for row in sorted(deduplicate(rows), key=lambda row: row["_id"]):
        row_id = row["_id"]
        articles[row_id.rsplit("-", 1)[0] if row_id.startswith("pmc-") else row_id].append(row)
    order = sorted(articles)
    random.Random(seed).shuffle(order)
    tenth = 0.1 * sum(map(len, articles.values()))
    train: list[dict] = []
    val: list[dict] = []
    test: list[dict] = []
    for article in order:
        part = test if len(test) < tenth - 0.5 else val if len(val) < tenth - 0.5 else train
        part.extend(articles[article])
    return train, val, test
    ### END SOLUTION


train_ds, val_ds, test_ds = [Dataset.from_list(part) for part in split_rows(cleaned, seed=profile.train["seed"])]
train_ds

# %% tags=["try"]
splits = {"train": train_ds, "val": val_ds, "test": test_ds}
total = sum(map(len, splits.values()))
fig, ax = plt.subplots(figsize=(7, 1.8))
left = Counter()
for source in sorted({row_id.split("-")[0] for row_id in train_ds["_id"]}):
    shares = {name: 100 * sum(i.startswith(source) for i in ds["_id"]) / total for name, ds in splits.items()}
    ax.barh(list(shares), list(shares.values()), left=[left[name] for name in shares], label=source)
    left.update(shares)
ax.set(xlabel="% of rows", title=" · ".join(f"{name} {100 * len(ds) / total:.1f} %" for name, ds in splits.items()))
ax.legend()
plt.show()

# %% [markdown]
# ## Exercise 4 · `tokenize_docs`
#
# The model reads token ids. Three things go wrong here more often than anywhere else, and none raises an error:
#
# - the **end-of-sequence token** (EOS) **is missing**, and the model never learns that a note ends;
# - a **special token is there twice**, because the tokenizer already adds one;
# - `truncation=True` **silently drops** the rest of every long note. At 256 tokens, 70 % of a real note corpus is gone.
#
# `tokenize_docs(texts: list[str])` returns a mapping whose `["input_ids"]` has one list of ids per text, in order: exactly
# what `tokenizer(text)["input_ids"]` gives (so a BOS, *beginning of sequence*, if this tokenizer adds one, and none if it doesn't), then
# `tokenizer.eos_token_id` **once**. Nothing cut, nothing padded. (A warning that a note is longer than the model's maximum
# is fine: packing takes care of it.)

# %% defines=["tokenizer"]
tokenizer = AutoTokenizer.from_pretrained(profile.base_model)
if tokenizer.pad_token is None:
    tokenizer.pad_token = tokenizer.eos_token
documents = so_far(lambda: list(train_ds["description"]), [row["description"] for row in kept][:200])
print("bos", tokenizer.bos_token_id, "· eos", tokenizer.eos_token_id, "· pad", tokenizer.pad_token_id)
print("tokenizer('Fever.') →", tokenizer("Fever.")["input_ids"])


# %% exercise="tokenize_docs" defines=["tokenize_docs", "tokenized", "documents"]
def tokenize_docs(texts: list[str]) -> dict[str, list[list[int]]]:
    """{"input_ids": one list of token ids per text, each ending in one EOS}."""
    ### BEGIN SOLUTION
    end = [tokenizer.eos_token_id]
    input_ids = tokenizer(list(texts), truncation=False)["input_ids"]
    return {"input_ids": [ids if ids[-1:] == end else ids + end for ids in input_ids]}
    ### END SOLUTION


tokenized = tokenize_docs(documents)

# %% tags=["try"]
ids = tokenize_docs(["Haemoglobin was 9.6 g/dL, and ferritin 4 ng/mL."])["input_ids"][0]
print(" | ".join(tokenizer.decode([i]) for i in ids))
lengths = np.array([len(ids) for ids in tokenized["input_ids"]])
print(f"{len(lengths)} documents, {lengths.sum():,} tokens, {lengths.sum() / sum(len(d.split()) for d in documents):.2f} a word")
print(f"{(lengths > profile.block_size).mean():.0%} of the documents are longer than a block of {profile.block_size}")

# %% [markdown]
# ## Exercise 5 · `pack`
#
# Notes have all lengths, a training batch has one. Padding everything to the longest wastes most of the compute;
# cutting wastes most of the text. *Packing* wastes nothing: write all documents one after the other into one long line,
# then cut the line into blocks.
#
# `pack(ids, block)` takes the lists of ids and returns `{"input_ids": rows, "labels": rows}`:
#
# - every row has **exactly** `block` tokens, in the order of the documents;
# - **no token is lost** but the tail of the line that no longer fills a block (so: fewer than `block` tokens, possibly no row);
# - `labels` are the **same ids** as `input_ids`. Don't shift them: the model compares position *t* with label *t + 1* itself.


# %% exercise="pack" defines=["pack", "packed"]
def pack(ids: list[list[int]], block: int) -> dict[str, list[list[int]]]:
    """Rows of exactly `block` tokens from the concatenated documents: {"input_ids": …, "labels": …}."""
    ### BEGIN SOLUTION
    line = [token for document in ids for token in document]
    rows = [line[start : start + block] for start in range(0, len(line) - block + 1, block)]
    return {"input_ids": rows, "labels": [list(row) for row in rows]}
    ### END SOLUTION


packed = pack(tokenized["input_ids"], profile.block_size)

# %% tags=["try"]
print(pack([[5, 6, 7, 2], [8, 2], [9, 10, 11, 2]], 3))  # three rows; the last 2 does not fill a block
rows = np.array(packed["input_ids"])
document = np.cumsum(rows.ravel() == tokenizer.eos_token_id).reshape(rows.shape)  # which document each token is from
fig, ax = plt.subplots(figsize=(7, 2.6))
ax.imshow(document[:40] % 20, cmap="tab20", aspect="auto", interpolation="nearest")
ax.set(xlabel="position in the block", ylabel="block", title="One colour, one note: notes flow on from block to block")
plt.show()

# %% [markdown]
# ## Exercise 6 · `collate`
#
# Where documents stay whole (in an evaluation, say), a batch still needs padding. The padding must teach nothing.
#
# `collate(batch)` takes a list of `{"input_ids": [ids]}` of different lengths and returns three `torch.int64` tensors of
# shape (documents, longest):
#
# - `input_ids`: padded on the **right** with `tokenizer.pad_token_id`;
# - `attention_mask`: 1 on real tokens, 0 on padding;
# - `labels`: the ids, and **−100 exactly where the mask is 0** (the loss skips −100).
#
# Mind the trap: with our small models' tokenizers, as with many, `pad_token_id == eos_token_id`. Whoever finds padding by *looking for
# that id* also hides the real EOS at the end of each note, as `DataCollatorForLanguageModeling` does; the model then
# never stops talking.


# %% exercise="collate"
def collate(batch: list[dict]) -> dict[str, torch.Tensor]:
    """Right-padded `input_ids`, `attention_mask` and `labels`, each (documents, longest) int64."""
    ### BEGIN SOLUTION
    longest = max(len(item["input_ids"]) for item in batch)
    input_ids = torch.full((len(batch), longest), tokenizer.pad_token_id)
    attention_mask = torch.zeros_like(input_ids)
    for i, item in enumerate(batch):
        length = len(item["input_ids"])
        input_ids[i, :length] = torch.as_tensor(item["input_ids"])
        attention_mask[i, :length] = 1
    labels = input_ids.masked_fill(attention_mask == 0, -100)
    return {"input_ids": input_ids, "attention_mask": attention_mask, "labels": labels}
    ### END SOLUTION


# %% tags=["try"]
eos = tokenizer.eos_token_id
batch = collate([{"input_ids": [11, 12, 13, eos]}, {"input_ids": [21, eos]}])
for name, tensor in batch.items():
    print(f"{name:15}", tensor.tolist())

# %% [markdown]
# ## Exercise 7 · `stats.json`
#
# Six months from now somebody asks what the model was trained on. Write `out/lab3/stats.json`:
#
# ```json
# {"documents": {"train": 0, "val": 0, "test": 0},
#  "sources":   {"pmc": 0, "usmle": 0, "trec": 0},
#  "tokens":    {"total": 0, "p5": 0, "p50": 0, "p95": 0, "max": 0}}
# ```
#
# `sources` counts the *training* documents by the part of `_id` before its first `-` (a source without documents may be
# left out). `tokens` describes `tokenized`: the sum and the longest, and quantiles of the documents' lengths in **tokens** (not
# words; `np.quantile` will do, rounded or not).

# %% exercise="stats" files=["out/lab3/stats.json"]
### BEGIN SOLUTION
lengths = [len(ids) for ids in tokenized["input_ids"]]
stats = {
    "documents": {"train": len(train_ds), "val": len(val_ds), "test": len(test_ds)},
    "sources": dict(Counter(row_id.split("-")[0] for row_id in train_ds["_id"])),
    "tokens": {
        "total": sum(lengths),
        **{f"p{q}": round(float(np.quantile(lengths, q / 100)), 1) for q in (5, 50, 95)},
        "max": max(lengths),
    },
}
(OUT / "stats.json").write_text(json.dumps(stats, indent=1))
### END SOLUTION

# %% tags=["try"]
print((OUT / "stats.json").read_text())

# %% [markdown]
# ## What the next labs get
#
# Lab 4 trains on `train_blocks.parquet` and watches `val_blocks.parquet`. Nobody looks at `test.jsonl` before Lab 6.

# %% leaves=["out/lab3/train.jsonl", "out/lab3/val.jsonl", "out/lab3/test.jsonl", "out/lab3/train_blocks.parquet", "out/lab3/val_blocks.parquet", "out/lab3/stats.json"]
for name, split in {"train": train_ds, "val": val_ds, "test": test_ds}.items():
    split.to_json(OUT / f"{name}.jsonl", force_ascii=False)
val_packed = pack(tokenize_docs(list(val_ds["description"]))["input_ids"], profile.block_size)
for name, blocks in {"train": packed, "val": val_packed}.items():
    Dataset.from_dict(dict(blocks)).to_parquet(OUT / f"{name}_blocks.parquet")
print({path.name: f"{path.stat().st_size / 1e6:.2f} MB" for path in sorted(OUT.iterdir())})

# %% [markdown]
# ## Before you go
#
# - Which of the seven steps could go wrong *without* any number in this notebook looking odd? What would you print to see it?
# - In a block, a note can see the end of the note before it. Does that matter? Lab 4 measures it.
# - At full size you would not do this by hand: `python data/prepare_open_patients.py --help`.
