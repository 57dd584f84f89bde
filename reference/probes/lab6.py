"""Hidden inputs of Lab 6: token ids, models and sums that the student's functions are tried on. No expected values here."""

import random

import numpy as np
import torch
from boxed import probe
from transformers import LlamaConfig, LlamaForCausalLM
from utils.course import load_profile

WINDOWS = [(8, 3), (8, 7), (16, 4)]
LENGTHS = [2, 5, 7, 8, 9, 12, 13, 16, 30, 41]  # below, at and above a window, and at and off the strides


def _llama(dropout=0.0):
    """A model so small that it needs no file; with large random weights, so that what it sees matters to it."""
    torch.manual_seed(11)
    config = LlamaConfig(
        vocab_size=61,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        initializer_range=0.3,
        attention_dropout=dropout,
    )
    return LlamaForCausalLM(config).eval()


def _documents(lengths=LENGTHS, vocabulary=61):
    rng = random.Random(12)
    return [[rng.randrange(3, vocabulary) for _ in range(length)] for length in lengths]


def _nats(strided_ppl, model, documents, window, stride):
    return strided_ppl(model, [list(document) for document in documents], window, stride)["nats"]


@probe
def strided_counts(strided_ppl):
    documents = _documents([6, 1, *LENGTHS])  # one of a single token
    return {
        "lengths": [len(document) for document in documents],
        "tokens": [strided_ppl(_llama(), documents, window, stride)["tokens"] for window, stride in WINDOWS],
    }


@probe
def strided_alone(strided_ppl):
    model = _llama()
    return {f"{w}/{s}": [_nats(strided_ppl, model, [document], w, s) for document in _documents()] for w, s in WINDOWS}


@probe
def strided_loaded_model(strided_ppl, model):
    documents = _documents([40, 150], vocabulary=min(4000, model.config.vocab_size))
    return [_nats(strided_ppl, model, [document], 64, 24) for document in documents]


@probe
def strided_together(strided_ppl):
    model, documents = _llama(), _documents()
    order = random.Random(13).sample(range(len(documents)), len(documents))
    return {
        "order": order,
        "alone": [_nats(strided_ppl, model, [document], 8, 3) for document in documents],
        "together": strided_ppl(model, documents, 8, 3),
        "shuffled": strided_ppl(model, [documents[i] for i in order], 8, 3),
    }


@probe
def strided_in_training_mode(strided_ppl):
    model, documents = _llama(dropout=0.5), _documents([20, 30])
    quiet = _nats(strided_ppl, model, documents, 8, 3)
    return {"quiet": quiet, "training": [_nats(strided_ppl, model.train(), documents, 8, 3) for _ in range(2)]}


@probe
def bits_of_plain_text(bits_per_byte):
    return [bits_per_byte(nats, texts) for nats, texts in ((120.0, ["fever " * 25]), (73.5, ["Well since Monday."]))]


@probe
def bits_of_symbols(bits_per_byte):
    symbols = ["38.4 °C, 12 µg", "γ-GT ≥ 55 U/L", "TNF-α ↑, BMI 31 kg/m²"]
    plain = "x" * sum(len(text.encode("utf-8")) for text in symbols)
    return {
        "plain": bits_per_byte(200.0, [plain]),
        "symbols": bits_per_byte(200.0, symbols),
        "joined": bits_per_byte(200.0, ["".join(symbols)]),
    }


def _sums():
    """Nats of two models on 30 documents: hard ones are hard for both, and long ones gain more."""
    rng = np.random.default_rng(14)
    tokens = rng.integers(60, 1500, 30)
    hard = rng.normal(3.2, 0.5, 30)
    gain = rng.normal(0.0, 0.05, 30) + 0.15 * tokens / 1500
    return (hard * tokens).tolist(), ((hard - gain) * tokens).tolist(), tokens.tolist()


@probe
def bootstrap_intervals(paired_bootstrap):
    return {
        "interval": paired_bootstrap(*_sums(), draws=10_000, seed=5),
        "again": paired_bootstrap(*_sums(), draws=10_000, seed=5),
        "no_change": paired_bootstrap(_sums()[0], _sums()[0], _sums()[2], draws=100, seed=5),
        "other_seed": paired_bootstrap(*_sums(), draws=10_000, seed=6),
        "one_draw": paired_bootstrap(*_sums(), draws=1, seed=5),
    }


@probe
def greedy_steps(model, tokenizer, chosen):
    """Each chosen prompt's greedy continuation, token by token, and by how much each token's logit led the next one's."""
    model.eval()
    tuned = _continuations(model, tokenizer, chosen)
    with model.disable_adapter():
        base = _continuations(model, tokenizer, chosen)
    return {"dtype": str(model.dtype), "base": base, "tuned": tuned, "prompts": {row["id"]: row["prompt"] for row in chosen}}


def _continuations(model, tokenizer, prompts):
    """All prompts in one batch, padded on the left."""
    ids = [tokenizer(row["prompt"])["input_ids"] for row in prompts]
    width, eos = max(map(len, ids)), tokenizer.eos_token_id
    with torch.no_grad():
        made = model.generate(
            input_ids=torch.tensor([[eos] * (width - len(line)) + line for line in ids], device=model.device),
            attention_mask=torch.tensor([[0] * (width - len(line)) + [1] * len(line) for line in ids], device=model.device),
            max_new_tokens=load_profile().eval["new_tokens"],
            do_sample=False,
            pad_token_id=eos,
            return_dict_in_generate=True,
            output_logits=True,
        )
    best = torch.stack(made.logits, 1).float().topk(2).values  # (prompts, steps, 2)
    leads = (best[..., 0] - best[..., 1]).tolist()
    found = {}
    for row, new, lead in zip(prompts, made.sequences[:, width:].tolist(), leads):
        steps = new.index(eos) + 1 if eos in new else len(new)
        texts = [tokenizer.decode(new[: i + 1], skip_special_tokens=True) for i in range(steps)]
        found[row["id"]] = {"texts": texts, "leads": lead[:steps]}
    return found
