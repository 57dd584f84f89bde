"""The checks of a class, run by pytest in boxes of their own: no network, no home, no secret, only the evidence they read.

In: a class's evidence. Out: an `Outcome` for every student and check. A student whose evidence hangs or kills a checker
costs nobody else anything. What a checker says is taken as data: a parser bug in it can forge outcomes, and nothing more.
"""

import contextlib
import json
import math
import os
import resource
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest

from .bubblewrap import python_command, sandbox_command
from .errors import Rejected
from .grading import STATE, Grading
from .records import CheckStatus
from .source import ROOT
from .strict import parse_json

STUDENTS_A_BOX = 25  # a box sees the evidence of so many at most, and starts in about two seconds
SILENCE_S = 120  # without an outcome, until a checker counts as hung; the slowest check takes under one
MAX_LINE_BYTES = 1 << 20
MEMORY_BYTES = 8 << 30  # of a checker; a class's largest evidence takes under one
DONE = b'"done"'
PLACE = "/opt/dragon"
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
SHOWN = ("grader", "checks", "reference", "labs", "templates", "conftest.py", "pyproject.toml")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one check for one student; `detail` is for staff."""

    student: str
    check: str
    status: CheckStatus
    feedback: str
    detail: str


def run_checks(grading: Grading, checks: Path, options: Sequence[str] = (), *, processes: int = 1) -> dict[tuple[str, str], Outcome]:
    """Run the checks file for every student; outcomes by (student, check). What no checker could decide is not in it.

    options: further words of pytest's command line.
    """
    names = sorted(grading.students)
    size = max(1, min(STUDENTS_A_BOX, math.ceil(len(names) / processes)))
    shares = [names[i : i + size] for i in range(0, len(names), size)]
    outcomes: dict[tuple[str, str], Outcome] = {}
    with ThreadPoolExecutor(processes) as pool:
        for found in pool.map(lambda share: _check_share(grading, checks, options, share), shares):
            outcomes |= {(outcome.student, outcome.check): outcome for outcome in found}
    return outcomes


def _check_share(grading: Grading, checks: Path, options: Sequence[str], names: list[str]) -> list[Outcome]:
    """The outcomes of some students; after a checker's early end, those after the student it was at get a new one."""
    outcomes: list[Outcome] = []
    while names:
        with _started(grading, checks, options, names) as process:
            heard, is_complete = _listen(process, frozenset(names))
            outcomes += heard
        seen = [name for name in names if any(o.student == name for o in outcomes)]
        if is_complete:
            return outcomes
        if not seen and len(names) > 1:  # nothing at all: is it the first student, or the box?
            outcomes += _check_share(grading, checks, options, names[:1])
            names = names[1:]
            continue
        names = names[names.index(seen[-1]) + 1 :] if seen else []
    return outcomes


@contextlib.contextmanager
def _started(grading: Grading, checks: Path, options: Sequence[str], names: Sequence[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A checker in its box, told what to check; killed at the end."""
    folders = {"reference": grading.reference.folder, **{f"{i}": grading.students[n].evidence.folder for i, n in enumerate(names)}}
    shown = {f"/evidence/{place}": folder for place, folder in folders.items() if folder.is_dir()}
    inside = {folder: Path("/evidence", place) for place, folder in folders.items()}
    task = {"grading": grading.to_json(names, inside), "checks": f"{PLACE}/checks/{checks.name}", "options": list(options)}
    ours = {f"{PLACE}/{name}": ROOT / name for name in SHOWN} | {f"{PLACE}/checks/{checks.name}": checks}
    code = f"import sys; sys.path.insert(0, {PLACE!r}); from grader.checker import main; sys.exit(main())"
    command = sandbox_command(python_command(code), read_only=ours | shown, writable={}, environment=ENVIRONMENT)
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True, env={}, cwd="/"
    )
    assert process.stdin is not None
    try:
        with contextlib.suppress(BrokenPipeError):  # it ended already: nothing will be heard of it
            process.stdin.write(json.dumps(task).encode())
            process.stdin.close()
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _listen(process: "subprocess.Popen[bytes]", students: frozenset[str]) -> tuple[list[Outcome], bool]:
    """Outcomes, and True, until the checker says that it is done; False when it ended, was silent for long or said what is no outcome."""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    outcomes: list[Outcome] = []
    pending = bytearray()
    heard = time.monotonic()
    while time.monotonic() - heard < SILENCE_S:
        if not select.select([descriptor], [], [], 1.0)[0]:
            continue
        chunk = os.read(descriptor, 1 << 16)
        if not chunk:
            break
        heard = time.monotonic()
        *lines, rest = (pending + chunk).split(b"\n")
        pending = bytearray(rest)
        is_complete = bool(lines) and lines[-1] == DONE
        try:
            for line in lines[: len(lines) - is_complete]:
                outcomes.append(_outcome(bytes(line), students))
        except Rejected:
            break
        if is_complete:
            return outcomes, True
        if len(pending) > MAX_LINE_BYTES:
            break
    return outcomes, False


def _outcome(line: bytes, students: frozenset[str]) -> Outcome:
    """One line of a checker. Raises Rejected."""
    document = parse_json(line, "a checker's line", max_bytes=MAX_LINE_BYTES, max_depth=2)
    fields: Mapping[str, Any] = document if isinstance(document, dict) else {}
    if (
        fields.keys() != {"student", "check", "status", "feedback", "detail"}
        or not all(isinstance(value, str) for value in fields.values())
        or fields["status"] not in get_args(CheckStatus)
        or fields["student"] not in students
    ):
        raise Rejected("a checker said something that is no outcome")
    return Outcome(**fields)


class Worker:
    """In the box: gives pytest the class, and writes each check's outcome as a line."""

    def __init__(self, grading: Grading, answers: int) -> None:
        self.grading, self.answers = grading, answers

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[STATE] = self.grading

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for key, value in report.user_properties:
            if key == "dragon" and isinstance(value, dict):
                outcome = {name: value[name] for name in ("student", "status", "feedback", "detail")} | {"check": value["id"]}
                os.write(self.answers, json.dumps(outcome).encode() + b"\n")


def main() -> int:
    """The checker's process: a task on stdin, outcomes on stdout."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    task = json.load(sys.stdin.buffer)
    answers = os.dup(1)
    null = os.open("/dev/null", os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    state = Grading.from_json(task["grading"])
    arguments = ["-p", "no:cacheprovider", "--lab", str(state.lab), *task["options"], task["checks"]]
    status = pytest.main(arguments, plugins=["grader.plugin", Worker(state, answers)])
    if status in (0, 1):
        os.write(answers, DONE + b"\n")
    return int(status)
