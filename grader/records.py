"""The records that pass between the grader's stops, in their order. All are frozen plain data.

Submission → Run → Evidence (see `grader.evidence`) → Measurement → CheckResult → Result.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

RunStatus = Literal[
    "ok", "cell_error", "cell_timeout", "wall_timeout", "out_of_memory", "disk_full", "kernel_died", "invalid_notebook", "box_failed"
]
"""`box_failed` is the grader's own trouble, and such a grade is held; all others are the notebook's."""

CheckStatus = Literal["passed", "failed", "skipped", "error"]

LOAD_DEPENDENT: frozenset[str] = frozenset({"cell_timeout", "wall_timeout", "out_of_memory", "disk_full"})
"""Statuses that a busier or smaller machine could have caused; such runs are not remembered."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One student's notebook for one lab."""

    student: str
    lab: int
    path: Path
    sha256: str
    variant: str = "local"


@dataclass(frozen=True, slots=True)
class Run:
    """How the execution of a notebook went. Everything in it that the box said is a claim."""

    status: RunStatus
    seconds: float
    failing_cell: int | None = None  # 1-based position among the notebook's cells, markdown included, as a student counts
    failing_exercise: str | None = None
    error: str | None = None  # "NameError: name 'x' is not defined", from the student's code
    tier: int = 0
    not_enforced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measurement:
    """The grader's own numbers about a submitted adapter. Perplexities are exp(mean nats per scored token)."""

    problem: str | None = None  # why the adapter could not be measured, for the student
    adapter: dict[str, Any] = field(default_factory=dict)
    base_perplexity: float = 0.0
    tuned_perplexity: float = 0.0
    base_train_loss: float = 0.0  # mean nats per token on the blocks of inputs/lab3/train_blocks.parquet
    tuned_train_loss: float = 0.0
    tokens: int = 0  # scored tokens of the private split


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check's outcome for one student."""

    id: str
    exercise: str
    title: str
    status: CheckStatus
    points: float
    max_points: float
    visibility: Literal["public", "hidden"]
    feedback: str
    order: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """What is published about one submission: `dragon-trainer/result/v1`."""

    submission: Submission
    profile: str
    run: Run
    checks: tuple[CheckResult, ...]
    measured: dict[str, float]
    claimed: dict[str, Any]
    provenance: dict[str, Any]

    @property
    def is_held(self) -> bool:
        """True when a check could not be decided: the grade waits, and no point is lost."""
        return any(check.status == "error" for check in self.checks)

    @property
    def score(self) -> float:
        return sum(check.points for check in self.checks)

    @property
    def max_score(self) -> float:
        return sum(check.max_points for check in self.checks)
