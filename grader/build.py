"""`dragon build`: write both variants of every lab's notebook from its source, or say which are out of step.

Output is deterministic: the same source gives the same bytes. Nothing of a solution is in it.
"""

import ast
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import GraderError
from .source import LABS, ROOT, VARIANTS, Lab, SourceCell, Variant, load_lab

NAMES = {
    1: "setup", 2: "inference", 3: "data_prep", 4: "lora_finetune", 5: "hyperparameter_tuning", 6: "evaluation", 7: "packaging",
}  # fmt: skip


def notebook_path(number: int, variant: Variant, root: Path = ROOT) -> Path:
    """Where a built notebook lies."""
    return root / "labs" / variant / f"lab{number}_{variant}_{NAMES[number]}.ipynb"


def build(*, check: bool = False, root: Path = ROOT) -> list[Path]:
    """Write the notebooks of all labs that have a source; returns those that changed (with `check`, would change)."""
    changed = []
    for number in LABS:
        if not (root / "reference" / f"lab{number}.py").exists():
            continue
        lab, points = load_lab(number, root), check_points(number, root)
        unknown = sorted(points.keys() - {e.id for e in lab.exercises})
        if unknown:
            raise GraderError(f"checks/test_lab{number}.py gives points to unknown exercises: {', '.join(unknown)}")
        for variant in VARIANTS:
            path = notebook_path(number, variant, root)
            text = render(lab, variant, points)
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                changed.append(path)
                if not check:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(text, encoding="utf-8")
    return changed


def render(lab: Lab, variant: Variant, points: dict[str, float], *, solved: bool = False) -> str:
    """The notebook's JSON text; `solved` gives the reference's own (never written to labs/)."""
    source = lab.in_variant(variant)
    labels = [points.get(exercise.id, 0) for exercise in lab.exercises]
    cells = [_cell(cell, index, solved, points, labels) for index, cell in enumerate(source)]
    notebook: dict[str, Any] = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    if variant == "colab":
        notebook["metadata"] |= {"accelerator": "GPU", "colab": {"gpuType": "T4"}}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _cell(cell: SourceCell, index: int, solved: bool, points: dict[str, float], labels: Sequence[float]) -> dict[str, Any]:
    text = cell.solved if solved else cell.handed_out
    base: dict[str, Any] = {"id": f"c{index:03d}", "metadata": {}, "source": text.splitlines(keepends=True)}
    if cell.kind == "markdown":
        base["source"] = _with_points(text, labels).splitlines(keepends=True)
        return {"cell_type": "markdown", **base}
    if cell.exercise:
        base["metadata"]["nbgrader"] = {
            "cell_type": "code",
            "grade": True,
            "grade_id": cell.exercise.id,
            "locked": False,
            "points": points.get(cell.exercise.id, 0),
            "schema_version": 3,
            "solution": True,
            "task": False,
        }
    elif cell.tags:
        base["metadata"]["tags"] = sorted(cell.tags)
    return {"cell_type": "code", "execution_count": None, "outputs": [], **base}


def _with_points(markdown: str, labels: Sequence[float]) -> str:
    """The markdown with the points of the n-th exercise behind the heading `## Exercise n · …`."""

    def label(heading: re.Match[str]) -> str:
        number = int(heading[1])
        points = labels[number - 1] if 0 < number <= len(labels) else 0
        return f"{heading[0]} *({points:g} point{'s' if points != 1 else ''})*" if points else heading[0]

    return re.sub(r"^## Exercise (\d+) · .+$", label, markdown, flags=re.MULTILINE)


def check_points(number: int, root: Path = ROOT) -> dict[str, float]:
    """Points of each exercise, read from the `@check(exercise, points)` marks of the lab's checks without running them."""
    path = root / "checks" / f"test_lab{number}.py"
    if not path.exists():
        return {}
    totals: dict[str, float] = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef):
            continue
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and getattr(mark.func, "id", None) == "check":
                exercise, value = _exercise_and_points(mark, path)
                totals[exercise] = totals.get(exercise, 0) + value
    return totals


def _exercise_and_points(mark: ast.Call, path: Path) -> tuple[str, float]:
    keywords = {k.arg: k.value for k in mark.keywords}
    try:
        exercise = ast.literal_eval(mark.args[0] if mark.args else keywords["exercise"])
        points = ast.literal_eval(mark.args[1] if len(mark.args) > 1 else keywords["points"])
    except (KeyError, ValueError):
        raise GraderError(f"{path.name}, line {mark.lineno}: write @check('exercise', points=N) with plain values") from None
    return exercise, float(points)
