"""Every right answer gets full marks and every wrong one loses exactly its check, for every lab."""

from pathlib import Path
from typing import Any

import pytest

from grader.answers import load_answers
from grader.proof import BLANK, REFERENCE, Verdict, judge, problem
from grader.source import LABS, ROOT

QUICK = (1, 3)  # their answers take seconds each; the other labs train or evaluate, and are marked slow


def marked(number: int, *rest: str) -> Any:
    """A parameter set for a lab, marked slow where grading its answers takes long."""
    return pytest.param(number, *rest, marks=[] if number in QUICK else [pytest.mark.slow])


GRADED = [n for n in LABS if (ROOT / "checks" / f"test_lab{n}.py").exists()]
NUMBERS = [marked(n) for n in GRADED]
ANSWERS = [marked(n, name) for n in GRADED for name in load_answers(n)]
VARIANTS = ("local", "colab")

_judged: dict[int, dict[str, Verdict]] = {}


def judged(number: int, store: Path) -> dict[str, Verdict]:
    """A lab's verdicts; its answers are graded once, as one class."""
    if number not in _judged:
        _judged[number] = judge(number, "--store", str(store))
    return _judged[number]


@pytest.mark.parametrize(("number", "name"), ANSWERS)
def test_an_answer_is_judged_as_it_should_be(number: int, name: str, store: Path) -> None:
    assert problem(load_answers(number)[name], judged(number, store)[name]) == ""


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("number", NUMBERS)
def test_the_reference_gets_full_marks(number: int, variant: str, store: Path) -> None:
    verdict = judged(number, store)[f"{REFERENCE}_{variant}"]
    assert (verdict.score, verdict.hints, verdict.shown) == (verdict.max_score, {}, ())


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("number", NUMBERS)
def test_the_unfilled_notebook_gets_nothing(number: int, variant: str, store: Path) -> None:
    verdict = judged(number, store)[f"{BLANK}_{variant}"]
    assert verdict.shown == ()
    assert verdict.score == 0, [n for n, s in verdict.statuses.items() if s == "passed"]


@pytest.mark.parametrize("number", NUMBERS)
def test_every_exercise_has_two_right_answers_beside_the_reference_and_a_wrong_one(number: int) -> None:
    from grader.source import load_lab

    for exercise in load_lab(number).exercises:
        verdicts = [a.verdict for a in load_answers(number).values() if exercise.id in a.cells]
        assert verdicts.count("right") >= 2 and "wrong" in verdicts, f"lab {number}, {exercise.id}: {verdicts}"


@pytest.mark.parametrize("number", NUMBERS)
def test_every_check_catches_a_wrong_answer(number: int, store: Path) -> None:
    verdicts = judged(number, store)
    caught = {name for answer in load_answers(number).values() for name in answer.caught_by}
    assert set(verdicts[f"{REFERENCE}_local"].statuses) - caught == set()
