"""`reference/answers/labN/`: right and wrong replacements for exercise cells, and the bundled class made of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import jupytext

from .build import render
from .errors import GraderError
from .source import ROOT, Lab, Variant, load_lab


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer file. `caught_by` names exactly the checks that must fail because of it."""

    name: str
    about: str
    verdict: Literal["right", "wrong"]
    caught_by: tuple[str, ...]
    cells: dict[str, str]  # exercise → source


@cache
def load_answers(number: int, root: Path = ROOT) -> dict[str, Answer]:
    """All answers of a lab by name. Raises GraderError where a file breaks the contract."""
    folder = root / "reference" / "answers" / f"lab{number}"
    return {path.stem: _load(path, load_lab(number, root)) for path in sorted(folder.glob("*.py"))}


def _load(path: Path, lab: Lab) -> Answer:
    notebook = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    about = next((c.source for c in notebook.cells if c.cell_type == "markdown"), "")
    cells = {c.metadata["exercise"]: c.source for c in notebook.cells if c.metadata.get("exercise")}
    verdicts = {c.metadata.get("verdict") for c in notebook.cells if c.metadata.get("exercise")} - {None}
    caught = tuple(n for c in notebook.cells for n in c.metadata.get("caught_by", ()))
    unknown = cells.keys() - {e.id for e in lab.exercises}
    if unknown or len(verdicts) != 1 or not about or (verdicts == {"wrong"} and not caught):
        raise GraderError(
            f"answer {path.name}: needs a markdown cell, one verdict, caught_by when wrong, and known exercises (unknown: {sorted(unknown)})"
        )
    return Answer(path.stem, about, verdicts.pop(), caught, cells)


def bundled_class(number: int, root: Path = ROOT) -> dict[str, list[Answer]]:
    """Student → answers that replace the reference's cells, as `class.json` says."""
    path = root / "reference" / "answers" / f"lab{number}" / "class.json"
    if not path.exists():
        raise GraderError(f"lab {number} has no bundled class; expected {path.relative_to(root)}")
    answers = load_answers(number, root)
    return {student: [answers[n] for n in names] for student, names in json.loads(path.read_text()).items()}


def notebook_with(lab: Lab, answers: Sequence[Answer], variant: Variant = "local") -> str:
    """A submission: the reference's notebook with the answers' cells in place of its own."""
    document = json.loads(render(lab, variant, {}, solved=True))
    replaced = {exercise: source for answer in answers for exercise, source in answer.cells.items()}
    for cell in document["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if grade_id in replaced:
            cell["source"] = replaced[grade_id].splitlines(keepends=True)
    return json.dumps(document, indent=1, ensure_ascii=False)
