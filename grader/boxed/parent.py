"""The warm parent: imports what the reference notebook imports, then forks one boxed run per request.

A fork is a fresh kernel: no student code ever runs in this process. Each fork gets user, mount, pid, network, ipc and uts
namespaces of its own, sees only its own folders, drops every capability and takes a seccomp filter before it reads a
notebook. Requests and replies are JSON lines with descriptors over an inherited socket (see `grader.box`).
"""

import asyncio
import json
import os
import resource
import shutil
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from . import isolate, landlock

LINKED = ("models", "inputs")  # the rest of the course's folder is some hundred kilobytes
READABLE = (
    "/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/proc/cpuinfo", "/proc/meminfo",
    "/proc/stat", "/proc/version", "/proc/sys/kernel", "/sys/devices/system/cpu", "/sys/devices/system/node",
    "/proc/driver/nvidia",
)  # fmt: skip
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def main(control_fd: int) -> None:
    """Serve requests from `control_fd` until it is closed."""
    control = socket.socket(fileno=control_fd)
    control.set_inheritable(False)
    hello = json.loads(control.recv(1 << 20))
    started = time.monotonic()
    missing = preload(hello["imports"])
    control.send(json.dumps({"ready": True, "seconds": time.monotonic() - started, "missing": missing}).encode())
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1 << 16, 1)
        if not message:
            return
        (run_fd,) = descriptors
        request = json.loads(message)
        child = os.fork()
        if child == 0:
            control.close()
            _begin(request, socket.socket(fileno=run_fd))
        os.close(run_fd)


def preload(statements: list[str]) -> list[str]:
    """Execute import statements once; returns those that failed (a notebook will meet the same error itself)."""
    missing = []
    import ipykernel.kernelapp  # noqa: F401 - every run needs the notebook stack
    import nbclient  # noqa: F401

    from . import driver  # noqa: F401

    for statement in statements:
        try:
            exec(statement, {"__name__": "preload"})
        except ImportError:
            missing.append(statement)
    return missing


def _begin(request: dict[str, Any], run: socket.socket) -> NoReturn:
    """In the first fork: make the namespaces, fork their PID 1, hand its pidfd out, wait for it."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        isolate.die_with_parent()
        isolate.adopt_orphans()  # where there is no PID namespace, the supervisor looks below this process for all of a run
        if request["tier"] >= 2:
            isolate.new_namespaces()
        ready_r, ready_w = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(ready_w)
            os.read(ready_r, 1)  # until the supervisor holds our pidfd, and has put us where our limits are
            os.close(ready_r)
            _inside(request, run)
        os.close(ready_r)
        pidfd = os.pidfd_open(child)
        socket.send_fds(run, [b'{"event": "started"}\n'], [pidfd])
        run.recv(1)
        run.close()
        os.close(pidfd)
        os.close(ready_w)
        while True:
            os.wait()
    except ChildProcessError:
        os._exit(0)
    except OSError as error:
        _report(run, error)
        os._exit(70)


def _inside(request: dict[str, Any], run: socket.socket) -> NoReturn:
    """PID 1 of the run: close the box around us, then drive the notebook."""
    try:
        isolate.die_with_parent()
        job_folder = Path(request["folder"])
        job = json.loads((job_folder / "job.json").read_text())
        _quiet_streams()
        if request["cores"]:
            os.sched_setaffinity(0, request["cores"])  # a run that fills its cores slows nobody else
        if request["tier"] >= 2:
            isolate.private_view(
                job_folder,
                course=request["course"],
                python=request["python"],
                sizes=job["limits"],
                hidden_devices=request["hidden_devices"],
            )
            isolate.drop_privileges()
            isolate.filter_calls()
        else:
            shown = _plain_folders(job_folder, request["course"], job)
            if request["tier"] == 1:
                own = [str(job_folder / name) for name in ("out", "evidence", "work", "tmp")]
                landlock.restrict(
                    [*READABLE, *request["python"], *shown], [*own, *DEVICES, *request["devices"]], has_network=request["network"]
                )
                isolate.drop_privileges()
                isolate.filter_calls(has_network=request["network"])
        os.chdir(job["work"])
        _limit(job["limits"])
        isolate.hide_descriptors()
        run.set_inheritable(False)
        from .driver import Driver

        asyncio.run(Driver(job, run).run())
        os._exit(0)
    except BaseException as error:
        _report(run, error)
        os._exit(70)


def _plain_folders(job_folder: Path, course: str, job: dict[str, Any]) -> list[str]:
    """Without mounts the work folder holds copies, and links to what is large; scratch is a folder of the job.

    `job` is changed to say where they are. Returns what the links lead to.
    """
    work, scratch = job_folder / "work", job_folder / "tmp"
    for made in (work, scratch, scratch / "home"):
        made.mkdir()
    for entry in Path(course).iterdir():
        if entry.name in LINKED:
            (work / entry.name).symlink_to(entry.resolve())
        elif entry.is_dir():
            shutil.copytree(entry, work / entry.name)
        else:
            shutil.copy(entry, work / entry.name)
    (work / "out").symlink_to(job_folder / "out")
    job |= {"work": str(work), "evidence": str(job_folder / "evidence"), "scratch": str(scratch)}
    for name, value in os.environ.items():
        if value.startswith("/tmp/"):
            os.environ[name] = f"{scratch}{value.removeprefix('/tmp')}"
    os.environ |= {"TMPDIR": str(scratch), "HOME": str(scratch / "home")}
    return [str((Path(course) / name).resolve()) for name in LINKED] + [str(Path(__file__).parent)]


def _quiet_streams() -> None:
    null = os.open("/dev/null", os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.close(null)


def _limit(limits: dict[str, int]) -> None:
    for name, key in (
        ("RLIMIT_FSIZE", "file_bytes"),
        ("RLIMIT_DATA", "process_bytes"),
        ("RLIMIT_NOFILE", "files"),
        ("RLIMIT_NPROC", "processes"),
    ):
        resource.setrlimit(getattr(resource, name), (limits[key], limits[key]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _report(run: socket.socket, error: BaseException) -> None:
    try:
        run.sendall(json.dumps({"event": "broken", "error": f"{type(error).__name__}: {error}"}).encode() + b"\n")
    except OSError:
        os._exit(71)


if __name__ == "__main__":
    main(int(sys.argv[1]))
