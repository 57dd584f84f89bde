"""From options to a graded class: choose submissions, run them, turn check records into results, publish them.

The pytest plugin calls `run_class` before the checks and `Grading.publish` after them.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from . import data as course_data
from .answers import bundled_class, notebook_with
from .errors import UsageError
from .evidence import Evidence
from .gpu import Gpus
from .gpu import find as find_gpus
from .profiles import folder_sha256, load_profile
from .records import CheckResult, Measurement, Result, Run, Submission
from .results import write_result
from .scratch import scratch
from .session import OnEvent, Session, choose_tier, environment_fingerprint
from .source import ROOT, load_lab
from .store import Store
from .submissions import find_submissions


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for."""

    lab: int
    submissions: Path | None
    student: str | None
    results: Path
    profile: str
    data: Path | None
    store: Path
    slots: int | None
    cell_timeout_s: int | None
    gpu: bool
    trusted: bool
    root: Path


@dataclass(frozen=True, slots=True)
class Graded:
    """One submission and the evidence that its run left."""

    submission: Submission
    evidence: Evidence


@dataclass(slots=True)
class Grading:
    """A class whose notebooks have run: what checks read, and where results go."""

    lab: int
    profile_settings: dict[str, Any]
    reference: Evidence
    students: dict[str, Graded]
    results_folder: Path
    source: str  # where the submissions are from, for people
    provenance: dict[str, Any]
    checkers: int = 0  # boxes to run the checks in, side by side; 0: in this process
    seconds: float = 0.0
    notebooks_run: int = 0
    hidden_checks: int = 0  # left out by --public, for each student
    results: list[Result] = field(default_factory=list)

    def publish(self, records: Sequence[dict[str, Any]]) -> None:
        """Turn the checks' records into results and write a file for every student."""
        by_student: dict[str, list[dict[str, Any]]] = {name: [] for name in self.students}
        for record in records:
            by_student[record["student"]].append(record)
        for name, graded in sorted(self.students.items()):
            own = sorted(by_student[name], key=lambda r: r["order"])
            result = self._result(graded, own)
            self.results.append(result)
            write_result(
                self.results_folder / f"lab{self.lab}", result, {r["id"]: r["detail"] for r in own if r["detail"]}, graded.evidence.folder
            )

    def _result(self, graded: Graded, records: Sequence[dict[str, Any]]) -> Result:
        titles = {r["id"]: r["title"] for r in records}
        checks = tuple(_check_result(r, titles) for r in records)
        measurement = graded.evidence.measurement
        measured = {} if measurement is None or measurement.problem else _numbers(measurement)
        provenance = {**self.provenance, "finished": _now()}
        return Result(graded.submission, str(self.profile_settings["name"]), graded.evidence.run, checks, measured, {}, provenance)

    def to_json(self, names: Sequence[str], inside: Mapping[Path, Path]) -> str:
        """What a checker in its box needs to know of some students, as text. inside: evidence folder → its place there."""
        students = {n: [_submission_json(self.students[n].submission), _evidence_json(self.students[n].evidence, inside)] for n in names}
        return json.dumps(
            {"lab": self.lab, "profile": self.profile_settings, "reference": _evidence_json(self.reference, inside), "students": students}
        )

    @classmethod
    def from_json(cls, text: str) -> "Grading":
        """What `to_json` wrote, in the box."""
        document = json.loads(text)
        lab = document["lab"]
        students = {
            name: Graded(Submission(**submission | {"path": Path(submission["path"])}), _evidence(lab, "student", evidence))
            for name, (submission, evidence) in document["students"].items()
        }
        return cls(lab, document["profile"], _evidence(lab, "reference", document["reference"]), students, Path(), "", {})


STATE: pytest.StashKey[Grading] = pytest.StashKey()
"""Where pytest's config keeps the class that is being graded, in the process that was started and in a checker's."""


def run_class(options: Options, on_event: OnEvent) -> Grading:
    """Run the reference and every submission. Raises UsageError and GraderError."""
    started = datetime.now(UTC)
    lab, profile = load_lab(options.lab), load_profile(options.profile, cell_timeout_s=options.cell_timeout_s)
    tier = choose_tier(trusted=options.trusted)
    store = Store(options.store.resolve())
    with scratch("class") as workspace:
        submissions, source = choose_submissions(options, workspace / "submissions")
        data = course_data.choose(options.data, workspace)
        cores = options.slots or len(os.sched_getaffinity(0))
        gpus = _gpus() if options.gpu else None
        slots = len(gpus.nodes) * profile.threads if gpus and not options.slots else cores
        with Session(lab, profile, store, data, tier=tier, slots=slots, on_event=on_event, gpus=gpus).open() as session:
            reference, evidence = session.run_all(submissions)
            made = session.runs_made
    checks = folder_sha256(ROOT / "checks" / f"test_lab{options.lab}.py")
    environment = environment_fingerprint(gpus)
    provenance = {
        "grader": _version(), "checks_sha256": checks, "reference_run": reference.folder.name, **environment,
        "device": gpus.names[0] if gpus else "cpu", "seed": profile.settings["train"]["seed"], "started": started.isoformat(timespec="seconds"),
    }  # fmt: skip
    return Grading(
        lab=options.lab,
        profile_settings={"name": profile.name, **profile.settings},
        reference=reference,
        students={s.student: Graded(s, evidence[s.student]) for s in submissions},
        results_folder=options.results,
        source=source,
        provenance=provenance,
        checkers=cores if tier.level >= 2 else 0,
        seconds=(datetime.now(UTC) - started).total_seconds(),
        notebooks_run=made,
    )


def _gpus() -> Gpus:
    found = find_gpus()
    if found is None:
        raise UsageError("--gpu: there is no NVIDIA GPU here (none in /proc/driver/nvidia/gpus with its node in /dev). Grade without --gpu")
    return found


def choose_submissions(options: Options, workspace: Path) -> tuple[list[Submission], str]:
    """What --submissions names, else submissions/, else the bundled class; and where that is, for people."""
    default = options.root / "submissions"
    path = options.submissions or (default if default.is_dir() else None)
    if path is not None:
        found, source = find_submissions(path, options.lab, workspace), str(path)
    else:
        found, source = _bundled(options.lab, workspace), "the bundled class (put notebooks in submissions/ to grade them)"
    if options.student is not None:
        found = [s for s in found if s.student == options.student]
        if not found:
            raise UsageError(f"no submission of {options.student!r} for lab {options.lab} in {source}")
    return found, source


def _bundled(lab: int, workspace: Path) -> list[Submission]:
    folder = workspace / "bundled"
    folder.mkdir(parents=True)
    for student, answers in bundled_class(lab).items():
        (folder / f"{student}_lab{lab}.ipynb").write_text(notebook_with(load_lab(lab), answers), encoding="utf-8")
    return find_submissions(folder, lab, workspace)


def student_of(nodeid: str) -> str:
    """The student in a check's node id: what stands in its last brackets."""
    match = re.search(r"\[(.+)\]$", nodeid)
    return match[1] if match else ""


def check_record(item: pytest.Item, mark: pytest.Mark, status: str, feedback: str, detail: str) -> dict[str, Any]:
    """One check's outcome as plain data."""
    function = item.function  # type: ignore[attr-defined]
    title = (function.__doc__ or function.__name__).strip().splitlines()[0]
    return {
        "student": student_of(item.nodeid),
        "id": function.__name__,
        "exercise": mark.kwargs["exercise"],
        "title": title,
        "status": status,
        "max_points": mark.kwargs["points"],
        "visibility": "public" if mark.kwargs["public"] else "hidden",
        "feedback": feedback,
        "detail": detail,
        "order": function.__code__.co_firstlineno,
    }


def _check_result(record: dict[str, Any], titles: dict[str, str]) -> CheckResult:
    feedback = record["feedback"]
    if record["status"] == "skipped":
        prerequisite = feedback.removeprefix("after:")
        feedback = f"Not looked at, because this did not hold: {titles.get(prerequisite, prerequisite)}."
    elif record["status"] == "error":
        feedback = "The grader could not decide this. Your grade is on hold, and no point is lost by it."
    points = record["max_points"] if record["status"] == "passed" else 0
    return CheckResult(
        record["id"],
        record["exercise"],
        record["title"],
        record["status"],
        points,
        record["max_points"],
        record["visibility"],
        feedback,
        record["order"],
    )


def _numbers(measurement: Measurement) -> dict[str, float]:
    return {
        "base_perplexity": measurement.base_perplexity,
        "tuned_perplexity": measurement.tuned_perplexity,
        "tokens": measurement.tokens,
    }


def _submission_json(submission: Submission) -> dict[str, Any]:
    return asdict(submission) | {"path": str(submission.path)}


def _evidence_json(evidence: Evidence, inside: Mapping[Path, Path]) -> dict[str, Any]:
    measurement = evidence.measurement
    return {
        "folder": str(inside[evidence.folder]),
        "run": asdict(evidence.run),
        "refused": evidence.refused,
        "measurement": asdict(measurement) if measurement else None,
    }


def _evidence(lab: int, owner: str, document: dict[str, Any]) -> Evidence:
    measurement = document["measurement"]
    run = Run(**document["run"] | {"not_enforced": tuple(document["run"]["not_enforced"])})
    return Evidence(
        owner, load_lab(lab), Path(document["folder"]), run, document["refused"], Measurement(**measurement) if measurement else None
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _version() -> str:
    from . import __version__

    return __version__
