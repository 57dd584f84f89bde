"""One lab's class through the box: reference first, then every submission; each run once, then remembered.

In: submissions. Out: `Evidence` for each, measured where the lab asks for an adapter. Scores nothing.
"""

import contextlib
import hashlib
import importlib.metadata
import itertools
import json
import os
import platform
import queue
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

from . import box, cgroup, gpu, measuring
from .box import WarmParent, python_command, sandbox_command
from .build import render
from .data import Data
from .errors import BoxError, GraderError, Rejected, UsageError
from .evidence import Evidence, describe_run, out_files, probe_files, variable_files
from .gpu import STARTS_CUDA, TRIAL, Gpus
from .ingest import ingest
from .materials import Materials, lay_out
from .notebook import Cell, fingerprint, parse_notebook
from .profiles import Profile, folder_sha256, require_base
from .records import LOAD_DEPENDENT, Measurement, Run, RunStatus, Submission
from .scratch import scratch
from .source import ROOT, Lab, load_lab
from .store import Store
from .supervise import supervise

SEED = 20_260  # of the hidden probes
PROBE_S, PROBES_S = 60, 900  # processor time of one; all of them, by the clock
CLOCK = 3  # how many times its processor time a cell may take by the clock: other work on the machine is not the student's
NEEDS_LOOPBACK = frozenset({7})  # it pushes to a server of its own; below tier 2 no network is private
LEAF_BYTES = 512 << 20
DIED = "kernel_died"
STATUSES = frozenset(get_args(RunStatus))
REFERENCE = "(reference)"  # no student is called so: names have no brackets
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
        self.tier, self.on_event, self.gpus = tier, on_event, gpus
        # a library that is imported once keeps one scratch folder for all runs: below tier 2 each run imports its own
        self.preloads = lab.imports() if tier.level >= 2 else []
        self.slots = max(1, slots // profile.threads)
        self._nodes: queue.SimpleQueue[str] = queue.SimpleQueue()  # of GPUs, one for each slot that is free
        if gpus is not None:
            self.preloads = [s for s in self.preloads if not any(name in s for name in STARTS_CUDA)]
            for node in itertools.islice(itertools.cycle(gpus.nodes), self.slots):
                self._nodes.put(node)
        self.runs_made = 0
        self._has_tried_gpu = False
        self._measuring = threading.Lock()
        self._starting = threading.Lock()

    @contextlib.contextmanager
    def open(self) -> Iterator["Session"]:
        """Boxes exist inside the `with`; they start when the first run needs one."""
        with scratch("session") as self._folder, contextlib.ExitStack() as stack:
            self._stack = stack
            self._folder.chmod(0o711)
            self._groups = stack.enter_context(cgroup.parent()) if self.tier.level >= 3 else None
            self._inputs = self._folder / "inputs"
            for made in (self._inputs, self._folder / "runs"):
                made.mkdir()
            self._inputs.chmod(0o755)
            try:
                yield self
            finally:
                self.__dict__.pop("_parent", None)
                self.__dict__.pop("_measurer", None)

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
            self._start_boxes()  # from this thread: bubblewrap's children die with the thread that started them
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

    def _start_boxes(self) -> None:
        if any(f.endswith("adapter_model.safetensors") for f in self.lab.files):
            self._measurer  # noqa: B018 - loads its base while the parent imports
        self._parent  # noqa: B018
        if self.gpus is not None and not self._has_tried_gpu:
            self._try_gpu()

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
        return Run(status, 0.0, error=str(error), tier=self.tier.level, not_enforced=self.tier.not_enforced)

    def _evidence(self, lab: Lab, owner: str, student: str, cells: tuple[Cell, ...], *, again: bool = False) -> Evidence:
        key = self.run_key(lab, cells)
        run = self.store.find_run(key)
        folder = self.store.run_folder(key)
        if run is None:
            forgotten = STATUSES - {"ok"} if owner == "reference" else LOAD_DEPENDENT if again else LOAD_DEPENDENT | {DIED}
            run, folder = self._execute(lab, student, cells, key, forgotten, keep_leaves=owner == "reference")
        refused = json.loads((folder / "refused.json").read_text())
        evidence = Evidence(owner, lab, folder, run, refused)
        evidence.measurement = self._measure(evidence, student)
        self.on_event(student, "done", len(cells), len(cells))
        return evidence

    def run_key(self, lab: Lab, cells: tuple[Cell, ...]) -> str:
        """sha256 of everything that a run's evidence depends on."""
        parts = {
            "cells": fingerprint(cells),
            "lab": [[(e.id, e.defines, e.files) for e in lab.exercises], lab.shows],
            "inputs": {n: folder_sha256(self._inputs / f"lab{n}") for n in lab.needs},
            "course": self._materials.sha256,
            "probes": hashlib.sha256(_probes(lab).encode()).hexdigest(),
            "box": [folder_sha256(box.BOXED), box.ENVIRONMENT],
            "profile": [self.profile.name, self.profile.threads, self.profile.budget.cell_s],
            "environment": environment_fingerprint(self.gpus),
            "isolated": self.tier.level >= 2,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def _execute(
        self, lab: Lab, student: str, cells: tuple[Cell, ...], key: str, forgotten: frozenset[str], *, keep_leaves: bool
    ) -> tuple[Run, Path]:
        """Run a notebook and store what it left, under `key` unless its status is one of those `forgotten`."""
        handed_out = {c.handed_out.strip() for v in ("local", "colab") for c in lab.in_variant(v) if c.kind == "code"}
        job = self._new_job(
            [{"source": c.source, "exercise": c.exercise, "untouched": c.source.strip() in handed_out} for c in cells],
            [{"id": e.id, "defines": e.defines} for e in lab.exercises] + [{"id": None, "defines": lab.shows}],
        )
        claims = self._folder / "claims" / job.name  # what the notebook left before it could know the hidden inputs
        try:
            self.on_event(student, "cell", 0, len(cells))
            run = self._supervised(
                job,
                len(cells),
                _probes(lab),
                lambda done, of: self.on_event(student, "cell", done, of),
                lambda: _collect_claims(lab, job, claims, keep_leaves=keep_leaves),
            )
            self.runs_made += 1
            if not claims.exists():  # it did not come to its end
                _collect_claims(lab, job, claims, keep_leaves=keep_leaves)
            if run.failing_cell is not None:
                cell = cells[min(run.failing_cell, len(cells) - 1)]
                run = replace(run, failing_cell=cell.position, failing_exercise=cell.exercise)
            run = replace(run, tier=self.tier.level, not_enforced=self.tier.not_enforced)
            name = key if run.status not in forgotten else f"{key[:24]}-{os.getpid()}"
            return run, self.store.save_run(name, run, lambda folder: _collect(lab, job, claims, folder))
        finally:
            shutil.rmtree(job, ignore_errors=True)
            shutil.rmtree(claims, ignore_errors=True)

    def _new_job(self, cells: list[dict[str, Any]], exercises: list[dict[str, Any]]) -> Path:
        """A job folder for those cells, within the profile's limits."""
        document = {
            "cells": cells,
            "exercises": exercises,
            "cell_cpu_s": self.profile.budget.cell_s * self.profile.threads,
            "cell_timeout_s": self.profile.budget.cell_s * CLOCK,
            "probe_timeout_s": PROBE_S,
            "probes_timeout_s": PROBES_S,
            "seed": SEED,
            "limits": box.LIMITS,
            "work": "/work",
            "evidence": "/evidence",
        }
        job: Path = self._living("_parent").new_job()
        (job / "job.json").write_text(json.dumps(document))
        return job

    def _supervised(
        self, job: Path, cells: int, probes: str, progress: Callable[[int, int], None], before_probes: Callable[[], None]
    ) -> Run:
        """Fork a run, with one GPU in sight where there are any, and follow it to its end."""
        with self._group() as group, self._node() as node:
            others = [n for n in self.gpus.nodes if n != node] if self.gpus else []
            return supervise(
                self._living("_parent").fork(job, without=others),
                job,
                cells,
                probes,
                self.profile.budget,
                progress,
                group,
                has_namespaces=self.tier.level >= 2,
                before_probes=before_probes,
            )

    @contextlib.contextmanager
    def _node(self) -> Iterator[str]:
        """The device node of the next GPU with a free slot; an empty string without GPUs."""
        if self.gpus is None:
            yield ""
            return
        node = self._nodes.get()
        try:
            yield node
        finally:
            self._nodes.put(node)

    def _try_gpu(self) -> None:
        """Use the GPU in the box once. Raises GraderError: a class graded on the processor instead would be another class."""
        job = self._new_job([{"source": TRIAL, "exercise": None, "untouched": False}], [])
        run = self._supervised(job, 1, "", lambda *_: None, lambda: None)
        shutil.rmtree(job, ignore_errors=True)
        if run.status != "ok":
            raise GraderError(f"a notebook cannot use the GPU here: {run.error or run.status}. Grade without --gpu, or see `dragon doctor`")
        self._has_tried_gpu = True

    def _group(self) -> contextlib.AbstractContextManager[cgroup.Group | None]:
        """The next run's cgroup, where this host gives any."""
        if self._groups is None:
            return contextlib.nullcontext()
        return cgroup.group(self._groups, memory_bytes=self.profile.budget.memory_bytes, processes=box.LIMITS["processes"])

    def _provide_inputs(self, earlier: Lab) -> None:
        """Put what the reference of an earlier lab leaves under inputs/labK, running it if it was never run."""
        target = self._inputs / f"lab{earlier.number}"
        if target.exists():
            return
        for number in earlier.needs:
            self._provide_inputs(load_lab(number))
        cells = parse_notebook(_reference_bytes(earlier), _ids(earlier))
        if self.store.find_run(self.run_key(earlier, cells)) is None:
            self._start_boxes()
        evidence = self._evidence(earlier, "reference", f"{REFERENCE} lab {earlier.number}", cells)
        left = evidence.folder / "leaves"
        missing = [f for f in earlier.leaves if not (left / f.removeprefix("out/")).exists()]
        if missing:
            raise GraderError(f"the reference of lab {earlier.number} did not leave {', '.join(missing)}. {describe_run(evidence.run)}")
        shutil.copytree(left / f"lab{earlier.number}", target)

    @cached_property
    def _materials(self) -> Materials:
        return lay_out(self.profile, self.data.public, self._folder)

    def _living(self, name: str) -> Any:
        """The box or measuring process called `name`, started anew if something took it."""
        with self._starting:
            if name in self.__dict__ and not self.__dict__[name].is_alive():
                del self.__dict__[name]
            return getattr(self, name)

    @cached_property
    def _parent(self) -> WarmParent:
        parent = WarmParent(
            course=self._materials.folders | {"inputs": self._inputs},
            runs=self._folder / "runs",
            imports=self.preloads,
            environment={"DRAGON_PROFILE": self.profile.name, "OMP_NUM_THREADS": str(self.profile.threads), **self._gpu_environment},
            devices=self._gpu_nodes,
            tier=self.tier.level,
            has_network=self.lab.number in NEEDS_LOOPBACK,
        )
        return self._stack.enter_context(parent)

    @cached_property
    def _measurer(self) -> measuring.Measurer:
        inside = {
            "base": str(self._materials.models / self.profile.base_folder.name),
            "private": str(self.data.private),
            "inputs": str(self._inputs),
        }
        place = str(ROOT)
        if self.tier.level >= 2:
            inside, shown = {k: f"/measure/{k}" for k in inside}, {f"/measure/{k}": Path(v) for k, v in inside.items()}
            place = "/opt/dragon"
            shown["/opt/dragon/grader"] = ROOT / "grader"
        code = f"import sys; sys.path.insert(0, {place!r}); from grader.measuring import serve; serve(sys.stdin.buffer, sys.stdout.buffer)"
        command = python_command(code)
        if self.tier.level >= 2:
            command = sandbox_command(
                command,
                read_only=shown,
                writable={},
                environment={"OMP_NUM_THREADS": str(self.profile.threads), **self._gpu_environment},
                devices=self._gpu_nodes,
            )
        return self._stack.enter_context(
            measuring.Measurer(
                command,
                **inside,
                base_sha256=self.profile.base_sha256,
                max_tokens=self.profile.measured_tokens,
                window=self.profile.settings["eval"]["window"],
                stride=self.profile.settings["eval"]["stride"],
                threads=self.profile.threads,
                device="cuda" if self.gpus else "cpu",
            )
        )

    @property
    def _gpu_nodes(self) -> tuple[str, ...]:
        return (*gpu.SHARED, *self.gpus.nodes) if self.gpus else ()

    @property
    def _gpu_environment(self) -> dict[str, str]:
        return self.gpus.environment() if self.gpus else {"CUDA_VISIBLE_DEVICES": ""}  # Unsloth refuses a GPU that it can't use

    def _measure(self, evidence: Evidence, student: str) -> Measurement | None:
        """Measure the adapter that the lab asks for; None when it asks for none."""
        weights = next((f for f in evidence.lab.files if f.endswith("adapter_model.safetensors")), None)
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
            with self._measuring:
                measurement = self._living("_measurer").measure(*contents)
            self.store.save_measurement(key, measurement)
        return measurement

    def _measurement_key(self, contents: list[bytes]) -> str:
        digest = hashlib.sha256()
        for data in (*contents, self.data.private.read_bytes()):
            digest.update(hashlib.sha256(data).digest())
        parts = [
            folder_sha256(self._materials.models),
            self.profile.measured_tokens,
            self.profile.settings["eval"],
            environment_fingerprint(self.gpus),
        ]
        code = [folder_sha256(ROOT / "grader" / f"{n}.py") for n in ("measuring", "gate", "perplexity", "tensors", "strict")]
        inputs = folder_sha256(self._inputs / "lab3") if (self._inputs / "lab3").exists() else ""
        digest.update(json.dumps([parts, code, inputs], sort_keys=True).encode())
        return digest.hexdigest()


def _collect_claims(lab: Lab, job: Path, claims: Path, *, keep_leaves: bool) -> None:
    """Ingest what a notebook left: captured variables, the exercises' files, and for the reference what later labs read."""
    files = out_files(lab)
    for name in list(files):
        if name.endswith("adapter_model.safetensors"):
            files[name.replace(".safetensors", ".bin")] = 0
    claims.mkdir(parents=True)
    refused = ingest(job / "evidence", claims / "evidence", variable_files(lab)) | ingest(job / "out", claims / "out", files)
    if keep_leaves:
        refused |= ingest(job / "out", claims / "leaves", {f.removeprefix("out/"): LEAF_BYTES for f in lab.leaves})
    (claims / "refused.json").write_text(json.dumps(refused))


def _collect(lab: Lab, job: Path, claims: Path, folder: Path) -> None:
    """The claims, and what the probes of a dead run left."""
    refused = json.loads((claims / "refused.json").read_text())
    for part in claims.iterdir():
        shutil.move(part, folder / part.name)
    refused |= ingest(job / "evidence", folder / "evidence", probe_files(_probes(lab)))
    (folder / "refused.json").write_text(json.dumps(refused))


def _ids(lab: Lab) -> frozenset[str]:
    return frozenset(e.id for e in lab.exercises)


def _reference_bytes(lab: Lab) -> bytes:
    return render(lab, "local", {}, solved=True).encode()


def _probes(lab: Lab) -> str:
    path = ROOT / "reference" / "probes" / f"lab{lab.number}.py"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def choose_tier(*, trusted: bool) -> box.Tier:
    """The tier that this host gives; UsageError below 2 unless the user gave isolation up by flag."""
    tier = box.probe()
    if tier.level >= 2 or trusted:
        return tier
    raise UsageError(
        f"this host cannot isolate notebooks enough: tier {tier.level}, because {tier.reason}. Nothing was run. "
        f"`dragon doctor` says what is missing; {box.TRUST_FLAG} runs them anyway{_reach(tier)}"
    )


def _reach(tier: box.Tier) -> str:
    return ", held by Landlock alone" if tier.level == 1 else ", with your files and network in their reach"
