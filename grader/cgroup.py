"""A cgroup for each run: caps on memory and processes that the kernel keeps, tmpfs and memfd included.

In: a host with cgroup v2 whose `memory` and `pids` controllers this process may hand on. Out: `Group`s to put runs into.
Whether that works is found out by doing it (`find`); where it does not, a watchdog samples (`grader.supervise`).
Source: https://docs.kernel.org/admin-guide/cgroup-v2.html.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CONTROLLERS = ("memory", "pids")
_PROBE_BYTES = 64 << 20
_HOG = "import sys; sys.stdin.read(1); block = bytearray({size}); block[::4096] = bytes(len(block[::4096]))"
DEATH_S = 10


@dataclass(frozen=True, slots=True)
class Group:
    """One run's cgroup."""

    folder: Path

    def add(self, pid: int) -> None:
        """Put a process, and whatever it will fork, under the caps. Raises OSError."""
        (self.folder / "cgroup.procs").write_text(str(pid))

    def has_run_out_of_memory(self) -> bool:
        """True when the kernel killed something in it for memory."""
        events = dict(line.split() for line in (self.folder / "memory.events").read_text().splitlines())
        return int(events.get("oom_kill", "0")) > 0

    def kill(self) -> None:
        """SIGKILL to all in it, at once, also to those that fork meanwhile (Linux 5.14)."""
        with contextlib.suppress(OSError):
            (self.folder / "cgroup.kill").write_text("1")

    def remove(self) -> None:
        """Kill what is left and remove the folder; one that will not go is left to the kernel."""
        self.kill()
        end = time.monotonic() + DEATH_S
        while time.monotonic() < end:
            try:
                self.folder.rmdir()
                return
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.02)


@contextlib.contextmanager
def group(parent: Path, *, memory_bytes: int, processes: int) -> Iterator[Group]:
    """A new cgroup below `parent`, as long as the `with` lasts. Raises OSError."""
    made = Group(Path(tempfile.mkdtemp(dir=parent, prefix="run-")))
    try:
        (made.folder / "memory.max").write_text(str(memory_bytes))
        (made.folder / "memory.oom.group").write_text("1")
        (made.folder / "pids.max").write_text(str(processes))
        swap = made.folder / "memory.swap.max"
        if swap.exists():
            swap.write_text("0")
        yield made
    finally:
        made.remove()


@contextlib.contextmanager
def parent() -> Iterator[Path | None]:
    """A cgroup of ours in which runs get theirs, or None where this host gives none."""
    found = _find()
    try:
        yield found
    finally:
        if found is not None:
            Group(found).remove()


def _find() -> Path | None:
    """The nearest place where groups can be made and caps hold, tried by letting one bite."""
    own = _own()
    if own is None:
        return None
    for place in (own[0], *own[0].parents):
        if place == own[1].parent:
            return None
        made = _hand_on(place)
        if made is None:
            continue
        if _bites(made):
            return made
        Group(made).remove()
    return None


def _own() -> tuple[Path, Path] | None:
    """(this process's cgroup, where cgroup v2 is mounted)."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        head, _, tail = line.partition(" - ")
        if tail.startswith("cgroup2 "):
            mount = Path(head.split()[4])
            paths = [line.split("::", 1)[1] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::")]
            return (mount / paths[0].lstrip("/"), mount) if paths else None
    return None


def _hand_on(place: Path) -> Path | None:
    """A new folder below `place` that hands its controllers on to those made in it; None when that is not allowed."""
    try:
        if not set(CONTROLLERS) <= set((place / "cgroup.subtree_control").read_text().split()):
            _step_down(place)
        made = Path(tempfile.mkdtemp(dir=place, prefix="dragon-"))
    except OSError:
        return None
    try:
        (made / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in CONTROLLERS))
    except OSError:
        Group(made).remove()
        return None
    return made


def _step_down(place: Path) -> None:
    """A delegated scope that holds only us: move into a leaf, so that the scope may hand its controllers on. Raises OSError."""
    if (place / "cgroup.procs").read_text().split() != [str(os.getpid())]:
        raise OSError("others live here")
    leaf = place / "grader"
    leaf.mkdir(exist_ok=True)
    Group(leaf).add(os.getpid())
    (place / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in CONTROLLERS))


def _bites(place: Path) -> bool:
    """True when a process that takes twice the cap is killed for it."""
    try:
        with group(place, memory_bytes=_PROBE_BYTES, processes=8) as tried:
            command = [sys.executable, "-I", "-c", _HOG.format(size=4 * _PROBE_BYTES)]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as hog:
                tried.add(hog.pid)
                hog.communicate(b"x", timeout=60)
                return hog.returncode == -signal.SIGKILL and tried.has_run_out_of_memory()
    except (OSError, subprocess.TimeoutExpired):
        return False
