"""What a run left behind, validated and typed: the only thing that checks see of a student, or of the reference.

Reads the ingested copy of `evidence/` and `out/`. Missing, rejected or raised things are CheckFailed for a student (a
sentence they can act on) and ReferenceBroken for the reference.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from .errors import BoxError, CheckFailed, ReferenceBroken, Rejected
from .feedback import describe_raised
from .records import Measurement, Run
from .source import Lab
from .strict import parse_json, parse_jsonl, plain
from .tensors import parse_safetensors

VALUE_BYTES = 64 << 20  # one variable or probe result; packed real rows need about 2 MB
FILE_BYTES = {".json": 1 << 20, ".jsonl": 16 << 20, ".md": 1 << 20, ".csv": 4 << 20, ".safetensors": 512 << 20}
_PROBE = re.compile(r"^@probe\s*\n(?:@.*\n)*def (\w+)", re.MULTILINE)


def variable_files(lab: Lab) -> dict[str, int]:
    """Exact names below `evidence/`, and byte caps, of what is captured before the hidden inputs are there."""
    return _values(f"variable.{name}" for name in lab.names)


def probe_files(probes: str) -> dict[str, int]:
    """The same of what the probes leave."""
    return _values(f"probe.{name}" for name in _PROBE.findall(probes))


def out_files(lab: Lab) -> dict[str, int]:
    """The same below `out/`, of the files that exercises ask for."""
    return {f.removeprefix("out/"): FILE_BYTES.get(Path(f).suffix, 1 << 20) for f in lab.files}


def _values(names: Iterable[str]) -> dict[str, int]:
    return {f"{name}.{suffix}": VALUE_BYTES for name in names for suffix in ("json", "safetensors")}


@dataclass(slots=True)
class Evidence:
    """One run's evidence. `owner` is "student" or "reference"; a reference that lacks something is the grader's error."""

    owner: str
    lab: Lab
    folder: Path
    run: Run
    refused: dict[str, str] = field(default_factory=dict)
    measurement: Measurement | None = None
    _parsed: dict[str, Any] = field(default_factory=dict)

    def variable(self, name: str) -> Any:
        """The value of `name` as it was right after the cell that defines it."""
        document = self._document(f"variable.{name}")
        if document is None:
            raise self._failed(f"`{name}` was never defined. {self._why_missing(name)}")
        if "unencodable" in document:
            raise self._failed(f"`{name}` could not be read: {plain(str(document['unencodable']))}.")
        return document.get("value")

    def probe(self, name: str) -> Any:
        """What the probe called `name` returned for the student's functions."""
        document = self._document(f"probe.{name}")
        if document is None:
            raise self._failed(f"The hidden inputs were never run. {self._why_missing(None)}")
        if "missing" in document:
            missing = self._own_names(document["missing"])
            raise self._failed(
                f"{_and(missing) or 'Something'} {'was' if len(missing) < 2 else 'were'} never defined. {self._why_missing(missing[0] if missing else None)}"
            )
        if "raised" in document:
            needed = self._own_names(document.get("needs"))
            asked_for = {name for exercise in self.lab.exercises for name in exercise.defines}
            called = _and([name for name in needed if name in asked_for] or needed) or "your code"
            if document["raised"] == "NotImplementedError":
                raise self._failed(f"{called} is not filled in yet.")
            raise self._failed(f"With inputs other than the notebook's, {called} raised {describe_raised(document)}.")
        if "unencodable" in document:
            raise self._failed("A result could not be read. Return numbers, texts, lists, dicts or tensors, as the exercise says.")
        return document.get("value")

    def text(self, path: str) -> str:
        """A file below out/ as UTF-8 text."""
        try:
            return self._file(path).decode("utf-8")
        except UnicodeDecodeError:
            raise self._failed(f"{path} is not UTF-8 text.") from None

    def json(self, path: str) -> Any:
        """A JSON file below out/."""
        return self._parse(path, lambda data: parse_json(data, path, max_bytes=FILE_BYTES[".json"]))

    def jsonl(self, path: str) -> list[Any]:
        """A JSON Lines file below out/."""
        rows: list[Any] = self._parse(path, lambda data: parse_jsonl(data, path, max_bytes=FILE_BYTES[".jsonl"]))
        return rows

    @property
    def measured(self) -> Measurement:
        """The grader's own numbers about the submitted adapter."""
        if self.measurement is None:
            raise ReferenceBroken(f"lab {self.lab.number} asks for no adapter, so nothing was measured")
        if self.measurement.problem:
            raise self._failed(self.measurement.problem)
        return self.measurement

    @property
    def adapter(self) -> SimpleNamespace:
        """The validated adapter's settings and norms; attributes as `reference/README.md` lists them."""
        return SimpleNamespace(**self.measured.adapter)

    def returned_texts(self) -> str:
        """All texts, keys too, in what probes have returned so far, one a line: what a hint must not quote at length."""
        returned = [document.get("value") for name, document in self._parsed.items() if name.startswith("probe.")]
        return "\n".join(text for value in returned for text in _texts(value))

    def _own_names(self, names: Any) -> list[str]:
        """Those of `names`, which a student's process claimed, that the lab asks for."""
        return [n for n in names if isinstance(n, str) and n in self.lab.names] if isinstance(names, list) else []

    def _document(self, name: str) -> dict[str, Any] | None:
        if name not in self._parsed:
            for part in (f"{name}.json", f"{name}.safetensors"):
                if part in self.refused:
                    raise self._failed(f"`{name.partition('.')[2]}` could not be read: {self.refused[part]}.")
            path = self.folder / "evidence" / f"{name}.json"
            if not path.exists():
                return None
            try:
                document = parse_json(path.read_bytes(), name, max_bytes=VALUE_BYTES, max_depth=20)
                arrays_path = path.with_suffix(".safetensors")
                arrays = parse_safetensors(arrays_path.read_bytes(), name) if arrays_path.exists() else {}
                self._parsed[name] = _decode(document, arrays) if isinstance(document, dict) else {}
            except Rejected as error:
                if name.startswith("probe."):  # what was written once the hidden inputs were there is not quoted
                    raise self._failed("A result could not be read: it is not as the course's own code writes it.") from None
                raise self._failed(f"`{name.partition('.')[2]}` could not be read: {error}.") from None
        parsed = self._parsed[name]
        return parsed if isinstance(parsed, dict) else {}

    def _file(self, path: str) -> bytes:
        name = path.removeprefix("out/")
        if name in self.refused:
            raise self._failed(f"{path} was refused: {self.refused[name]}.")
        file = self.folder / "out" / name
        if not file.exists():
            raise self._failed(f"{path} was not written. {self._why_missing(None)}")
        return file.read_bytes()

    def _parse(self, path: str, parse: Any) -> Any:
        if path not in self._parsed:
            try:
                self._parsed[path] = parse(self._file(path))
            except Rejected as error:
                raise self._failed(f"{error}.") from None
        return self._parsed[path]

    def _why_missing(self, name: str | None) -> str:
        return describe_run(self.run) or (
            f"Fill in the exercise that defines `{name}`." if name else "Run the notebook from top to bottom and look at the first error."
        )

    def _failed(self, message: str) -> Exception:
        if self.owner == "reference":
            return ReferenceBroken(f"reference of lab {self.lab.number}: {message}")
        if self.run.status == "box_failed":
            return BoxError(f"the notebook could not be run: {self.run.error}")
        return CheckFailed(message)


def describe_run(run: Run) -> str:
    """One or two sentences for the student about a run that did not end well; empty for one that did."""
    where = f"Cell {run.failing_cell}" if run.failing_cell is not None else "A cell"
    if run.failing_exercise:
        where += f" (`{run.failing_exercise}`)"
    match run.status:
        case "ok":
            return ""
        case "cell_error":
            if run.error and run.error.startswith("NotImplementedError"):
                return f"{where} is not filled in yet."
            return f"{where} stopped with {run.error}."
        case "cell_timeout":
            return f"{where} ran longer than a cell may. Look for a loop that does not end, or for more steps than the profile asks for."
        case "wall_timeout":
            return f"The notebook ran longer than it may; it was in {where[0].lower() + where[1:]} then."
        case "out_of_memory":
            return f"{where} used more memory than there is. Work in batches, or keep fewer copies."
        case "disk_full":
            return f"{where} wrote more than the disk space that a notebook gets. Write only what the lab asks for."
        case "kernel_died":
            return f"The notebook's Python process ended in {where[0].lower() + where[1:]}, so the cells after it did not run."
        case "box_failed":
            return "The grader could not run your notebook. Nothing is wrong with it as far as we know, and your grade is on hold."
        case "invalid_notebook":
            return f"The notebook could not be read: {run.error}."


def _and(names: Sequence[str]) -> str:
    quoted = [f"`{n}`" for n in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _decode(document: Any, arrays: dict[str, Any]) -> Any:
    """Undo `boxed.encode`: tensors by key, non-finite floats, escaped keys. Raises Rejected."""
    if isinstance(document, list):
        return [_decode(v, arrays) for v in document] if any(isinstance(v, (dict, list)) for v in document) else document
    if not isinstance(document, dict):
        return document
    match document.get("$"):
        case "tensor":
            if document.get("key") not in arrays:
                raise Rejected("an array is missing")
            return arrays[document["key"]]
        case "float":
            if document.get("value") not in ("nan", "inf", "-inf"):
                raise Rejected("a number is not one")
            return float(document["value"])
    return {k.removeprefix("$") if k.startswith("$$") else k: _decode(v, arrays) for k, v in document.items()}
