"""A weakened gate is noticed: with any one of its refusals taken away, something hostile must come through.

Every `raise Rejected` in what reads a student's files is replaced by nothing, one at a time, and all of HOSTILE is tried
again. Nobody lists the refusals, so a new one without an attack fails here. A refusal that another stands behind is tried
with the other off (COVERED).
"""

import ast
import json
import os
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

from grader import card, gate, ingest, notebook, strict, tensors
from grader.errors import Rejected
from tests.test_gate import GOOD, JSON, MATRICES, SETTINGS, SHAPES, SPOILT, config, pair, safetensors

MODULES = (card, gate, ingest, notebook, strict, tensors)


def adapter(changes: dict[str, Any], matrices: dict[str, Any] = GOOD) -> Any:
    return gate.parse_adapter(config(**changes), safetensors(matrices), SHAPES)


def spoilt(spoil: Callable[[bytes], bytes]) -> Any:
    return tensors.parse_safetensors(spoil(safetensors(GOOD)), "x")


def parsed(text: str) -> Any:
    return strict.parse_json(text.encode("utf-8", "surrogateescape"), "x", max_bytes=1 << 20)


def carded(front: str, body: str = "# Card\n") -> Any:
    return card.parse_card(f"---\n{front}\n---\n{body}")


def evaluated(**changes: Any) -> Any:
    result = {
        "task": {"type": "text-generation"},
        "dataset": {"type": "x", "name": "x"},
        "metrics": [{"type": "perplexity", "value": 1.0}],
    } | changes
    return card.evaluations({"model-index": [{"results": [result]}]})


def opened(text: object) -> Any:
    return notebook.parse_notebook((text if isinstance(text, str) else json.dumps(text)).encode(), frozenset())


def copied(make: Callable[[Path], object], cap: int = 10) -> Any:
    """Ingest `x` from a folder in which `make` has put it; raises what was refused."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "source"), Path(folder, "target")
        source.mkdir()
        target.mkdir()
        make(source)
        for reason in ingest.ingest(source, target, {"x": cap}).values():
            raise Rejected(reason)


def a_link(folder: Path) -> None:
    (folder / "x").symlink_to("/etc/hostname")


def a_hard_link(folder: Path) -> None:
    (folder / "y").write_text("1")
    os.link(folder / "y", folder / "x")


def grown(cap: int = 10) -> Any:
    """A file that was within its cap when it was asked for its size, and is longer when read."""
    read, write = os.pipe()
    os.write(write, bytes(11))
    os.close(write)
    real = os.fstat
    try:
        os.fstat = lambda _: os.stat_result((0o100644, 0, 0, 1, 0, 0, 0, 0, 0, 0))  # type: ignore[assignment]
        return ingest._read_regular(read, "x", cap)
    finally:
        os.fstat = real
        os.close(read)


CELL = {"cell_type": "code", "source": "1", "metadata": {}}
HOSTILE: list[Callable[[], Any]] = [
    *(partial(adapter, changes) for changes in SETTINGS),
    *(partial(adapter, {}, matrices) for matrices in MATRICES),
    *(partial(spoilt, spoil) for spoil in SPOILT),
    *(partial(parsed, text) for text in JSON),
    partial(gate.parse_adapter, b"[]", safetensors(GOOD), SHAPES),
    partial(strict.parse_jsonl, b"1\n" * 20, "x", max_bytes=10),
    partial(strict.parse_jsonl, b"1\n" * 20, "x", max_bytes=1 << 20, max_lines=10),
    partial(card.parse_card, "---\na: 1\n---\n" + "x" * (1 << 17)),
    partial(card.parse_card, "# no metadata"),
    partial(carded, "a: " + "x" * (1 << 15)),
    partial(carded, "a: &x 1\nb: *x"),
    partial(carded, "a: " + "[" * 13 + "]" * 13),
    partial(carded, "a: 1\na: 2"),
    partial(carded, "a: {"),
    partial(carded, "a: 2001-99-99"),
    partial(carded, "- a"),
    partial(evaluated, task={"type": ""}),
    partial(evaluated, metrics=None),
    partial(opened, " "),
    partial(opened, []),
    partial(opened, {"cells": [CELL], "nbformat": 3}),
    partial(opened, {"cells": [CELL] * 2001, "nbformat": 4}),
    partial(opened, {"cells": [], "nbformat": 4}),
    partial(opened, {"cells": [CELL | {"source": 1}], "nbformat": 4}),
    partial(copied, a_link),
    partial(copied, a_hard_link),
    partial(copied, lambda folder: os.mkfifo(folder / "x")),
    partial(copied, lambda folder: (folder / "x").write_bytes(bytes(11))),
    grown,
]


@contextmanager
def without(module: ModuleType, *lines: int) -> Iterator[None]:
    """Take the refusals in those lines of a module away: the code of its functions is exchanged, for whoever imported them."""

    class Weaken(ast.NodeTransformer):
        def visit_Raise(self, node: ast.Raise) -> ast.stmt:
            return ast.copy_location(ast.Pass(), node) if node.lineno in lines else node

    assert module.__file__
    tree = Weaken().visit(ast.parse(Path(module.__file__).read_text(encoding="utf-8")))
    namespace: dict[str, Any] = {"__name__": module.__name__, "__package__": module.__package__}
    exec(compile(tree, module.__file__, "exec"), namespace)
    kept = {n: f.__code__ for n, f in vars(module).items() if isinstance(f, FunctionType) and f.__module__ == module.__name__}
    try:
        for name in kept:
            getattr(module, name).__code__ = namespace[name].__code__
        yield
    finally:
        for name, code in kept.items():
            getattr(module, name).__code__ = code


def refusals(module: ModuleType) -> list[tuple[int, str]]:
    """(line, source) of every `raise Rejected` in a module."""
    assert module.__file__
    source = Path(module.__file__).read_text(encoding="utf-8")
    found = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and ast.unparse(node.exc.func) == "Rejected"
    ]
    return sorted((node.lineno, ast.unparse(node)) for node in found)


def is_refused(attack: Callable[[], Any]) -> bool:
    try:
        attack()
    except Rejected:
        return True
    except Exception:  # it came through to code that does not expect it
        return False
    return False


ALL = [(module, line, text) for module in MODULES for line, text in refusals(module)]
COVERED = {
    "is nested too deeply": "levels deep",  # the parser's own limit, behind the count of brackets
    "the file is empty": "is not valid JSON",  # the plainer of two sentences
    "bytes; at most {cap:,} are read": "is larger than {cap:,} bytes",  # the size before reading, and what was read
}
"""Part of a refusal's sentence → that of the refusal which stands behind it."""


def test_all_that_is_hostile_is_refused() -> None:
    assert [attack for attack in HOSTILE if not is_refused(attack)] == []
    assert not is_refused(partial(adapter, {})) and not is_refused(partial(adapter, {}, pair(next(iter(SHAPES)))))


@pytest.mark.parametrize(("module", "line", "text"), [pytest.param(*rule, id=f"{rule[0].__name__}:{rule[1]}") for rule in ALL])
def test_without_a_refusal_something_hostile_comes_through(module: ModuleType, line: int, text: str, matrix: dict[str, str]) -> None:
    behind = [sentence for part, sentence in COVERED.items() if part in text]
    off = {module: [line]}
    for other, its_line, its_text in ALL:
        if any(sentence in its_text for sentence in behind):
            off.setdefault(other, []).append(its_line)
    with ExitStack() as stack:
        for weakened, lines in off.items():
            stack.enter_context(without(weakened, *lines))
        through = [attack for attack in HOSTILE if not is_refused(attack)]
    sentence = textwrap.shorten(text.partition("(")[2].strip("f\"'"), 60, placeholder="…")
    matrix[f"{module.__name__}:{line} {sentence}"] = f"{len(through)} of {len(HOSTILE)} come through"
    assert through
