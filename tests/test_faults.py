"""Faults of the machine: whatever is killed or full, each submission ends with one result, and none is lowered by it."""

import contextlib
import json
import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from tests import kills
from tests.classes import grade, solved


@pytest.mark.parametrize("seed", [5, 6])
def test_what_is_killed_while_a_class_is_graded_breaks_no_promise(seed: int, tmp_path: Path) -> None:
    ledger = kills.Ledger()
    kills.one_round(tmp_path, random.Random(seed), ledger, most=4)
    assert ledger.broken == []
    assert ledger.results.total() == kills.STUDENTS


def test_a_notebook_whose_process_was_killed_runs_again(tmp_path: Path) -> None:
    kills.submissions(tmp_path)
    process, chance = kills.start(tmp_path), random.Random(4)
    while roles := kills.wait_for("running", process, tmp_path, set()):
        kernels = [pid for pid, name in roles.items() if name == "kernel"]
        if len(kernels) == 2:  # the first of all is that of the probe
            os.kill(kernels[chance.randrange(2)], signal.SIGKILL)
            break
    else:
        pytest.skip("this machine runs one notebook at a time")
    assert process.wait(timeout=600) == 0
    assert {result["score"] for result in kills.results(tmp_path).values()} == {8}


@pytest.mark.slow
def test_100_kills_break_no_promise(tmp_path: Path) -> None:
    ledger, chance = kills.Ledger(), random.Random(1)
    while ledger.killed.total() < 100:
        folder = tmp_path / str(ledger.killed.total())
        folder.mkdir()
        kills.one_round(folder, chance, ledger, most=5)
    assert ledger.broken == []


def test_a_torn_a_missing_and_a_lowered_result_would_be_noticed(tmp_path: Path) -> None:
    ledger, place = kills.Ledger(), tmp_path / "results" / f"lab{kills.LAB}"
    place.mkdir(parents=True)
    kills.judge(tmp_path, ledger)
    (place / "ann.json").write_text('{"status": "graded", "score": 1, "max_score": 8, "run": {"status": "ok"}}')
    kills.judge(tmp_path, ledger)
    (place / "ann.json").write_text('{"status": "gra')
    kills.judge(tmp_path, ledger)
    assert len(ledger.broken) == 4


@pytest.mark.parametrize("full", ["results", "store"])
def test_a_full_disk_is_named_and_costs_no_point(full: str, tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can mount the small disk that this test fills")
    disk = tmp_path / full
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], check=True)
    try:
        with contextlib.suppress(OSError), (disk / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))
        done = grade(tmp_path, 1, {"ann": json.dumps(solved(1))}, tmp_path / "store")
        assert done.returncode in (3, 4) and "No space left on device" in done.output and "Traceback" not in done.output
        assert [r for r in done.results.values() if r["score"] != r["max_score"]] == []
        (disk / "ballast").unlink()
        subprocess.run(["mount", "-o", "remount,size=1g", str(disk)], check=True)
        again = grade(tmp_path, 1, {"ann": json.dumps(solved(1))}, tmp_path / "store")
        assert again.returncode == 0 and again.results["ann"]["score"] == 8
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
