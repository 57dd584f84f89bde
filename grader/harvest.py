"""What a run leaves, taken out of its folders in two steps: before the hidden inputs come, and what the probes left after its death.

Writes one folder of evidence: `evidence/`, `out/`, `leaves/` (of a reference, for later labs) and `refused.json`.
"""

import json
import shutil
from pathlib import Path

from .evidence import out_files, probe_files, variable_files
from .ingest import ingest
from .source import Lab

LEAF_BYTES = 512 << 20
_REFUSED = "refused.json"


def take_claims(lab: Lab, job: Path, claims: Path, *, keep_leaves: bool) -> None:
    """Captured variables, the exercises' files, and with `keep_leaves` what later labs read: to `claims`, which is made."""
    files = out_files(lab)
    for name in list(files):
        if name.endswith("adapter_model.safetensors"):
            files[name.replace(".safetensors", ".bin")] = 0  # never read; that it was there is told
    claims.mkdir(parents=True)
    refused = ingest(job / "evidence", claims / "evidence", variable_files(lab)) | ingest(job / "out", claims / "out", files)
    if keep_leaves:
        refused |= ingest(job / "out", claims / "leaves", {f.removeprefix("out/"): LEAF_BYTES for f in lab.leaves})
    (claims / _REFUSED).write_text(json.dumps(refused))


def gather(lab: Lab, job: Path, claims: Path, folder: Path) -> None:
    """Move the claims to `folder`, and add what the probes left."""
    refused = read_refused(claims)
    for part in claims.iterdir():
        shutil.move(part, folder / part.name)
    refused |= ingest(job / "evidence", folder / "evidence", probe_files(lab.probes))
    (folder / _REFUSED).write_text(json.dumps(refused))


def read_refused(folder: Path) -> dict[str, str]:
    """File → why it was refused."""
    refused: dict[str, str] = json.loads((folder / _REFUSED).read_text())
    return refused
