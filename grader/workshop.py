"""Where a session's notebooks run and its adapters are measured: boxes that start when they are first needed, and are replaced.

In: a profile, data, what the host gives (tier, GPUs). Out: a `Run` for each job that is followed to its end, a `Measurement`
for each adapter. Knows no student, no store and no points.
"""

import contextlib
import itertools
import json
import os
import queue
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from . import box, cgroup, gpu
from .box import WarmParent
from .bubblewrap import python_command, sandbox_command
from .data import Data
from .errors import GraderError
from .gpu import Gpus
from .materials import Materials, lay_out
from .measuring import Measurer
from .profiles import Profile
from .records import Measurement, Run
from .scratch import scratch
from .source import ROOT, Lab
from .supervise import supervise

SEED = 20_260  # of the hidden probes
PROBE_S, PROBES_S = 60, 900  # processor time of one; all of them, by the clock
CLOCK = 3  # how many times its processor time a cell may take by the clock: other work on the machine is not the student's
NEEDS_LOOPBACK = frozenset({7})  # it pushes to a server of its own; below tier 2 no network is private


@dataclass(frozen=True, slots=True)
class Slot:
    """What one run has for itself: processor cores, and the device node of a GPU (empty without one)."""

    cores: tuple[int, ...]
    node: str = ""


class Workshop:
    """The boxes for one lab at one profile. Use `open` as a context manager; everything lies in `folder`, earlier labs' work in `inputs`."""

    folder: Path
    inputs: Path

    def __init__(self, lab: Lab, profile: Profile, data: Data, *, tier: box.Tier, slots: int, gpus: Gpus | None = None) -> None:
        self.lab, self.profile, self.data, self.tier, self.gpus = lab, profile, data, tier, gpus
        # a library that is imported once keeps one scratch folder for all runs: below tier 2 each run imports its own
        self.preloads = lab.imports() if tier.level >= 2 else []
        self._slots: queue.SimpleQueue[Slot] = queue.SimpleQueue()  # those that are free
        for slot in share_out(sorted(os.sched_getaffinity(0)), gpus.nodes if gpus else ("",), slots):
            self._slots.put(slot)
        self._environment = {"OMP_NUM_THREADS": str(profile.threads), "CUDA_VISIBLE_DEVICES": ""}  # Unsloth refuses a GPU that it can't use
        self._devices: tuple[str, ...] = ()
        if gpus is not None:
            self.preloads = [s for s in self.preloads if not any(name in s for name in gpu.STARTS_CUDA)]
            self._environment = {"OMP_NUM_THREADS": str(profile.threads), **gpus.environment()}
            self._devices = (*gpu.SHARED, *gpus.nodes)
        self._has_tried_gpu = False
        self._measuring, self._starting = threading.Lock(), threading.Lock()

    @contextlib.contextmanager
    def open(self) -> Iterator["Workshop"]:
        """Boxes exist inside the `with`."""
        with scratch("session") as self.folder, contextlib.ExitStack() as self._stack:
            self.folder.chmod(0o711)
            self._groups = self._stack.enter_context(cgroup.parent()) if self.tier.level >= 3 else None
            self.inputs = self.folder / "inputs"
            for made in (self.inputs, self.folder / "runs"):
                made.mkdir()
            self.inputs.chmod(0o755)
            try:
                yield self
            finally:
                for name in ("_parent", "_measurer"):
                    self.__dict__.pop(name, None)

    def start(self, *, measures: bool) -> None:
        """Start what will be needed, from this thread: bubblewrap's children die with the thread that started them.

        Raises GraderError where a GPU was asked for and a run cannot use it: a class graded without would be another class.
        """
        if measures:
            self._measurer  # noqa: B018 - loads its base while the parent imports
        self._parent  # noqa: B018
        if self.gpus is None or self._has_tried_gpu:
            return
        job = self.new_job([{"source": gpu.TRIAL, "exercise": None, "untouched": False}], [])
        run = self.follow(job, 1, "", lambda *_: None, lambda: None)
        shutil.rmtree(job, ignore_errors=True)
        if run.status != "ok":
            raise GraderError(f"a notebook cannot use the GPU here: {run.error or run.status}. Grade without --gpu, or see `dragon doctor`")
        self._has_tried_gpu = True

    def new_job(self, cells: list[dict[str, Any]], exercises: list[dict[str, Any]]) -> Path:
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

    def follow(self, job: Path, cells: int, probes: str, progress: Callable[[int, int], None], before_probes: Callable[[], None]) -> Run:
        """Fork a run in the next free slot, and follow it to its end. Raises BoxError."""
        with self._group() as group, self._slot() as slot:
            others = [node for node in self._devices[len(gpu.SHARED) :] if node != slot.node]
            run = supervise(
                self._living("_parent").fork(job, cores=slot.cores, without=others),
                job,
                cells,
                probes,
                self.profile.budget,
                progress,
                group,
                has_namespaces=self.tier.level >= 2,
                before_probes=before_probes,
            )
        return self.signed(run)

    def signed(self, run: Run) -> Run:
        """The record with the tier that it was made at, or would have been."""
        return replace(run, tier=self.tier.level, not_enforced=self.tier.not_enforced)

    def measure(self, config: bytes, tensors: bytes) -> Measurement:
        """The grader's numbers for one adapter; one at a time. Raises BoxError and GraderError."""
        with self._measuring:
            measured: Measurement = self._living("_measurer").measure(config, tensors)
        return measured

    @cached_property
    def materials(self) -> Materials:
        """What lies beside a notebook."""
        return lay_out(self.profile, self.data.public, self.folder)

    def _group(self) -> contextlib.AbstractContextManager[cgroup.Group | None]:
        """The next run's cgroup, where this host gives any."""
        if self._groups is None:
            return contextlib.nullcontext()
        return cgroup.group(self._groups, memory_bytes=self.profile.budget.memory_bytes, processes=box.LIMITS["processes"])

    @contextlib.contextmanager
    def _slot(self) -> Iterator[Slot]:
        slot = self._slots.get()
        try:
            yield slot
        finally:
            self._slots.put(slot)

    def _living(self, name: str) -> Any:
        """The box or measuring process called `name`, started anew if something took it."""
        with self._starting:
            if name in self.__dict__ and not self.__dict__[name].is_alive():
                del self.__dict__[name]
            return getattr(self, name)

    @cached_property
    def _parent(self) -> WarmParent:
        parent = WarmParent(
            course=self.materials.folders | {"inputs": self.inputs},
            runs=self.folder / "runs",
            imports=self.preloads,
            environment={"DRAGON_PROFILE": self.profile.name, **self._environment},
            devices=self._devices,
            tier=self.tier.level,
            has_network=self.lab.number in NEEDS_LOOPBACK,
        )
        return self._stack.enter_context(parent)

    @cached_property
    def _measurer(self) -> Measurer:
        inside = {
            "base": str(self.materials.models / self.profile.base_folder.name),
            "private": str(self.data.private),
            "inputs": str(self.inputs),
        }
        place, shown = str(ROOT), {}
        if self.tier.level >= 2:
            inside, shown = {k: f"/measure/{k}" for k in inside}, {f"/measure/{k}": Path(v) for k, v in inside.items()}
            place = "/opt/dragon"
            shown["/opt/dragon/grader"] = ROOT / "grader"
        code = f"import sys; sys.path.insert(0, {place!r}); from grader.measuring import serve; serve(sys.stdin.buffer, sys.stdout.buffer)"
        command = python_command(code)
        if self.tier.level >= 2:
            command = sandbox_command(command, read_only=shown, writable={}, environment=self._environment, devices=self._devices)
        measurer = Measurer(
            command,
            **inside,
            base_sha256=self.profile.base_sha256,
            max_tokens=self.profile.measured_tokens,
            window=self.profile.settings["eval"]["window"],
            stride=self.profile.settings["eval"]["stride"],
            threads=self.profile.threads,
            device="cuda" if self.gpus else "cpu",
        )
        return self._stack.enter_context(measurer)


def share_out(cores: Sequence[int], nodes: Sequence[str], slots: int) -> list[Slot]:
    """`slots` slots with as many cores each as there are for all; none shares a core unless there are more slots than cores."""
    each = max(1, len(cores) // slots)
    around = itertools.cycle(cores)
    of_node = itertools.cycle(nodes)
    return [Slot(tuple(itertools.islice(around, each)), next(of_node)) for _ in range(slots)]
