"""Every kind of bad submission gets a result of its own, keeps what still holds, and touches nobody else."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from grader.source import ROOT
from tests.classes import Outcome, grade, pytest_lab, replacing, solved, with_cell

LAB = 3


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, store: Path) -> Outcome:
    document = solved(LAB)
    without_pack = [c for c in document["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") != "pack"]
    notebooks: dict[str, str | bytes] = {
        "good": json.dumps(document),
        "not_a_notebook": "hello",
        "not_text": b"\xff\xfe\x00\x01",
        "empty": "",
        "no_cells": json.dumps(document | {"cells": []}),
        "old_format": json.dumps({"nbformat": 3, "nbformat_minor": 0, "worksheets": [], "cells": []}),
        "deleted_exercise": json.dumps(document | {"cells": without_pack}),
        "syntax_error": replacing(LAB, "collate", "def collate(batch:\n    return 1"),
        "raises": replacing(LAB, "collate", "def collate(batch):\n    return batch.to_tensors()"),
        "endless": with_cell(LAB, "while True:\n    pass", before="collate"),
        "endless_deaf": with_cell(
            LAB, "while True:\n    try:\n        while True: pass\n    except KeyboardInterrupt: pass", before="collate"
        ),
        "exits": with_cell(LAB, "import os\nos._exit(0)", before="collate"),
        "raises_exit": with_cell(LAB, "raise SystemExit", before="collate"),
        "floods": with_cell(LAB, "print('x' * 500_000_000)", before="collate"),
        "memory": with_cell(LAB, "hog = bytearray(20 << 30)", before="collate"),
        "writes_nothing": with_cell(LAB, "import shutil\nshutil.rmtree(OUT)"),
    }
    return grade(tmp_path_factory.mktemp("bad"), LAB, notebooks, store, "--cell-timeout", "8")


def run_of(graded: Outcome, student: str) -> dict[str, Any]:
    run: dict[str, Any] = graded.results[student]["run"]
    return run


def points(graded: Outcome, student: str, exercise: str) -> float:
    return sum(c["points"] for c in graded.results[student]["checks"] if c["exercise"] == exercise)


def test_every_submission_gets_a_graded_result(graded: Outcome) -> None:
    assert len(graded.results) == 16, graded.output
    assert {r["status"] for r in graded.results.values()} == {"graded"}
    assert graded.returncode == 1


@pytest.mark.parametrize("student", ["not_a_notebook", "not_text", "empty", "no_cells", "old_format"])
def test_what_is_no_notebook_is_named_and_worth_nothing(graded: Outcome, student: str) -> None:
    assert run_of(graded, student)["status"] == "invalid_notebook"
    assert run_of(graded, student)["message"].startswith("The notebook could not be read: ")
    assert graded.results[student]["score"] == 0


def test_a_good_notebook_among_bad_ones_keeps_full_marks(graded: Outcome) -> None:
    assert graded.results["good"]["score"] == graded.results["good"]["max_score"]


@pytest.mark.parametrize(
    ("student", "status"),
    [
        ("syntax_error", "cell_error"),
        ("endless", "cell_timeout"),
        ("endless_deaf", "cell_timeout"),
        ("exits", "kernel_died"),
        ("raises_exit", "cell_error"),
        ("memory", "out_of_memory"),
        ("floods", "ok"),
    ],
)
def test_what_happened_has_a_status_of_its_own(graded: Outcome, student: str, status: str) -> None:
    assert run_of(graded, student)["status"] == status


def test_a_deleted_exercise_costs_its_own_points_only(graded: Outcome) -> None:
    assert points(graded, "deleted_exercise", "pack") == 0
    assert points(graded, "deleted_exercise", "clean") == points(graded, "good", "clean") > 0


@pytest.mark.parametrize("student", ["syntax_error", "endless", "raises_exit", "floods", "memory"])
def test_exercises_around_a_failed_cell_still_count(graded: Outcome, student: str) -> None:
    assert points(graded, student, "clean") == points(graded, "good", "clean")
    assert points(graded, student, "pack") == points(graded, "good", "pack")


def test_variables_survive_a_kernel_that_died_later(graded: Outcome) -> None:
    documents = {c["id"]: c for c in graded.results["exits"]["checks"]}
    assert graded.results["exits"]["score"] < graded.results["good"]["score"]
    assert any("ended in cell" in c["feedback"] for c in documents.values())


def test_a_function_that_raises_on_hidden_inputs_is_told_where_and_in_pythons_words(graded: Outcome) -> None:
    feedback = {c["feedback"] for c in graded.results["raises"]["checks"] if c["exercise"] == "collate"}
    said = "With inputs other than the notebook's, `collate` raised AttributeError (in line 2 of the cell): 'list' object has no attribute."
    assert feedback == {said}


def test_missing_files_are_named(graded: Outcome) -> None:
    feedback = " ".join(c["feedback"] for c in graded.results["writes_nothing"]["checks"])
    assert "out/lab3/stats.json was not written" in feedback


def test_nothing_of_the_graders_machine_is_in_a_students_file(graded: Outcome) -> None:
    for student, result in graded.results.items():
        text = json.dumps(result)
        assert str(ROOT) not in text and "Traceback" not in text and "/runs/" not in text, student


def test_a_reference_that_does_not_run_costs_nobody_a_point(tmp_path: Path) -> None:
    done = grade(tmp_path, 4, {"ann": json.dumps(solved(4))}, tmp_path / "store", "--cell-timeout", "1")  # training takes longer
    assert done.returncode == 4 and done.results == {}, done.output
    assert "the reference of lab 4 did not run to its end, so nobody was graded" in " ".join(done.output.split())


def test_a_hostile_zip_gives_every_student_a_result_and_touches_no_path(tmp_path: Path, store: Path) -> None:
    evil = f"dragon-evil-{tmp_path.name}"
    right = json.dumps(solved(1))
    link = zipfile.ZipInfo("link_lab1.ipynb")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "in.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"../../../../../../tmp/{evil}_lab1.ipynb", right)
        archive.writestr("/ben/lab1.ipynb", right)
        archive.writestr("bomb_lab1.ipynb", bytes(300 << 20))
        archive.writestr(link, "/etc/passwd")
        archive.writestr("conftest.py", "import os; os._exit(0)")
    done = pytest_lab(tmp_path, 1, "--submissions", str(tmp_path / "in.zip"), "--store", str(store))
    assert not Path(f"/tmp/{evil}_lab1.ipynb").exists() and not Path("/ben").exists()
    by_status: dict[str, list[str]] = {}
    for student, result in done.results.items():
        by_status.setdefault(result["run"]["status"], []).append(student)
    assert len(by_status["ok"]) == 2 and all(done.results[s]["score"] == 8 for s in by_status["ok"]), done.output
    assert sorted(by_status["invalid_notebook"]) == ["bomb", "link"]
    assert {result["run"]["sandbox"]["tier"] for result in done.results.values()} in ({2}, {3})
    assert "at most 33,554,432 are read" in done.results["bomb"]["run"]["message"]
