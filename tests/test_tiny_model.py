"""The tiny base model that the repository ships: it loads, is what its card says, and can be made again."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

from grader.perplexity import score_documents

MODELS = Path(__file__).resolve().parents[1] / "labs" / "models"
TINY = MODELS / "tiny"
MAX_BYTES = 12_000_000  # issue 3


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    loaded = AutoModelForCausalLM.from_pretrained(TINY, dtype=torch.float32)
    assert type(loaded) is LlamaForCausalLM
    return loaded.eval()


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(TINY)


@pytest.fixture(scope="module")
def measurements() -> dict[str, Any]:
    return json.loads((TINY / "measurements.json").read_text())


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return json.loads((MODELS / "make_tiny.json").read_text())


@pytest.fixture(scope="module")
def make_tiny() -> ModuleType:
    """The script as a module; it is not in a package."""
    spec = importlib.util.spec_from_file_location("make_tiny", MODELS / "make_tiny.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_tiny"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def test_the_folder_is_at_most_twelve_megabytes() -> None:
    assert sum(path.stat().st_size for path in TINY.rglob("*") if path.is_file()) <= MAX_BYTES


def test_the_weights_are_the_ones_that_were_measured(measurements: dict[str, Any]) -> None:
    weights = (TINY / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == measurements["weights"]["sha256"]


def test_the_card_says_what_was_measured(make_tiny: ModuleType, measurements: dict[str, Any], config: dict[str, Any]) -> None:
    assert (TINY / "README.md").read_text() == make_tiny.render_card(measurements, config)


def test_special_tokens_are_smollm2s(model: LlamaForCausalLM, tokenizer: Any) -> None:
    assert tokenizer.convert_ids_to_tokens([0, 1, 2]) == ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    for holder in (tokenizer, model.config, model.generation_config):
        assert (holder.bos_token_id, holder.eos_token_id, holder.pad_token_id) == (1, 2, 2)
    assert tokenizer.unk_token_id == 0


def test_the_vocabulary_fits_the_embedding(model: LlamaForCausalLM, tokenizer: Any) -> None:
    assert len(tokenizer) == model.get_input_embeddings().num_embeddings


def test_the_embeddings_are_tied(model: LlamaForCausalLM) -> None:
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


def test_no_special_token_is_added_by_itself(tokenizer: Any) -> None:
    assert not {0, 1, 2} & set(tokenizer("A plain sentence.").input_ids)


def test_every_digit_is_a_token_of_its_own(tokenizer: Any) -> None:
    # Beside the digits a byte-level tokenizer may make tokens of the spaces and points between them.
    tokens = tokenizer.tokenize("In 1984, 120/80 and 37.5 and 0042")
    assert [t for t in tokens if any(c.isdigit() for c in t)] == list("198412080375") + list("0042")


@pytest.mark.parametrize(
    "text", ["5 µg at 37 °C, ≥ 90 %, γ-GT", "naïve – “café” … 漢字 🙂", "tab\tnewline\n\n  spaces \u2009\u00a0", "\x00\x7f\U0010ffff"]
)
def test_text_survives_a_round_trip(tokenizer: Any, text: str) -> None:
    assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_it_still_scores_general_text_as_measured(
    make_tiny: ModuleType, model: LlamaForCausalLM, tokenizer: Any, config: dict[str, Any]
) -> None:
    """A quick sample of the held-out texts, against the limit that the project set for all of them."""
    texts = make_tiny.read_notes(MODELS / config["held_out"])[:12]
    documents = make_tiny.encode_documents(tokenizer, texts)
    evaluation = config["evaluation"]
    n_bytes = sum(len(text.encode()) for text in texts)
    score = score_documents(model, documents, window=evaluation["window"], stride=evaluation["stride"], n_bytes=n_bytes)
    assert score.bits_per_byte <= 1.0


def test_general_text_takes_at_most_one_bit_per_byte(measurements: dict[str, Any]) -> None:
    assert measurements["scores"]["general"]["tiny"]["bits_per_byte"] <= 1.0


@pytest.mark.parametrize("notes", ["embedded", "private", "medcalc", "trec"])
def test_lora_was_measured_to_halve_perplexity_and_to_diverge_at_a_high_rate(measurements: dict[str, Any], notes: str) -> None:
    proof = measurements["lora"][notes]
    assert proof["learning_rate_perplexity"] <= proof["base_perplexity"] / 2
    assert proof["diverging_learning_rate_perplexity"] >= proof["base_perplexity"] * 2


def test_the_samplers_greedy_tokens_are_those_of_generate(make_tiny: ModuleType, model: LlamaForCausalLM, tokenizer: Any) -> None:
    """Left padding, the static cache and stacked matrices must change nothing."""
    prompts = [tokenizer(text).input_ids for text in ("Rain", "Once upon a time there was a village by the sea, and", "Dear Sir,")]
    sampling = {"batch": 3, "prompt_tokens": 20, "new_tokens": 24, "bucket_tokens": 8, "temperature": 1.0, "min_p": 0.05}
    drawn = make_tiny.Decoder(model, sampling, is_greedy=True).sample(prompts)
    for prompt, row in zip(prompts, drawn, strict=True):
        expected = model.generate(torch.tensor([prompt]), max_new_tokens=24, do_sample=False)[0, len(prompt) :]
        assert row[: len(expected)].tolist() == expected.tolist()


@pytest.mark.parametrize(
    "note",
    [
        "A 54-year-old man presented to the emergency department with chest pain. " * 4,
        "Chief complaint: cough for two weeks, worse at night, with some yellow sputum and a mild fever. " * 3,
        "On admission his temperature was 38.5 degrees and his pulse was fast, and he was short of breath. " * 3,
    ],
)
def test_a_patient_note_is_kept_out_of_the_corpus(make_tiny: ModuleType, config: dict[str, Any], note: str) -> None:
    assert make_tiny.clean(note, True, config["filters"] | {"min_compression": 0.0}) is None


def test_a_story_about_a_child_and_a_text_about_disease_are_let_into_the_corpus(make_tiny: ModuleType, config: dict[str, Any]) -> None:
    text = (
        "Asthma makes the airways narrow, so that breathing out is hard. Doctors treat it with inhalers, and many patients learn "
        "what sets it off: dust, cold air or running. My sister, a 9-year-old girl who loves football, keeps hers in her bag. "
        "Hospitals see fewer people with it than they did forty years ago."
    )
    assert make_tiny.clean(text, True, config["filters"]) == text


def test_an_unfinished_text_is_cut_at_its_last_sentence(make_tiny: ModuleType, config: dict[str, Any]) -> None:
    whole = "The river rose in the night and took the old bridge with it. " * 2 + "Nobody had crossed it since the mill closed. "
    filters = config["filters"] | {"min_chars": 20, "min_compression": 0.0}
    assert make_tiny.clean(whole + "By morning the", False, filters) == whole.strip()
