"""What no student may be shown (solutions, hidden inputs, private notes), and whether a text shows some of it.

The texts are the secret files' own: whatever is quoted from them, by a hint, an error or a student's object, is found. Reads
files; decides nothing.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .source import ROOT

PIECE_CHARACTERS = 40
LEAST_CHARACTERS = 16  # shorter texts are ordinary words
_HANDED_OUT = ("labs/**/*.ipynb", "labs/**/*.py", "labs/**/*.jsonl", "labs/**/*.json", "labs/**/*.md", "checks/*.py", "grader/*.py")
_ESCAPED = re.compile(r"[^\w .,;:()\[\]{}<>=+*/%°µ²³½≤≥±×–—-]+")  # what repr or JSON may write in another way


@cache
def hidden_texts() -> Mapping[str, str]:
    """Piece of text → the file below the repository that it is from; what the course hands out or says in hints is not in it."""
    known = _normal(handed_out())
    found: dict[str, str] = {}
    for path, text in _secrets():
        for piece in map(_normal, _ESCAPED.split(text)):
            for start in range(0, len(piece), PIECE_CHARACTERS):
                part = piece[start : start + PIECE_CHARACTERS].strip()
                if len(part) >= LEAST_CHARACTERS and part not in known:
                    found[part] = str(path.relative_to(ROOT))
    return found


def shown(document: Any) -> list[str]:
    """The files of which `document`, a JSON value, quotes something, each with what it quotes."""
    text = _normal("\n".join(_strings(document)))
    return [f"{source}: {piece!r}" for piece, source in hidden_texts().items() if piece in text]


def _secrets() -> Iterator[tuple[Path, str]]:
    """(file, text) of what is hidden: strings of the probes, lines of the references, notes of the private split."""
    for path in sorted((ROOT / "reference" / "probes").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
        for node in ast.walk(tree):  # and names of cases, which hints tell: keys of dicts, first of what a loop goes through
            if isinstance(node, ast.Dict):
                names |= set(map(id, node.keys))
            if isinstance(node, ast.Subscript):
                names.add(id(node.slice))
            if isinstance(node, ast.For) and isinstance(node.iter, ast.Tuple):
                names |= {id(case.elts[0]) for case in node.iter.elts if isinstance(case, ast.Tuple) and case.elts}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in names:
                yield path, node.value
    for path in sorted((ROOT / "reference").glob("lab*.py")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.startswith("# %%"):
                yield path, line.partition("  #")[0]
    path = ROOT / "reference" / "data" / "private_notes.jsonl"
    for line in path.read_text(encoding="utf-8").splitlines():
        yield path, json.loads(line)["description"]


@cache
def handed_out() -> str:
    """All text of `labs/`, and of the checks and the grader, whose sentences students read."""
    texts = []
    for pattern in _HANDED_OUT:
        for path in sorted(ROOT.glob(pattern)):
            text = path.read_text(encoding="utf-8")
            texts.append("\n".join(_strings(json.loads(text))) if path.suffix == ".ipynb" else text)
    return "\n".join(texts)


def _strings(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, Mapping):
        for key, value in document.items():
            yield str(key)
            yield from _strings(value)
    elif isinstance(document, list):
        for value in document:
            yield from _strings(value)


def _normal(text: str) -> str:
    return " ".join(text.split())
