"""The box on hosts as they are: wherever this Python lies, and with memory that a watchdog samples.

People clone to /tmp and run what the README says there, and the box covers /tmp.
"""

import json
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

from grader import box
from grader.source import ROOT
from grader.supervise import Budget, supervise

BUDGET = Budget(wall_s=120, cell_s=60, memory_bytes=600 << 20, disk_bytes=1 << 30)
HOGS = {
    "a process that takes little by little": "blocks = []\nwhile True: blocks.append(bytearray(b'x') * (20 << 20))",
    "many processes": """
import os, time
for _ in range(8):
    if os.fork() == 0:
        block = bytearray(b'x') * (150 << 20); time.sleep(30); os._exit(0)
time.sleep(30)
""",
    "memory files, which belong to no process": """
import os, time
files = []
for n in range(20):
    files.append(os.memfd_create(f"m{n}"))
    for _ in range(10): os.write(files[-1], bytes(8 << 20))
    time.sleep(0.2)
time.sleep(30)
""",
}
PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.test_weakened_box import loot_of
from grader import box
with box.WarmParent(course={{}}, runs=Path({runs!r}), imports=[], environment={{}}) as parent:
    print(loot_of(parent, "import sys; loot = open(sys.prefix + '/pyvenv.cfg').read()"))
    print(loot_of(parent, "import sys\\ntry: open(sys.prefix + '/x', 'w'); loot = 'written'\\nexcept OSError: loot = 'read-only'"))
"""


def test_an_environment_below_a_covered_folder_stays_in_view_and_read_only() -> None:
    if box.probe().level < 2:
        pytest.skip(f"no sandbox on this host: {box.probe().reason}")
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
        packages = next((folder / "venv" / "lib").glob("python3.*/site-packages"))
        (packages / "ours.pth").write_text(sysconfig.get_paths()["purelib"])
        (folder / "runs").mkdir()
        program = PROGRAM.format(root=str(ROOT), runs=str(folder / "runs"))
        by_a_detour = f"{folder}/runs/../venv/bin/python"  # as it is called from a folder beside it
        done = subprocess.run([by_a_detour, "-c", program], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("home = ") and done.stdout.endswith("read-only\n")


@pytest.mark.parametrize("hog", HOGS)
def test_the_watchdog_sees_memory_wherever_it_is_kept(hog: str, tmp_path: Path) -> None:
    if box.probe().level < 2:
        pytest.skip(f"no sandbox on this host: {box.probe().reason}")
    job = {
        "cells": [{"source": HOGS[hog], "exercise": None, "untouched": False}], "exercises": [],
        "limits": box.LIMITS, "work": "/work", "evidence": "/evidence",
        "cell_timeout_s": 60, "cell_cpu_s": 60, "probe_timeout_s": 1, "probes_timeout_s": 5, "seed": 0,
    }  # fmt: skip
    with box.WarmParent(course={}, runs=tmp_path, imports=[], environment={}) as parent:
        place = parent.new_job()
        (place / "job.json").write_text(json.dumps(job))
        assert supervise(parent.fork(place), place, 1, "", BUDGET, lambda *_: None).status == "out_of_memory"
