"""Find the submissions for a lab in the layouts that people have. Reads names and bytes, executes and unpacks nothing.

Layouts: one notebook or zip; `{student}/{assignment}/*.ipynb` (nbgrader); `{student}/*.ipynb`; flat `alice_lab4.ipynb`;
a learning platform's bulk download, zipped or not.
"""

import hashlib
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import UsageError
from .notebook import MAX_BYTES
from .records import Submission

MAX_MEMBERS = 20_000
_LAB = re.compile(r"lab[ _-]?0?(\d)(?!\d)", re.IGNORECASE)
_NOISE = re.compile(r"[_\- ]*(lab[ _-]?0?\d.*|assignsubmission.*|\(\d+\)|(?<=[_\- ])late)$", re.IGNORECASE)

# what zipfile raises for damaged archives, found by fuzzing
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ValueError,
    NotImplementedError,
    RuntimeError,
    OSError,
    EOFError,
    OverflowError,
)


@dataclass(frozen=True, slots=True)
class _Found:
    names: tuple[str, ...]  # folders below the searched one, then the file's name
    data: bytes


def find_submissions(path: Path, lab: int, workspace: Path) -> list[Submission]:
    """The notebooks for `lab` under `path`, one a student, copied to `workspace`. Raises UsageError when there is none."""
    if not path.exists():
        raise UsageError(f"no submissions at {path}: there is no such file or folder")
    found = list(_walk(path))
    for_lab = [f for f in found if _lab_of(f) in (lab, None)]
    if path.is_file() and path.suffix != ".zip":
        for_lab = found
    if not for_lab:
        raise UsageError(
            f"no notebooks for lab {lab} under {path}. Expected STUDENT/lab{lab}/NAME.ipynb, STUDENT/NAME.ipynb, STUDENT_lab{lab}.ipynb or a zip of these"
        )
    by_student: dict[str, list[_Found]] = {}
    for item in for_lab:
        by_student.setdefault(_student_of(item), []).append(item)
    workspace.mkdir(parents=True, exist_ok=True)
    return [_take(student, items, lab, workspace) for student, items in sorted(by_student.items())]


def _walk(path: Path) -> Iterator[_Found]:
    if path.is_file():
        yield from _unzip(path) if path.suffix == ".zip" else [_Found((path.name,), _read(path))]
        return
    for file in sorted(path.rglob("*")):
        relative = file.relative_to(path)
        if not file.is_file() or file.is_symlink() or any(p.startswith(".") or p == "__MACOSX" for p in relative.parts):
            continue
        if file.suffix == ".zip":
            yield from (_Found((*relative.parts[:-1], relative.stem, *f.names), f.data) for f in _unzip(file))
        elif file.suffix == ".ipynb":
            yield _Found(relative.parts, _read(file))


def _unzip(path: Path) -> Iterator[_Found]:
    """The notebooks in a zip, read in memory: no member's path is ever used on disk. A damaged member is handed on as such."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise UsageError(f"{path} has {len(members):,} members; at most {MAX_MEMBERS:,} are looked at")
            for member in members:
                names = tuple(p for p in re.split(r"[/\\]", member.filename) if p not in ("", ".", ".."))
                if names and names[-1].endswith(".ipynb") and not member.is_dir() and "__MACOSX" not in names:
                    yield _Found(names, _read_member(archive, member))
    except _ZIP_ERRORS as error:
        yield _Found((f"{path.stem}.ipynb",), f"a damaged zip: {type(error).__name__}".encode())


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(member) as file:
            return file.read(MAX_BYTES + 1)
    except _ZIP_ERRORS as error:
        return f"a damaged zip: {type(error).__name__}".encode()


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _lab_of(item: _Found) -> int | None:
    """The lab that the nearest name says, from the file outwards; None when no name says one."""
    for name in reversed(item.names):
        if match := _LAB.search(name):
            return int(match[1])
    return None


def _student_of(item: _Found) -> str:
    folders = [n for n in item.names[:-1] if not _LAB.match(n) and n not in ("submitted", "submissions")]
    name = folders[0] if folders else Path(item.names[-1]).stem
    if not folders and not _NOISE.sub("", name):
        name = Path(item.names[-1]).stem
    else:
        name = _NOISE.sub("", name) or name
    return re.sub(r"[^\w.@+-]+", "_", name).strip("._")[:80] or "unnamed"


def _take(student: str, items: list[_Found], lab: int, workspace: Path) -> Submission:
    """The one notebook to grade: by the handed-out name, else the only one, else the last by name."""
    exact = [i for i in items if _LAB.match(i.names[-1])]
    chosen = sorted(exact or items, key=lambda i: i.names)[-1]
    path = workspace / f"{student}.ipynb"
    path.write_bytes(chosen.data)
    variant = "colab" if "colab" in chosen.names[-1].lower() else "local"
    return Submission(student, lab, path, hashlib.sha256(chosen.data).hexdigest(), variant)
