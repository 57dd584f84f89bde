"""What lies beside a notebook in its box: the course's scripts, its data, and one base model, as folders to mount.

In: a profile, the patient descriptions that students see, and a folder of the session's own. Mounts nothing itself; what
earlier labs left (`inputs/`) comes and is mounted apart.
"""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from .profiles import Profile, folder_sha256
from .source import ROOT

COURSE = ("train", "eval", "utils", "requirements.txt", "templates")
SAMPLE = "open_patients_sample.jsonl"


@dataclass(frozen=True, slots=True)
class Materials:
    """Laid-out materials. folders: name in the course's folder → host path; models: the one that holds the base."""

    folders: dict[str, Path]
    models: Path
    sha256: str


def lay_out(profile: Profile, public: Path, folder: Path) -> Materials:
    """Make `data/` and `models/` in `folder`, for everyone to read, and name the rest where it is."""
    models = _models(profile, folder / "models")
    folders = {name: ROOT / "labs" / name for name in COURSE if (ROOT / "labs" / name).exists()}
    folders |= {"data": _data(public, folder / "data"), "models": models}
    digest = hashlib.sha256("".join(folder_sha256(path) for path in folders.values()).encode()).hexdigest()
    return Materials(folders, models, digest)


def _data(public: Path, folder: Path) -> Path:
    folder.mkdir(mode=0o755)
    for path in (ROOT / "labs" / "data").glob("*.py"):
        shutil.copy(path, folder)
    (folder / SAMPLE).write_bytes(public.read_bytes())
    return folder


def _models(profile: Profile, folder: Path) -> Path:
    """The profile's base alone, as links where the disk allows."""
    target = folder / profile.base_folder.name
    folder.mkdir(mode=0o755)
    target.mkdir()
    for path in profile.base_folder.iterdir():
        if path.is_file():
            try:
                os.link(path.resolve(), target / path.name)
            except OSError:
                shutil.copy(path, target)
            (target / path.name).chmod(0o644)
    return folder
