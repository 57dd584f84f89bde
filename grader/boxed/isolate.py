"""Namespaces, mounts, capabilities and seccomp for one forked run, by libc calls.

The warm parent already lives in a bubblewrap box without network, home or references. What is added here keeps one
student from another and from the parent: nothing is left to escape into but an empty file system.
Sources: namespaces(7), user_namespaces(7), capabilities(7), seccomp(2).
"""

import ctypes
import errno
import fcntl
import os
import platform
import signal
import socket
import struct
from pathlib import Path

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 1, 4, 22, 24, 38, 47
PR_SET_CHILD_SUBREAPER, PR_CAP_AMBIENT_CLEAR_ALL, SECCOMP_MODE_FILTER = 36, 4, 2
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def new_namespaces() -> None:
    """Leave the parent's namespaces; the caller's next fork is PID 1 of the new ones. Raises OSError."""
    uid, gid = os.getuid(), os.getgid()
    _check(_libc.unshare(NEWUSER | NEWNS | NEWPID | NEWNET | NEWIPC | NEWUTS), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def die_with_parent() -> None:
    """SIGKILL this process when the one that forked it goes."""
    _check(_libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")


def hide_descriptors() -> None:
    """Keep other processes of the run from opening our descriptors through /proc or ptrace."""
    _check(_libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl")


def private_view(
    job_folder: Path, *, course: str, python: list[str], sizes: dict[str, int], hidden_devices: list[str] | None = None
) -> None:
    """A fresh /proc, sized tmpfs, the course read-only under /work, and of all runs only this one's out and evidence.

    python: the interpreter's own folders, which stay in view also where they lie below a folder that is covered here.
    hidden_devices: nodes that another run has.
    """
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    opened = {path: os.open(path, os.O_PATH | os.O_DIRECTORY) for path in python}
    _tmpfs("/work", sizes["scratch_bytes"])
    for entry in sorted(Path(course).iterdir()):
        target = Path("/work") / entry.name
        target.mkdir() if entry.is_dir() else target.touch()
        _mount(str(entry), str(target), None, MS_BIND | MS_REC)
    Path("/work/out").mkdir()
    _mount(str(job_folder / "out"), "/work/out", None, MS_BIND)
    _mount(str(job_folder / "evidence"), "/evidence", None, MS_BIND)
    for covered in ("/runs", course):
        _mount("tmpfs", covered, "tmpfs", MS_NOSUID | MS_NODEV, "size=4k,mode=555")
    _tmpfs("/tmp", sizes["scratch_bytes"])
    _tmpfs("/dev/shm", sizes["shared_memory_bytes"])
    _tmpfs("/home/student", sizes["scratch_bytes"])
    for node in hidden_devices or ():
        _mount("/dev/null", node, None, MS_BIND)
    for path, descriptor in opened.items():
        if not os.path.exists(path):
            os.makedirs(path)
            _mount(f"/proc/self/fd/{descriptor}", path, None, MS_BIND | MS_REC)
        os.close(descriptor)
    for covered in ("/runs", course):
        _mount(None, covered, None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
    _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    _raise_loopback()
    Path("/proc/sys/user/max_user_namespaces").write_text("0")


def adopt_orphans() -> None:
    """Whoever loses its parent below this process becomes its child, so that the supervisor can find all (no PID namespace)."""
    _check(_libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


def drop_privileges() -> None:
    """No capabilities, and no way to gain any."""
    for capability in range(64):
        _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    _libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    _check(_libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def filter_calls(*, has_network: bool = True) -> None:
    """Take the seccomp deny-list below, for good; without a network, no internet sockets either."""
    program = seccomp_program(has_network=has_network)
    buffer = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    filter_ = Program(len(program) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    _check(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filter_), 0, 0), "seccomp")


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    encode = [None if text is None else text.encode() for text in (source, target, kind, data)]
    _check(_libc.mount(encode[0], encode[1], encode[2], ctypes.c_ulong(flags), encode[3]), f"mount {target}")


def _tmpfs(target: str, size_bytes: int) -> None:
    _mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, f"size={size_bytes},nr_inodes=20000,mode=700")


def _raise_loopback() -> None:
    """Bring `lo` up in the run's own, otherwise empty network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("16sH14x", b"lo", 0)
        (flags,) = struct.unpack("16xH14x", fcntl.ioctl(probe, SIOCGIFFLAGS, request))
        fcntl.ioctl(probe, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


# System calls that no notebook needs and that reach the kernel's less guarded corners: (x86_64, aarch64) numbers.
DENIED = {
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97), "setns": (308, 268),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "kexec_load": (246, 104),
    "init_module": (175, 105), "finit_module": (313, 273), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "move_mount": (429, 429), "open_tree": (428, 428), "mount_setattr": (442, 442), "quotactl": (179, 60), "syslog": (103, 116),
    "acct": (163, 89), "shmget": (29, 194), "swapon": (167, 224), "pidfd_getfd": (438, 438),
    "sched_setaffinity": (203, 122),  # a run stays on its cores
}  # fmt: skip
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435
_X32 = 0x40000000  # x86_64's other numbers for the same calls
_SOCKET = {"x86_64": 41, "aarch64": 198}
_IOCTL = {"x86_64": 16, "aarch64": 29}
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_EPERM, _ENOSYS = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_NAMESPACE_FLAGS = NEWNS | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET | 0x02000000
_SOCKET_FAMILIES_DENIED = (40, 38, 17)  # AF_VSOCK is not namespaced; AF_ALG and AF_PACKET have no use here
_INTERNET = (2, 10)  # AF_INET, AF_INET6: datagrams too, which Landlock does not know
_TTY_INJECTION = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX


def seccomp_program(machine: str = platform.machine(), *, has_network: bool = True) -> bytes:
    """A classic-BPF deny-list: EPERM for the calls above, ENOSYS for clone3 (libc then uses clone), else allow."""
    column = 0 if machine == "x86_64" else 1
    families = _SOCKET_FAMILIES_DENIED if has_network else (*_SOCKET_FAMILIES_DENIED, *_INTERNET)
    out = [_op(_LOAD, 4), _op(_EQUAL, _AUDIT_ARCH[machine], 1, 0), _op(_RETURN, _KILL), _op(_LOAD, 0)]
    if machine == "x86_64":
        out += [_op(_AT_LEAST, _X32, 0, 1), _op(_RETURN, _EPERM)]
    for numbers in DENIED.values():
        out += [_op(_EQUAL, numbers[column], 0, 1), _op(_RETURN, _EPERM)]
    out += [_op(_EQUAL, _CLONE3, 0, 1), _op(_RETURN, _ENOSYS)]
    out += _on_argument(_CLONE[machine], 0, [(_ANY_BIT, _NAMESPACE_FLAGS)])
    out += _on_argument(_SOCKET[machine], 0, [(_EQUAL, family) for family in families])
    out += _on_argument(_IOCTL[machine], 1, [(_EQUAL, request) for request in _TTY_INJECTION])
    out.append(_op(_RETURN, _ALLOW))
    return b"".join(out)


def _on_argument(call: int, index: int, tests: list[tuple[int, int]]) -> list[bytes]:
    """Deny `call` when the low word of argument `index` meets one of `tests`; leaves the call number loaded."""
    body = [_op(_LOAD, 16 + 8 * index)]
    for test, value in tests:
        body += [_op(test, value, 0, 1), _op(_RETURN, _EPERM)]
    body.append(_op(_LOAD, 0))
    return [_op(_EQUAL, call, 0, len(body)), *body]


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
