"""What the kernel says of a process and of all below it: who they are, what memory they hold; and their end.

Reads /proc and sends SIGKILL; decides nothing. Source: proc_pid_stat(5), proc_pid_statm(5).
"""

import os
import signal
import time
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def host_pid(pidfd: int) -> int:
    """The pid behind a pidfd, as this process sees it."""
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines():
        if line.startswith("Pid:"):
            return int(line.split()[1])
    return 0


def parent_of(pid: int) -> int:
    """The parent's pid; 0 when `pid` has gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def kill_below(pid: int, within_s: float) -> None:
    """SIGKILL to every descendant of `pid`, which adopts their orphans, until none is left."""
    end = time.monotonic() + within_s
    while pid > 1 and (below := descendants(pid)) and time.monotonic() < end:
        for descendant in below:
            try:
                os.kill(descendant, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)


def descendants(pid: int) -> list[int]:
    """All living processes below `pid`."""
    found, pending = [], [pid]
    while pending:
        current = pending.pop()
        try:
            if Path(f"/proc/{current}/stat").read_text().rpartition(")")[2].split()[0] != "Z" and current != pid:
                found.append(current)
            for children in Path(f"/proc/{current}/task").glob("*/children"):
                pending += [int(child) for child in children.read_text().split()]
        except OSError:
            continue
    return found


def tree_memory(pid: int) -> int:
    """Bytes of `pid` and all its descendants: resident pages (those they share count for each), and open memory files."""
    total = 0
    files: dict[int, int] = {}
    for current in (pid, *descendants(pid)):
        try:
            total += int(Path(f"/proc/{current}/statm").read_text().split()[1]) * _PAGE
            files |= _memory_files(current)
        except (OSError, IndexError, ValueError):
            continue
    return total + sum(files.values())


def _memory_files(pid: int) -> dict[int, int]:
    """inode → bytes of the memfds that a process holds open: their pages belong to no process."""
    found = {}
    with os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            try:
                if os.readlink(entry.path).startswith("/memfd:"):
                    status = os.stat(entry.path)
                    found[status.st_ino] = status.st_blocks * 512
            except OSError:
                continue
    return found
