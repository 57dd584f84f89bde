"""The box wherever this Python lies: people clone to /tmp and run what the README says there, and the box covers /tmp."""

import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

from grader import box
from grader.source import ROOT

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
        done = subprocess.run([str(folder / "venv/bin/python"), "-c", program], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("home = ") and done.stdout.endswith("read-only\n")
