"""Lab 4 submissions whose adapter is missing, pickled or damaged: a sentence each, and points for what still holds."""

from pathlib import Path

import pytest

from tests.classes import Outcome, grade, replacing, with_cell

LAB = 4
FOLDER = "from pathlib import Path\nfolder = Path('out/lab4/adapter')\n"


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, store: Path) -> Outcome:
    untrained = replacing(LAB, "adapter", "raise RuntimeError('no time to train')")
    notebooks: dict[str, str | bytes] = {
        "missing": untrained,
        "pickled": with_cell(LAB, FOLDER + "import torch\n(folder / 'adapter_model.safetensors').unlink()\ntorch.save({}, folder / 'adapter_model.bin')"),
        "not_json": with_cell(LAB, FOLDER + "(folder / 'adapter_config.json').write_text('{')"),
        "damaged": with_cell(LAB, FOLDER + "data = (folder / 'adapter_model.safetensors').read_bytes()\n(folder / 'adapter_model.safetensors').write_bytes(data[:-7])"),
    }  # fmt: skip
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


def test_measured_numbers_are_only_there_when_something_was_measured(graded: Outcome) -> None:
    assert all(graded.results[student]["measured"] == {} for student in graded.results)
