"""The set-up cells of both variants, run as a student runs them: outside the grader, in the course's folder."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader.source import LABS, ROOT, VARIANTS, load_lab

SHOWN = "\nprint(ROOT, OUT.is_dir(), INPUTS)\n"


def run_setup(variant: str, course: Path) -> str:
    cells = load_lab(4).in_variant(variant)
    code = next(cell.handed_out for cell in cells if "setup" in cell.tags) + SHOWN
    environment = {"PATH": "/usr/bin:/bin", "DRAGON_PROFILE": "tiny"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=course / "local", timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course folder as a student has it: no `inputs`."""
    for name in ("train", "utils"):
        shutil.copytree(ROOT / "labs" / name, tmp_path / name)
    (tmp_path / "local").mkdir()
    return tmp_path


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_students_own_labs_are_the_inputs_of_the_next(course: Path, variant: str) -> None:
    assert run_setup(variant, course) == f"{course} True out"


@pytest.mark.parametrize("variant", VARIANTS)
def test_inputs_that_were_given_come_first(course: Path, variant: str) -> None:
    (course / "inputs").mkdir()
    assert run_setup(variant, course) == f"{course} True inputs"


def test_every_file_that_a_lab_needs_is_left_by_an_earlier_one() -> None:
    for number in LABS:
        for earlier in load_lab(number).needs:
            assert earlier < number
            assert load_lab(earlier).leaves, f"lab {number} needs lab {earlier}, which leaves nothing"
