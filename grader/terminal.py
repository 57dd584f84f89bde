"""What an instructor sees in the terminal: a progress line while notebooks run, then a table, then feedback.

Pure presentation: reads results, decides nothing. Fits 80 columns.
"""

import io
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .evidence import describe_run
from .records import CheckResult, Result

if TYPE_CHECKING:
    from .grading import Grading

MARKS = {"passed": "✓", "failed": "✗", "skipped": "–", "error": "?"}


class Progress:
    """One rewritten line on a terminal, one line a finished notebook elsewhere. Called from several threads."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self.reporter = reporter
        self.is_live = reporter.isatty
        self.states: dict[str, str] = {}
        self.done = 0
        self.total = 0
        self.started = time.monotonic()
        self.lock = threading.Lock()

    def __enter__(self) -> "Progress":
        self._show("starting the sandbox …")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.is_live:
            self.reporter.rewrite("", erase=True)

    def __call__(self, student: str, event: str, done: int, of: int) -> None:
        with self.lock:
            if event == "queued":
                self.total += 1
                return
            if event == "done":
                self.states.pop(student, None)
                if not student.startswith("("):  # the reference is no student
                    self.done += 1
                if not self.is_live:
                    self.reporter.write_line(f"{self._clock()}  {student}: notebook run")
            elif event == "measuring":
                self.states[student] = "perplexity"
            else:
                self.states[student] = f"cell {done}/{of}"
            counted = f"{self.done}/{self.total} notebooks" if self.total else "reference"
            self._show(f"{counted} · " + " · ".join(f"{s} {state}" for s, state in self.states.items()))

    def _show(self, text: str) -> None:
        if self.is_live:
            self.reporter.rewrite(f"{self._clock()}  {text}"[:79], erase=True)

    def _clock(self) -> str:
        return f"{time.monotonic() - self.started:4.0f} s"


def summarize(reporter: pytest.TerminalReporter, grading: "Grading") -> None:
    """Print the class as a table, or one student's feedback."""
    buffer = io.StringIO()
    width = min(max(80, reporter._tw.fullwidth), 120)
    console = Console(file=buffer, width=width, force_terminal=reporter.hasmarkup, highlight=False)
    results = grading.results
    console.print()
    console.print(f"Lab {grading.lab} · profile {grading.profile_settings['name']} · {grading.source}")
    if len(results) == 1:
        print_feedback(console, results[0])
    else:
        console.print(class_table(results))
        console.print(legend(results), style="dim")
        console.print("One student's feedback: add --student NAME.", style="dim")
    if grading.hidden_checks:
        console.print(f"These were the public checks; {grading.hidden_checks} hidden ones run after you submit.")
    held = [r.submission.student for r in results if r.is_held]
    if held:
        console.print(
            f"On hold, because the grader could not decide a check: {', '.join(held)}. Look into {_folder(grading)}/staff/.",
            style="bold yellow",
        )
    remembered = len(results) + 1 - grading.notebooks_run
    note = f", {remembered} remembered" if remembered > 0 else ""
    console.print(
        f"{grading.notebooks_run} notebooks run{note} in {grading.seconds:.0f} s · sandbox tier {min(r.run.tier for r in results)} · results in {_folder(grading)}/",
        style="dim",
    )
    reporter.write(buffer.getvalue())


def class_table(results: list[Result]) -> Table:
    """Students × exercises (numbered, see `legend`) with points, and what was lost first."""
    exercises = _exercises(results)
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    table.add_column("student", no_wrap=True, max_width=20)
    for number, _ in enumerate(exercises, 1):
        table.add_column(str(number), justify="right", no_wrap=True)
    table.add_column("total", justify="right", no_wrap=True)
    table.add_column("lost first", ratio=1)
    for result in results:
        cells = [_points_cell([c for c in result.checks if c.exercise == e]) for e in exercises]
        total = f"{result.score:g}/{result.max_score:g}" if not result.is_held else "held"
        table.add_row(result.submission.student, *cells, total, _first_lost(result))
    return table


def legend(results: list[Result]) -> str:
    """What the numbered columns are, with their points."""
    checks = results[0].checks
    points = {e: sum(c.max_points for c in checks if c.exercise == e) for e in _exercises(results)}
    return " · ".join(f"{number} {name} {points[name]:g}" for number, name in enumerate(points, 1))


def _exercises(results: list[Result]) -> list[str]:
    return list(dict.fromkeys(check.exercise for result in results for check in result.checks))


def _points_cell(checks: list[CheckResult]) -> Text:
    if any(c.status == "error" for c in checks):
        return Text("?", style="yellow")
    points, most = sum(c.points for c in checks), sum(c.max_points for c in checks)
    return Text(f"{points:g}", style="green" if points == most else "red" if points == 0 else "yellow")


def print_feedback(console: Console, result: Result) -> None:
    """All that one student is told."""
    total = "on hold" if result.is_held else f"{result.score:g} of {result.max_score:g} points"
    console.print(Text.assemble((result.submission.student, "bold"), f"  {total}"))
    message = describe_run(result.run)
    if message:
        console.print(Text(message, style="yellow"))
    for name in dict.fromkeys(check.exercise for check in result.checks):
        checks = [c for c in result.checks if c.exercise == name]
        console.print()
        console.print(Text.assemble((name, "bold"), f"  {_exercise_cell(checks)}"))
        for check in checks:
            _print_check(console, check)
    if result.measured:
        base, tuned = result.measured["base_perplexity"], result.measured["tuned_perplexity"]
        console.print(f"\nPerplexity on notes you have not seen: {base:.1f} before, {tuned:.1f} after (× {tuned / base:.2f}).")


def _print_check(console: Console, check: CheckResult) -> None:
    """A mark, then title and feedback, each line of them under the first."""
    style = {"passed": "green", "failed": "red"}.get(check.status, "yellow")
    grid = Table.grid(padding=(0, 1, 0, 0))
    title = Text.assemble(check.title, (f"  {check.points:g}/{check.max_points:g}", "dim"))
    grid.add_row(Text(f"  {MARKS[check.status]}", style), title)
    if check.feedback:
        grid.add_row("", Text(check.feedback))
    console.print(grid)


def _exercise_cell(checks: list[CheckResult]) -> str:
    if any(c.status == "error" for c in checks):
        return "?"
    return f"{sum(c.points for c in checks):g}/{sum(c.max_points for c in checks):g}"


def _first_lost(result: Result) -> str:
    if result.run.status not in ("ok", "cell_error"):
        return describe_run(result.run)
    first = next((c for c in result.checks if c.status != "passed"), None)
    return "" if first is None else f"{first.exercise}: {first.title[0].lower() + first.title[1:]}"


def _folder(grading: "Grading") -> str:
    import os

    return os.path.relpath(grading.results_folder / f"lab{grading.lab}")
