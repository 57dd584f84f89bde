"""Hidden inputs of Lab 2: what the student's functions are tried on. No expected values here."""

import json
from contextlib import contextmanager
from pathlib import Path

import torch

from boxed import probe

TEXTS = [
    "She",
    "The wound was",
    "His past medical history included asthma and",
    "Laboratory tests showed a haemoglobin of 9.6 g/dL, platelets of 212 × 10^9/L and",
    "A 35-year-old nurse noticed a lump in her left breast.\nOn palpation it was",
    "Blood pressure 150/90 mmHg, pulse",
    "What is the most likely",
    "There was no family history of cancer. The",
    "Family history: ",  # the blank at the end counts
    "She was discharged on day five.\n",
]
# far from ties: the two likeliest tokens are at least 0.02 apart at each of 16 steps, on tiny and SmolLM2-135M
BATCH = [
    "Her sister",
    "An ultrasound of the abdomen was done, which showed that the gallbladder",
    "After the operation",
    "Two days before she came to the emergency department, she had eaten mushrooms from the forest, and",
    "Since then",
]
PROBABILITIES = [0.04, 0.50, 0.06, 0.15, 0.25]
SEEDS = [0, 1, 2, 3]


@contextmanager
def _bent(model, follow):
    """While it lasts, the token after `a` is `follow[a]`, whatever the weights say; others are as they were."""
    seen = {}
    size = model.get_output_embeddings().weight.shape[0]

    def see(module, args, output):
        seen["ids"] = args[0]

    def bend(module, args, output):
        after = torch.full((size,), -1, device=output.device)
        for token, following in follow.items():
            after[token] = following
        ids = seen["ids"].to(output.device)
        # who calls the head by himself may give it (texts, width) or (width,), the last position only
        bent = output.clone().reshape(len(ids), -1, size)
        following = after[ids][:, -bent.shape[1] :]
        row, column = (following >= 0).nonzero(as_tuple=True)
        bent[row, column, following[row, column]] += 1e4
        return bent.reshape(output.shape)

    hooks = [
        model.get_input_embeddings().register_forward_hook(see),
        model.get_output_embeddings().register_forward_hook(bend),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _last(tokenizer, text):
    """The last token id of `text`."""
    return tokenizer(text, add_special_tokens=False)["input_ids"][-1]


def _chain(*ids):
    return dict(zip(ids[:-1], ids[1:]))


def _plain(ids):
    return [int(i) for i in ids]


@probe
def logprobs(next_token_logprobs):
    return [next_token_logprobs(text) for text in TEXTS]


@probe
def greedy_first(greedy):
    return [_plain(greedy(text, 1)) for text in TEXTS]


@probe
def greedy_long(greedy):
    return [_plain(greedy(text, 20)) for text in TEXTS[1:4]]


@probe
def greedy_spelled(greedy, model, tokenizer):
    """The model spells words letter by letter, as no tokenizer would cut them."""
    found = []
    for prompt, letters in [("The patient had", " pain"), ("It was the", " left"), ("She felt well and", " hope"), ("a", "bdomen")]:
        pieces = [letters[:2], *letters[2:]] if letters.startswith(" ") else list(letters)
        ids = [_last(tokenizer, prompt), *(_last(tokenizer, piece) for piece in pieces)]
        with _bent(model, _chain(*ids)):
            found.append(_plain(greedy(prompt, len(ids) - 1)))
    return found


@probe
def greedy_ended(greedy, model, tokenizer):
    """EOS comes third, or never within n."""
    prompt, words, eos = "The patient was", [" seen", " and", " the"], tokenizer.eos_token_id
    first, *ids = [_last(tokenizer, prompt), *(_last(tokenizer, word) for word in words)]
    found = {}
    with _bent(model, _chain(first, *ids[:2], eos) | {eos: ids[2]}):
        found["EOS after two tokens"] = _plain(greedy(prompt, 9))
        found["EOS as the last of n tokens"] = _plain(greedy(prompt, 3))
        found["EOS just after n tokens"] = _plain(greedy(prompt, 2))
    return found


def _filtered(filter_logits, cases):
    """case: (logits, temperature, top_k, top_p); each gets a copy of its own, which should stay as it is."""
    results = []
    for logits, *knobs in cases:
        given = logits.clone()
        found = filter_logits(given, *knobs)
        results.append({"logits": logits, "found": found, "is_new": torch.equal(given, logits)})
    return results


def _toy():
    return torch.tensor(PROBABILITIES).log()


def _wide():
    return 3 * torch.randn(1000, generator=torch.Generator().manual_seed(11))


@probe
def filter_temperature(filter_logits):
    return _filtered(filter_logits, [(logits, t, 0, 1.0) for logits in (_toy(), _wide()) for t in (0.5, 1.0, 1.7)])


@probe
def filter_temperature_zero(filter_logits):
    return _filtered(filter_logits, [(_toy(), 0, 0, 1.0), (_wide(), 0.0, 0, 1.0), (-_wide().abs() - 1, 0.0, 0, 1.0)])


@probe
def filter_top_k(filter_logits):
    return _filtered(filter_logits, [(_toy(), 1.0, k, 1.0) for k in (0, 1, 3, 5, 9)] + [(_wide(), 1.0, 40, 1.0)])


@probe
def filter_top_p(filter_logits):
    orders = [[0, 1, 2, 3, 4], [1, 4, 3, 2, 0], [2, 0, 3, 4, 1], [4, 3, 2, 1, 0]]
    cases = [(_toy()[order], 1.0, 0, p) for order in orders for p in (0.02, 0.3, 0.6, 0.8, 0.92, 0.97, 1.0)]
    return _filtered(filter_logits, cases + [(_wide(), 1.0, 0, p) for p in (0.05, 0.5, 0.9)])


@probe
def filter_together(filter_logits):
    return _filtered(
        filter_logits,
        [
            (_toy(), 1.0, 2, 0.6),
            (_toy(), 1.0, 3, 0.95),
            (_toy(), 0.5, 0, 0.7),
            (_toy(), 3.0, 0, 0.6),
            (_wide(), 0.7, 50, 0.9),
            (_wide(), 1.5, 20, 0.6),
            (_wide(), 0.0, 40, 0.9),
        ],
    )


@probe
def batch_prompts(generate_batch):
    """One batch with a prompt that is there twice, the same in another order, and each prompt alone."""
    prompts, order = [*BATCH, BATCH[0]], [3, 5, 0, 4, 2, 1]
    return {
        "together": [_plain(ids) for ids in generate_batch(list(prompts))],
        "reordered": [_plain(ids) for _, ids in sorted(zip(order, generate_batch([prompts[i] for i in order])))],
        "alone": [_plain(generate_batch([prompt])[0]) for prompt in prompts],
    }


@probe
def batch_ended(generate_batch, model, tokenizer):
    """The first prompt's EOS comes at once, the second's after two tokens, the third's not at all."""
    prompts, eos = ["He had no fever", "An X-ray was", "Her daughter and her two sons had the same"], tokenizer.eos_token_id
    early, late = _last(tokenizer, prompts[0]), [_last(tokenizer, text) for text in (prompts[1], " seen", " by")]
    going = [_last(tokenizer, text) for text in (prompts[2], " in", " to", " with")]
    with _bent(model, {early: eos} | _chain(*late, eos) | _chain(*going) | {going[-1]: going[1]}):
        return [_plain(ids) for ids in generate_batch(prompts)]


@probe
def batch_passes(generate_batch, model):
    """Forward passes that a batch takes."""
    passes = []
    hook = model.get_output_embeddings().register_forward_hook(lambda *_: passes.append(1))
    try:
        generate_batch(list(BATCH))
    finally:
        hook.remove()
    return len(passes)


@probe
def rows_again(sample):
    """The file's own rows, sampled again, last one first; None for a row that does not say how."""
    lines = Path("out/lab2/generations.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()][:12]
    return [_again(sample, row) for row in reversed(rows)][::-1]


def _again(sample, row):
    prompt, params, seed = (row.get(key) for key in ("prompt", "params", "seed"))
    is_whole = isinstance(prompt, str) and isinstance(params, dict) and isinstance(seed, int)
    return str(sample(prompt, params, seed)) if is_whole else None


@probe
def sampled(sample):
    """Several seeds, each twice; and a choice of one token, which no seed can change."""
    free = {"temperature": 1.5, "top_k": 0, "top_p": 1.0, "max_new_tokens": 8}
    one = {"temperature": 1.0, "top_k": 1, "top_p": 1.0, "max_new_tokens": 8}
    sharp = {"temperature": 1.0, "top_k": 0, "top_p": 1e-6, "max_new_tokens": 8}
    prompt = BATCH[2]
    return {
        "seeds": [str(sample(prompt, dict(free), seed)) for seed in SEEDS],
        "seeds_again": [str(sample(prompt, dict(free), seed)) for seed in reversed(SEEDS)][::-1],
        "top_k_1": [str(sample(prompt, dict(one), seed)) for seed in SEEDS[:2]],
        "top_p_small": [str(sample(prompt, dict(sharp), seed)) for seed in SEEDS[:2]],
    }


@probe
def sampled_lengths(sample, model, tokenizer):
    """The model says two words in turn, without an end."""
    prompt = "He was"
    first, word, other = (_last(tokenizer, text) for text in (prompt, " seen", " with"))
    with _bent(model, _chain(first, word, other, word)):
        return [len(str(sample(prompt, {"temperature": 1.0, "top_k": 5, "top_p": 0.9, "max_new_tokens": n}, 0))) for n in (4, 20)]


@probe
def sampled_ended(sample, model, tokenizer):
    """The model says one word, then EOS; and it would go on after that."""
    prompt, eos = "He was", tokenizer.eos_token_id
    first, word, other = (_last(tokenizer, text) for text in (prompt, " seen", " with"))
    with _bent(model, _chain(first, word, eos, other, other)):
        text = sample(prompt, {"temperature": 1.0, "top_k": 5, "top_p": 0.9, "max_new_tokens": 6}, 0)
    return {"found": str(text), "wanted": tokenizer.decode([word]), "eos": tokenizer.eos_token}
