"""Which patient descriptions a session uses: the embedded ones, or a file's with a part held out as private split."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import UsageError
from .source import ROOT

HELD_OUT = 0.12  # of the articles in a file given with --data; about the share of the embedded private split
PUBLIC = ROOT / "labs" / "data" / "open_patients_sample.jsonl"
PRIVATE = ROOT / "reference" / "data" / "private_notes.jsonl"


@dataclass(frozen=True, slots=True)
class Data:
    """Which patient descriptions the course sees, and which are hidden."""

    public: Path
    private: Path


def choose(path: Path | None, workspace: Path) -> Data:
    """The embedded data, or `path`'s rows divided by article. Raises UsageError."""
    if path is None:
        return Data(PUBLIC, PRIVATE)
    rows = read_rows(path)
    hidden = [row for row in rows if is_held_out(row["_id"])]
    shown = [row for row in rows if not is_held_out(row["_id"])]
    if len(shown) < 20 or not hidden:
        raise UsageError(f"--data {path}: {len(rows)} rows are too few to split; give 50 or more")
    workspace.mkdir(parents=True, exist_ok=True)
    data = Data(workspace / "public.jsonl", workspace / "private.jsonl")
    for target, part in ((data.public, shown), (data.private, hidden)):
        target.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in part), encoding="utf-8")
        target.chmod(0o644)
    workspace.chmod(0o711)
    return data


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a JSONL file in Open-Patients' schema. Raises UsageError naming the first bad line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--data {path}: cannot be read: {error}") from None
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            row = None
        if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ("_id", "description")):
            raise UsageError(f"--data {path}, line {number}: expected an object with the texts _id and description")
        rows.append({"_id": row["_id"], "description": row["description"]})
    return rows


def article(row_id: str) -> str:
    """Patients of one article share it: `pmc-7671985-2` → `pmc-7671985`; every other id stands for itself."""
    return row_id.rsplit("-", 1)[0] if row_id.startswith("pmc-") else row_id


def is_held_out(row_id: str) -> bool:
    """True for the articles whose hash falls into the private share; siblings always go together."""
    number = int.from_bytes(hashlib.sha256(article(row_id).encode()).digest()[:8], "big")
    return number / 2**64 < HELD_OUT
