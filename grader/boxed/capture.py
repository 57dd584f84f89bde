"""In the student's kernel: keep what an exercise cell defined, write it down, and run the hidden probes at the end.

`keep` runs right after a cell, `run_probes` after the last one. Everything written here is a claim: the student's code
lives in the same process and could write the same files.
"""

import inspect
import json
import os
import signal
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .encode import Unencodable, encode

_kept: dict[str, Any] = {}
_probes: list[Callable[..., Any]] = []


def probe(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register a probe: its parameters name captured objects, its result is evidence called by its name."""
    _probes.append(function)
    return function


def keep(names: Iterable[str], namespace: dict[str, Any], directory: str) -> None:
    """Hold on to the objects called `names` and write down their values as they are now."""
    for name in names:
        if name in namespace:
            _kept[name] = namespace[name]
            write(Path(directory), f"variable.{name}", namespace[name])


def run_probes(source: str, directory: str, timeout_s: int, seed: int) -> None:
    """Execute a probes file and write what each probe returns, or what it raised in the student's code."""
    _probes.clear()
    exec(compile(source, "<hidden inputs>", "exec"), {"__name__": "probes"})
    for function in _probes:
        name, needs = f"probe.{function.__name__}", list(inspect.signature(function).parameters)
        missing = [n for n in needs if n not in _kept]
        if missing:
            _write_json(Path(directory), name, {"missing": missing})
            continue
        _seed(seed)
        _allow(timeout_s)
        try:
            result = function(*(_kept[n] for n in needs))
        except BaseException as error:
            _allow(0)
            _write_json(Path(directory), name, _raised(error) | {"needs": needs})
        else:
            _allow(0)
            write(Path(directory), name, result)


def write(directory: Path, name: str, value: Any) -> None:
    """`name.json` and, where there are arrays, `name.safetensors`; an unencodable value is written as such."""
    try:
        document, arrays = encode(value)
    except Unencodable as error:
        _write_json(directory, name, {"unencodable": str(error)})
        return
    except Exception as error:
        _write_json(directory, name, {"unencodable": f"looking at it raised {type(error).__name__}"})
        return
    path = directory / f"{name}.safetensors"
    if arrays:
        from safetensors.numpy import save_file

        save_file(arrays, path)
    elif path.exists():
        path.unlink()
    _write_json(directory, name, {"value": document})


def _raised(error: BaseException) -> dict[str, Any]:
    """The kind, the message, and the line in the notebook's innermost cell that was at work."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if "ipykernel_" in frame.filename]
    try:
        message = str(error)[:500]
    except Exception:
        message = ""
    return {"raised": type(error).__name__, "message": message, "line": lines[-1] if lines else None}


def _write_json(directory: Path, name: str, document: Any) -> None:
    partial = directory / f"{name}.partial"
    partial.write_text(json.dumps(document, ensure_ascii=False, allow_nan=False), encoding="utf-8", errors="replace")
    os.replace(partial, directory / f"{name}.json")


def _seed(seed: int) -> None:
    import random
    import sys

    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def _allow(seconds: int) -> None:
    """From now, so much processor time, or three times that by the clock; 0 lifts the limit."""
    for kind, number, limit in ((signal.ITIMER_PROF, signal.SIGPROF, seconds), (signal.ITIMER_REAL, signal.SIGALRM, 3 * seconds)):
        signal.signal(number, _too_slow)
        signal.setitimer(kind, limit)


def _too_slow(*_: Any) -> None:
    raise TimeoutError("it was still running when its time was up")
