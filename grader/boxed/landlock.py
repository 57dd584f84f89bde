"""Landlock, for hosts that forbid user namespaces: a run reads what it needs, writes its own folders, and reaches no one.

In: paths. Out: this process and all it forks, restricted for good. What Landlock does not know (datagram sockets, listing
processes, counting them) is left to seccomp and the watchdog. Source: https://docs.kernel.org/userspace-api/landlock.html.
"""

import ctypes
import os
import socket
import struct
from collections.abc import Iterable

_CREATE, _ADD, _RESTRICT, _VERSION = 444, 445, 446, 1
_PATH_BENEATH = 1
_EXECUTE, _WRITE, _READ, _READ_DIR, _TRUNCATE, _IOCTL = 1, 2, 4, 8, 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _IOCTL
_ALL_FILES = (1 << 16) - 1  # ABI 5
_BIND_AND_CONNECT_TCP = 3  # ABI 4
_ABSTRACT_SOCKETS_AND_SIGNALS = 3  # ABI 6: only within the run
NEEDED = 6

_libc = ctypes.CDLL(None, use_errno=True)


def abi() -> int:
    """The kernel's Landlock version; 0 where it has none."""
    return max(0, int(_libc.syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION)))


def restrict(read_only: Iterable[str], writable: Iterable[str], *, has_network: bool) -> None:
    """Allow reading and executing below `read_only`, everything below `writable`, nothing else. Raises OSError.

    has_network: leave TCP alone. Paths that do not exist are passed over.
    """
    if abi() < NEEDED:
        raise OSError(f"this kernel's Landlock has version {abi()}; {NEEDED} is needed (Linux 6.12)")
    attributes = struct.pack("QQQ", _ALL_FILES, 0 if has_network else _BIND_AND_CONNECT_TCP, _ABSTRACT_SOCKETS_AND_SIGNALS)
    ruleset = _call(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    try:
        for paths, access in ((read_only, _EXECUTE | _READ | _READ_DIR), (writable, _ALL_FILES)):
            for path in paths:
                _allow(ruleset, path, access)
        if _libc.prctl(38, 1, 0, 0, 0) != 0:  # PR_SET_NO_NEW_PRIVS
            raise OSError(ctypes.get_errno(), "no_new_privs")
        _call(_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)
    _try_it(has_network)


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        allowed = access if os.path.isdir(path) else access & _OF_FILES
        _call(_ADD, ruleset, _PATH_BENEATH, struct.pack("=Qi", allowed, descriptor), 0)
    finally:
        os.close(descriptor)


def _try_it(has_network: bool) -> None:
    """Raise OSError unless what must be refused is refused."""
    for path in ("/", "/proc/1/environ", "/etc/passwd"):
        try:
            os.close(os.open(path, os.O_RDONLY))
        except OSError:
            continue
        raise OSError(f"Landlock is on, and {path} can be opened all the same")
    if has_network:
        return
    with socket.socket() as probe:
        try:
            probe.connect(("127.0.0.1", 9))
        except PermissionError:
            return
        except OSError as error:
            raise OSError(f"Landlock is on, and TCP is not refused: {error}") from None
    raise OSError("Landlock is on, and TCP connects all the same")


def _call(*arguments: object) -> int:
    result = int(_libc.syscall(*arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"landlock: {os.strerror(ctypes.get_errno())}")
    return result
