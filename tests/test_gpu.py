"""GPUs in the box: found without starting CUDA, shown to a run when asked for, one at a time. What needs a GPU is marked so."""

import json
from pathlib import Path

import pytest

from grader import box, gpu
from tests.classes import grade, pytest_lab, solved
from tests.test_weakened_box import loot_of

INFORMATION = "Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 41\nBus Location: \t 0000:00:06.0\nDevice Minor: \t {minor}\n"
VERSION = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build  (nixbld@)\nGCC version:  gcc 15.3.0\n"
FOUND = gpu.find()
needs_gpu = [pytest.mark.gpu, pytest.mark.skipif(FOUND is None, reason="no NVIDIA GPU here")]


def driver(folder: Path, minors: dict[str, str]) -> Path:
    """A tree as the driver's below /proc."""
    folder.mkdir()
    (folder / "version").write_text(VERSION)
    for place, minor in minors.items():
        (folder / "gpus" / place).mkdir(parents=True)
        (folder / "gpus" / place / "information").write_text(INFORMATION.format(minor=minor))
    return folder


def test_a_machine_without_a_gpu_has_none(tmp_path: Path) -> None:
    assert gpu.find(tmp_path / "nowhere") is None
    assert gpu.find(driver(tmp_path / "no-node", {"0000:00:06.0": "0-that-has-no-node"})) is None


def test_gpus_are_found_with_their_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.path.exists", lambda path: path in ("/dev/nvidia0", "/dev/nvidia1"))
    found = gpu.find(driver(tmp_path / "driver", {"a": "0", "b": "1", "c": "7"}))
    assert found == gpu.Gpus(("/dev/nvidia0", "/dev/nvidia1"), ("NVIDIA H100 80GB HBM3",) * 2, "580.159.04")
    assert found.describe() == "2 × NVIDIA H100 80GB HBM3, driver 580.159.04"


def test_only_the_systems_folders_of_libraries_go_into_the_box(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/home/me/lib:/usr/local/nvidia/lib64:")
    assert gpu.Gpus(("/dev/nvidia0",), ("x",), "1").environment()["LD_LIBRARY_PATH"] == "/usr/local/nvidia/lib64"


@pytest.mark.skipif(FOUND is not None, reason="there is a GPU here")
def test_asking_for_a_gpu_where_there_is_none_says_so(tmp_path: Path) -> None:
    done = pytest_lab(tmp_path, 1, "--gpu")
    assert done.returncode == 4 and "there is no NVIDIA GPU here" in done.output and not done.results


def test_a_run_cannot_open_a_device_that_another_run_has(tmp_path: Path) -> None:
    if box.probe().level < 2:
        pytest.skip(f"no sandbox on this host: {box.probe().reason}")
    nodes = ("/dev/fuse", "/dev/net/tun") if Path("/dev/fuse").exists() and Path("/dev/net/tun").exists() else ("/dev/kmsg", "/dev/mem")
    if not all(Path(node).exists() for node in nodes):
        pytest.skip("no two devices to try it with")
    look = "import os; loot = [os.stat(p).st_rdev == os.stat('/dev/null').st_rdev for p in NODES]".replace("NODES", repr(nodes))
    with box.WarmParent(course={}, runs=tmp_path, imports=[], environment={}, devices=nodes) as parent:
        assert loot_of(parent, look) == [False, False]
        assert loot_of(parent, look, without=nodes[1:]) == [False, True]


@pytest.mark.parametrize("lab", [pytest.param(lab, marks=needs_gpu) for lab in (1, 3, 4, 6)])
def test_the_reference_gets_full_marks_on_a_gpu(lab: int, tmp_path: Path, store: Path) -> None:
    done = grade(tmp_path, lab, {"ann": json.dumps(solved(lab))}, store, "--gpu")
    assert done.returncode == 0 and done.results["ann"]["score"] == done.results["ann"]["max_score"], done.output
    assert done.results["ann"]["provenance"]["device"].startswith("NVIDIA")


@pytest.mark.parametrize("lab", [pytest.param(lab, marks=needs_gpu) for lab in (1, 3, 4)])
def test_a_machine_with_a_gpu_grades_without_it_too(lab: int, tmp_path: Path, store: Path) -> None:
    done = grade(tmp_path, lab, {"ann": json.dumps(solved(lab))}, store)
    assert done.returncode == 0 and done.results["ann"]["provenance"]["device"] == "cpu", done.output
