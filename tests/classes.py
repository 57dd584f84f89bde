"""Grade folders of notebooks in tests, the way a user does: `pytest --lab N --submissions …` in a process of its own."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.answers import notebook_with
from grader.hidden import shown
from grader.source import ROOT, load_lab


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one call of pytest printed, returned and wrote."""

    returncode: int
    output: str
    results: dict[str, dict[str, Any]]


NO_NAMESPACES = ("unshare", "-Ur", "sh", "-c", 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', "sh")
"""Before a command: a host, as far as the command can tell, that forbids user namespaces."""


def grade(folder: Path, lab: int, notebooks: dict[str, str | bytes], store: Path, *options: str, host: tuple[str, ...] = ()) -> Outcome:
    """Write `notebooks` (student → file content), grade them, read the result files. host: words before the command."""
    submissions = folder / "submissions"
    submissions.mkdir(parents=True, exist_ok=True)
    for student, content in notebooks.items():
        data = content.encode() if isinstance(content, str) else content
        (submissions / f"{student}_lab{lab}.ipynb").write_bytes(data)
    return pytest_lab(folder, lab, "--submissions", str(submissions), "--store", str(store), *options, host=host)


def pytest_lab(folder: Path, lab: int, *options: str, host: tuple[str, ...] = ()) -> Outcome:
    """Call `pytest --lab N` from the repository's root, results in `folder`. No student's result may quote anything hidden."""
    results = folder / "results"
    command = [*host, sys.executable, "-m", "pytest", "--lab", str(lab), "--results", str(results), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1800)
    written = {p.stem: json.loads(p.read_text()) for p in sorted((results / f"lab{lab}").glob("*.json"))}
    leaks = {student: found for student, result in written.items() if (found := shown(result))}
    assert not leaks, leaks
    return Outcome(done.returncode, done.stdout + done.stderr, written)


def solved(lab: int) -> dict[str, Any]:
    """The reference's notebook of the local variant, as a document to change."""
    document: dict[str, Any] = json.loads(notebook_with(load_lab(lab), []))
    return document


def with_cell(lab: int, source: str, *, before: str | None = None, after: str | None = None) -> str:
    """The solved notebook with one more code cell before or after an exercise (default: at the end)."""
    document = solved(lab)
    cell = {"cell_type": "code", "id": "extra", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
    index = len(document["cells"])
    for position, existing in enumerate(document["cells"]):
        grade_id = existing["metadata"].get("nbgrader", {}).get("grade_id")
        if before and grade_id == before:
            index = position
        if after and grade_id == after:
            index = position + 1
    document["cells"].insert(index, cell)
    return json.dumps(document)


def replacing(lab: int, exercise: str, source: str) -> str:
    """The solved notebook with another source in one exercise's cell."""
    document = solved(lab)
    for cell in document["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == exercise:
            cell["source"] = source
    return json.dumps(document)
