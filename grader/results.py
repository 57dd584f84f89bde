"""`results/labN/<student>.json`: what is published about one submission, schema dragon-trainer/result/v1.

The student's file holds no reference value, no path and no traceback; the staff file beside it may.
"""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .evidence import describe_run
from .records import Result
from .store import write_atomically

SCHEMA = "dragon-trainer/result/v1"


def document(result: Result) -> dict[str, Any]:
    """The student's result file as a dict."""
    submission, run = result.submission, result.run
    return {
        "schema": SCHEMA,
        "lab": submission.lab,
        "student": submission.student,
        "variant": submission.variant,
        "submission_sha256": submission.sha256,
        "profile": result.profile,
        "status": "held" if result.is_held else "graded",
        "score": result.score,
        "max_score": result.max_score,
        "checks": [{k: v for k, v in asdict(check).items() if k != "order"} for check in result.checks],
        "run": {
            "status": run.status,
            "failing_cell": run.failing_cell,
            "failing_exercise": run.failing_exercise,
            "message": describe_run(run),
            "seconds": round(run.seconds, 2),
            "sandbox": {"tier": run.tier, "not_enforced": list(run.not_enforced)},
        },
        "measured": {k: _coarse(v) for k, v in result.measured.items()},
        "claimed": result.claimed,
        "provenance": result.provenance,
    }


def _coarse(value: float) -> float | None:
    """Three significant digits: who hands in again and again learns little of the private notes from them."""
    exact = _finite(value)
    return exact if exact is None or isinstance(exact, int) else float(f"{exact:.3g}")


def _finite(value: float) -> float | None:
    """None for what JSON has no number for: an adapter of huge finite values has an infinite perplexity."""
    return value if math.isfinite(value) else None


def write_result(folder: Path, result: Result, details: dict[str, str], evidence: Path) -> None:
    """Write the student's file and, beside it in `staff/`, the one that says more: errors, and where the evidence lies."""
    public = document(result)
    (folder / "staff").mkdir(parents=True, exist_ok=True)
    name = f"{result.submission.student}.json"
    write_atomically(folder / name, json.dumps(public, indent=1, ensure_ascii=False) + "\n")
    measured = {k: _finite(v) for k, v in result.measured.items()}
    staff = public | {"measured": measured, "error": result.run.error, "details": details, "evidence": str(evidence)}
    write_atomically(folder / "staff" / name, json.dumps(staff, indent=1, ensure_ascii=False) + "\n")
