"""A weakened box is noticed: with a protection taken away, an attack that it stops must succeed.

Each row removes text from a copy of `grader/boxed` (or words from bubblewrap's command line) and runs one hostile cell in
that box; `loot` must be true there, and false in the box as it is. Where two layers stop an attack, the row removes both,
and each layer's own row shows what it stops alone. The system call filter's rules are in test_seccomp.py, the gate's in
test_weakened_gate.py. FLAGS says of every word of bubblewrap's command line which row shows it, or why none can.
"""

import ctypes
import fcntl
import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from grader import box, bubblewrap
from grader.processes import descendants
from grader.source import ROOT
from grader.supervise import Budget, supervise
from tests.kills import is_running, left_over

CANARY = "canary-of-the-graders-environment"
SEMAPHORE = 0x0D7A6012
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
    "writes into a folder that covers": "import os\ntry: os.chmod('/runs', 0o777); open('/runs/x', 'w'); loot = True\nexcept OSError: loot = False",
    "uses another's cores": """
import os
try: os.sched_setaffinity(0, range(os.cpu_count()))
except OSError: pass
loot = len(os.sched_getaffinity(0)) > 1
""",
    "maps 4 GiB": "import mmap\ntry: m = mmap.mmap(-1, 4 << 30, flags=mmap.MAP_PRIVATE); loot = True\nexcept OSError: loot = False",
    "opens 1500 files": "import os\ntry: files = [open('/dev/null') for _ in range(1500)]; loot = True\nexcept OSError: loot = False\nfiles = None",
    "may dump core": "import resource; loot = resource.getrlimit(resource.RLIMIT_CORE)[1] != 0",
    "makes 25,000 files": """
try:
    for n in range(25_000): open(f'/tmp/{n}', 'x').close()
    loot = True
except OSError: loot = False
""",
    "reads the grader's environment": f"import os; loot = {CANARY!r} in os.environ.values()",
    "learns the machine's name": f"import os; loot = os.uname().nodename == {os.uname().nodename!r}",
    "opens the grader's terminal": "import os\ntry: os.open('/dev/tty', os.O_RDWR); loot = True\nexcept OSError: loot = False",
    "sees the machine's devices": "import os; loot = bool({'kmsg', 'mem', 'loop-control', 'fuse', 'vda', 'vsock'} & set(os.listdir('/dev')))",
    "reads the machine's /tmp": "from pathlib import Path; loot = Path('/tmp/dragon-trace').exists()",
    "meets the machine's semaphore": SYSCALL + f"import platform; loot = call(64 if platform.machine() == 'x86_64' else 190, {SEMAPHORE}, 1, 0)",
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
NO_IPCNS = (ISOLATE, "NEWNET | NEWIPC | NEWUTS", "NEWNET | NEWUTS")
NO_TMP, NO_SHM, NO_HOME = (
    (ISOLATE, f'    _tmpfs("{place}", sizes["{size}"])\n', "")
    for place, size in (("/tmp", "scratch_bytes"), ("/dev/shm", "shared_memory_bytes"), ("/home/student", "scratch_bytes"))
)
KERNEL = "kernel.py"
TERMINAL = ("the grader's process", "has", "a terminal")
SECRET = (COMMAND, "BWRAP", f"/usr/bin/env DRAGON_TEST_SECRET={CANARY} BWRAP")
Change = tuple[str, str, str]
"""(file of the box, text, replacement), or words of the command line, or a circumstance."""

WEAKENINGS: dict[str, tuple[str, list[Change]]] = {
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
    "covering folders writable": (
        "writes into a folder that covers", [(ISOLATE, "_mount(None, covered, None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)", "pass")]
    ),
    "no cores of its own": ("uses another's cores", [(PARENT, 'os.sched_setaffinity(0, request["cores"])', "pass")]),
    "cores not held": ("uses another's cores", [(ISOLATE, '"sched_setaffinity": (203, 122),', "")]),
    "no limit on a process's memory": ("maps 4 GiB", [(PARENT, '("RLIMIT_DATA", "process_bytes"),', "")]),
    "no limit on open files": ("opens 1500 files", [(PARENT, '("RLIMIT_NOFILE", "files"),', "")]),
    "core dumps": ("may dump core", [(PARENT, "    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n", "")]),
    "no limit on scratch files": ("makes 25,000 files", [(ISOLATE, ",nr_inodes=20000", "")]),
    "environment kept": ("reads the grader's environment", [SECRET, (COMMAND, "--clearenv", "")]),
    "the machine's name": ("learns the machine's name", [(COMMAND, "--hostname box", "")]),
    "the grader's session": ("opens the grader's terminal", [TERMINAL, (COMMAND, "--new-session", ""), (KERNEL, "        os.setsid()\n", "")]),
    "the machine's devices": ("sees the machine's devices", [(COMMAND, "--dev /dev", "--dev-bind /dev /dev")]),
    "the machine's /tmp": ("reads the machine's /tmp", [(COMMAND, "--tmpfs /tmp", "--bind /tmp /tmp"), NO_TMP]),
    "the machine's semaphores": (
        "meets the machine's semaphore", [(COMMAND, "--unshare-all", "--unshare-user --unshare-pid --unshare-net --unshare-uts"), NO_IPCNS]
    ),
    "/dev/shm shared by runs": ("finds a neighbour's traces", [NO_SHM]),
    "home shared by runs": ("finds a neighbour's traces", [NO_HOME, (COMMAND, "--remount-ro /", "")]),
    "a network shared by runs": ("finds a neighbour's traces", [NO_NETNS, NO_LOOPBACK]),
    "semaphores shared by runs": ("finds a neighbour's traces", [NO_IPCNS]),
}  # fmt: skip
BESIDE = "finds a neighbour's traces"
"""The attack of two runs at the same time."""
FLAGS = {
    "--unshare-all": ("the host's network", "the machine's semaphores", "the machine's name"),
    "--unshare-user": "without it nothing else can be unshared, and the box does not start",
    "--uid": "a name; rights are the host user's",
    "--gid": "a name; rights are the host user's",
    "--hostname": ("the machine's name",),
    "--die-with-parent": "test_a_box_ends_with_its_grader",
    "--new-session": ("the grader's session",),
    "--cap-drop": "an unprivileged user's bubblewrap keeps none; root's never runs (launch.py)",
    "--clearenv": ("environment kept",),
    "--ro-bind": ("the course writable", "the box's code writable"),
    "--ro-bind-try": "the same for parts of the system that not every host has; root's files, which the box's user could not write",
    "--symlink": "layout",
    "--dir": "layout",
    "--chdir": "layout",
    "--setenv": "layout",
    "--proc": ("no fresh /proc",),
    "--dev": ("the machine's devices",),
    "--dev-bind": "a GPU's nodes, only when asked for: test_gpu.py",
    "--tmpfs": ("the machine's /tmp",),
    "--bind": ("other runs not covered, their files",),
    "--remount-ro": ("the root writable",),
}
"""Every kind of word of bubblewrap's command line: the rows that show it, or why there is none."""


def test_every_attack_is_in_the_matrix_or_covered_by_two_layers() -> None:
    assert {*ATTACKS, BESIDE} - {attack for attack, _ in WEAKENINGS.values()} == {"gains privileges by a set-uid file"}


def test_every_word_of_the_command_line_is_shown_or_explained(tmp_path: Path) -> None:
    command = bubblewrap.sandbox_command(
        ["true"], read_only={"/x": tmp_path}, writable={"/runs": tmp_path}, folders=("/work",), environment={}, devices=["/dev/null"]
    )
    ours = command[command.index(str(bubblewrap.bwrap_path())) :]
    words = {word for word in ours[: ours.index("--")] if word.startswith("--")}
    assert words == set(FLAGS)
    assert {row for rows in FLAGS.values() if isinstance(rows, tuple) for row in rows} <= set(WEAKENINGS)


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


def weaken(changes: list[Change], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `changes` to a copy of the box's code below `folder`, and to how it is started."""
    weak = folder / "boxed"
    shutil.copytree(bubblewrap.BOXED, weak, symlinks=True)
    for file, old, new in changes:
        if file not in (COMMAND, TERMINAL[0]):
            text = (weak / file).read_text()
            assert old in text, f"{file} no longer says {old!r}"
            (weak / file).write_text(text.replace(old, new))
    for path in (*weak.rglob("*"), weak):
        path.chmod(0o777)
    monkeypatch.setattr(box, "BOXED", weak)
    real, start = bubblewrap.sandbox_command, subprocess.Popen

    def weakened(*args: Any, **kwargs: Any) -> list[str]:
        command = real(*args, **kwargs)
        for file, old, new in changes:
            if file == COMMAND:
                program = str(bubblewrap.bwrap_path())
                assert _words(old, program)[0] in command
                command = _replaced(command, _words(old, program), _words(new, program))
        return command

    def with_terminal(*args: Any, **kwargs: Any) -> Any:
        _, terminal = pty.openpty()
        os.chmod(os.ttyname(terminal), 0o666)

        def take_it() -> None:
            os.setsid()
            fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)

        return start(*args, **(kwargs | {"start_new_session": False, "preexec_fn": take_it}))

    monkeypatch.setattr(box, "sandbox_command", weakened)
    if TERMINAL in changes:
        monkeypatch.setattr(box.subprocess, "Popen", with_terminal)


@contextmanager
def a_box(changes: list[Change], folder: Path, tier: int = 2) -> Iterator[box.WarmParent]:
    """A box with `changes` made to it, and with work of others beside what a run may see."""
    folder.chmod(0o755)
    with pytest.MonkeyPatch.context() as monkeypatch:
        weaken(changes, folder, monkeypatch)
        course, runs = folder / "course", folder / "runs"
        for made in (course, runs, runs / "another" / "out"):
            made.mkdir(parents=True)
        (runs / "another" / "out" / "note.txt").write_text("theirs")
        (course / "sample.txt").write_text("x")
        for path in (folder, course, course / "sample.txt", *runs.rglob("*")):
            path.chmod(0o777)
        with box.WarmParent(course={"data": course}, runs=runs, imports=[], environment={}, tier=tier) as parent:
            runs.chmod(0o755)  # a second layer: the box's user cannot list this folder of another's; off, so that the first shows
            yield parent


def attempt(attack: str, parent: box.WarmParent, port: int) -> bool:
    """Did the attack succeed?"""
    if attack == BESIDE:
        with ThreadPoolExecutor(2) as pool:
            neighbour = pool.submit(loot_of, parent, LEAVES_TRACES)
            seen = pool.submit(loot_of, parent, LOOKS_FOR_TRACES)
            assert neighbour.result() is True
            return bool(seen.result())
    loot = loot_of(parent, (ATTACKS | AT_TIER_1)[attack].replace("PORT", str(port)).replace("OUT_FILE", "'/work/out/big'"))
    assert isinstance(loot, bool)
    return loot


def loot_of(parent: box.WarmParent, cell: str, *, without: Sequence[str] = ()) -> Any:
    """The value of `loot` after `cell` has run in a fork of `parent`."""
    limits = {"scratch_bytes": 32 << 20, "processes": 64, "process_bytes": 3 << 30}
    job = {
        "cells": [{"source": cell, "exercise": "x", "untouched": False}], "exercises": [{"id": "x", "defines": ["loot"]}],
        "limits": box.LIMITS | limits, "work": "/work", "evidence": "/evidence",
        "cell_timeout_s": 30, "cell_cpu_s": 30, "probe_timeout_s": 1, "probes_timeout_s": 5, "seed": 0,
    }  # fmt: skip
    place = parent.new_job()
    (place / "job.json").write_text(json.dumps(job))
    core = min(os.sched_getaffinity(0))
    supervise(parent.fork(place, cores=[core], without=without), place, 1, "", BUDGET, lambda *_: None, has_namespaces=parent.tier >= 2)
    return json.loads((place / "evidence" / "variable.loot.json").read_text())["value"]


LEAVES_TRACES = """
import os, pathlib, socket, time
for place in ("/dev/shm", "/tmp", "/home/student", "/work", "/work/out"):
    pathlib.Path(place, "trace-of-a-neighbour").write_text("x")
server = socket.socket(socket.AF_UNIX); server.bind("\\0neighbour"); server.listen()
tcp = None
try: tcp = socket.create_server(("127.0.0.1", 45_123))
except OSError: pass  # where loopback is not up
SEMAPHORES
libc.syscall(semget, 0x5E4A, 1, 0o1666)
time.sleep(4)
loot = True
"""
LOOKS_FOR_TRACES = """
import os, pathlib, socket, time
SEMAPHORES
loot = []
end = time.monotonic() + 3
while time.monotonic() < end:
    loot += [p for p in ("/dev/shm", "/tmp", "/home/student", "/work", "/work/out") if pathlib.Path(p, "trace-of-a-neighbour").exists()]
    for family, address in ((socket.AF_UNIX, "\\0neighbour"), (socket.AF_INET, ("127.0.0.1", 45_123))):
        try: socket.socket(family).connect(address); loot.append(str(address))
        except OSError: pass
    if libc.syscall(semget, 0x5E4A, 1, 0) != -1: loot.append("a semaphore")
    time.sleep(0.2)
"""
SEMAPHORES = "import ctypes, platform; libc = ctypes.CDLL(None); semget = 64 if platform.machine() == 'x86_64' else 190"
LEAVES_TRACES, LOOKS_FOR_TRACES = (cell.replace("SEMAPHORES", SEMAPHORES) for cell in (LEAVES_TRACES, LOOKS_FOR_TRACES))


def test_two_runs_beside_each_other_share_nothing(as_it_is: box.WarmParent, port: int) -> None:
    assert not attempt(BESIDE, as_it_is, port)


@pytest.fixture(scope="module", autouse=True)
def traces_of_the_machine() -> Iterator[None]:
    """A file in /tmp and a semaphore that the box must not meet."""
    libc = ctypes.CDLL(None)
    trace = Path("/tmp/dragon-trace")
    trace.touch()
    semaphore = libc.semget(SEMAPHORE, 1, 0o1666)
    yield
    for left in (trace, *trace.parent.glob("kernel.json*")):  # what the run left that had the machine's /tmp
        left.unlink()
    libc.semctl(semaphore, 0, 0)  # IPC_RMID


STARTS_A_RUN = """
import sys, threading
from pathlib import Path
import pytest
sys.path.insert(0, {root!r})
from grader import box, bubblewrap
from tests.test_weakened_box import loot_of, weaken
folder = Path({folder!r})
with pytest.MonkeyPatch.context() as monkeypatch:
    weaken({changes!r}, folder, monkeypatch)
    (folder / "runs").mkdir()
    with box.WarmParent(course={{}}, runs=folder / "runs", imports=[], environment={{}}) as parent:
        loot_of(parent, "open('/work/out/started', 'x'); import time; time.sleep(600)")
"""
LAYERS: dict[str, Change] = {
    "the parent's socket": (PARENT, "        if not message:\n            return", "        if not message:\n            signal.pause()"),
    "bubblewrap's signal": (COMMAND, "--die-with-parent", ""),
}
"""What ends a box whose grader is killed; before bubblewrap runs, launch.py's own signal does."""


@pytest.mark.parametrize("left", [*LAYERS, "nothing"])
def test_a_box_ends_with_its_grader(left: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    changes = [change for name, change in LAYERS.items() if name != left]
    program = STARTS_A_RUN.format(root=str(ROOT), folder=str(tmp_path), changes=changes)
    grader = subprocess.Popen([sys.executable, "-c", program])
    family: list[int] = []
    try:
        while not list(tmp_path.glob("runs/*/out/started")):
            assert grader.poll() is None
            threading.Event().wait(0.1)
        family = descendants(grader.pid)
        grader.send_signal(signal.SIGKILL)
        grader.wait()
        survivors = left_over(family, patience_s=3 if left == "nothing" else 20)
        assert bool(survivors) is (left == "nothing")
    finally:
        grader.kill()
        grader.wait()
        for pid in family:
            if is_running(pid):
                os.kill(pid, signal.SIGKILL)


def _words(text: str, program: str) -> list[str]:
    return [program if word == "BWRAP" else word for word in text.split()]


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


@pytest.fixture(scope="module")
def as_it_is(tmp_path_factory: pytest.TempPathFactory, traces_of_the_machine: None) -> Iterator[box.WarmParent]:
    """The box with nothing taken away, though the grader has a terminal and a secret in its environment."""
    with a_box([TERMINAL, SECRET], tmp_path_factory.mktemp("box")) as parent:
        yield parent


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_box_as_it_is_stops_the_attack(attack: str, as_it_is: box.WarmParent, port: int) -> None:
    assert not attempt(attack, as_it_is, port)


@pytest.mark.parametrize("weakening", WEAKENINGS)
def test_without_the_protection_the_attack_succeeds(weakening: str, tmp_path: Path, port: int, matrix: dict[str, str]) -> None:
    attack, changes = WEAKENINGS[weakening]
    if attack == "uses another's cores" and len(os.sched_getaffinity(0)) == 1:
        pytest.skip("this machine has one core")
    with a_box(changes, tmp_path) as parent:
        has_succeeded = attempt(attack, parent, port)
    matrix[weakening] = f"{attack:38} {'succeeds' if has_succeeded else 'STILL FAILS'}"
    assert has_succeeded


AT_TIER_1 = {
    "reads the machine's files": "try: open('/etc/passwd'); loot = True\nexcept OSError: loot = False",
    "connects to the machine": ATTACKS["connects to the host"],
    "sends a datagram": "import socket\ntry: socket.socket(socket.AF_INET, socket.SOCK_DGRAM); loot = True\nexcept OSError: loot = False",
    "meets an abstract socket": "import socket\ns = socket.socket(socket.AF_UNIX)\n"
    "try: s.connect('\\0dragon-test-PORT'); loot = True\nexcept OSError: loot = False",
    "signals the machine": f"import os\ntry: os.kill({os.getpid()}, 0); loot = True\nexcept OSError: loot = False",
}
LANDLOCK = "landlock.py"
NOT_TRIED = (LANDLOCK, "    _try_it(has_network)\n", "")
INTERNET = (PARENT, 'isolate.filter_calls(has_network=request["network"])', "isolate.filter_calls()")
WEAKENED_AT_TIER_1: dict[str, tuple[str, list[Change]]] = {
    "no Landlock": ("reads the machine's files", [(PARENT, "                landlock.restrict(", "                (lambda *_, **__: None)(")]),
    "no rule for TCP, internet sockets allowed": (
        "connects to the machine", [(LANDLOCK, "0 if has_network else _BIND_AND_CONNECT_TCP", "0"), NOT_TRIED, INTERNET]
    ),
    "internet sockets allowed": ("sends a datagram", [INTERNET]),
    "no rule for abstract sockets": ("meets an abstract socket", [(LANDLOCK, "_ABSTRACT_SOCKETS_AND_SIGNALS)", "2)")]),
    "no rule for signals": ("signals the machine", [(LANDLOCK, "_ABSTRACT_SOCKETS_AND_SIGNALS)", "1)")]),
}  # fmt: skip


@pytest.fixture(scope="module")
def landlocked(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[box.WarmParent]:
    """The box of tier 1 as it is; an abstract socket listens."""
    if problem := box._try(1):
        pytest.skip(f"no Landlock on this host: {problem}")
    with socket.socket(socket.AF_UNIX) as abstract, a_box([], tmp_path_factory.mktemp("box"), tier=1) as parent:
        abstract.bind(f"\0dragon-test-{port}")
        abstract.listen()
        yield parent


@pytest.mark.parametrize("attack", AT_TIER_1)
def test_landlock_as_it_is_stops_the_attack(attack: str, landlocked: box.WarmParent, port: int) -> None:
    assert not attempt(attack, landlocked, port)


@pytest.mark.parametrize("weakening", WEAKENED_AT_TIER_1)
def test_without_the_rule_the_attack_succeeds(
    weakening: str, tmp_path: Path, landlocked: box.WarmParent, port: int, matrix: dict[str, str]
) -> None:
    attack, changes = WEAKENED_AT_TIER_1[weakening]
    with a_box(changes, tmp_path, tier=1) as parent:
        has_succeeded = attempt(attack, parent, port)
    matrix[f"tier 1: {weakening}"] = f"{attack:38} {'succeeds' if has_succeeded else 'STILL FAILS'}"
    assert has_succeeded
