"""Is this machine ready for the labs? `python utils/env_check.py` prints a table, and the commands that mend the rest.

It works before anything is installed: the standard library is all it needs. What is wanted stands in
`requirements.txt`. It changes nothing; the exit code is 0 when every row is fine.
"""

from __future__ import annotations  # so that an older Python gets the table too, and not a traceback

import importlib.metadata
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.12")  # packages of the tested set have no build for 3.10; nothing was run on 3.13
MEMORY_GB = 6  # training SmolLM2-135M peaks at 3.7 GB; the system and a browser want the rest
DISK_GB = 4  # the packages for a CPU take 2.1 GB
INSTALL = "pip install -r requirements.txt"
INSTALL_TORCH = 'pip install "torch{}"  # no GPU: add --index-url https://download.pytorch.org/whl/cpu'

MARKS = {"ok": "ok", "missing": "MISSING", "other": "OTHER"}


@dataclass(frozen=True)
class Row:
    """One line of the table. `state`: "ok", "missing", or "other" (there, but not as wanted)."""

    what: str
    found: str
    wanted: str = ""
    state: str = "ok"
    mend: str = ""  # a command, or a sentence where no command helps


def check(root: Path = ROOT) -> list[Row]:
    """What the labs in `root` need, and what this Python and this machine have."""
    return [_python(), *_packages(root), *_device(), *_room(root), *_base_model(root)]


def report(root: Path = ROOT) -> bool:
    """Print `check()` as a table, then the commands that mend what is not as wanted. True when nothing is."""
    rows = check(root)
    width = max(len(row.what) for row in rows)
    found = max(len(row.found) for row in rows)
    for row in rows:
        print(f"{MARKS[row.state]:8} {row.what:{width}}  {row.found:{found}}  {row.wanted and f'wanted: {row.wanted}'}".rstrip())
    mends = list(dict.fromkeys(row.mend for row in rows if row.state != "ok"))
    if mends:
        print(f"\nTo mend it (in {root}):")
        for mend in mends:
            print(f"  {mend}")
    else:
        print("\nEverything is as the labs want it.")
    return not mends


def requirements(root: Path = ROOT) -> list[tuple[str, str]]:
    """(package, wanted versions) as `requirements.txt` has them; those installed with --no-deps stand in its comments."""
    text = (root / "requirements.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    lines += no_deps_command(root).split()[3:]
    return [(m[1], m[2]) for line in lines if (m := re.match(r"([\w.-]+)([=<>!~,.\d]*)", line))]


def no_deps_command(root: Path = ROOT) -> str:
    """The command in `requirements.txt` that installs Unsloth."""
    found = re.search(r"pip install --no-deps unsloth.*", (root / "requirements.txt").read_text(encoding="utf-8"))
    return found[0] if found else ""


def satisfies(version: str, wanted: str) -> bool:
    """Whether "2.13.0+cpu" is within ">=2.11,<2.15"; only ==, >= and < are known, the part after + does not count."""
    have = _numbers(version)
    for sign, text in re.findall(r"(==|>=|<)([\d.]+)", wanted):
        bound = _numbers(text)
        if not {"==": have == bound, ">=": have >= bound, "<": have < bound}[sign]:
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    digits = [int(part) for part in re.findall(r"\d+", version.split("+")[0])]
    return tuple(digits + [0] * (4 - len(digits)))


def _python() -> Row:
    wanted, found = " or ".join(PYTHONS), platform.python_version()
    is_fine = ".".join(found.split(".")[:2]) in PYTHONS
    mend = (
        f"Begin with another Python: the labs run on {wanted}, and this is {found}. With conda:\n"
        "    conda create -n dragon python=3.11 -y\n"
        "    conda activate dragon\n"
        "  (Lab 1 shows a way without conda.) Install the packages in there, then run this check again."
    )
    return Row("python", found, wanted, "ok" if is_fine else "other", mend)


def _packages(root: Path) -> Iterator[Row]:
    by_hand = no_deps_command(root)
    for name, wanted in requirements(root):
        mend = by_hand if f" {name}==" in by_hand else INSTALL_TORCH.format(wanted) if name == "torch" else INSTALL
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield Row(name, "-", wanted, "missing", mend)
            continue
        yield Row(name, version, wanted, "ok" if satisfies(version, wanted) else "other", mend)


def _device() -> Iterator[Row]:
    """The GPU that torch sees, else the processor; a driver that torch cannot use is a row of its own."""
    try:
        import torch
    except (ImportError, OSError) as error:
        if not isinstance(error, ModuleNotFoundError):
            yield Row("import torch", type(error).__name__, "no error", "other", "pip install --force-reinstall --no-deps torch")
        yield Row("processor", f"{os.cpu_count()} cores")
        return
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            size = f"{properties.total_memory / 2**30:.0f} GB"
            yield Row(f"gpu {index}", f"{properties.name}, {size}, capability {properties.major}.{properties.minor}")
        return
    yield Row("processor", f"{os.cpu_count()} cores; no GPU: the labs use the profile tiny")
    if shutil.which("nvidia-smi"):
        build = torch.version.cuda or "no"
        yield Row(
            "gpu",
            f"there is a driver, but torch ({build} CUDA) does not see a GPU",
            "",
            "other",
            "a torch for your driver: compare `nvidia-smi` with https://pytorch.org/get-started/locally",
        )


def _room(root: Path) -> Iterator[Row]:
    memory = _memory_gb()
    if memory:
        state = "ok" if memory >= MEMORY_GB else "other"
        yield Row("memory", f"{memory:.1f} GB", f"{MEMORY_GB} GB", state, "less memory than planned: close other programs before Lab 4")
    disk = shutil.disk_usage(root).free / 2**30
    state = "ok" if disk >= DISK_GB else "other"
    yield Row("free disk", f"{disk:.1f} GB", f"{DISK_GB} GB", state, f"make room for {DISK_GB} GB beside {root}")


def _memory_gb() -> float | None:
    """Physical memory; None where the system does not say it in the standard library's reach (Windows)."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError, OSError):
        return None


def _base_model(root: Path) -> Iterator[Row]:
    """Whether the folder of the profile in use holds weights; a model on the Hub is fetched when it is first used."""
    profiles = json.loads((root / "train" / "config.json").read_text(encoding="utf-8"))["profiles"]
    name = os.environ.get("DRAGON_PROFILE", "tiny")
    base = profiles.get(name, profiles["tiny"])["base_model"]
    if not base.startswith("models/"):
        return
    is_there = (root / base / "model.safetensors").exists()
    mend = "python models/fetch_smollm2.py" if name == "cpu" else f"copy {base}/ from the course again: it is part of it"
    yield Row(base, "there" if is_there else "-", "model.safetensors", "ok" if is_there else "missing", mend)


if __name__ == "__main__":
    sys.exit(0 if report() else 1)
