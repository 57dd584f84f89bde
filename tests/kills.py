"""Kill -9 whatever is running while a class is graded, again and again: each submission ends with one result, none torn.

    python -m tests.kills --kills 100 --seed 1 --lab 1

A round grades a class with an empty store. At random moments of a random stage (boxes start, notebooks run, adapters are
measured, checks run, results are written) a random process of it is killed: pytest itself, the warm parent, a run's driver
or kernel, a checker, the measuring process. If pytest was killed it is started again, as an instructor would. At the end of
a round every student must have one whole result: full marks, or on hold, or a notebook whose own process was killed; and no
process may be left. Prints what was killed and what became of it; exits with 1 where a promise was broken.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.processes import descendants
from grader.source import ROOT
from tests.classes import solved, with_cell

LAB = 1
STUDENTS = 4
MEASURED_LABS = (4,)
PYTEST_SHARE = 0.3  # of the kills, where there is a choice
STAGES: dict[str, Callable[[set[str], Path], bool]] = {
    "starting": lambda roles, folder: True,
    "running": lambda roles, folder: bool(roles & {"driver", "kernel"}),
    "measuring": lambda roles, folder: "measurer" in roles,
    "checking": lambda roles, folder: "checker" in roles,
    "writing": lambda roles, folder: any((folder / "results").rglob("*.json")),
    "ended": lambda roles, folder: False,
}
"""How a stage of a grading is recognised: by the roles of its processes, and its folder."""
MEAN_DELAY_S = {"starting": 3.0}  # after which a stage's kill comes; half a second elsewhere


@dataclass(slots=True)
class Ledger:
    """What was killed, and how the results stood."""

    killed: Counter[str] = field(default_factory=Counter)
    results: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)


def submissions(folder: Path, lab: int = LAB) -> Path:
    """A folder of right notebooks, each with a comment of its own so that each is run."""
    place = folder / "submissions"
    place.mkdir()
    for number in range(STUDENTS):
        text = with_cell(lab, f"'one of {number}'") if number else json.dumps(solved(lab))
        (place / f"student{number}_lab{lab}.ipynb").write_text(text)
    return place


def start(folder: Path, lab: int = LAB) -> "subprocess.Popen[bytes]":
    """Begin to grade `folder`/submissions."""
    command = [sys.executable, "-m", "pytest", "--lab", str(lab), "--submissions", str(folder / "submissions")]
    command += ["--results", str(folder / "results"), "--store", str(folder / "store")]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def left_over(family: list[int], patience_s: float = 20.0) -> list[int]:
    """Those of `family` that still run after some patience."""
    end = time.monotonic() + patience_s
    while any(is_running(pid) for pid in family) and time.monotonic() < end:
        time.sleep(0.1)
    return [pid for pid in family if is_running(pid)]


def results(folder: Path, lab: int = LAB) -> dict[str, dict[str, Any]]:
    """Every student's result; raises ValueError for a torn one."""
    return {p.stem: json.loads(p.read_text()) for p in (folder / "results" / f"lab{lab}").glob("*.json")}


def role(pid: int, main: int) -> str:
    """What a process of a grading is, for the ledger."""
    if pid == main:
        return "pytest"
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        (places,) = [line.split()[1:] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("NSpid")]
    except (OSError, ValueError):
        return "gone"
    if b"grader.checker" in command:
        return "checker"
    if b"grader.measuring" in command:
        return "measurer"
    if b"boxed.parent" not in command:
        return "other"
    # its pids in the nested namespaces: the machine's, the box's, the run's
    return "bubblewrap" if len(places) == 1 else "warm parent" if len(places) == 2 else "driver" if places[-1] == "1" else "kernel"


def wait_for(stage: str, process: "subprocess.Popen[bytes]", folder: Path, family: set[int]) -> dict[int, str]:
    """pid → role of all that run once `stage` is there; empty when the grading ended before."""
    while process.poll() is None:
        roles = {pid: role(pid, process.pid) for pid in (process.pid, *descendants(process.pid))}
        family |= roles.keys() - {process.pid}
        if STAGES[stage](set(roles.values()), folder):
            return roles
        time.sleep(0.05)
    return {}


def one_round(folder: Path, chance: random.Random, ledger: Ledger, most: int, lab: int = LAB) -> None:
    """Grade a class, killing up to `most` times, and hold the outcome against the promises."""
    submissions(folder, lab)
    process = start(folder, lab)
    begun = time.monotonic()
    family: set[int] = set()
    stages = [stage for stage in STAGES if stage != "ended" and (stage != "measuring" or lab in MEASURED_LABS)]
    for stage in sorted(chance.choices(stages, k=most), key=stages.index):
        if not wait_for(stage, process, folder, family):
            break
        time.sleep(chance.expovariate(1 / MEAN_DELAY_S.get(stage, 0.5)))
        roles = wait_for("starting", process, folder, family)
        by_role: dict[str, list[int]] = {}
        for pid, name in roles.items():
            by_role.setdefault(name, []).append(pid)
        others = sorted(by_role.keys() - {"pytest", "gone"})
        victim = process.pid if chance.random() < PYTEST_SHARE or not others else chance.choice(by_role[chance.choice(others)])
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            continue
        ledger.killed[roles.get(victim, "pytest")] += 1
        if victim == process.pid:
            process.wait()
            if left := left_over(sorted(family)):
                ledger.broken.append(f"{len(left)} processes outlived pytest")
            torn = [p for p in (folder / "store").glob("runs/*/run.json") if not p.read_text().strip().endswith("}")]
            ledger.broken += [f"torn: {p}" for p in torn]
            process = start(folder, lab)
    wait_for("ended", process, folder, family)
    if process.returncode not in (0, 1, 3, 4):
        ledger.broken.append(f"pytest ended with {process.returncode}")
    # 4: the reference's box was killed twice, so nothing was graded, and it says so; start again
    if process.returncode == 4 and start(folder, lab).wait(timeout=900) not in (0, 1, 3):
        ledger.broken.append("grading stopped twice")
    judge(folder, ledger, lab)
    if left := left_over(sorted(family)):
        ledger.broken.append(f"{len(left)} processes were left after {time.monotonic() - begun:.0f} s")


def judge(folder: Path, ledger: Ledger, lab: int = LAB) -> None:
    """Every student has one result, and no fault of the machine lowered it."""
    try:
        found = results(folder, lab)
    except ValueError as error:
        ledger.broken.append(f"a torn result: {error}")
        return
    if len(found) != STUDENTS:
        ledger.broken.append(f"{len(found)} results for {STUDENTS} students")
    for result in found.values():
        if result["status"] == "held":
            ledger.results["on hold"] += 1
        elif result["score"] == result["max_score"]:
            ledger.results["full marks"] += 1
        elif result["run"]["status"] == "kernel_died":
            ledger.results["its own process was killed"] += 1
        else:
            ledger.broken.append(f"a right notebook got {result['score']} with status {result['run']['status']}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lab", type=int, default=LAB)
    options = parser.parse_args()
    chance, ledger = random.Random(options.seed), Ledger()
    rounds = 0
    while ledger.killed.total() < options.kills:
        with tempfile.TemporaryDirectory(prefix="dragon-kills-") as folder:
            one_round(Path(folder), chance, ledger, min(5, options.kills - ledger.killed.total()), options.lab)
        rounds += 1
    print(f"{ledger.killed.total()} kills in {rounds} gradings of {STUDENTS}: {dict(ledger.killed)}")
    print(f"results: {dict(ledger.results)}")
    print("\n".join(ledger.broken) or "no promise broken")
    return bool(ledger.broken)


if __name__ == "__main__":
    sys.exit(main())
