"""Lab 4 submissions whose adapter is missing, pickled or damaged: a sentence each, and points for what still holds."""

from pathlib import Path

import pytest

from tests.classes import Outcome, grade, replacing, with_cell

LAB = 4
FOLDER = "from pathlib import Path\nfolder = Path('out/lab4/adapter')\n"


SAVE = f"""
import json
peft_model.save_pretrained("out/lab4/adapter")
{FOLDER}
config = json.loads((folder / "adapter_config.json").read_text())
def save(**changes): (folder / "adapter_config.json").write_text(json.dumps(config | changes))
"""
TAMPERED = {
    "untrained": "",
    "foreign_tokenizer": """
for name, text in (("tokenizer.json", '{"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}}'),
                   ("chat_template.jinja", "{% for i in range(10**9) %}{{ i }}{% endfor %}"), ("modeling_evil.py", "import os; os._exit(0)"),
                   ("tokenizer_config.json", '{"auto_map": {"AutoTokenizer": ["modeling_evil.T", null]}}')):
    (folder / name).write_text(text)
""",
    "remote_code": "save(tokenizer_kwargs={'trust_remote_code': True})",
    "other_base": "save(init_lora_weights='pissa')",
    "more_than_named": "save(target_modules=['q_proj'])",
    "not_a_number": """
from safetensors.torch import load_file, save_file
tensors = load_file(folder / "adapter_model.safetensors")
save_file({name: t * float("nan") for name, t in tensors.items()}, folder / "adapter_model.safetensors")
""",
    "the_whole_head": """
from safetensors.torch import load_file, save_file
tensors = load_file(folder / "adapter_model.safetensors")
save_file(tensors | {"base_model.model.lm_head.weight": torch.ones(4, 4)}, folder / "adapter_model.safetensors")
""",
    "one_side": """
from safetensors.torch import load_file, save_file
tensors = load_file(folder / "adapter_model.safetensors")
save_file({name: t for name, t in tensors.items() if "lora_B" not in name}, folder / "adapter_model.safetensors")
""",
    "header_of_a_terabyte": """
data = (folder / "adapter_model.safetensors").read_bytes()
(folder / "adapter_model.safetensors").write_bytes((1 << 40).to_bytes(8, "little") + data[8:])
""",
    "two_formats_in_one": """
with (folder / "adapter_model.safetensors").open("ab") as file: file.write(b"PK\\x03\\x04 a zip as well")
""",
    "said_twice": """
text = (folder / "adapter_config.json").read_text()
(folder / "adapter_config.json").write_text(text.rstrip().rstrip("}") + ', "r": 64}')
""",
    "no_json_number": """
text = (folder / "adapter_config.json").read_text()
(folder / "adapter_config.json").write_text(text.replace('"lora_dropout": 0.0', '"lora_dropout": NaN'))
""",
    "slow_pattern": "save(target_modules='([a-z._0-9]+)+X')",
    "imports": "save(auto_mapping={'base_model_class': 'X', 'parent_library': 'os'})",
    "ranks_by_pattern": "save(rank_pattern={'([a-z._0-9]+)+X': 4})",
    "huge_rank": "save(r=1_000_000_000)",
    "huge_alpha": "save(lora_alpha=1e300)",
    "other_kind": "save(peft_type='PREFIX_TUNING')",
    "own_layers": "save(modules_to_save=['lm_head'])",
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, store: Path) -> Outcome:
    untrained = replacing(LAB, "adapter", "raise RuntimeError('no time to train')")
    notebooks: dict[str, str | bytes] = {
        "missing": untrained,
        "pickled": with_cell(LAB, FOLDER + "import torch\n(folder / 'adapter_model.safetensors').unlink()\ntorch.save({}, folder / 'adapter_model.bin')"),
        "not_json": with_cell(LAB, FOLDER + "(folder / 'adapter_config.json').write_text('{')"),
        "damaged": with_cell(LAB, FOLDER + "data = (folder / 'adapter_model.safetensors').read_bytes()\n(folder / 'adapter_model.safetensors').write_bytes(data[:-7])"),
    }  # fmt: skip
    notebooks |= {name: replacing(LAB, "adapter", SAVE + source) for name, source in TAMPERED.items()}
    return grade(tmp_path_factory.mktemp("adapters"), LAB, notebooks, store)


def feedback(graded: Outcome, student: str) -> str:
    return " ".join(c["feedback"] for c in graded.results[student]["checks"])


@pytest.mark.parametrize(
    ("student", "sentence"),
    [
        ("missing", "adapter_config.json was not written"),
        ("pickled", "a pickle file, which is never opened"),
        ("not_json", "adapter_config.json is not valid JSON"),
        ("damaged", "adapter_model.safetensors is damaged"),
        ("imports", "adapter_config.json sets auto_mapping"),
        ("ranks_by_pattern", "adapter_config.json sets rank_pattern"),
        ("huge_rank", "r is not an integer between"),
        ("huge_alpha", "lora_alpha is not a number between"),
        ("other_kind", "peft_type is not LORA"),
        ("own_layers", "adapter_config.json sets modules_to_save"),
        ("remote_code", "adapter_config.json sets tokenizer_kwargs"),
        ("other_base", "init_lora_weights is not true"),
        ("more_than_named", "which target_modules in adapter_config.json does not name"),
        ("not_a_number", "NaN or infinite values"),
        ("the_whole_head", "which is no LoRA matrix of a linear layer"),
        ("one_side", "only one of the two LoRA matrices"),
        ("header_of_a_terabyte", "its header's length does not fit"),
        ("two_formats_in_one", "bytes belong to no tensor"),
        ("said_twice", "has the same key twice"),
        ("no_json_number", "contains NaN, which is not JSON"),
    ],
)
def test_the_student_is_told_what_is_wrong_with_the_adapter(graded: Outcome, student: str, sentence: str) -> None:
    assert sentence in feedback(graded, student), graded.output
    assert graded.results[student]["status"] == "graded"


@pytest.mark.parametrize("student", ["missing", "pickled", "not_json", "damaged"])
def test_exercises_without_the_adapter_keep_their_points(graded: Outcome, student: str) -> None:
    by_exercise: dict[str, float] = {}
    for check in graded.results[student]["checks"]:
        by_exercise[check["exercise"]] = by_exercise.get(check["exercise"], 0) + check["points"]
    assert (by_exercise["merge_manual"], by_exercise["make_optimizer"]) == (3, 2)


READ = ("untrained", "foreign_tokenizer", "slow_pattern")


def test_measured_numbers_are_only_there_when_something_was_measured(graded: Outcome) -> None:
    assert {student for student, result in graded.results.items() if result["measured"]} == set(READ)


def test_no_tokenizer_template_code_or_pattern_of_a_student_is_used(graded: Outcome) -> None:
    measured = [graded.results[student]["measured"] for student in READ]
    assert measured[0] == measured[1] == measured[2]
    assert measured[0]["tuned_perplexity"] == measured[0]["base_perplexity"]
