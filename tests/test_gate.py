"""What a student's files may not be: adapters, JSON, safetensors and zips that are refused, each with a sentence."""

import io
import json
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.errors import Rejected
from grader.gate import parse_adapter
from grader.notebook import parse_notebook
from grader.strict import parse_json, plain
from grader.submissions import find_submissions
from grader.tensors import parse_safetensors

SHAPES = {"model.layers.0.self_attn.q_proj": (6, 4), "model.layers.0.mlp.down_proj": (4, 8)}
FUZZ = settings(max_examples=400, deadline=5000, derandomize=True, suppress_health_check=list(HealthCheck))


def config(**changes: Any) -> bytes:
    fields = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": 2,
        "lora_alpha": 4,
        "target_modules": ["q_proj", "down_proj"],
        "bias": "none",
    }
    return json.dumps(fields | changes).encode()


def safetensors(tensors: dict[str, np.ndarray[Any, Any]]) -> bytes:
    header, body = {}, b""
    for name, array in tensors.items():
        kind = {"f4": "F32", "f2": "F16", "i8": "I64"}[array.dtype.str[1:]]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [len(body), len(body) + array.nbytes]}
        body += array.tobytes()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def pair(module: str, r: int = 2, value: float = 1.0) -> dict[str, np.ndarray[Any, Any]]:
    out, into = SHAPES[module]
    name = f"base_model.model.{module}"
    return {
        f"{name}.lora_A.weight": np.full((r, into), value, dtype="<f4"),
        f"{name}.lora_B.weight": np.full((out, r), value, dtype="<f4"),
    }


Q, DOWN = SHAPES
GOOD = {**pair(Q), **pair(DOWN)}


def test_a_good_adapter_is_read_with_its_scale() -> None:
    adapter = parse_adapter(config(), safetensors(GOOD), SHAPES)
    assert (adapter.r, adapter.scale, sorted(adapter.pairs)) == (2, 2.0, sorted(SHAPES))


def test_rank_stabilised_scale_divides_by_the_root() -> None:
    assert parse_adapter(config(use_rslora=True), safetensors(GOOD), SHAPES).scale == pytest.approx(4 / 2**0.5)


SETTINGS: list[dict[str, Any]] = [
    {"r": 10**9}, {"r": 0}, {"r": True}, {"r": 2.0}, {"r": "2"}, {"lora_alpha": 1e308}, {"lora_alpha": -1}, {"lora_alpha": None},
    {"peft_type": "IA3"}, {"task_type": "SEQ_CLS"}, {"bias": "all"}, {"modules_to_save": ["lm_head"]}, {"auto_mapping": {"x": "y"}},
    {"megatron_core": "os", "megatron_config": {"a": 1}}, {"rank_pattern": {"([a-z._0-9]+)+X": 2}}, {"alpha_pattern": {"q": 1}},
    {"layer_replication": [[0, 9]]}, {"use_dora": True}, {"loftq_config": {"a": 1}}, {"trainable_token_indices": [1]},
    {"target_modules": None}, {"target_modules": ["q_proj", "down_proj", ["x"]]}, {"target_modules": ["q_proj"]},
    {"exclude_modules": ["q_proj"]}, {"tokenizer_kwargs": {"trust_remote_code": True}}, {"kasa_config": {"a": 1}},
    {"a_setting_of_next_year": 1}, {"init_lora_weights": "pissa"},
]  # fmt: skip
"""Changes to an adapter's settings that are refused."""


@pytest.mark.parametrize("changes", SETTINGS)
def test_a_dangerous_or_foreign_setting_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Rejected, match=r"adapter_config\.json"):
        parse_adapter(config(**changes), safetensors(GOOD), SHAPES)


UNSLOTHS = {
    "base_model_class": "LlamaForCausalLM",
    "parent_library": "transformers.models.llama.modeling_llama",
    "unsloth_fixed": True,
}


def test_what_unsloth_writes_on_a_gpu_is_let_through_and_nothing_like_it() -> None:
    parse_adapter(config(auto_mapping=UNSLOTHS), safetensors(GOOD), SHAPES)
    for change in (
        {"parent_library": "os"},
        {"parent_library": "transformers.models.llama.modeling_evil"},
        {"code": "x"},
        {"unsloth_fixed": 1},
    ):
        with pytest.raises(Rejected, match="auto_mapping"):
            parse_adapter(config(auto_mapping=UNSLOTHS | change), safetensors(GOOD), SHAPES)


def test_a_pattern_that_would_hang_peft_is_never_matched() -> None:
    started = time.process_time()
    parse_adapter(config(target_modules="([a-z._0-9]+)+X"), safetensors(GOOD), SHAPES)
    assert time.process_time() - started < 5


MATRICES: list[dict[str, np.ndarray[Any, Any]]] = [
    {},
    {k: v for k, v in GOOD.items() if "lora_B" not in k},
    {**GOOD, "base_model.model.lm_head.weight": np.ones((2, 2), "<f4")},
    {**GOOD, "base_model.model.model.layers.9.self_attn.q_proj.lora_A.weight": np.ones((2, 4), "<f4")},
    {**pair(Q), **pair(DOWN, r=3)},
    {**pair(Q, value=float("nan")), **pair(DOWN)},
    {**pair(Q, value=float("inf"))},
    {k: v.astype("<i8") for k, v in GOOD.items()},
    {k: v.T.copy() for k, v in GOOD.items()},
    {**GOOD, f"base_model.model.{Q}.lora_A.default.weight": np.ones((2, 4), "<f4")},
    {k: v[..., None] for k, v in GOOD.items()},
]  # fmt: skip
"""Sets of matrices that are refused."""


@pytest.mark.parametrize("tensors", MATRICES)
def test_wrong_matrices_are_refused(tensors: dict[str, np.ndarray[Any, Any]]) -> None:
    with pytest.raises(Rejected):
        parse_adapter(config(), safetensors(tensors), SHAPES)


SPOILT: list[Callable[[bytes], bytes]] = [
    lambda b: b[:5],
    lambda b: b + b"PK\x03\x04 polyglot",
    lambda b: struct.pack("<Q", 1 << 40) + b[8:],
    lambda b: struct.pack("<Q", 0) + b[8:],
    lambda b: b"\x80\x04\x95" + b,
    lambda b: b.replace(b'"data_offsets": [0,', b'"data_offsets": [4,', 1),
    lambda b: b.replace(b"F32", b"F99", 1),
    lambda b: b[:-3],
    lambda b: struct.pack("<Q", 2) + b"[]",
    lambda b: struct.pack("<Q", 1 << 40) + b"{}",
]
"""What is done to a safetensors file so that it is refused."""


@pytest.mark.parametrize("spoil", SPOILT)
def test_damaged_safetensors_are_refused(spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Rejected):
        parse_safetensors(spoil(safetensors(GOOD)), "x")


JSON = [
    '{"a": NaN}', '{"a": 1, "a": 2}', "[" * 200 + "]" * 200, "[" * 100_000 + "]" * 100_000, '{"a": 1' + "0" * 5000 + "}", '{"a": 1e999}',
    "", "{", "\x00", '"' + "\\" * 3, "\udce4", '"' + "x" * (1 << 20) + '"',
]  # fmt: skip
"""JSON texts that are refused."""


@pytest.mark.parametrize("text", JSON)
def test_json_that_hurts_is_refused(text: str) -> None:
    with pytest.raises(Rejected):
        parse_json(text.encode("utf-8", "surrogateescape"), "x", max_bytes=1 << 20)


def test_brackets_in_strings_are_no_nesting() -> None:
    assert parse_json(json.dumps({"a": "[" * 500}).encode(), "x", max_bytes=1 << 20) == {"a": "[" * 500}


def test_plain_text_has_no_controls_and_one_line() -> None:
    assert plain("a\x1b[31m\u202eb\nc") == "a\ufffd[31m\ufffdb c"


@FUZZ
@given(data=st.data())
def test_mutated_adapters_give_an_adapter_or_a_sentence(data: st.DataObject) -> None:
    tensors, settings_ = bytearray(safetensors(GOOD)), bytearray(config())
    for target in (tensors, settings_):
        for _ in range(data.draw(st.integers(0, 4))):
            target[data.draw(st.integers(0, len(target) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 40))
    try:
        parse_adapter(bytes(settings_), bytes(tensors[: len(tensors) - cut] if cut else tensors), SHAPES)
    except Rejected as error:
        assert str(error)


@FUZZ
@given(
    document=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
    )
)
def test_any_json_is_a_notebook_or_a_sentence(document: Any) -> None:
    for candidate in (
        document,
        {"nbformat": 4, "cells": document},
        {"nbformat": 4, "cells": [{"cell_type": "code", "source": document, "metadata": document}]},
    ):
        try:
            parse_notebook(json.dumps(candidate).encode("utf-8", "surrogatepass"), frozenset({"x"}))
        except Rejected as error:
            assert str(error)


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_zips_members_never_name_a_place_on_disk(tmp_path: Path) -> None:
    (tmp_path / "in.zip").write_bytes(zipped({"../../evil/x_lab3.ipynb": b"{}", "/etc/alice_lab3.ipynb": b"{}"}))
    found = find_submissions(tmp_path / "in.zip", 3, tmp_path / "work")
    assert {s.path.parent for s in found} == {tmp_path / "work"}
    assert not (tmp_path.parent / "evil").exists()


def test_a_zip_bomb_is_read_to_its_cap_only(tmp_path: Path) -> None:
    (tmp_path / "in.zip").write_bytes(zipped({"bob_lab3.ipynb": bytes(200 << 20)}))
    (submission,) = find_submissions(tmp_path / "in.zip", 3, tmp_path / "work")
    assert submission.path.stat().st_size <= (32 << 20) + 1


@FUZZ
@given(data=st.data())
def test_mutated_zips_give_submissions_or_a_sentence(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("zip")
    content = bytearray(zipped({"ann_lab3.ipynb": b'{"cells": []}', "sub/bob/lab3.ipynb": b"x" * 300}))
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "in.zip").write_bytes(bytes(content))
    from grader.errors import UsageError

    try:
        assert find_submissions(folder / "in.zip", 3, folder / "work")
    except UsageError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("path", "student"),
    [
        ("alice/lab3/lab3_local_data_prep.ipynb", "alice"),
        ("alice/x.ipynb", "alice"),
        ("alice_lab3.ipynb", "alice"),
        ("lab3_alice.ipynb", "lab3_alice"),
        ("Doe, Jane_1234_assignsubmission_file_/lab3_local_data_prep.ipynb", "Doe_Jane_1234"),
        ("submitted/carol/lab3/lab3.ipynb", "carol"),
    ],
)
def test_students_are_found_in_the_layouts_people_have(path: str, student: str, tmp_path: Path) -> None:
    file = tmp_path / "in" / path
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    (found,) = find_submissions(tmp_path / "in", 3, tmp_path / "work")
    assert found.student == student


def test_another_labs_notebook_is_left_alone(tmp_path: Path) -> None:
    for lab in (3, 4):
        file = tmp_path / "in" / "alice" / f"lab{lab}" / f"lab{lab}.ipynb"
        file.parent.mkdir(parents=True)
        file.write_text(f"{lab}")
    (found,) = find_submissions(tmp_path / "in", 4, tmp_path / "work")
    assert found.path.read_text() == "4"
