"""`grader.perplexity` against a reference that scores one document at a time, without batching."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from grader.perplexity import Score, score_documents

VOCABULARY = 61
# fp32 sums of a few hundred losses differ by under 2e-7 relative between batch shapes (measured on
# AVX2); 1e-6 leaves a margin and still catches one token scored twice or not at all.
RELATIVE_TOLERANCE = 1e-6


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    """A random two-layer Llama with large weights, so that context changes every loss."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=24,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=3,
        num_key_value_heads=1,
        max_position_embeddings=128,
        initializer_range=0.5,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config)


@pytest.fixture
def documents() -> list[list[int]]:
    """Documents shorter than, as long as, and longer than a window of 16."""
    draw = random.Random(0)
    return [[draw.randrange(VOCABULARY) for _ in range(n)] for n in (2, 5, 16, 17, 40, 3, 31, 64)]


def reference_nats(model: LlamaForCausalLM, document: Sequence[int], window: int, stride: int) -> float:
    """Score each target in a forward pass of its own, from the definition."""
    nats = 0.0
    for target in range(1, len(document)):
        begin = 0
        while begin + window <= target:
            begin += stride
        input_ids = torch.tensor([document[begin:target]])  # (1, seq) int64
        with torch.no_grad():
            logits = model.eval()(input_ids=input_ids).logits
        nats -= torch.log_softmax(logits[0, -1].double(), -1)[document[target]].item()
    return nats


@pytest.mark.parametrize(("window", "stride"), [(16, 8), (16, 15), (16, 1), (7, 3), (100, 50)])
def test_it_agrees_with_scoring_each_target_from_the_definition(
    model: LlamaForCausalLM, documents: list[list[int]], window: int, stride: int
) -> None:
    expected = sum(reference_nats(model, d, window, stride) for d in documents)
    score = score_documents(model, documents, window=window, stride=stride)
    assert score.nats == pytest.approx(expected, rel=RELATIVE_TOLERANCE)


def test_every_token_after_a_documents_first_is_scored_once(model: LlamaForCausalLM, documents: list[list[int]]) -> None:
    for window, stride in ((16, 8), (16, 15), (5, 2), (200, 1)):
        score = score_documents(model, documents, window=window, stride=stride)
        assert score.tokens == sum(len(d) - 1 for d in documents)


def test_batch_size_does_not_change_the_score(model: LlamaForCausalLM, documents: list[list[int]]) -> None:
    one = score_documents(model, documents, window=16, stride=8, batch_size=1)
    for batch_size in (2, 3, 8, 100):
        many = score_documents(model, documents, window=16, stride=8, batch_size=batch_size)
        assert many.nats == pytest.approx(one.nats, rel=RELATIVE_TOLERANCE)


def test_document_order_does_not_change_the_score(model: LlamaForCausalLM, documents: list[list[int]]) -> None:
    forward = score_documents(model, documents, window=16, stride=8, batch_size=3)
    backward = score_documents(model, documents[::-1], window=16, stride=8, batch_size=3)
    assert backward.nats == pytest.approx(forward.nats, rel=RELATIVE_TOLERANCE)


def test_documents_add_up(model: LlamaForCausalLM, documents: list[list[int]]) -> None:
    apart = [score_documents(model, [d], window=16, stride=8).nats for d in documents]
    together = score_documents(model, documents, window=16, stride=8)
    assert together.nats == pytest.approx(sum(apart), rel=RELATIVE_TOLERANCE)


def test_more_context_changes_the_score(model: LlamaForCausalLM, documents: list[list[int]]) -> None:
    """A scorer that dropped the context between windows would pass most tests above."""
    little = score_documents(model, documents, window=16, stride=15)
    much = score_documents(model, documents, window=16, stride=1)
    assert abs(much.nats / little.nats - 1) > 1000 * RELATIVE_TOLERANCE


def test_documents_of_fewer_than_two_tokens_add_nothing(model: LlamaForCausalLM, documents: list[list[int]]) -> None:
    with_short = score_documents(model, [[], [3], *documents], window=16, stride=8)
    assert with_short == score_documents(model, documents, window=16, stride=8)


def test_a_bfloat16_model_is_scored_in_float32(documents: list[list[int]]) -> None:
    """Constant logits give exactly ln(vocabulary); a bfloat16 log-softmax misses it by 1e-3."""
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=1, num_key_value_heads=1, tie_word_embeddings=True,
    )  # fmt: skip
    model = LlamaForCausalLM(config).to(torch.bfloat16)
    torch.nn.init.zeros_(model.model.norm.weight)
    score = score_documents(model, documents, window=16, stride=8)
    assert score.perplexity == pytest.approx(VOCABULARY, rel=RELATIVE_TOLERANCE)


def test_the_model_keeps_its_mode_and_gets_no_gradients(model: LlamaForCausalLM, documents: list[list[int]]) -> None:
    for is_training in (True, False):
        model.train(is_training)
        score_documents(model, documents, window=16, stride=8)
        assert model.training is is_training
    assert all(p.grad is None for p in model.parameters())


def test_the_mode_is_restored_when_the_model_raises(model: LlamaForCausalLM) -> None:
    model.train()
    with pytest.raises(IndexError):
        score_documents(model, [[0, VOCABULARY + 1]], window=16, stride=8)
    assert model.training


@pytest.mark.parametrize(("window", "stride"), [(16, 16), (16, 17), (16, 0), (1, 1), (0, 0)])
def test_a_stride_that_would_leave_a_target_without_context_is_refused(model: LlamaForCausalLM, window: int, stride: int) -> None:
    with pytest.raises(ValueError, match="1 <= stride < window"):
        score_documents(model, [[1, 2, 3]], window=window, stride=stride)


def test_a_batch_size_of_zero_is_refused(model: LlamaForCausalLM) -> None:
    with pytest.raises(ValueError, match="batch_size"):
        score_documents(model, [[1, 2, 3]], window=16, stride=8, batch_size=0)


def test_perplexity_and_bits_per_byte_follow_their_formulas() -> None:
    score = Score(nats=6 * math.log(2), tokens=3, n_bytes=12)
    assert score.perplexity == pytest.approx(4.0)
    assert score.bits_per_byte == pytest.approx(0.5)


def test_perplexity_too_large_for_a_float_is_infinite() -> None:
    assert Score(nats=1e6, tokens=1, n_bytes=1).perplexity == math.inf


def test_ratios_over_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="0 scored tokens"):
        _ = Score(nats=0.0, tokens=0, n_bytes=1).perplexity
    with pytest.raises(ValueError, match="0 bytes"):
        _ = Score(nats=0.0, tokens=1, n_bytes=0).bits_per_byte
