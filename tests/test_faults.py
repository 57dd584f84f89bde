"""Faults of the machine: whatever is killed, each submission ends with exactly one result, and no process is left."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grader.source import ROOT
from tests.classes import solved, with_cell

LAB = 3
STUDENTS = 4


def submissions(folder: Path) -> Path:
    place = folder / "submissions"
    place.mkdir()
    for number in range(STUDENTS):
        text = with_cell(LAB, f"'one of {number}'") if number else json.dumps(solved(LAB))
        (place / f"student{number}_lab{LAB}.ipynb").write_text(text)
    return place


def start(folder: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "pytest", "--lab", str(LAB), "--submissions", str(folder / "submissions")]
    command += ["--results", str(folder / "results"), "--store", str(folder / "store")]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {"DRAGON_TEST_MARK": folder.name}
    )


def descendants(pid: int) -> list[int]:
    found, pending = [], [pid]
    while pending:
        current = pending.pop()
        for children in Path(f"/proc/{current}/task").glob("*/children"):
            try:
                pending += (own := [int(c) for c in children.read_text().split()])
            except OSError:
                continue
            found += own
    return found


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def results(folder: Path) -> dict[str, dict[str, object]]:
    return {p.stem: json.loads(p.read_text()) for p in (folder / "results" / f"lab{LAB}").glob("*.json")}


def test_a_killed_grader_resumes_and_leaves_no_process(tmp_path: Path) -> None:
    submissions(tmp_path)
    chance = random.Random(5)
    for _ in range(3):
        process = start(tmp_path)
        time.sleep(chance.uniform(1, 12))
        family = descendants(process.pid)
        process.kill()
        process.wait()
        end = time.monotonic() + 20
        while any(is_running(pid) for pid in family) and time.monotonic() < end:
            time.sleep(0.1)
        assert [pid for pid in family if is_running(pid)] == []
        assert list((tmp_path / "store").glob("runs/*/run.json")) == [
            p for p in (tmp_path / "store").glob("runs/*/run.json") if json.loads(p.read_text())
        ]
    assert start(tmp_path).wait(timeout=600) == 0
    found = results(tmp_path)
    assert len(found) == STUDENTS and {r["status"] for r in found.values()} == {"graded"}
    assert {r["score"] for r in found.values()} == {20}


@pytest.mark.parametrize("victim", ["the warm parent", "anything of the box"])
def test_what_is_killed_in_the_box_is_tried_again_or_held(tmp_path: Path, victim: str) -> None:
    submissions(tmp_path)
    process = start(tmp_path)
    end = time.monotonic() + 120
    while process.poll() is None and not list((tmp_path / "store").glob("runs/*/run.json")) and time.monotonic() < end:
        time.sleep(0.05)  # until the reference has run: its trouble stops the class, which is right
    family = descendants(process.pid)
    chosen = family[:1] if victim == "the warm parent" else [random.Random(1).choice(family)] if family else []
    for pid in chosen:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    assert process.wait(timeout=600) in (0, 1, 3)
    found = results(tmp_path)
    assert len(found) == STUDENTS
    for result in found.values():
        assert result["status"] == "held" or result["score"] == 20 or result["run"]["status"] == "kernel_died"  # type: ignore[index]
