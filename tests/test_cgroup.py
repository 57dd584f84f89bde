"""Tier 3: the kernel itself caps a run's memory, where no process's size shows it, and its processes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader import box, cgroup
from grader.records import Run
from grader.supervise import Budget, supervise

CAP_BYTES = 600 << 20
HOGS = {
    "one process": "block = bytearray(2 << 30); block[::4096] = bytes(len(block[::4096]))",
    "six processes of a sixth": """
import os, time
for _ in range(6):
    if os.fork() == 0:
        block = bytearray(300 << 20); block[::4096] = bytes(len(block[::4096])); time.sleep(30); os._exit(0)
time.sleep(30)
""",
    "memory files, which belong to no process": """
import os
for n in range(20):
    file = os.memfd_create(f"m{n}")
    for _ in range(10): os.write(file, bytes(10 << 20))
""",
    "files in /dev/shm and /tmp": """
for n in range(200):
    for place in ("/dev/shm", "/tmp"):
        try: open(f"{place}/{n}", "wb").write(bytes(8 << 20))
        except OSError: pass
""",
}  # fmt: skip


@pytest.fixture(scope="module")
def groups() -> Iterator[Path]:
    if box.probe().level < 2:
        pytest.skip(f"no sandbox on this host: {box.probe().reason}")
    with cgroup.parent() as found:
        if found is None:
            pytest.skip("no cgroup v2 here whose memory and pids controllers may be handed on")
        yield found


def run(cell: str, folder: Path, groups: Path, *, processes: int = 64) -> Run:
    """One cell in a fork of a warm parent, under caps."""
    budget = Budget(wall_s=120, cell_s=60, memory_bytes=64 << 30, disk_bytes=8 << 30)
    job = {
        "cells": [{"source": cell, "exercise": None, "untouched": False}], "exercises": [],
        "limits": box.LIMITS | {"processes": 4096}, "work": "/work", "evidence": "/evidence",
        "cell_timeout_s": 60, "cell_cpu_s": 60, "probe_timeout_s": 1, "probes_timeout_s": 5, "seed": 0,
    }  # fmt: skip
    with box.WarmParent(course={}, runs=folder, imports=[], environment={}) as parent:
        place = parent.new_job()
        (place / "job.json").write_text(json.dumps(job))
        with cgroup.group(groups, memory_bytes=CAP_BYTES, processes=processes) as group:
            return supervise(parent.fork(place), place, 1, "", budget, lambda *_: None, group)


@pytest.mark.parametrize("hog", HOGS)
def test_memory_is_capped_wherever_it_is_kept(hog: str, tmp_path: Path, groups: Path) -> None:
    assert run(HOGS[hog], tmp_path, groups).status == "out_of_memory"


def test_an_ordinary_cell_is_left_alone(tmp_path: Path, groups: Path) -> None:
    assert run("x = bytearray(50 << 20)", tmp_path, groups).status == "ok"


def test_processes_are_capped(tmp_path: Path, groups: Path) -> None:
    cell = """
import os, time
n = 0
try:
    while n < 300:
        if os.fork() == 0: time.sleep(20); os._exit(0)
        n += 1
except OSError: pass
assert n < 64, n
"""
    assert run(cell, tmp_path, groups).status == "ok"


def test_no_group_is_left_behind(tmp_path: Path, groups: Path) -> None:
    run("1", tmp_path, groups)
    assert list(groups.glob("run-*")) == []
