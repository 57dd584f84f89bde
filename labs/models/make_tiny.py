"""Make the course's tiny base model: a teacher's samples -> tokenizer -> model -> numbers -> card.

    python labs/models/make_tiny.py sample   --teacher DIR --work DIR --seconds 300
    python labs/models/make_tiny.py train    --work DIR [--run NAME]
    python labs/models/make_tiny.py evaluate --teacher DIR [NAME=NOTES.jsonl ...] [--lora ...]
    python labs/models/make_tiny.py card

`sample` draws text from SmolLM2-135M-Instruct; `train` deduplicates it, fits a byte-level BPE and
trains a Llama from random weights; `evaluate` measures the result with `grader.perplexity`; `card`
writes README.md from those measurements. `sample` and `train` want a GPU (one H200 was used) and
may be stopped and started again: the first adds shards, the second resumes from its checkpoint.
Every number lives in make_tiny.json, the prompts in make_tiny_prompts.json.

It does not fetch the teacher: `--teacher` is a Hugging Face folder.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import itertools
import json
import math
import multiprocessing
import random
import re
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

HERE = Path(__file__).resolve().parent
MODEL_DIR = HERE / "tiny"
SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")  # ids 0, 1, 2, as SmolLM2's
BOS_ID, EOS_ID = 1, 2
Config = dict[str, Any]


# Prompts, and which samples are kept


def all_prompts(prompts: Config) -> tuple[list[str], list[str]]:
    """Flat lists of topics and of request templates (form + style) with one `{}` for the topic."""
    topics = [t for group in prompts["topics"].values() for t in group]
    templates = [form + style for form in prompts["forms"] for style in prompts["styles"]]
    return topics, templates


PATIENT_NOTE = re.compile(
    r"\b\d{1,3}[- ](?:year|yr|month|week)s?[- ]old\b[^.]{0,120}"
    r"\b(?:patient|present\w*|admitted|hospital|diagnos\w+|symptom\w*|complain\w*|history of)\b"
    r"|\b(?:the |this |our )?patient (?:was|is|has been) (?:a |an |admitted|referred|transferred)"
    r"|\bpresent(?:ed|s|ing) (?:to|with|at) (?:the |our |an |a )?(?:emergency|hospital|clinic|ward)"
    r"|\bchief complaint\b|\bhistory of present(?:ing)? illness\b|\bpast medical history\b"
    r"|\bphysical exam(?:ination)? (?:was|revealed|showed)\b|\bcase (?:report|presentation)\b"
    r"|\bvital signs (?:were|are|on)\b|\bon admission\b|\b\d{2,3}/\d{2,3} ?mm ?hg,",
    re.IGNORECASE,
)
ASSISTANT_TALK = re.compile(r"\b(?:SmolLM|Hugging ?Face|AI (?:assistant|language model))\b|<\|")


def clean(text: str, is_finished: bool, filters: Config) -> str | None:
    """The text to keep, or None: too short, not English prose, repetitive, or a patient note.

    An unfinished sample is cut at its last sentence end, so that end-of-text follows a sentence.
    """
    text = text.strip()
    if not is_finished:
        end = max(text.rfind(mark) for mark in (". ", ".\n", "! ", "? ", '." ', '."\n'))
        text = text[: end + 1] if end > len(text) // 2 else ""
    if len(text) < filters["min_chars"]:
        return None
    data = text.encode()
    if sum(byte < 128 for byte in data) < filters["min_ascii"] * len(data):
        return None
    if len(zlib.compress(data, 1)) < filters["min_compression"] * len(data):
        return None
    if PATIENT_NOTE.search(text) or ASSISTANT_TALK.search(text):
        return None
    return text


def sketch(text: str) -> int:
    """A near-duplicate key: the three smallest CRC-32s over the text's five-word shingles."""
    words = re.findall(r"[a-z]+", text.lower())
    shingles = {zlib.crc32(" ".join(words[i : i + 5]).encode()) for i in range(len(words) - 4)}
    smallest = sorted(shingles)[:3]
    return zlib.crc32(repr(smallest).encode()) if len(smallest) == 3 else 0


# The teacher's decode loop: static cache, CUDA graphs, Gumbel-max sampling


@dataclass(frozen=True, slots=True)
class LlamaLayer:
    """One decoder layer's matrices, with q/k/v and gate/up stacked: (out, in) each."""

    norm_1: torch.Tensor
    qkv: torch.Tensor
    out: torch.Tensor
    norm_2: torch.Tensor
    gate_up: torch.Tensor
    down: torch.Tensor


@dataclass(frozen=True, slots=True)
class LlamaWeights:
    """A Llama's weights as plain tensors, and its rotary tables: (length, head_dim) float32."""

    embedding: torch.Tensor
    layers: tuple[LlamaLayer, ...]
    norm: torch.Tensor
    head: torch.Tensor
    cos: torch.Tensor
    sin: torch.Tensor
    heads: int
    kv_heads: int
    eps: float


def stack_weights(model: Any, length: int) -> LlamaWeights:
    """Take a `LlamaForCausalLM`'s weights for `length` positions, on its own device and dtype."""
    layers = tuple(
        LlamaLayer(
            layer.input_layernorm.weight.data,
            torch.cat([getattr(layer.self_attn, f"{n}_proj").weight.data for n in "qkv"]),
            layer.self_attn.o_proj.weight.data,
            layer.post_attention_layernorm.weight.data,
            torch.cat([layer.mlp.gate_proj.weight.data, layer.mlp.up_proj.weight.data]),
            layer.mlp.down_proj.weight.data,
        )
        for layer in model.model.layers
    )
    embedding = model.model.embed_tokens.weight.data
    positions = torch.arange(length, device=embedding.device)[None]
    cos, sin = model.model.rotary_emb(torch.zeros(1, device=embedding.device), positions)
    c = model.config
    return LlamaWeights(
        embedding, layers, model.model.norm.weight.data, model.lm_head.weight.data, cos[0], sin[0],
        c.num_attention_heads, c.num_key_value_heads, c.rms_norm_eps,
    )  # fmt: skip


def _norm(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    y = x.float()
    y = y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + eps)
    return y.to(x.dtype) * weight


def _rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    a, b = x.chunk(2, -1)
    return (x * cos + torch.cat((-b, a), -1) * sin).to(x.dtype)


def _before_attention(
    x: torch.Tensor, layer_norm: torch.Tensor, qkv: torch.Tensor, cos: torch.Tensor,
    sin: torch.Tensor, heads: int, kv_heads: int, eps: float,
) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    """Queries (batch, kv_heads, group * seq, dim) and stacked keys/values (2, batch, kv, seq, dim).

    The query heads that share a key head become rows of one attention, so nothing is repeated.
    """
    batch, seq, _ = x.shape
    dim = cos.shape[-1]
    y = F.linear(_norm(x, layer_norm, eps), qkv).view(batch, seq, heads + 2 * kv_heads, dim)
    y = y.transpose(1, 2)
    q, k, v = y.split((heads, kv_heads, kv_heads), dim=1)
    q = _rotate(q, cos, sin).reshape(batch, kv_heads, heads // kv_heads * seq, dim)
    return q, torch.stack((_rotate(k, cos, sin), v))


def _after_attention(x: torch.Tensor, attended: torch.Tensor, layer: tuple[torch.Tensor, ...], heads: int, eps: float) -> torch.Tensor:
    """Output projection and feed-forward block, with both residuals."""
    batch, seq, _ = x.shape
    out, norm_2, gate_up, down = layer
    attended = attended.reshape(batch, heads, seq, -1).transpose(1, 2).reshape(batch, seq, -1)
    x = x + F.linear(attended, out)
    gate, up = F.linear(_norm(x, norm_2, eps), gate_up).chunk(2, -1)
    return x + F.linear(F.silu(gate) * up, down)


def _draw(logits: torch.Tensor, temperature: float, min_p: float, is_greedy: bool) -> torch.Tensor:
    """One token id a row of (batch, vocabulary): min-p, then Gumbel-max; no sorting."""
    if is_greedy:
        return logits.argmax(-1)
    x = logits.float() / temperature
    floor = x.amax(-1, keepdim=True) + math.log(min_p)
    noise = -torch.log(-torch.log(torch.rand_like(x)))
    return torch.where(x < floor, -torch.inf, x + noise).argmax(-1)


Draw = Callable[[torch.Tensor], torch.Tensor]


class Decoder:
    """Samples continuations of `batch` prompts at a time from one set of weights.

    Prompts are padded on the left to `prompt_tokens`; all rows run for `new_tokens` whether or not
    they have ended (the caller cuts them). On CUDA each step is a captured graph, one for every
    `bucket_tokens` of cache that attention looks at.
    """

    def __init__(self, model: Any, sampling: Config, *, is_greedy: bool = False) -> None:
        s = sampling
        length = s["prompt_tokens"] + s["new_tokens"]
        length += -length % s["bucket_tokens"]
        self.weights = w = stack_weights(model, length)
        self.sampling = s
        device, dtype, batch = w.embedding.device, w.embedding.dtype, s["batch"]
        shape = (len(w.layers), 2, batch, w.kv_heads, length, w.cos.shape[-1])
        self.cache = torch.zeros(shape, device=device, dtype=dtype)
        self.valid = torch.zeros(batch, length, device=device, dtype=torch.bool)
        self.ids = torch.zeros(batch, dtype=torch.long, device=device)
        self.position = torch.zeros(1, dtype=torch.long, device=device)
        self.count = torch.zeros(1, dtype=torch.long, device=device)
        self.out = torch.zeros(batch, s["new_tokens"], dtype=torch.long, device=device)
        self.graphs: dict[int, torch.cuda.CUDAGraph] = {}
        self.compiled = torch.compile if device.type == "cuda" else lambda f, **_: f
        self.before = self.compiled(_before_attention, dynamic=False)
        self.after = self.compiled(_after_attention, dynamic=False)
        self.draw = self.compiled(lambda x: _draw(x, s["temperature"], s["min_p"], is_greedy), dynamic=False)

    def _forward(self, ids: torch.Tensor, slots: torch.Tensor, n_slots: int, fast: bool) -> Any:
        """Logits (batch, vocabulary) after ids (batch, seq) placed at cache `slots` (seq,)."""
        w = self.weights
        before, after = (self.before, self.after) if fast else (_before_attention, _after_attention)
        cos, sin = w.cos[slots], w.sin[slots]
        seen = self.valid[:, None, :n_slots] & (torch.arange(n_slots, device=ids.device) <= slots[:, None])
        # A finite floor: a padding row sees nothing, and must not become NaN in the cache.
        bias = torch.where(seen, 0.0, -1e30).to(w.embedding.dtype)[:, None]
        group = w.heads // w.kv_heads
        bias = bias.repeat(1, 1, group, 1) if ids.shape[1] > 1 else bias
        x = F.embedding(ids, w.embedding)
        for layer, cache in zip(w.layers, self.cache, strict=True):
            q, kv = before(x, layer.norm_1, layer.qkv, cos, sin, w.heads, w.kv_heads, w.eps)
            cache.index_copy_(3, slots, kv)
            k, v = cache[0, :, :, :n_slots], cache[1, :, :, :n_slots]
            mask = bias.expand(-1, w.kv_heads, q.shape[2], -1)
            attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            rest = (layer.out, layer.norm_2, layer.gate_up, layer.down)
            x = after(x, attended, rest, w.heads, w.eps)
        return F.linear(_norm(x[:, -1], w.norm, w.eps), w.head)

    def _step(self, n_slots: int) -> None:
        """Extend every row by one token, all in place, so that a CUDA graph can replay it."""
        logits = self._forward(self.ids[:, None], self.position, n_slots, fast=True)
        self.ids.copy_(self.draw(logits))
        self.out.index_copy_(1, self.count, self.ids[:, None])
        self.position += 1
        self.count += 1

    def _replay(self, n_slots: int) -> None:
        if self.ids.device.type != "cuda":
            return self._step(n_slots)
        if n_slots not in self.graphs:
            state = (self.ids, self.position, self.count)
            saved = [t.clone() for t in state]
            self._step(n_slots)  # compiles; the captured step must not
            torch.cuda.synchronize()
            graph = torch.cuda.CUDAGraph()
            pool = next(iter(self.graphs.values())).pool() if self.graphs else None
            for tensor, value in zip(state, saved, strict=True):
                tensor.copy_(value)
            with torch.cuda.graph(graph, pool=pool):
                self._step(n_slots)
            self.graphs[n_slots] = graph
        self.graphs[n_slots].replay()

    @torch.no_grad()
    def sample(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """Ids (batch, new_tokens) int64 that follow each prompt; none may exceed prompt_tokens."""
        s, device = self.sampling, self.ids.device
        width, bucket = s["prompt_tokens"], s["bucket_tokens"]
        ids = torch.zeros(len(prompts), width, dtype=torch.long)
        valid = torch.zeros(len(prompts), self.valid.shape[1], dtype=torch.bool)
        for row, prompt in enumerate(prompts):
            ids[row, width - len(prompt) :] = torch.tensor(prompt)
            valid[row, width - len(prompt) :] = True
        self.valid.copy_(valid)
        slots = torch.arange(width, device=device)
        first = width + -width % bucket
        self.ids.copy_(self.draw(self._forward(ids.to(device), slots, first, fast=False)))
        self.out[:, 0] = self.ids
        self.position.fill_(width)
        self.count.fill_(1)
        for position in range(width, width + s["new_tokens"] - 1):
            self._replay((position // bucket + 1) * bucket)
        return self.out.clone()


# sample


def _clean_batch(job: tuple[str, list[str], Any, Config]) -> list[str]:
    """JSON lines of the kept texts of one batch: tokens (batch, new) uint16 -> topic, text, key."""
    teacher, topics, tokens, filters = job
    tokenizer = _tokenizer(teacher)
    lines = []
    for topic, row in zip(topics, tokens.tolist(), strict=True):
        is_finished = EOS_ID in row
        row = row[: row.index(EOS_ID)] if is_finished else row
        text = clean(tokenizer.decode(row), is_finished, filters)
        if text is not None:
            lines.append(json.dumps({"topic": topic, "text": text, "key": sketch(text)}))
    return lines


_TOKENIZERS: dict[str, Any] = {}


def _tokenizer(folder: str) -> Any:
    """A `tokenizers.Tokenizer`, loaded once a process."""
    if folder not in _TOKENIZERS:
        from tokenizers import Tokenizer

        _TOKENIZERS[folder] = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    return _TOKENIZERS[folder]


def draw_prompts(
    prompts: Config, render: Callable[[str], list[int]], n: int, limit: int, draw: random.Random
) -> tuple[list[str], list[list[int]]]:
    """`n` topics and their requests as token ids, each of at most `limit` tokens."""
    topics, templates = all_prompts(prompts)
    chosen: list[str] = []
    ids: list[list[int]] = []
    while len(ids) < n:
        topic = draw.choice(topics)
        request = render(draw.choice(templates).format(topic))
        if len(request) <= limit:
            chosen.append(topic)
            ids.append(request)
    return chosen, ids


def run_sample(config: Config, args: argparse.Namespace) -> None:
    """Write shards of cleaned samples to WORK/shards until `--seconds` are over."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    s = config["sampling"] | ({"batch": args.batch} if args.batch else {})
    device = "cuda" if torch.cuda.is_available() else "cpu"
    shards = args.work / "shards"
    shards.mkdir(parents=True, exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(args.teacher)
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    model = AutoModelForCausalLM.from_pretrained(args.teacher, dtype=dtype).to(device).eval()
    decoder = Decoder(model, s)
    prompts = json.loads((HERE / config["prompts"]).read_text())
    cache: dict[str, list[int]] = {}

    def render(request: str) -> list[int]:
        if request not in cache:
            message = [{"role": "user", "content": request}]
            text = tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
            cache[request] = tokenizer(text, add_special_tokens=False).input_ids
        return cache[request]

    done = len(list(shards.glob("*.jsonl")))
    start = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(s["workers"]) as pool:
        pending: list[Any] = []
        for shard in itertools.count(done):
            torch.manual_seed(config["seed"] + shard)
            draw = random.Random(config["seed"] + shard)
            topics, ids = draw_prompts(prompts, render, s["batch"], s["prompt_tokens"], draw)
            tokens = decoder.sample(ids).cpu().to(torch.uint16).numpy()
            job = (str(args.teacher), topics, tokens, config["filters"])
            path = shards / f"{shard:05d}.jsonl"
            pending.append((path, pool.apply_async(_clean_batch, (job,))))
            while pending and (pending[0][1].ready() or len(pending) > 8):
                _write_shard(*pending.pop(0))
            elapsed_s = time.monotonic() - start
            n_tokens = (shard + 1 - done) * s["batch"] * s["new_tokens"]
            print(f"shard {shard}: {n_tokens / elapsed_s / 1e3:.0f}k tokens/s", flush=True)
            if elapsed_s > args.seconds:
                break
        for path, result in pending:
            _write_shard(path, result)


def _write_shard(path: Path, result: Any) -> None:
    path.write_text("".join(line + "\n" for line in result.get()))


# train


def read_corpus(config: Config, shards: Path) -> tuple[list[str], list[str], Config]:
    """Deduplicated training texts, held-out texts (of held-out topics only), and counts."""
    held_topics = set(json.loads((HERE / config["prompts"]).read_text())["held_out_topics"])
    seen: set[int] = set()
    training, held = [], []
    n_read = 0
    for path in sorted(shards.glob("*.jsonl")):
        for line in path.open():
            row = json.loads(line)
            n_read += 1
            exact = hash(row["text"])
            if row["key"] in seen or exact in seen:
                continue
            seen |= {row["key"], exact}
            (held if row["topic"] in held_topics else training).append(row["text"])
    random.Random(config["seed"]).shuffle(training)
    random.Random(config["seed"]).shuffle(held)
    held = held[: config["filters"]["held_out_documents"]]
    counts = {
        "texts_after_filters": n_read,
        "texts_after_deduplication": len(training),
        "training_bytes": sum(len(t.encode()) for t in training),
        "held_out_texts": len(held),
    }
    return training, held, counts


def fit_tokenizer(texts: Iterable[str], vocabulary: int) -> Any:
    """A byte-level BPE with single digits, SmolLM2's three special tokens and no automatic BOS."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    byte_level = pre_tokenizers.ByteLevel
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=byte_level.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Write tokenizer.json and a tokenizer_config.json that plain AutoTokenizer reads."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": SPECIAL_TOKENS[BOS_ID],
        "eos_token": SPECIAL_TOKENS[EOS_ID],
        "pad_token": SPECIAL_TOKENS[EOS_ID],
        "unk_token": SPECIAL_TOKENS[0],
        "model_max_length": 1024,
        "padding_side": "right",
        "clean_up_tokenization_spaces": False,
    }
    _write_json(folder / "tokenizer_config.json", settings)


def prepare_corpus(config: Config, work: Path) -> torch.Tensor:
    """Token ids (n,) int32 of the whole corpus, each text followed by EOS; made once, then read."""
    path = work / "tokens.pt"
    if path.exists():
        return torch.load(path, weights_only=True)
    training, held, counts = read_corpus(config, work / "shards")
    print(f"corpus: {counts}", flush=True)
    lines = [json.dumps({"_id": f"held-out-{i}", "description": t}) for i, t in enumerate(held)]
    (work / "held_out.jsonl").write_text("\n".join(lines) + "\n")
    tokenizer = fit_tokenizer(training[: config["tokenizer"]["documents"]], config["tokenizer"]["vocabulary"])
    save_tokenizer(tokenizer, work / "tokenizer")
    chunks = []
    for start in range(0, len(training), 50_000):
        for encoding in tokenizer.encode_batch_fast(training[start : start + 50_000]):
            chunks.append(torch.tensor([*encoding.ids, EOS_ID], dtype=torch.int32))
    tokens = torch.cat(chunks)
    _write_json(work / "corpus.json", counts | {"training_tokens": len(tokens)})
    torch.save(tokens, path)
    return tokens


def build_model(run: Config, config: Config) -> Any:
    """A randomly initialised, seeded LlamaForCausalLM in float32."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(config["seed"])
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=config["tokenizer"]["vocabulary"],
            hidden_size=run["hidden"],
            intermediate_size=run["intermediate"],
            num_hidden_layers=run["layers"],
            num_attention_heads=run["heads"],
            num_key_value_heads=run["kv_heads"],
            max_position_embeddings=1024,
            rms_norm_eps=1e-5,
            tie_word_embeddings=True,
            bos_token_id=BOS_ID,
            eos_token_id=EOS_ID,
            pad_token_id=EOS_ID,
        )
    )


def build_optimizers(model: Any, run: Config, training: Config) -> list[torch.optim.Optimizer]:
    """AdamW for everything, or Muon for the layers' matrices and AdamW for the rest.

    Muon's update is scaled to AdamW's RMS, so both take the same learning rate
    (https://arxiv.org/abs/2502.16982, section 2.2).
    """
    decay, rate = training["weight_decay"], run["learning_rate"]
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and ".layers." in n]
    others = [p for n, p in model.named_parameters() if p.ndim == 2 and ".layers." not in n]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": others, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]
    optimizers: list[torch.optim.Optimizer] = []
    if run["optimizer"] == "muon":
        optimizers.append(torch.optim.Muon(matrices, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw"))
    else:
        groups[0]["params"] += matrices
    betas = tuple(training["betas"])
    fused = next(model.parameters()).is_cuda
    return [*optimizers, torch.optim.AdamW(groups, lr=rate, betas=betas, fused=fused)]


def run_train(config: Config, args: argparse.Namespace) -> None:
    """Train one run of the config to its last step and write WORK/runs/NAME/model."""
    t = config["training"]
    name = args.run or t["run"]
    run = t["runs"][name] | ({"steps": args.steps} if args.steps else {})
    rows = args.batch or t["batch_rows"]
    folder = args.work / "runs" / name
    folder.mkdir(parents=True, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_float32_matmul_precision("high")
    tokens = prepare_corpus(config, args.work).to(device)
    model = build_model(run, config).to(device)
    optimizers = build_optimizers(model, run, t)
    checkpoint = folder / "checkpoint.pt"
    first = _resume(checkpoint, model, optimizers)
    forward = torch.compile(model) if device == "cuda" else model
    offsets = torch.arange(t["sequence_tokens"], device=device)
    tokens_per_step = rows * t["sequence_tokens"]
    start = time.monotonic()
    model.train()
    for step in range(first, run["steps"]):
        scale = min(1.0, (step + 1) / t["warmup_steps"]) * (1 - step / run["steps"])
        for group in itertools.chain(*(o.param_groups for o in optimizers)):
            group["lr"] = run["learning_rate"] * scale
        draw = torch.Generator().manual_seed(config["seed"] + step)
        begin = torch.randint(0, len(tokens) - t["sequence_tokens"], (rows,), generator=draw)
        input_ids = tokens[begin.to(device)[:, None] + offsets].long()  # (rows, seq) int64
        with torch.autocast(device, torch.bfloat16):
            loss = forward(input_ids=input_ids, labels=input_ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), t["clip_norm"])
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if (step + 1) % 250 == 0 or step + 1 == run["steps"]:
            rate = (step + 1 - first) * tokens_per_step / (time.monotonic() - start)
            print(f"{name} step {step + 1}: {loss.item():.4f} nats, {rate / 1e6:.2f}M tokens/s",
                  flush=True)  # fmt: skip
        if (step + 1) % t["checkpoint_steps"] == 0:
            _checkpoint(checkpoint, step + 1, model, optimizers)
    _save_run(folder, args.work, model, {
        **run, "name": name, "parameters": sum(p.numel() for p in model.parameters()),
        "tokens_seen": run["steps"] * tokens_per_step, "seconds": round(time.monotonic() - start),
        "last_loss_nats": round(loss.item(), 4),
    })  # fmt: skip


def _resume(path: Path, model: Any, optimizers: list[torch.optim.Optimizer]) -> int:
    """Load a checkpoint if there is one; return the first step still to do."""
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    return int(state["step"])


def _checkpoint(path: Path, step: int, model: Any, optimizers: list[torch.optim.Optimizer]) -> None:
    state = {
        "step": step,
        "model": model.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
    }
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def _save_run(folder: Path, work: Path, model: Any, record: Config) -> None:
    """The bf16 model, its tokenizer and the run's record, under `folder`/model."""
    out = folder / "model"
    model.to(torch.bfloat16).save_pretrained(out)
    for path in (work / "tokenizer").iterdir():
        (out / path.name).write_bytes(path.read_bytes())
    _write_json(out / "generation_config.json",
                {"bos_token_id": BOS_ID, "eos_token_id": EOS_ID, "pad_token_id": EOS_ID})  # fmt: skip
    record["corpus"] = json.loads((work / "corpus.json").read_text())
    _write_json(out / "measurements.json", {"training": record})
    for path in out.iterdir():
        path.chmod(0o644)


# evaluate


def read_notes(path: Path) -> list[str]:
    """The `description` of every line of a JSON-lines file."""
    return [json.loads(line)["description"] for line in path.open() if line.strip()]


def encode_documents(tokenizer: Any, texts: Iterable[str]) -> list[list[int]]:
    """Token ids of each text after one EOS, which is context only: so every byte is scored."""
    return [[EOS_ID, *tokenizer(text, add_special_tokens=False).input_ids] for text in texts]


def measure(model: Any, tokenizer: Any, texts: Sequence[str], config: Config) -> Config:
    """Perplexity per token and bits per byte of `texts`, by the project's own scorer."""
    from grader.perplexity import score_documents

    e = config["evaluation"]
    n_bytes = sum(len(text.encode()) for text in texts)
    documents = encode_documents(tokenizer, texts)
    score = score_documents(model, documents, window=e["window"], stride=e["stride"], batch_size=16, n_bytes=n_bytes)
    return {
        "perplexity": round(score.perplexity, 3),
        "bits_per_byte": round(score.bits_per_byte, 4),
        "tokens": score.tokens,
        "bytes": n_bytes,
        "documents": len(texts),
    }


def pack_blocks(tokenizer: Any, texts: Iterable[str], block_tokens: int) -> torch.Tensor:
    """Blocks (n, block_tokens) int64 of the texts joined by EOS; the remainder is dropped."""
    flat = [i for t in texts for i in (*tokenizer(t, add_special_tokens=False).input_ids, EOS_ID)]
    n_blocks = len(flat) // block_tokens
    return torch.tensor(flat[: n_blocks * block_tokens]).view(n_blocks, block_tokens)


def shuffled_batches(blocks: torch.Tensor, batch_rows: int, draw: torch.Generator) -> Iterator[torch.Tensor]:
    """Batches (batch_rows, block_tokens) without end, reshuffled each epoch."""
    queue = torch.empty(0, dtype=torch.long)
    while True:
        while len(queue) < batch_rows:
            queue = torch.cat((queue, torch.randperm(len(blocks), generator=draw)))
        yield blocks[queue[:batch_rows]]
        queue = queue[batch_rows:]


def tune_lora(model: Any, blocks: torch.Tensor, lora: Config, learning_rate: float) -> Any:
    """A copy of `model` with a LoRA adapter trained on `blocks`: AdamW, linear warm-up and decay."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(lora["seed"])
    adapter = LoraConfig(
        r=lora["r"], lora_alpha=lora["alpha"], target_modules=lora["targets"],
        task_type="CAUSAL_LM",
    )  # fmt: skip
    tuned = get_peft_model(copy.deepcopy(model), adapter).train()
    trainable = [p for p in tuned.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=learning_rate, weight_decay=0.0)
    draw = torch.Generator().manual_seed(lora["seed"])
    batches = shuffled_batches(blocks, lora["batch_rows"], draw)
    for step in range(lora["steps"]):
        warm = (step + 1) / lora["warmup_steps"]
        cool = (lora["steps"] - step) / (lora["steps"] - lora["warmup_steps"])
        optimizer.param_groups[0]["lr"] = learning_rate * min(1.0, warm, cool)
        input_ids = next(batches).to(trainable[0].device)  # (batch, block) int64
        tuned(input_ids=input_ids, labels=input_ids).loss.backward()
        torch.nn.utils.clip_grad_norm_(trainable, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return tuned


def split_notes(texts: Sequence[str], config: Config) -> tuple[list[str], list[str]]:
    """A seeded split into (training, held back), where no second file is given."""
    order = list(range(len(texts)))
    random.Random(config["seed"]).shuffle(order)
    n_held = max(1, round(len(texts) * config["evaluation"]["held_back_share"]))
    return [texts[i] for i in order[n_held:]], [texts[i] for i in order[:n_held]]


def measure_lora(model: Any, tokenizer: Any, training: Sequence[str], held: Sequence[str], config: Config) -> Config:
    """Token perplexity on held-back notes before and after tuning, at both learning rates."""
    lora = config["lora"]
    blocks = pack_blocks(tokenizer, training, lora["block_tokens"])
    result: Config = {
        "training_documents": len(training),
        "held_back_documents": len(held),
        "base_perplexity": measure(model, tokenizer, held, config)["perplexity"],
    }
    for key in ("learning_rate", "diverging_learning_rate"):
        tuned = tune_lora(model, blocks, lora, lora[key])
        after = measure(tuned, tokenizer, held, config)["perplexity"]
        result |= {key: lora[key], f"{key}_perplexity": after}
    return result


def continue_text(model: Any, tokenizer: Any, prompt: str, config: Config) -> str:
    """A continuation of 48 tokens, drawn as the corpus was, prompt included; seeded, not chosen."""
    torch.manual_seed(config["seed"])
    input_ids = tokenizer(prompt, return_tensors="pt").input_ids.to(model.device)
    out = model.generate(
        input_ids, attention_mask=torch.ones_like(input_ids), max_new_tokens=48, do_sample=True,
        temperature=config["sampling"]["temperature"], min_p=config["sampling"]["min_p"], top_k=0,
    )  # fmt: skip
    return str(tokenizer.decode(out[0], skip_special_tokens=True))


def run_evaluate(config: Config, args: argparse.Namespace) -> None:
    """Update MODEL/measurements.json: scores, LoRA proof, continuations, hash. Float32 throughout.

    A set already measured is measured again only if it is named; others stay as they are.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    path = args.model / "measurements.json"
    m: Config = json.loads(path.read_text()) if path.exists() else {}
    texts = {name: read_notes(Path(p)) for name, p in (item.split("=", 1) for item in args.notes)}
    if not args.only:
        texts = {"general": read_notes(HERE / config["held_out"])} | texts

    def load(folder: Path) -> tuple[Any, Any]:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        return model.to(device).eval(), AutoTokenizer.from_pretrained(folder)

    tiny, tokenizer = load(args.model)
    torch.manual_seed(config["seed"])
    untrained = type(tiny)(copy.deepcopy(tiny.config)).float().eval()
    contestants = {"tiny": (tiny, tokenizer), "untrained": (untrained.to(device), tokenizer)}
    if args.teacher:
        contestants["SmolLM2-135M"] = load(args.teacher)
    for (name, documents), (who, pair) in itertools.product(texts.items(), contestants.items()):
        scores = measure(*pair, documents, config)
        m.setdefault("scores", {}).setdefault(name, {})[who] = scores
        print(f"{name} {who}: {scores}", flush=True)
    for name, paths in (item.split("=", 1) for item in args.lora):
        first, *second = [read_notes(Path(p)) for p in paths.split(",")]
        training, held = (first, second[0]) if second else split_notes(first, config)
        m.setdefault("lora", {})[name] = measure_lora(tiny, tokenizer, training, held, config)
        print(f"{name} LoRA: {m['lora'][name]}", flush=True)
    m["lora_profile"] = config["lora"]
    m["continuations"] = [continue_text(tiny, tokenizer, prompt, config) for prompt in config["continuations"]]
    weights = (args.model / "model.safetensors").read_bytes()
    m["weights"] = {"sha256": hashlib.sha256(weights).hexdigest(), "bytes": len(weights)}
    m["evaluation"] = config["evaluation"]
    _write_json(path, m)


# card


CARD = """---
license: apache-2.0
language:
- en
library_name: transformers
pipeline_tag: text-generation
tags:
- llama
- education
---

# Dragon Trainer's tiny base

A Llama of {millions} M parameters ({layers} layers, {hidden} wide, {heads} query and {kv_heads} key heads, tied embeddings) \
with a byte-level BPE of {vocabulary:,} tokens: a real pretrained language model that loads in a moment and takes a LoRA \
step of {lora_tokens:,} tokens in well under a second on one CPU core. It exists so that a course and its grader can \
be run, tested and trusted without a GPU. It is not meant to be talked to.

**Never for clinical use.** It knows no medicine. What it says about health is imitation of a small model's imitation, and often \
false.

## Use

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("labs/models/tiny", dtype="float32")
tokenizer = AutoTokenizer.from_pretrained("labs/models/tiny")
```

The special tokens are SmolLM2's: `<|endoftext|>` 0, `<|im_start|>` 1, `<|im_end|>` 2. Padding is the end-of-text token, as \
there, and no token is added by itself. Digits are single tokens; any byte can be encoded. Positions: 1,024, trained on \
{sequence} at a time. Weights: bf16, {megabytes} MB, sha256 `{sha256}`.

## Corpus

{training_tokens} M tokens ({training_megabytes} MB, {texts:,} texts) sampled from {teacher} (Apache-2.0, from 4-bit weights) at \
temperature {temperature}, min-p {min_p}, at most {new_tokens} tokens a text, over {n_topics} topics × {n_forms} forms × \
{n_styles} styles written for it (`make_tiny_prompts.json`): everyday life, nature, science, the body, health, hospitals, history, \
work, stories, letters, instructions, lists, dialogue. No form asks for a patient note, and texts that read like one were dropped, \
since adapting to those is what the course teaches. Also dropped: texts under {min_chars} characters, under {min_ascii} % ASCII, \
repetitive ones (zlib ratio under {min_compression}), exact and near duplicates. All texts on {n_held_topics} of the topics were \
kept out of training; {held_texts} of them are the general text below. No real patient's text was used.

## Training

`make_tiny.py` with `make_tiny.json`, on one H200: {steps:,} steps of {rows} × {sequence} tokens ({seen} M tokens, {epochs} passes), \
{optimizer}, peak learning rate {learning_rate}, linear decay to 0, seed {seed}; {seconds} s, after \
drawing {drawn} M tokens from the teacher at {rate} k a second.

## Measured

By `grader/perplexity.py` in float32: windows of {window} of the model's own tokens, stride {stride}, each text after one end-of-text \
token that is context only. Perplexity is per token and so not comparable between tokenizers; bits per byte is.

{score_table}

*{general_label}* is drawn and filtered as the corpus was, so it suits this model, and SmolLM2 even more: it is SmolLM2's own text. \
How surprising such text is depends on how it was sampled, and the limit of 1.0 that this model was made to is met at the corpus's own \
setting only. *{trial_label}* is drawn at temperature 1.0, top-p 0.95, top-k 50, and *{hot_label}* without the top-k, neither \
filtered. The three sets are `make_tiny_held_out*.jsonl`.

### LoRA adapts it, and too high a rate breaks it

r = {r}, alpha {alpha}, on the seven projections, {lora_steps} steps of {lora_rows} × {block} tokens, AdamW, warm-up {warmup} steps, \
linear decay, seed {lora_seed}. Token perplexity on notes that were not trained on:

{lora_table}

*private* was trained on the embedded notes and measured on the course's private ones; the other rows hold back a quarter of the \
set. The embedded notes contain planted near-copies, so *private* is the cleaner of the two. {lora_steps} steps at {lora_rate} were \
chosen on such held-back notes: 30 steps at 0.005 lowered medcalc by only 49 to 50 %. Repeated with {n_seeds} other pairs of split \
and seed, the fall was {least_fall} to {most_fall}, and the high rate ended between {least_diverged} and {most_diverged}.

### What was tried

{tried_table}

All on the same corpus, with {rows} × {sequence} tokens a step. One seed each: Muon (for the layers' matrices) shows no \
clear gain here and takes longer, so the plainer one ships. The config's third run, 6 layers × 256, was broken off after step 500 \
and has no result: on this corpus no second size was measured. An earlier trial on 5.4 M tokens, drawn like *{trial_label}* and scored by \
other code, gave 1.09 bits per byte on its own held-out text at this size and 1.13 at 8 layers × 256, which overfitted; its topics \
were not held out, so only the order of size compares.

## Continuations

Drawn at the corpus's own temperature and min-p with seed {seed}, one draw for each prompt of the config, all shown. (At temperature \
0.7 and min-p 0.1, tried first, it repeats itself more.)

{continuations}

## Limits

Its sentences are mostly grammatical and its facts mostly wrong; it repeats itself, loses the thread within a paragraph, and \
has seen no text longer than about {new_tokens} tokens of its teacher's. English only. Its teacher's biases are its own. Rare characters \
(µ, °, ≥, γ) are encodable but were hardly seen. Do not use it to inform, advise, or decide anything about anyone.
"""

SET_LABELS = {
    "general": "general text, held-out topics",
    "general-trial": "the same topics, hotter",
    "general-hot": "the same topics, hottest",
    "embedded": "embedded notes (written for the course)",
    "private": "private notes (written for the course)",
    "medcalc": "real notes: MedCalc-Bench's selection of Open-Patients",
    "trec": "real notes: TREC topics of Open-Patients",
}


def run_card(config: Config, args: argparse.Namespace) -> None:
    """Write MODEL/README.md from MODEL/measurements.json, the config and its prompts."""
    path = args.model / "measurements.json"
    m = json.loads(path.read_text())
    if args.tried:
        m["tried"] = [tried_row(json.loads((d / path.name).read_text())) for d in args.tried]
        _write_json(path, m)
    (args.model / "README.md").write_text(render_card(m, config))


def tried_row(m: Config) -> Config:
    """What the card says about one run, from its measurements."""
    keys = ("name", "optimizer", "parameters", "tokens_seen", "seconds")
    scores = {name: by_model["tiny"] for name, by_model in m["scores"].items()}
    return {key: m["training"][key] for key in keys} | {
        "general_bits_per_byte": scores["general"]["bits_per_byte"],
        "medcalc_perplexity": scores["medcalc"]["perplexity"],
        "trec_perplexity": scores["trec"]["perplexity"],
    }


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    ruler = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ruler, *rows))


def _score_cell(score: Config) -> str:
    return f"{score['bits_per_byte']:.3f} ({score['perplexity']:,.1f})"


def _score_table(m: Config) -> str:
    models = ("tiny", "untrained", "SmolLM2-135M")
    head = ("bits per byte (token perplexity)", "texts", "this model", "untrained copy",
            "SmolLM2-135M-Instruct")  # fmt: skip
    rows = [
        (label, f"{m['scores'][name]['tiny']['documents']}",
         *(_score_cell(m["scores"][name][who]) for who in models))
        for name, label in SET_LABELS.items() if name in m["scores"]
    ]  # fmt: skip
    return _table(head, rows)


def _lora_table(m: Config) -> str:
    profile = m["lora_profile"]
    keys = ("learning_rate", "diverging_learning_rate")
    head = ("notes", "trained on / measured on", "before",
            *(f"after, learning rate {profile[key]}" for key in keys))  # fmt: skip
    rows = []
    for name, r in m["lora"].items():
        before, after = r["base_perplexity"], r["learning_rate_perplexity"]
        rows.append((name, f"{r['training_documents']} / {r['held_back_documents']}", f"{before:.1f}",
                     f"{after:.1f} (−{1 - after / before:.0%})",
                     f"{r['diverging_learning_rate_perplexity']:,.0f}"))  # fmt: skip
    return _table(head, rows)


def _tried_table(m: Config) -> str:
    head = ("run", "parameters", "tokens seen", "training", "general, bits/byte", "medcalc, perplexity",
            "trec, perplexity")  # fmt: skip
    rows = [
        (f"{t['name']}, {t['optimizer']}", f"{t['parameters'] / 1e6:.2f} M", f"{t['tokens_seen'] / 1e6:.0f} M",
         f"{t['seconds']} s", f"{t['general_bits_per_byte']:.3f}", f"{t['medcalc_perplexity']:.1f}",
         f"{t['trec_perplexity']:.1f}")
        for t in m["tried"]
    ]  # fmt: skip
    return _table(head, rows)


def render_card(m: Config, config: Config) -> str:
    """The model card: every number in it comes from the measurements or the config."""
    t, corpus, lora = m["training"], m["training"]["corpus"], m["lora_profile"]
    s, f = config["sampling"], config["filters"]
    prompts = json.loads((HERE / config["prompts"]).read_text())
    repeats = m["lora_repeats"]
    falls = [1 - r["learning_rate_perplexity"] / r["base_perplexity"] for r in repeats]
    diverged = [r["diverging_learning_rate_perplexity"] for r in repeats]
    quotes = ("> " + text.replace("\n", "\n> ") for text in m["continuations"])
    return CARD.format(
        millions=f"{t['parameters'] / 1e6:.2f}", layers=t["layers"], hidden=t["hidden"], heads=t["heads"],
        kv_heads=t["kv_heads"], vocabulary=config["tokenizer"]["vocabulary"],
        lora_tokens=lora["batch_rows"] * lora["block_tokens"], sequence=config["training"]["sequence_tokens"],
        megabytes=f"{m['weights']['bytes'] / 1e6:.1f}", sha256=m["weights"]["sha256"],
        training_tokens=f"{corpus['training_tokens'] / 1e6:.1f}", texts=corpus["texts_after_deduplication"],
        training_megabytes=f"{corpus['training_bytes'] / 1e6:.0f}", teacher=s["teacher"],
        temperature=s["temperature"], min_p=s["min_p"], new_tokens=s["new_tokens"],
        n_topics=len(all_prompts(prompts)[0]), n_forms=len(prompts["forms"]), n_styles=len(set(prompts["styles"])),
        min_chars=f["min_chars"], min_ascii=f"{f['min_ascii'] * 100:.0f}", min_compression=f["min_compression"],
        n_held_topics=len(prompts["held_out_topics"]), held_texts=corpus["held_out_texts"],
        steps=t["steps"], rows=config["training"]["batch_rows"], seen=f"{t['tokens_seen'] / 1e6:.0f}",
        epochs=f"{t['tokens_seen'] / corpus['training_tokens']:.1f}", seconds=t["seconds"],
        optimizer={"adamw": "AdamW", "muon": "Muon"}[t["optimizer"]], learning_rate=t["learning_rate"],
        seed=config["seed"], window=m["evaluation"]["window"], stride=m["evaluation"]["stride"],
        score_table=_score_table(m), general_label=SET_LABELS["general"], trial_label=SET_LABELS["general-trial"],
        hot_label=SET_LABELS["general-hot"],
        r=lora["r"], alpha=lora["alpha"], lora_steps=lora["steps"], lora_rows=lora["batch_rows"],
        block=lora["block_tokens"], warmup=lora["warmup_steps"], lora_seed=lora["seed"], lora_table=_lora_table(m),
        lora_rate=lora["learning_rate"], n_seeds=len({r["split_seed"] for r in repeats}),
        least_fall=f"{min(falls):.0%}", most_fall=f"{max(falls):.0%}",
        least_diverged=f"{min(diverged):,.0f}", most_diverged=f"{max(diverged):,.0f}",
        drawn=f"{m['sampling']['tokens_drawn'] / 1e6:.1f}", rate=m["sampling"]["tokens_per_second"] // 1000,
        tried_table=_tried_table(m), continuations="\n\n".join(quotes),
    )  # fmt: skip


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=HERE / "make_tiny.json", help="one JSON")
    commands = parser.add_subparsers(dest="command", required=True)
    sample = commands.add_parser("sample", help="draw text from the teacher into WORK/shards")
    sample.add_argument("--teacher", type=Path, required=True, help="SmolLM2, a Hugging Face folder")
    sample.add_argument("--work", type=Path, required=True, help="folder for everything in between")
    sample.add_argument("--seconds", type=float, default=300, help="stop after (default 300)")
    sample.add_argument("--batch", type=int, help="rows at a time instead of the config's")
    sample.set_defaults(function=run_sample)
    train = commands.add_parser("train", help="corpus, tokenizer and model; resumes")
    train.add_argument("--work", type=Path, required=True, help="the folder that `sample` filled")
    train.add_argument("--run", help="which of the config's runs (default: its `run`)")
    train.add_argument("--steps", type=int, help="steps instead of the run's")
    train.add_argument("--batch", type=int, help="rows a step instead of the config's")
    train.set_defaults(function=run_train)
    evaluate = commands.add_parser("evaluate", help="measure a model and record it beside it")
    evaluate.add_argument("notes", nargs="*", metavar="NAME=PATH.jsonl", help="sets of notes")
    evaluate.add_argument("--model", type=Path, default=MODEL_DIR, help="default: labs/models/tiny")
    evaluate.add_argument("--teacher", type=Path, help="also measure this model, as SmolLM2-135M")
    evaluate.add_argument("--lora", action="append", default=[], metavar="NAME=TRAIN[,HELD].jsonl",
                          help="prove that LoRA adapts to these notes; without HELD a part of them"
                          " is held back")  # fmt: skip
    evaluate.add_argument("--only", action="store_true", help="the named sets, not general text")
    evaluate.set_defaults(function=run_evaluate)
    card = commands.add_parser("card", help="write README.md from measurements.json")
    card.add_argument("--model", type=Path, default=MODEL_DIR, help="default: labs/models/tiny")
    card.add_argument("--tried", type=Path, nargs="*", metavar="DIR",
                      help="evaluated models to list as tried")  # fmt: skip
    card.set_defaults(function=run_card)
    return parser.parse_args(argv)


def main() -> None:
    """Run one subcommand."""
    args = parse_arguments()
    args.function(json.loads(args.config.read_text()), args)


if __name__ == "__main__":
    main()
