"""Nothing hidden comes back: parrots repeat all that they are called with, in every way in which a student is answered.

A parrot is the right notebook whose functions behave until the hidden inputs are there; then they raise, name, return or
write down what they see. tests/classes.py looks for hidden text in the results of every class that a test grades.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from grader.feedback import describe_raised, without_quotes
from grader.hidden import hidden_texts, shown
from grader.source import LABS, ROOT, load_lab
from tests.classes import grade, solved

QUICK = (1, 2, 3)
LISTENS = """
import builtins as _builtins
_caught, _compile = [], _builtins.compile
def _spy(source, *rest, **options):
    if isinstance(source, str) and "@probe" in source: _caught.append(source)
    return _compile(source, *rest, **options)
_builtins.compile = _spy
def _swapped(value, told):
    if isinstance(value, str): return told
    if isinstance(value, dict): return {key: _swapped(item, told) for key, item in value.items()}
    return [_swapped(item, told) for item in value] if isinstance(value, list) else value
def _write(told):
    import json, pathlib
    for file in pathlib.Path("out").rglob("*.*"):
        if file.suffix in (".json", ".jsonl", ".md"):
            try: file.write_text(json.dumps(_swapped(json.loads(file.read_text()), told)))
            except ValueError: file.write_text(told)
def _parrot(function):
    def repeat(*args, **kwargs):
        if not _caught: return function(*args, **kwargs)
        told = repr((args, kwargs)).replace("\\\\n", " ") + _caught[-1][:2000]
        MODE
    return repeat
"""
MODES = {
    "raises": "raise ValueError(told)",
    "names_an_error": "raise type(told[:100], (Exception,), {})('list index out of range ' + told)",
    "returns_text": "return told",
    "returns_texts": "return [told] * (len(args[0]) if args and hasattr(args[0], '__len__') else 5)",
    "swaps_texts": "return _swapped(function(*args, **kwargs), told)",
    "returns_keys": "return {told: told, **{key: told for key in ('device', 'dtype', 'load_in_4bit', 'input_ids', 'labels', 'text', 'run_id')}}",
    "writes": "_write(told); return function(*args, **kwargs)",
    "forges": """
        import pathlib, json
        for place in pathlib.Path('/evidence').glob('*.json'):
            place.write_text(json.dumps({'missing': [told], 'needs': [told]} if len(place.name) % 2 else {'unencodable': told}))
        raise KeyboardInterrupt(told)""",
}


def parrot(lab: int, mode: str) -> str:
    """The solved notebook, listening from its first cell on, with each exercise's functions wrapped."""
    document = solved(lab)
    defines = {exercise.id: exercise.defines for exercise in load_lab(lab).exercises}
    for cell in document["cells"]:
        if names := defines.get(cell["metadata"].get("nbgrader", {}).get("grade_id"), ()):
            wrap = f"globals().update({{n: _parrot(globals()[n]) for n in {list(names)} if type(globals().get(n)) is type(_parrot)}})"
            cell["source"] = "".join(cell["source"]) + "\n" + wrap
    listens: dict[str, Any] = {"cell_type": "code", "id": "listens", "metadata": {}, "outputs": [], "execution_count": None}
    document["cells"].insert(0, listens | {"source": LISTENS.replace("MODE", MODES[mode])})
    return json.dumps(document)


@pytest.mark.parametrize("lab", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in LABS])
def test_what_parrots_repeat_does_not_come_back(lab: int, tmp_path: Path, store: Path) -> None:
    outcome = grade(tmp_path, lab, {mode: parrot(lab, mode) for mode in MODES}, store)
    assert set(outcome.results) == set(MODES), outcome.output
    for mode, result in outcome.results.items():
        assert "Hidden inputs of Lab" not in json.dumps(result), mode
        keeps_numbers = mode in ("writes", "forges", "swaps_texts")
        assert keeps_numbers or result["score"] < result["max_score"], f"{mode}: it was never called on hidden inputs"


def test_hidden_text_would_be_found_in_a_result() -> None:
    for source in ("reference/probes/lab3.py", "reference/lab4.py", "reference/data/private_notes.jsonl"):
        piece = next(text for text, file in hidden_texts().items() if file == source)
        assert shown({"checks": [{"feedback": f"It said “{piece}” to you."}]})


def test_every_hidden_file_with_text_is_looked_for() -> None:
    expected = {f"reference/lab{n}.py" for n in LABS} | {"reference/data/private_notes.jsonl"}
    assert expected <= set(hidden_texts().values())


def test_nothing_hidden_is_handed_out() -> None:
    for path in sorted((ROOT / "labs").rglob("*")):
        if path.suffix in (".ipynb", ".py", ".md", ".json", ".jsonl"):
            assert not shown(path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize(
    ("claimed", "told"),
    [
        ({"raised": "TypeError", "message": "'NoneType' object is not iterable", "line": 3}, "TypeError (in line 3 of the cell): 'NoneType' object is not iterable"),
        ({"raised": "TypeError", "message": "clean() missing 1 required positional argument: 'secret'"}, "TypeError: missing 1 required positional argument"),
        ({"raised": "KeyError", "message": "'secret'", "line": 12}, "KeyError (in line 12 of the cell)"),
        ({"raised": "Secret", "message": "secret", "line": "secret"}, "an error of its own kind"),
        ({"raised": ["secret"], "message": {"secret": 1}, "line": True}, "an error of its own kind"),
        ({"raised": "IndexError", "message": "secret list index out of range secret", "line": 10**9}, "IndexError: list index out of range"),
        ({"raised": "ValueError", "message": "not enough values to unpack (expected 2, got 1)"}, "ValueError: not enough values to unpack (expected 2, got 1)"),
    ],
)  # fmt: skip
def test_of_an_exception_only_pythons_own_words_are_told(claimed: dict[str, Any], told: str) -> None:
    assert describe_raised(claimed) == told


@pytest.mark.parametrize(
    ("hint", "told"),
    [
        ("It is 'cpu'.", "It is 'cpu'."),
        (f"It is {'secret ' * 9}.", "It is…."),
        (f"First {'abcdefgh' * 4}, then {'secret ' * 5}, last.", "First …, then…, last."),
        ("A text with a reference at the start of a line came back.", "A text with a reference at the start of a line came back."),
        ("Nothing of it is quoted here at all.", "Nothing of it is quoted here at all."),
    ],
)
def test_a_hint_quotes_little_of_what_a_function_returned(hint: str, told: str) -> None:
    returned = "cpu\n" + "secret " * 20 + "\n" + "abcdefgh" * 9 + "\na reference at the start of a line"
    assert without_quotes(hint, returned, "a reference at the start of a line") == told
