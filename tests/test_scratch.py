"""What a killed grader leaves is removed by the next one; what a living one uses, and what is another's, is not."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from grader.scratch import scratch, sweep
from grader.source import ROOT

PROGRAM = "import sys; from grader.scratch import scratch\nwith scratch('test') as folder: print(folder, flush=True); sys.stdin.read()"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_goes_with_its_use(place: Path) -> None:
    with scratch("test") as folder:
        (folder / "x").write_text("x")
        assert folder.parent == place and folder.name.startswith("dragon-test-")
    assert list(place.iterdir()) == []


def test_what_was_killed_is_swept_and_what_lives_is_not(place: Path) -> None:
    environment = os.environ | {"TMPDIR": str(place)}
    users = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    try:
        folders = [Path(user.stdout.readline().strip()) for user in users if user.stdout]
        users[0].kill()
        users[0].wait()
        assert all(folder.exists() for folder in folders)
        sweep()
        assert [folder.exists() for folder in folders] == [False, True]
    finally:
        for user in users:
            user.kill()
            user.communicate()


def test_links_and_folders_without_a_mark_are_left_alone(place: Path) -> None:
    (place / "elsewhere").mkdir()
    (place / "elsewhere" / ".in-use").touch()
    (place / "dragon-link").symlink_to(place / "elsewhere")
    (place / "dragon-young").mkdir()
    sweep()
    assert (place / "elsewhere" / ".in-use").exists() and (place / "dragon-young").exists()
