"""Perplexity of a causal language model on tokenised documents: model, token ids -> Score.

This is the project's only perplexity code: the grader, the course, the benchmarks and
`labs/models/make_tiny.py` all use it, so their numbers can be compared.

It covers strided windows, batching and the two normalisations (per token, per byte). It does not
tokenise, load models or read files, and it scores whatever ids it is given: special tokens in a
document count as targets like any other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True, slots=True)
class Score:
    """Total negative log-likelihood of scored targets.

    `nats` is a sum (natural logarithm), `tokens` the number of scored targets, `n_bytes` the UTF-8
    bytes of the documents they came from (0 when the caller gave none).
    """

    nats: float
    tokens: int
    n_bytes: int

    @property
    def perplexity(self) -> float:
        """exp(mean nats per scored target token); infinite when that overflows."""
        if self.tokens == 0:
            raise ValueError("perplexity of 0 scored tokens; give a document of 2 tokens or more")
        try:
            return math.exp(self.nats / self.tokens)
        except OverflowError:
            return math.inf

    @property
    def bits_per_byte(self) -> float:
        """Total bits over total UTF-8 bytes: comparable between tokenisers."""
        if self.n_bytes == 0:
            raise ValueError("bits per byte of 0 bytes; pass n_bytes= to score_documents")
        return self.nats / math.log(2) / self.n_bytes


@dataclass(frozen=True, slots=True)
class _Window:
    """One forward pass's row: `ids` in, the losses of its last `n_targets` tokens out."""

    ids: tuple[int, ...]
    n_targets: int


def score_documents(
    model: nn.Module,
    documents: Sequence[Sequence[int]],
    *,
    window: int,
    stride: int,
    batch_size: int = 8,
    n_bytes: int = 0,
) -> Score:
    """Score every token but each document's first, exactly once.

    A document is a sequence of token ids. Its first window covers tokens [0, window) and scores all
    but token 0; each later window starts `stride` tokens further on and scores only what no earlier
    window did, so those targets see at least `window - stride` tokens before them. The result is
    token-weighted over all documents: sum(len(d) - 1) targets. Documents of fewer than two tokens
    add nothing. `n_bytes` is carried into the result as it is.

    The log-softmax is float32 whatever the model's dtype. The model runs in eval mode without
    gradients, on the device of its parameters, and is left in the mode it came in.

    Raises ValueError unless 1 <= stride < window and batch_size >= 1.
    """
    import torch

    if not 1 <= stride < window:
        raise ValueError(f"window {window}, stride {stride}: expected 1 <= stride < window, since a window's first token is context only")
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; expected 1 or more")
    windows = [w for document in documents for w in _windows(document, window, stride)]
    windows.sort(key=lambda w: len(w.ids), reverse=True)  # like lengths together: little padding
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            nats = [row for start in range(0, len(windows), batch_size) for row in _batch_nats(model, windows[start : start + batch_size])]
    finally:
        model.train(was_training)
    return Score(math.fsum(nats), sum(w.n_targets for w in windows), n_bytes)


def _windows(document: Sequence[int], window: int, stride: int) -> Iterator[_Window]:
    """Cut one document into windows that together score each token after the first once."""
    n_tokens = len(document)
    n_done = 1
    for begin in range(0, n_tokens, stride):
        if n_done >= n_tokens:
            return
        end = min(begin + window, n_tokens)
        yield _Window(tuple(document[begin:end]), end - n_done)
        n_done = end


def _batch_nats(model: nn.Module, windows: Sequence[_Window]) -> list[float]:
    """Summed nats of each window's targets, from one right-padded forward pass."""
    import torch
    from torch.nn import functional as F

    device = next(model.parameters()).device
    width = max(len(w.ids) for w in windows)
    input_ids = torch.zeros(len(windows), width, dtype=torch.long)  # (batch, seq) int64
    attention_mask = torch.zeros_like(input_ids)
    for row, w in enumerate(windows):
        input_ids[row, : len(w.ids)] = torch.tensor(w.ids)
        attention_mask[row, : len(w.ids)] = 1
    input_ids, attention_mask = input_ids.to(device), attention_mask.to(device)
    logits: torch.Tensor = model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).logits  # (batch, seq, vocabulary)
    nats: list[float] = []
    for row, w in enumerate(windows):
        end = len(w.ids)
        begin = end - w.n_targets
        losses = F.cross_entropy(logits[row, begin - 1 : end - 1].float(), input_ids[row, begin:end], reduction="none")
        nats.append(losses.double().sum().item())
    return nats
