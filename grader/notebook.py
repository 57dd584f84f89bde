"""A student's notebook file → its code cells, each with the exercise that it answers. Nothing is executed.

Only sources and nbgrader's `grade_id` are taken over: outputs, tags, kernelspec and other metadata decide nothing.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import Rejected
from .strict import parse_json, plain

MAX_BYTES = 32 << 20
MAX_CELLS = 2000


@dataclass(frozen=True, slots=True)
class Cell:
    """One code cell. `position` counts all cells of the notebook from 1, as a student sees them."""

    position: int
    source: str
    exercise: str | None


def parse_notebook(data: bytes, exercises: frozenset[str]) -> tuple[Cell, ...]:
    """The code cells of a version 4 notebook. Raises Rejected."""
    if not data.strip():
        raise Rejected("the file is empty")
    document = parse_json(data, "the file", max_bytes=MAX_BYTES, max_depth=64)
    if not isinstance(document, dict) or "cells" not in document:
        raise Rejected("the file is JSON but not a notebook: it has no list of cells")
    if document.get("nbformat") != 4:
        raise Rejected(f"the notebook has format {plain(repr(document.get('nbformat')), 20)}; save it as version 4 in Jupyter or Colab")
    cells = document["cells"]
    if not isinstance(cells, list) or len(cells) > MAX_CELLS:
        raise Rejected(f"the notebook's cells are not a list of at most {MAX_CELLS} cells")
    parsed = tuple(_code_cells(cells, exercises))
    if not parsed:
        raise Rejected("the notebook has no code cells")
    return parsed


def _code_cells(cells: list[Any], exercises: frozenset[str]) -> list[Cell]:
    found = []
    for position, cell in enumerate(cells, 1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", "")
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if not isinstance(source, str):
            raise Rejected(f"cell {position} has no text as its source")
        source = source.encode("utf-8", "replace").decode("utf-8")
        found.append(Cell(position, source, _exercise(cell, exercises)))
    return found


def _exercise(cell: Mapping[str, Any], exercises: frozenset[str]) -> str | None:
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return grade_id if isinstance(grade_id, str) and grade_id in exercises else None


def fingerprint(cells: tuple[Cell, ...]) -> str:
    """sha256 over what is executed: exercises and sources, not outputs, markdown or metadata."""
    digest = hashlib.sha256()
    for cell in cells:
        digest.update(f"{cell.exercise}\0{cell.source}\0\0".encode())
    return digest.hexdigest()
