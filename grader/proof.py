"""The proof that grades are right: every answer in `reference/answers/` is graded, and must be judged as it says.

A right answer gets full marks; a wrong one fails exactly the checks in its `caught_by`, each with a hint; no student's file
quotes anything hidden. Grading is done as a user does it, by `pytest --lab N` on a folder of notebooks.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from .answers import Answer, load_answers, notebook_with
from .build import notebook_path
from .hidden import shown
from .scratch import scratch
from .source import ROOT, load_lab

BLANK = "unfilled"
REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What grading one answer gave: check → status, and the hints of those that failed."""

    answer: str
    statuses: dict[str, str]
    hints: dict[str, str]
    score: float
    max_score: float
    shown: tuple[str, ...] = ()  # what is hidden, and stands in the student's file all the same

    @property
    def failed(self) -> frozenset[str]:
        return frozenset(name for name, status in self.statuses.items() if status == "failed")


def judge(number: int, *options: str) -> dict[str, Verdict]:
    """Grade all answers of a lab, the reference in both variants and the unfilled notebook; verdicts by name."""
    lab = load_lab(number)
    with scratch("proof") as folder:
        submissions, results = Path(folder, "submissions"), Path(folder, "results")
        submissions.mkdir()
        notebooks = {answer.name: notebook_with(lab, [answer]) for answer in load_answers(number).values()}
        notebooks |= {f"{REFERENCE}_{variant}": notebook_with(lab, [], variant) for variant in ("local", "colab")}
        notebooks |= {f"{BLANK}_{v}": notebook_path(number, v).read_text(encoding="utf-8") for v in ("local", "colab")}
        for name, text in notebooks.items():
            (submissions / f"{name}.ipynb").write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "--lab", str(number), "--submissions", str(submissions), "--results", str(results)]
        done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False)
        files = sorted((results / f"lab{number}").glob("*.json"))
        if len(files) != len(notebooks):
            raise RuntimeError(
                f"grading the answers of lab {number} wrote {len(files)} of {len(notebooks)} results:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
            )
        return {path.stem: _verdict(path.stem, json.loads(path.read_text())) for path in files}


def problem(answer: Answer, verdict: Verdict) -> str:
    """How the verdict differs from what the answer says of itself; empty when it does not."""
    if any(status == "error" for status in verdict.statuses.values()):
        return f"the grader broke: {[n for n, s in verdict.statuses.items() if s == 'error']}"
    if verdict.shown:
        return f"the student is shown what is hidden: {verdict.shown[:3]}"
    if answer.verdict == "right":
        return "" if verdict.score == verdict.max_score else f"right, but lost {sorted(verdict.hints.items())}"
    if verdict.failed != frozenset(answer.caught_by):
        return f"wrong; should fail {sorted(answer.caught_by)}, failed {sorted(verdict.failed)}: {verdict.hints}"
    return "" if all(verdict.hints[name] for name in verdict.failed) else "a failed check has no hint"


def table(number: int, verdicts: dict[str, Verdict]) -> Table:
    """Answers × what became of them."""
    answers = load_answers(number)
    grid = Table(title=f"Lab {number}: {len(answers)} answers", title_justify="left", box=None, pad_edge=False)
    for column in ("answer", "is", "caught by", "as it should"):
        grid.add_column(column)
    for name, answer in answers.items():
        wrong_about = problem(answer, verdicts[name])
        caught = ", ".join(sorted(n.removeprefix("test_") for n in verdicts[name].failed))
        grid.add_row(name, answer.verdict, caught or "let through", "yes" if not wrong_about else f"NO: {wrong_about}")
    return grid


def _verdict(name: str, result: dict[str, Any]) -> Verdict:
    statuses = {check["id"]: check["status"] for check in result["checks"]}
    hints = {check["id"]: check["feedback"] for check in result["checks"] if check["status"] == "failed"}
    return Verdict(name, statuses, hints, result["score"], result["max_score"], tuple(shown(result)))
