"""A weakened box is noticed: with a protection taken away, an attack that it stops must succeed.

Each row removes text from a copy of `grader/boxed` (or words from bubblewrap's command line) and runs one hostile cell in
that box; `loot` must be true there and false in the box as it is. Where two layers stop an attack, the row removes both,
and each layer's own row shows what it stops alone.
"""

import json
import shutil
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from grader import box
from grader.supervise import Budget, supervise

BUDGET = Budget(wall_s=60, cell_s=30, memory_bytes=64 << 30, disk_bytes=1 << 30)
SYSCALL = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments): return libc.syscall(*arguments) != -1
"""

ATTACKS = {
    "sees other processes": "import os; loot = len([p for p in os.listdir('/proc') if p.isdigit()]) > 3",
    "reads the driver's descriptors": "import os\ntry: loot = bool(os.listdir('/proc/1/fd'))\nexcept OSError: loot = False",
    "lists other runs": "import os\ntry: loot = bool(os.listdir('/runs'))\nexcept OSError: loot = False",
    "reads another run's output": "from pathlib import Path; loot = any(p.read_text() == 'theirs' for p in Path('/runs').glob('*/out/note.txt'))",
    "uncovers other runs": SYSCALL + "import os; call(166, b'/runs', 2); loot = bool(os.listdir('/runs'))",
    "calls keyctl": SYSCALL + "loot = call(250, 0, -3, 1)",
    "keeps memory that no process holds": SYSCALL + "loot = call(29, 0, 1 << 20, 0o1600)",
    "opens io_uring": SYSCALL + "import ctypes; loot = call(425, 4, ctypes.create_string_buffer(120))",
    "makes a user namespace": SYSCALL
    + """
import os
child = os.fork()
if child == 0: os._exit(0 if call(272, 0x10000000) else 1)
loot = os.waitpid(child, 0)[1] == 0
""",
    "keeps capabilities": "loot = any(l.split()[1].strip('0') for l in open('/proc/self/status') if l.startswith(('CapEff', 'CapBnd')))",
    "gains privileges by a set-uid file": "loot = any(l.split()[1] == '0' for l in open('/proc/self/status') if l.startswith('NoNewPrivs'))",
    "forks past the limit": """
import os, signal
n = 0
try:
    while n < 150:
        if os.fork() == 0: signal.pause()
        n += 1
except OSError: pass
loot = n >= 150
""",
    "makes a file of 2 GiB": "f = open(OUT_FILE, 'wb')\ntry: f.truncate(2 << 30); loot = True\nexcept OSError: loot = False",
    "fills the scratch space": "f = open('/tmp/x', 'wb')\ntry:\n    for _ in range(40): f.write(bytes(1 << 20))\n    loot = True\nexcept OSError: loot = False",
    "connects to the host": "import socket\ntry: socket.create_connection(('127.0.0.1', PORT), 2); loot = True\nexcept OSError: loot = False",
    "changes the course": "try: open('data/sample.txt', 'w').write('x'); loot = True\nexcept OSError: loot = False",
    "changes the box's code": "try: open('/opt/dragon/boxed/planted.py', 'w').write('x'); loot = True\nexcept OSError: loot = False",
    "writes to the root": "try: open('/planted', 'w').write('x'); loot = True\nexcept OSError: loot = False",
}  # fmt: skip

ISOLATE, PARENT, COMMAND = "isolate.py", "parent.py", "command"
NO_SECCOMP = (ISOLATE, "    _check(_libc.prctl(PR_SET_SECCOMP,", "    (lambda *_: None)(_libc.getpid if False else (PR_SET_SECCOMP,")
NO_CAPSET = (ISOLATE, '    _check(_libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")', "    pass")
KEEP_BOUNDING = (ISOLATE, "        _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)", "        pass")
NO_COVER = (ISOLATE, '    for covered in ("/runs", course):', "    for covered in ():")
NO_PROC = (ISOLATE, '    _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)\n', "")
NO_PROC_SYSCTL = (ISOLATE, '    Path("/proc/sys/user/max_user_namespaces").write_text("0")\n', "")
NO_NETNS = (ISOLATE, "NEWPID | NEWNET | NEWIPC", "NEWPID | NEWIPC")
NO_LOOPBACK = (ISOLATE, "    _raise_loopback()\n", "")

WEAKENINGS: dict[str, tuple[str, list[tuple[str, str, str]]]] = {
    "no fresh /proc": ("sees other processes", [NO_PROC, NO_PROC_SYSCTL]),
    "descriptors not hidden": ("reads the driver's descriptors", [(PARENT, "        isolate.hide_descriptors()\n", "")]),
    "other runs not covered": ("lists other runs", [NO_COVER]),
    "other runs not covered, their files": ("reads another run's output", [NO_COVER]),
    "no seccomp, capabilities kept": ("uncovers other runs", [NO_SECCOMP, NO_CAPSET, KEEP_BOUNDING]),
    "no seccomp": ("calls keyctl", [NO_SECCOMP]),
    "no seccomp, System V memory": ("keeps memory that no process holds", [NO_SECCOMP]),
    "no seccomp, io_uring": ("opens io_uring", [NO_SECCOMP]),
    "no seccomp, user namespaces allowed": ("makes a user namespace", [NO_SECCOMP, NO_PROC_SYSCTL]),
    "capabilities kept": ("keeps capabilities", [NO_CAPSET]),
    "bounding set kept": ("keeps capabilities", [KEEP_BOUNDING]),
    "no limit on processes": ("forks past the limit", [(PARENT, '("RLIMIT_NPROC", "processes"),', "")]),
    "no limit on a file": ("makes a file of 2 GiB", [(PARENT, '("RLIMIT_FSIZE", "file_bytes"),', "")]),
    "no limit on scratch space": ("fills the scratch space", [(ISOLATE, 'f"size={size_bytes},nr_inodes=20000,mode=700"', '"mode=700"')]),
    "the host's network": ("connects to the host", [NO_NETNS, NO_LOOPBACK, (COMMAND, "--unshare-all", "--unshare-user --unshare-pid --unshare-ipc --unshare-uts")]),
    "the course writable": ("changes the course", [(COMMAND, "--ro-bind", "--bind")]),
    "the box's code writable": ("changes the box's code", [(COMMAND, "--ro-bind", "--bind")]),
    "the root writable": ("writes to the root", [(COMMAND, "--remount-ro /", "")]),
}  # fmt: skip


def test_every_attack_is_in_the_matrix_or_covered_by_two_layers() -> None:
    assert set(ATTACKS) - {attack for attack, _ in WEAKENINGS.values()} == {"gains privileges by a set-uid file"}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        try:
            while True:
                server.accept()
        except OSError:
            return

    threading.Thread(target=accept, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


@pytest.fixture(autouse=True)
def needs_a_box() -> None:
    tier = box.probe()
    if tier.level < 2:
        pytest.skip(f"no sandbox on this host: {tier.reason}")


@pytest.fixture(scope="module", autouse=True)
def matrix(request: pytest.FixtureRequest) -> Iterator[dict[str, bool]]:
    """Weakening → did its attack succeed? Printed at the end, also with captured output."""
    found: dict[str, bool] = {}
    yield found
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        for name, has_succeeded in found.items():
            attack = WEAKENINGS[name][0]
            print(f"\n{name:42} {attack:38} {'succeeds' if has_succeeded else 'STILL FAILS'}", end="")


def attempt(attack: str, changes: list[tuple[str, str, str]], folder: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run one attack in a box with `changes` made to it; returns the value of `loot`."""
    folder.chmod(0o755)
    weak = folder / "boxed"
    shutil.copytree(box.BOXED, weak, symlinks=True)
    for file, old, new in changes:
        if file == COMMAND:
            continue
        text = (weak / file).read_text()
        assert old in text, f"{file} no longer says {old!r}"
        (weak / file).write_text(text.replace(old, new))
    monkeypatch.setattr(box, "BOXED", weak)
    real = box.sandbox_command

    def weakened(*args: Any, **kwargs: Any) -> list[str]:
        command = real(*args, **kwargs)
        for file, old, new in changes:
            if file == COMMAND:
                command = _replaced(command, old.split(), new.split())
        return command

    monkeypatch.setattr(box, "sandbox_command", weakened)
    course, runs = folder / "course", folder / "runs"
    for made in (course, runs, runs / "another" / "out"):
        made.mkdir(parents=True)
    (runs / "another" / "out" / "note.txt").write_text("theirs")
    (course / "sample.txt").write_text("x")
    for path in (folder, course, course / "sample.txt", *runs.rglob("*"), *weak.rglob("*"), weak):
        path.chmod(0o777)
    cell = ATTACKS[attack].replace("PORT", str(port)).replace("OUT_FILE", "'/work/out/big'")
    with ExitStack() as stack:
        parent = stack.enter_context(box.WarmParent(course={"data": course}, runs=runs, imports=[], environment={}))
        runs.chmod(0o755)  # a second layer: the box's user cannot list this folder of another's; off, so that the first shows
        return loot_of(parent, cell)


def loot_of(parent: box.WarmParent, cell: str) -> Any:
    """The value of `loot` after `cell` has run in a fork of `parent`."""
    job = {
        "cells": [{"source": cell, "exercise": "x", "untouched": False}], "exercises": [{"id": "x", "defines": ["loot"]}],
        "limits": box.LIMITS | {"scratch_bytes": 32 << 20, "processes": 64}, "work": "/work", "evidence": "/evidence",
        "cell_timeout_s": 30, "cell_cpu_s": 30, "probe_timeout_s": 1, "probes_timeout_s": 5, "seed": 0,
    }  # fmt: skip
    place = parent.new_job()
    (place / "job.json").write_text(json.dumps(job))
    supervise(parent.fork(place), place, 1, "", BUDGET, lambda *_: None)
    return json.loads((place / "evidence" / "variable.loot.json").read_text())["value"]


LEAVES_TRACES = """
import os, pathlib, socket, time
for place in ("/dev/shm", "/tmp", "/home/student", "/work", "/work/out"):
    pathlib.Path(place, "trace-of-a-neighbour").write_text("x")
server = socket.socket(socket.AF_UNIX); server.bind("\\0neighbour"); server.listen()
tcp = socket.create_server(("127.0.0.1", 45_123))
time.sleep(4)
loot = True
"""
LOOKS_FOR_TRACES = """
import os, pathlib, socket, time
loot = []
end = time.monotonic() + 3
while time.monotonic() < end:
    loot += [p for p in ("/dev/shm", "/tmp", "/home/student", "/work", "/work/out") if pathlib.Path(p, "trace-of-a-neighbour").exists()]
    for family, address in ((socket.AF_UNIX, "\\0neighbour"), (socket.AF_INET, ("127.0.0.1", 45_123))):
        try: socket.socket(family).connect(address); loot.append(str(address))
        except OSError: pass
    time.sleep(0.2)
"""


def test_two_runs_beside_each_other_share_nothing(tmp_path: Path) -> None:
    with box.WarmParent(course={}, runs=tmp_path, imports=[], environment={}) as parent, ThreadPoolExecutor(2) as pool:
        neighbour = pool.submit(loot_of, parent, LEAVES_TRACES)
        seen = pool.submit(loot_of, parent, LOOKS_FOR_TRACES)
        assert (neighbour.result(), seen.result()) == (True, [])


def _replaced(words: list[str], old: list[str], new: list[str]) -> list[str]:
    out, i = [], 0
    while i < len(words):
        if words[i : i + len(old)] == old:
            out += new
            i += len(old)
        else:
            out.append(words[i])
            i += 1
    return out


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_box_as_it_is_stops_the_attack(attack: str, tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert attempt(attack, [], tmp_path, port, monkeypatch) is False


@pytest.mark.parametrize("weakening", WEAKENINGS)
def test_without_the_protection_the_attack_succeeds(
    weakening: str, tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch, matrix: dict[str, bool]
) -> None:
    attack, changes = WEAKENINGS[weakening]
    matrix[weakening] = attempt(attack, changes, tmp_path, port, monkeypatch) is True
    assert matrix[weakening]
