"""Temporary folders that outlive nobody: what a killed grader leaves, the next one removes.

A folder in use holds a locked file; the lock goes with the process that has it, however that ends. Source: flock(2).
"""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "dragon-"
_IN_USE = ".in-use"


@contextmanager
def scratch(purpose: str) -> Iterator[Path]:
    """A fresh folder, removed at the end; removes first what killed graders of this user left."""
    sweep()
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{purpose}-", ignore_cleanup_errors=True) as name:
        mark = os.open(f"{name}/{_IN_USE}.new", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(mark, fcntl.LOCK_EX)
            os.rename(f"{name}/{_IN_USE}.new", f"{name}/{_IN_USE}")  # locked before anybody can find it
            yield Path(name)
        finally:
            os.close(mark)


def sweep() -> None:
    """Remove this user's folders that nobody uses."""
    for mark in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{_IN_USE}"):
        try:
            folder = mark.parent.lstat()
            if not stat.S_ISDIR(folder.st_mode) or folder.st_uid != os.getuid():
                continue
            file = os.open(mark, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(mark.parent, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(file)
