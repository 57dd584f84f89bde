"""The content-addressed store of runs and measurements: a run once made is never made again for the same key.

Entries are folders, written beside their place and renamed into it, so a killed grader leaves no torn entry.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from .records import Measurement, Run


class Store:
    """Runs and measurements below one folder (`.dragon/` by default)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run_folder(self, key: str) -> Path:
        """Where the evidence of a run lies, whether it is there or not."""
        return self.folder / "runs" / key[:32]

    def find_run(self, key: str) -> Run | None:
        """The remembered run, or None."""
        path = self.run_folder(key) / "run.json"
        if not path.exists():
            return None
        document = json.loads(path.read_text())
        return Run(**document | {"not_enforced": tuple(document["not_enforced"])})

    def save_run(self, key: str, run: Run, fill: Callable[[Path], None]) -> Path:
        """Let `fill` write the evidence into a fresh folder, add the record, and move it into place."""

        def fill_and_sign(folder: Path) -> None:
            fill(folder)
            (folder / "run.json").write_text(json.dumps(asdict(run)))

        self._put(self.run_folder(key), fill_and_sign)
        return self.run_folder(key)

    def find_measurement(self, key: str) -> Measurement | None:
        """The remembered measurement, or None."""
        path = self.folder / "measurements" / f"{key[:32]}.json"
        return Measurement(**json.loads(path.read_text())) if path.exists() else None

    def save_measurement(self, key: str, measurement: Measurement) -> None:
        """Remember a measurement."""
        path = self.folder / "measurements" / f"{key[:32]}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(asdict(measurement)))

    def _put(self, target: Path, fill: Callable[[Path], None]) -> None:
        if not self.folder.exists():
            self.folder.mkdir(parents=True, mode=0o700)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=target.parent, prefix=".partial-"))
        try:
            fill(partial)
            for path in (partial, *partial.rglob("*")):  # the boxes' user reads them through a mount; a store that we made is ours alone
                path.chmod(0o755 if path.is_dir() else 0o644)
            if target.exists():
                shutil.rmtree(target)
            partial.rename(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def write_atomically(path: Path, text: str) -> None:
    """Write `text` to `path` so that a reader or a crash sees the old file or the new one, never half."""
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(partial, 0o644)
    os.replace(partial, path)
