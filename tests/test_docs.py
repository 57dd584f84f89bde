"""The README lists every option and command, so that it cannot fall behind them."""

import json
import re

import pytest

from grader.build import build, check_points, notebook_path
from grader.cli import app
from grader.source import LABS, ROOT, VARIANTS, load_lab

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_grading_option_is_in_the_readme() -> None:
    options = re.findall(r'addoption\(\s*"(--[a-z-]+)"', (ROOT / "grader" / "plugin.py").read_text())
    assert [o for o in options if f"`{o}" not in README] == []


@pytest.mark.parametrize("command", [c.name or c.callback.__name__ for c in app.registered_commands if c.callback])
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"`dragon {command}" in README


def test_every_test_that_security_names_exists() -> None:
    tests = "".join(p.read_text() for p in (ROOT / "tests").glob("test_*.py"))
    security = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    named = {n.rstrip("…") for n in re.findall(r"`(?:test_\w+::)?(test_\w+…?)`", security)}
    files = {p.stem for p in (ROOT / "tests").glob("test_*.py")}
    assert [n for n in sorted(named) if n not in files and f"def {n}" not in tests] == []


def test_notebooks_are_in_step_with_their_sources() -> None:
    assert build(check=True) == []


@pytest.mark.parametrize("number", LABS)
def test_no_solution_is_in_what_students_get(number: int) -> None:
    given = "".join(notebook_path(number, variant).read_text(encoding="utf-8") for variant in VARIANTS)
    assert "BEGIN SOLUTION" not in given and "END SOLUTION" not in given
    lab = load_lab(number)
    handed_out = {line for cell in lab.cells for line in cell.handed_out.splitlines()}
    secret = {line for c in lab.cells if c.exercise for line in c.solved.splitlines() if len(line.strip()) > 25} - handed_out
    assert [line for line in secret if json.dumps(line, ensure_ascii=False)[1:-1] in given] == []


@pytest.mark.parametrize("number", LABS)
def test_every_exercise_says_in_its_heading_what_it_is_worth(number: int) -> None:
    points = check_points(number)
    exercises = [e.id for e in load_lab(number).exercises]
    for variant in VARIANTS:
        document = json.loads(notebook_path(number, variant).read_text(encoding="utf-8"))
        text = "\n".join("".join(c["source"]) for c in document["cells"] if c["cell_type"] == "markdown")
        found = {int(n): float(p) for n, p in re.findall(r"^## Exercise (\d+) · .+ \*\(([\d.]+) points?\)\*$", text, re.MULTILINE)}
        assert found == {n: points[name] for n, name in enumerate(exercises, 1)}
