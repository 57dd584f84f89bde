"""One lab's class through the workshop: the reference and every submission, each run once, then remembered.

In: submissions. Out: `Evidence` for each, measured where the lab asks for an adapter. Scores nothing.
"""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from . import box, bubblewrap
from .build import render
from .data import Data
from .errors import BoxError, GraderError, Rejected, UsageError
from .evidence import Evidence, describe_run
from .gpu import Gpus
from .harvest import gather, read_refused, take_claims
from .notebook import Cell, fingerprint, parse_notebook
from .profiles import Profile, folder_sha256, require_base
from .records import LOAD_DEPENDENT, Measurement, Run, RunStatus, Submission
from .source import ROOT, Lab, load_lab
from .store import Store
from .workshop import Workshop

DIED = "kernel_died"
STATUSES = frozenset(get_args(RunStatus))
REFERENCE = "(reference)"  # no student is called so: names have no brackets
MEASURED_BY = ("measuring", "gate", "perplexity", "tensors", "strict")  # the modules that a measurement depends on
PACKAGES = (
    "torch",
    "transformers",
    "peft",
    "trl",
    "datasets",
    "unsloth",
    "unsloth_zoo",
    "tokenizers",
    "numpy",
    "bitsandbytes",
    "ipykernel",
    "nbclient",
)

OnEvent = Callable[[str, str, int, int], None]
"""Called with (student, "queued|cell|measuring|done", cells begun, cells in all); from several threads."""


@dataclass(frozen=True, slots=True)
class _Task:
    """A notebook to run."""

    name: str
    owner: str  # "student" or "reference"
    cells: tuple[Cell, ...]


def environment_fingerprint(gpus: Gpus | None = None) -> dict[str, str]:
    """What results depend on besides the notebook: interpreter, machine kind, package versions, the GPUs that were used."""
    versions = {}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    on = {"gpu": gpus.names[0], "driver": gpus.driver} if gpus else {}
    return {"python": platform.python_version(), "machine": platform.machine(), **on, **versions}


class Session:
    """Grading one lab at one profile. `open` is where boxes live; `run_all` starts and uses them."""

    def __init__(
        self,
        lab: Lab,
        profile: Profile,
        store: Store,
        data: Data,
        *,
        tier: box.Tier,
        slots: int,
        on_event: OnEvent,
        gpus: Gpus | None = None,
    ) -> None:
        require_base(profile)
        self.lab, self.profile, self.store, self.data = lab, profile, store, data
        self.on_event, self.gpus = on_event, gpus
        self.slots = max(1, slots // profile.threads)
        self.workshop = Workshop(lab, profile, data, tier=tier, slots=self.slots, gpus=gpus)
        self.runs_made = 0

    @contextlib.contextmanager
    def open(self) -> Iterator["Session"]:
        """Boxes exist inside the `with`; they start when the first run needs one."""
        with self.workshop.open():
            yield self

    def reference(self) -> Evidence:
        """The reference's own evidence for this lab, with the inputs of earlier labs in place."""
        return self.run_all(())[0]

    def run_all(self, submissions: Sequence[Submission]) -> tuple[Evidence, dict[str, Evidence]]:
        """The reference's evidence, and each submission's by student: `slots` notebooks at a time, equal ones once.

        A student's trouble is a status. Raises GraderError, and BoxError when the reference could not be run.
        """
        for submission in submissions:
            self.on_event(submission.student, "queued", 0, 0)
        for number in self.lab.needs:
            self._provide_inputs(load_lab(number))
        found: dict[str, Evidence] = {}
        first: dict[str, _Task] = {}
        again: list[_Task] = []
        for task in self._tasks(submissions, found):
            key = self.run_key(self.lab, task.cells)
            again.append(task) if key in first else first.update({key: task})
        if any(self.store.find_run(key) is None for key in first):
            self._start()
        with ThreadPoolExecutor(self.slots) as pool:
            for tasks in (list(first.values()), again):
                found |= zip((task.name for task in tasks), pool.map(self._run_one, tasks), strict=True)
        reference = found.pop(REFERENCE)
        if reference.run.status != "ok":
            raise GraderError(
                f"the reference of lab {self.lab.number} did not run to its end, so nobody was graded. {describe_run(reference.run)}"
            )
        return reference, found

    def _tasks(self, submissions: Sequence[Submission], unreadable: dict[str, Evidence]) -> Iterator["_Task"]:
        """The reference, then every submission that is a notebook; evidence of the others goes to `unreadable`."""
        yield _Task(REFERENCE, "reference", parse_notebook(_reference_bytes(self.lab), _ids(self.lab)))
        for submission in submissions:
            try:
                cells = parse_notebook(submission.path.read_bytes(), _ids(self.lab))
            except Rejected as error:
                self.on_event(submission.student, "done", 0, 0)
                run = self._not_run("invalid_notebook", error)
                unreadable[submission.student] = Evidence("student", self.lab, submission.path.parent / "nowhere", run)
            else:
                yield _Task(submission.student, "student", cells)

    def _start(self) -> None:
        self.workshop.start(measures=_weights_of(self.lab) is not None)

    def _run_one(self, task: "_Task") -> Evidence:
        """Evidence of one notebook, tried a second time after the box failed. If it fails again, a student's grade is held.

        So is the reference after anything went wrong, and a notebook whose process ended: the machine may have ended it.
        """
        try:
            evidence = self._evidence(self.lab, task.owner, task.name, task.cells)
            if evidence.run.status not in ((DIED,) if task.owner == "student" else STATUSES - {"ok"}):
                return evidence
        except BoxError:
            pass
        try:
            return self._evidence(self.lab, task.owner, task.name, task.cells, again=True)
        except BoxError as error:
            if task.owner == "reference":
                raise
            self.on_event(task.name, "done", 0, 0)
            return Evidence("student", self.lab, Path("nowhere"), self._not_run("box_failed", error))

    def _not_run(self, status: RunStatus, error: Exception) -> Run:
        return self.workshop.signed(Run(status, 0.0, error=str(error)))

    def _evidence(self, lab: Lab, owner: str, student: str, cells: tuple[Cell, ...], *, again: bool = False) -> Evidence:
        key = self.run_key(lab, cells)
        run = self.store.find_run(key)
        folder = self.store.run_folder(key)
        if run is None:
            forgotten = STATUSES - {"ok"} if owner == "reference" else LOAD_DEPENDENT if again else LOAD_DEPENDENT | {DIED}
            run, folder = self._execute(lab, student, cells, key, forgotten, keep_leaves=owner == "reference")
        evidence = Evidence(owner, lab, folder, run, read_refused(folder))
        evidence.measurement = self._measure(evidence, student)
        self.on_event(student, "done", len(cells), len(cells))
        return evidence

    def run_key(self, lab: Lab, cells: tuple[Cell, ...]) -> str:
        """sha256 of everything that a run's evidence depends on."""
        parts = {
            "cells": fingerprint(cells),
            "lab": [[(e.id, e.defines, e.files) for e in lab.exercises], lab.shows],
            "inputs": {n: folder_sha256(self.workshop.inputs / f"lab{n}") for n in lab.needs},
            "course": self.workshop.materials.sha256,
            "probes": hashlib.sha256(lab.probes.encode()).hexdigest(),
            "box": [folder_sha256(bubblewrap.BOXED), bubblewrap.ENVIRONMENT],
            "profile": [self.profile.name, self.profile.threads, self.profile.budget.cell_s],
            "environment": environment_fingerprint(self.gpus),
            "isolated": self.workshop.tier.level >= 2,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def _execute(
        self, lab: Lab, student: str, cells: tuple[Cell, ...], key: str, forgotten: frozenset[str], *, keep_leaves: bool
    ) -> tuple[Run, Path]:
        """Run a notebook and store what it left, under `key` unless its status is one of those `forgotten`."""
        handed_out = {c.handed_out.strip() for v in ("local", "colab") for c in lab.in_variant(v) if c.kind == "code"}
        job = self.workshop.new_job(
            [{"source": c.source, "exercise": c.exercise, "untouched": c.source.strip() in handed_out} for c in cells],
            [{"id": e.id, "defines": e.defines} for e in lab.exercises] + [{"id": None, "defines": lab.shows}],
        )
        claims = self.workshop.folder / "claims" / job.name  # what the notebook left before it could know the hidden inputs
        try:
            self.on_event(student, "cell", 0, len(cells))
            run = self.workshop.follow(
                job,
                len(cells),
                lab.probes,
                lambda done, of: self.on_event(student, "cell", done, of),
                lambda: take_claims(lab, job, claims, keep_leaves=keep_leaves),
            )
            self.runs_made += 1
            if not claims.exists():  # it did not come to its end
                take_claims(lab, job, claims, keep_leaves=keep_leaves)
            if run.failing_cell is not None:
                cell = cells[min(run.failing_cell, len(cells) - 1)]
                run = replace(run, failing_cell=cell.position, failing_exercise=cell.exercise)
            name = key if run.status not in forgotten else f"{key[:24]}-{os.getpid()}"
            return run, self.store.save_run(name, run, lambda folder: gather(lab, job, claims, folder))
        finally:
            shutil.rmtree(job, ignore_errors=True)
            shutil.rmtree(claims, ignore_errors=True)

    def _provide_inputs(self, earlier: Lab) -> None:
        """Put what the reference of an earlier lab leaves under inputs/labK, running it if it was never run."""
        target = self.workshop.inputs / f"lab{earlier.number}"
        if target.exists():
            return
        for number in earlier.needs:
            self._provide_inputs(load_lab(number))
        cells = parse_notebook(_reference_bytes(earlier), _ids(earlier))
        if self.store.find_run(self.run_key(earlier, cells)) is None:
            self._start()
        evidence = self._evidence(earlier, "reference", f"{REFERENCE} lab {earlier.number}", cells)
        left = evidence.folder / "leaves"
        missing = [f for f in earlier.leaves if not (left / f.removeprefix("out/")).exists()]
        if missing:
            raise GraderError(f"the reference of lab {earlier.number} did not leave {', '.join(missing)}. {describe_run(evidence.run)}")
        shutil.copytree(left / f"lab{earlier.number}", target)

    def _measure(self, evidence: Evidence, student: str) -> Measurement | None:
        """Measure the adapter that the lab asks for; None when it asks for none."""
        weights = _weights_of(evidence.lab)
        if weights is None:
            return None
        config = weights.replace("adapter_model.safetensors", "adapter_config.json")
        contents = []
        for path in (config, weights):
            name = path.removeprefix("out/")
            if name in evidence.refused:
                return Measurement(problem=f"{path} was refused: {evidence.refused[name]}.")
            file = evidence.folder / "out" / name
            if not file.exists():
                if weights.replace(".safetensors", ".bin").removeprefix("out/") in evidence.refused:
                    return Measurement(
                        problem="You saved adapter_model.bin, a pickle file, which is never opened. Save the adapter as safetensors: `save_pretrained(folder)`."
                    )
                return Measurement(problem=f"{path} was not written. {describe_run(evidence.run)}".strip())
            contents.append(file.read_bytes())
        key = self._measurement_key(contents)
        measurement = self.store.find_measurement(key)
        if measurement is None:
            self.on_event(student, "measuring", 0, 0)
            measurement = self.workshop.measure(*contents)
            self.store.save_measurement(key, measurement)
        return measurement

    def _measurement_key(self, contents: list[bytes]) -> str:
        digest = hashlib.sha256()
        for data in (*contents, self.data.private.read_bytes()):
            digest.update(hashlib.sha256(data).digest())
        parts = [
            folder_sha256(self.workshop.materials.models),
            self.profile.measured_tokens,
            self.profile.settings["eval"],
            environment_fingerprint(self.gpus),
        ]
        code = [folder_sha256(ROOT / "grader" / f"{n}.py") for n in MEASURED_BY]
        inputs = folder_sha256(self.workshop.inputs / "lab3") if (self.workshop.inputs / "lab3").exists() else ""
        digest.update(json.dumps([parts, code, inputs], sort_keys=True).encode())
        return digest.hexdigest()


def _ids(lab: Lab) -> frozenset[str]:
    return frozenset(e.id for e in lab.exercises)


def _reference_bytes(lab: Lab) -> bytes:
    return render(lab, "local", {}, solved=True).encode()


def _weights_of(lab: Lab) -> str | None:
    """The adapter that a lab asks for, below out/."""
    return next((f for f in lab.files if f.endswith("adapter_model.safetensors")), None)


def choose_tier(*, trusted: bool) -> box.Tier:
    """The tier that this host gives; UsageError below 2 unless the user gave isolation up by flag."""
    tier = box.probe()
    if tier.level >= 2 or trusted:
        return tier
    raise UsageError(
        f"this host cannot isolate notebooks enough: tier {tier.level}, because {tier.reason}. Nothing was run. "
        f"`dragon doctor` says what is missing; {bubblewrap.TRUST_FLAG} runs them anyway{_reach(tier)}"
    )


def _reach(tier: box.Tier) -> str:
    return ", held by Landlock alone" if tier.level == 1 else ", with your files and network in their reach"
