"""Watch one run from outside: wall clock, memory, disk, output of the driver; kill the whole box; say how it went.

It reads the driver's event lines with hard limits and believes only what it can see itself (time, memory, death).
"""

import json
import os
import select
import shutil
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .cgroup import Group
from .errors import BoxError
from .processes import host_pid, kill_below, parent_of, tree_memory
from .records import Run, RunStatus
from .strict import plain

GO = b"g"  # what a run waits for, once its process is known and in its cgroup
TICK_S = 0.2
START_GRACE_S = 30
DEATH_GRACE_S = 10
MAX_EVENT_BYTES = 1 << 20
MIN_FREE_BYTES = 512 << 20  # whoever took the rest: a run that goes on now would take the machine with it
MIN_FREE_DISK_BYTES = 16 << 20
_MEMORY_ERRORS = ("MemoryError", "OutOfMemoryError")


@dataclass(frozen=True, slots=True)
class Budget:
    """What one run may use."""

    wall_s: float
    cell_s: int  # processor time, for each thread of the profile
    memory_bytes: int
    disk_bytes: int


Progress = Callable[[int, int], None]
"""Called with (cells begun, cells in all)."""


def supervise(
    control: socket.socket,
    folder: Path,
    cells: int,
    probes: str,
    budget: Budget,
    progress: Progress,
    group: Group | None = None,
    *,
    has_namespaces: bool = True,
    before_probes: Callable[[], None] = lambda: None,
) -> Run:
    """Follow a forked run to its end and leave no process of it alive. Raises BoxError when the box itself broke.

    The probes are sent once the driver says that the last cell has run, and `before_probes` has been called: what the run has
    written until then cannot hold them. `failing_cell` counts code cells from 0 here.
    group: the cgroup whose caps the run is put under; without one, a watchdog samples its memory. has_namespaces: the run's
    first process is PID 1, whose end is the end of all; else they are looked for one by one.
    """
    watch = _Watch(control, folder, cells, probes, budget, progress, group)
    watch.has_namespaces, watch.before_probes = has_namespaces, before_probes
    try:
        watch.follow()
    finally:
        watch.kill()
    return watch.outcome()


class _Watch:
    def __init__(
        self, control: socket.socket, folder: Path, cells: int, probes: str, budget: Budget, progress: Progress, group: Group | None
    ) -> None:
        self.group = group
        self.has_namespaces = True
        self.before_probes: Callable[[], None] = lambda: None
        self.control, self.folder, self.cells = control, folder, cells
        self.probes, self.budget, self.progress = probes, budget, progress
        self.started = time.monotonic()
        self.pidfd: int | None = None
        self.pid = 0
        self.keeper = 0  # the process that forked the run, and adopts what the run orphans
        self.verdict: RunStatus | None = None
        self.first_error: dict[str, Any] | None = None
        self.last_cell: int | None = None
        self.is_finished = False
        self.has_sent_probes = False

    def follow(self) -> None:
        """Read events until the driver is finished, gone, or over a limit."""
        self.control.settimeout(START_GRACE_S)
        try:
            first, descriptors, _, _ = socket.recv_fds(self.control, 1 << 16, 1)
        except OSError:
            raise BoxError("the sandbox did not start a run within 30 s") from None
        if not descriptors:
            raise BoxError(f"the sandbox could not isolate a run: {plain(first.decode(errors='replace'))}")
        self.pidfd = descriptors[0]
        self.pid = host_pid(self.pidfd)
        self.keeper = parent_of(self.pid)
        try:
            if self.group is not None:
                self.group.add(self.pid)
            self.control.sendall(GO)
        except OSError as error:
            raise BoxError(f"the sandbox lost a run before it began: {error}") from None
        self.control.setblocking(False)
        pending = bytearray(first.partition(b"\n")[2])
        next_look = 0.0
        while not self.is_finished and self.verdict is None:
            readable, _, _ = select.select([self.control], [], [], TICK_S)
            if readable:
                chunk = self._receive()
                if not chunk:
                    return
                pending += chunk
                if len(pending) > MAX_EVENT_BYTES:
                    return
                *lines, rest = pending.split(b"\n")
                pending = bytearray(rest)
                for line in lines:
                    self._hear(bytes(line))
            now = time.monotonic()
            if now - self.started > self.budget.wall_s:
                self.verdict = "wall_timeout"
            elif now > next_look:
                next_look = now + 2 * TICK_S
                self._look()

    def _receive(self) -> bytes:
        try:
            return self.control.recv(1 << 16)
        except OSError:
            return b""

    def _hear(self, line: bytes) -> None:
        try:
            event = json.loads(line)
            kind, index = event["event"], int(event.get("index", 0))
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        if kind == "cell":
            self.last_cell = index
            self.progress(index, self.cells)
        elif kind == "cell_done" and event.get("status") != "ok" and self.first_error is None:
            self.first_error = {"index": index, **{k: plain(str(event.get(k, ""))) for k in ("status", "ename", "evalue")}}
        elif kind == "cells_done" and not self.has_sent_probes:
            self.has_sent_probes = True
            self.before_probes()
            self.control.setblocking(True)
            self.control.settimeout(10)
            try:
                self.control.sendall(json.dumps({"source": self.probes}).encode() + b"\n")
            except OSError:
                return
            finally:
                self.control.setblocking(False)
        elif kind == "broken" and self.last_cell is None:  # later, it is the notebook that broke the driver
            raise BoxError(f"the sandbox broke before the notebook began: {plain(str(event.get('error')))}")
        elif kind == "finished":
            self.is_finished = True

    def _look(self) -> None:
        is_large = self.group is None and tree_memory(self.pid) > self.budget.memory_bytes
        if is_large or _available_bytes() < MIN_FREE_BYTES:
            self.verdict = "out_of_memory"
        elif _disk_bytes(self.folder, self.budget.disk_bytes) > self.budget.disk_bytes:
            self.verdict = "disk_full"

    def kill(self) -> None:
        """SIGKILL PID 1 of the run, and with it all of its namespace; return when every process in it is gone."""
        self.control.close()
        if self.pidfd is None:
            return
        if not self.has_namespaces:
            kill_below(self.keeper, DEATH_GRACE_S)
        try:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        except ProcessLookupError:
            pass
        poller = select.poll()
        poller.register(self.pidfd, select.POLLIN)
        is_dead = poller.poll(DEATH_GRACE_S * 1000)
        os.close(self.pidfd)
        if not is_dead:
            raise BoxError("a run could not be killed")

    def outcome(self) -> Run:
        """The run's record; `failing_cell` is the index among the code cells."""
        seconds = time.monotonic() - self.started
        if self.verdict is None and self.group is not None and self.group.has_run_out_of_memory():
            self.verdict = "out_of_memory"
        if self.verdict is not None:
            return Run(self.verdict, seconds, failing_cell=self.last_cell)
        error = self.first_error
        if not self.is_finished and (error is None or error["status"] != "timeout"):
            return Run("kernel_died", seconds, failing_cell=self.last_cell)
        if error is None:
            return Run("ok", seconds)
        status: RunStatus = "cell_error"
        if error["status"] == "timeout":
            status = "cell_timeout"
        elif error["status"] == "died":
            return Run("kernel_died", seconds, failing_cell=error["index"])
        elif error["ename"] in _MEMORY_ERRORS or "t allocate memory" in error["evalue"]:
            status = "out_of_memory"
        elif "No space left on device" in error["evalue"]:
            status = "disk_full"
            if shutil.disk_usage(self.folder).free < MIN_FREE_DISK_BYTES:
                raise BoxError("this machine's disk is full: the notebook met it, and did not cause it")
        message = f"{error['ename']}: {error['evalue']}" if error["ename"] else None
        return Run(status, seconds, failing_cell=error["index"], error=message)


def _available_bytes() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 1 << 62


def _disk_bytes(folder: Path, cap: int) -> int:
    """Bytes allocated below `folder`; past `cap` or 20,000 files it stops counting and returns more than `cap`."""
    total = files = 0
    pending = [os.fspath(folder)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    files += 1
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if total > cap or files > 20_000:
                        return cap + 1
        except OSError:
            continue
    return total
