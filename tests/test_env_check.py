"""`labs/utils/env_check.py`, as a script and as functions; and that every place that names a version names the same one."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader.source import ROOT

LABS = ROOT / "labs"
sys.path.insert(0, str(LABS))
from utils import env_check  # noqa: E402 - the course's folder is no package of ours


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course folder with requirements that this Python meets, and without a base model."""
    (tmp_path / "train").mkdir()
    shutil.copy(LABS / "train" / "config.json", tmp_path / "train")
    (tmp_path / "requirements.txt").write_text("pytest>=9\n")
    return tmp_path


def rows(course: Path) -> dict[str, env_check.Row]:
    return {row.what: row for row in env_check.check(course)}


def run_script(*options: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "DRAGON_PROFILE": "tiny"}
    command = [sys.executable, *options, str(LABS / "utils" / "env_check.py")]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/", timeout=120)


def test_it_runs_where_nothing_is_installed_and_names_the_commands_that_mend_it() -> None:
    done = run_script("-S")  # no site-packages
    assert done.returncode == 1
    assert done.stderr == ""
    assert re.search(r"^MISSING +torch +- +wanted: >=2.11,<2.15$", done.stdout, re.MULTILINE)
    commands = done.stdout.partition("To mend it")[2].splitlines()[1:]
    assert [command.strip().split("  ")[0] for command in commands[:2]] == [
        'pip install "torch>=2.11,<2.15"',
        "pip install -r requirements.txt",
    ]
    assert commands[2].strip() == env_check.no_deps_command()


def test_it_finds_nothing_to_mend_in_the_environment_that_the_lock_describes() -> None:
    done = run_script()
    wanting = [
        line for line in done.stdout.splitlines() if line.startswith(("MISSING", "OTHER")) and "disk" not in line and "memory" not in line
    ]
    assert wanting == []


def test_another_version_than_wanted_is_named_with_both(course: Path) -> None:
    (course / "requirements.txt").write_text("pytest==1.2.3\n")
    row = rows(course)["pytest"]
    assert (row.state, row.wanted, row.mend) == ("other", "==1.2.3", "pip install -r requirements.txt")
    assert row.found == pytest.__version__


def test_a_missing_package_is_mended_by_the_command_that_it_came_with(course: Path) -> None:
    (course / "requirements.txt").write_text("# pip install --no-deps unsloth_of_no_one==1.0\nnot_a_package_at_all\n")
    found = rows(course)
    assert found["not_a_package_at_all"].mend == "pip install -r requirements.txt"
    assert found["unsloth_of_no_one"].mend == "pip install --no-deps unsloth_of_no_one==1.0"


@pytest.mark.parametrize(
    ("version", "state"), [("3.9.18", "other"), ("3.10.14", "other"), ("3.11.0", "ok"), ("3.12.7", "ok"), ("3.13.1", "other")]
)
def test_another_python_is_named_with_the_two_that_the_labs_run_on(
    course: Path, monkeypatch: pytest.MonkeyPatch, version: str, state: str
) -> None:
    monkeypatch.setattr(env_check.platform, "python_version", lambda: version)
    row = rows(course)["python"]
    assert (row.state, row.found, row.wanted) == (state, version, "3.11 or 3.12")
    assert f"the labs run on 3.11 or 3.12, and this is {version}" in row.mend


def test_the_students_pythons_are_those_of_the_project() -> None:
    minors = [int(python.removeprefix("3.")) for python in env_check.PYTHONS]
    assert f'requires-python = ">=3.{minors[0]},<3.{minors[-1] + 1}"' in (ROOT / "pyproject.toml").read_text()
    assert f"Python {' or '.join(env_check.PYTHONS)}" in (LABS / "requirements.txt").read_text()
    lab1 = (ROOT / "reference" / "lab1.py").read_text()
    assert f"**{' or '.join(env_check.PYTHONS)}**" in lab1
    assert f"not in {tuple((3, minor) for minor in minors)}:" in lab1


def test_an_older_python_can_read_the_script() -> None:
    source = (LABS / "utils" / "env_check.py").read_text()
    ast.parse(source, feature_version=(3, 8))
    assert "from __future__ import annotations" in source, "`float | None` in a signature stops Python 3.9"


@pytest.mark.parametrize(
    ("version", "wanted", "answer"),
    [
        ("2.13.0+cpu", ">=2.11,<2.15", True),
        ("2.9.1", ">=2.11,<2.15", False),
        ("2.15.0", ">=2.11,<2.15", False),
        ("5.17", "==5.17.0", True),
        ("5.17.1", "==5.17.0", False),
        ("7.4.0", ">=7", True),
        ("1.0", "", True),
    ],
)
def test_versions_are_compared_as_numbers(version: str, wanted: str, answer: bool) -> None:
    assert env_check.satisfies(version, wanted) is answer


def test_a_base_model_that_is_not_there_is_said_so_with_what_fetches_it(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGON_PROFILE", "cpu")
    row = rows(course)["models/cpu"]
    assert (row.state, row.mend) == ("missing", "python models/fetch_smollm2.py")
    assert (LABS / "models" / "fetch_smollm2.py").exists()


def test_the_report_says_whether_all_is_well(course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(env_check, "MEMORY_GB", 0)
    monkeypatch.setattr(env_check, "DISK_GB", 0)
    monkeypatch.setenv("DRAGON_PROFILE", "t4")  # its model is on the Hub
    assert env_check.report(course)
    assert capsys.readouterr().out.endswith("Everything is as the labs want it.\n")


def test_the_students_versions_are_those_of_the_lock() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    pinned = {name.lower().replace("-", "_"): version for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", lock, re.MULTILINE)}
    for name, wanted in env_check.requirements(LABS):
        assert env_check.satisfies(pinned[name], wanted), (
            f"requirements.lock has {name} {pinned[name]}, labs/requirements.txt wants {wanted}"
        )


def test_every_install_command_in_the_course_names_the_same_unsloth() -> None:
    wanted = dict(env_check.requirements(LABS))
    sources = [*ROOT.glob("reference/lab*.py"), *LABS.rglob("*.ipynb"), *LABS.rglob("*.md"), *LABS.rglob("*.txt")]
    for path in sources:
        for name, version in re.findall(r"\b(unsloth|unsloth_zoo|cut_cross_entropy)==([\d.]+\d)", path.read_text(encoding="utf-8")):
            assert f"=={version}" == wanted[name], (
                f"{path.relative_to(ROOT)} installs {name} {version}; labs/requirements.txt says {wanted[name]}"
            )


def test_every_install_command_in_the_course_limits_torch() -> None:
    wanted = dict(env_check.requirements(LABS))["torch"]
    for path in [ROOT / "reference" / "lab1.py", LABS / "requirements.txt", *LABS.rglob("*.ipynb")]:
        for asked in re.findall(r"pip install (?:-q )?\\?\"?(torch\b[^\s\"\\]*)", path.read_text(encoding="utf-8")):
            assert asked == f"torch{wanted}", f"{path.relative_to(ROOT)} installs {asked}, labs/requirements.txt wants torch{wanted}"
