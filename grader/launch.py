"""Started as root: become an unprivileged user that can still reach what the box must show, then run bubblewrap.

usage: launch.py UID '[source, ...]' GRADER_PID -- bwrap …

Root's own bubblewrap leaves root's marks on /proc, and then no fork inside may mount a fresh one; so bubblewrap runs as
a dedicated user. That user may not be able to walk to the sources (a clone below /root), so they are first bound to a
staging folder in a mount namespace of this process alone. Uses the standard library only.
"""

import ctypes
import json
import os
import signal
import sys

STAGE = "/run/dragon-stage"
_SET_PDEATHSIG = 1
_NEWNS, _MS_BIND, _MS_REC, _MS_PRIVATE = 0x20000, 4096, 16384, 1 << 18


def main(uid: int, sources: list[str], grader: int, command: list[str]) -> None:
    """Replace this process, which ends with `grader`, by `command`, with each of `sources` in its arguments exchanged for its staged twin."""
    libc = ctypes.CDLL(None, use_errno=True)

    def check(result: int, what: str) -> None:
        if result != 0:
            sys.exit(f"launch: {what}: {os.strerror(ctypes.get_errno())}")

    check(libc.unshare(_NEWNS), "unshare")
    check(libc.mount(None, b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None), "mount / private")
    os.makedirs(STAGE, exist_ok=True)  # an empty folder to everyone else: what is mounted on it is this process's alone
    stage = STAGE
    check(libc.mount(b"tmpfs", stage.encode(), b"tmpfs", ctypes.c_ulong(0), b"mode=755,size=1m"), "mount stage")
    staged = {}
    for number, source in enumerate(sources):
        target = os.path.join(stage, str(number))
        os.mkdir(target) if os.path.isdir(source) else open(target, "x").close()
        check(libc.mount(source.encode(), target.encode(), None, ctypes.c_ulong(_MS_BIND | _MS_REC), None), source)
        staged[source] = target
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)  # which forgets the signal below, so it comes after
    check(libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    if os.getppid() != grader:
        sys.exit("launch: the grader has gone")
    argv = [_staged(word, staged) if index == 0 or command[index - 1].endswith("bind") else word for index, word in enumerate(command)]
    os.execve(argv[0], argv, {"PATH": "/usr/bin:/bin"})


def _staged(path: str, staged: dict[str, str]) -> str:
    """`path`, or its place in the staging folder when it is one of the sources or below one."""
    for source, target in staged.items():
        if path == source or path.startswith(f"{source}/"):
            return target + path[len(source) :]
    return path


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3]), sys.argv[5:])
