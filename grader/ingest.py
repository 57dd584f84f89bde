"""Copy named files out of a folder that hostile code can write, by descriptor, once: whatever changes them, the copy stays.

Never follows a link, never waits for a FIFO or device, never reads past a cap. Everything later reads only the copy.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from .errors import Rejected

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


def ingest(source: Path, target: Path, caps: Mapping[str, int]) -> dict[str, str]:
    """Copy the files of `source` named in `caps` (relative path → most bytes) to `target`.

    Returns {relative path: reason} for those refused; absent files are simply not copied.
    """
    refused: dict[str, str] = {}
    root = os.open(source, _FLAGS | os.O_DIRECTORY)
    try:
        for name, cap in caps.items():
            try:
                data = _read(root, name, cap)
            except Rejected as error:
                refused[name] = str(error)
                continue
            if data is not None:
                copy = target / name
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(data)
    finally:
        os.close(root)
    return refused


def _read(root: int, name: str, cap: int) -> bytes | None:
    """The bytes of one regular file below `root`; None when it is absent."""
    *folders, last = name.split("/")
    opened: list[int] = []
    current = root
    try:
        for folder in folders:
            current = os.open(folder, _FLAGS | os.O_DIRECTORY, dir_fd=current)
            opened.append(current)
        file = os.open(last, _FLAGS, dir_fd=current)
        opened.append(file)
        return _read_regular(file, name, cap)
    except FileNotFoundError:
        return None
    except OSError:
        raise Rejected(f"{name} is a link or a special file, or lies behind one; write a plain file") from None
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _read_regular(file: int, name: str, cap: int) -> bytes:
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):
        raise Rejected(f"{name} is not a plain file")
    if status.st_nlink != 1:
        raise Rejected(f"{name} is a hard link; write a plain file")
    if status.st_size > cap:
        raise Rejected(f"{name} is {status.st_size:,} bytes; at most {cap:,} are read")
    chunks = bytearray()
    while chunk := os.read(file, 1 << 20):
        chunks += chunk
        if len(chunks) > cap:
            raise Rejected(f"{name} is larger than {cap:,} bytes")
    return bytes(chunks)
