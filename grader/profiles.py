"""What the grader needs to know of a profile beyond `labs/train/config.json`: budgets, threads, the pinned base model."""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .errors import UsageError
from .source import ROOT
from .supervise import Budget

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Profile:
    """One size of the same notebooks."""

    name: str
    settings: dict[str, Any]  # the section of labs/train/config.json
    budget: Budget
    threads: int  # of one run; part of the environment that results depend on, so fixed
    measured_tokens: int  # of the private split that are scored
    base_sha256: str  # of the base's model.safetensors

    @property
    def base_folder(self) -> Path:
        return ROOT / "labs" / str(self.settings["base_model"])


_BUDGETS = {
    "tiny": (Budget(wall_s=900, cell_s=90, memory_bytes=6 * GIB, disk_bytes=GIB), 1, 8_000),
    "cpu": (Budget(wall_s=3600, cell_s=1200, memory_bytes=12 * GIB, disk_bytes=2 * GIB), 2, 4_000),
}
_PINS = {"cpu": "7ef915c9bf9d94d8d70211970476878352a5b95855c589ae987916d7a455242b"}  # what labs/models/fetch_smollm2.py writes


def load_profile(name: str, *, cell_timeout_s: int | None = None) -> Profile:
    """The profile called `name`, with another limit for one cell where given. Raises UsageError for one that this grader cannot run."""
    sections = json.loads((ROOT / "labs" / "train" / "config.json").read_text())["profiles"]
    if name not in _BUDGETS or name not in sections:
        raise UsageError(f"profile {name!r} cannot be graded here; choose one of {', '.join(_BUDGETS)}")
    budget, threads, tokens = _BUDGETS[name]
    if cell_timeout_s is not None:
        budget = replace(budget, cell_s=cell_timeout_s)
    return Profile(name, sections[name], budget, threads, tokens, _pin(name, sections[name]))


def _pin(name: str, section: dict[str, Any]) -> str:
    """sha256 that the base's weights must have: beside tiny's weights, or written here."""
    card = ROOT / "labs" / str(section["base_model"]) / "measurements.json"
    if card.exists():
        return str(json.loads(card.read_text())["weights"]["sha256"])
    return _PINS[name]


def require_base(profile: Profile) -> None:
    """Raise UsageError, with the command that helps, when the base model's files are not there."""
    if not (profile.base_folder / "model.safetensors").exists():
        raise UsageError(
            f"the base model of profile {profile.name!r} is not at labs/{profile.settings['base_model']}. Fetch it: dragon model --profile {profile.name}"
        )


def folder_sha256(folder: Path) -> str:
    """sha256 over the names and bytes of all files below `folder` (of a single file, over its bytes)."""
    digest = hashlib.sha256()
    for path in [folder] if folder.is_file() else sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
