"""What the box costs: the same notebook through a fork of the warm parent, with and without isolation, and through plain nbclient.

    python benchmarks/box_overhead.py --lab 3 --repeats 5

Prints the median seconds of each way and the ratios. All ways run in this one program, alternating, so that a busy
machine is busy for all of them. Source of the notebook: the lab's reference, local variant.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from grader import data
from grader.build import render
from grader.profiles import load_profile
from grader.session import Session, choose_tier
from grader.source import ROOT, load_lab
from grader.store import Store

PLAIN = """
import sys, nbformat
from nbclient import NotebookClient
NotebookClient(nbformat.read(sys.argv[1], 4), timeout=600, kernel_name="python3", resources={"metadata": {"path": sys.argv[2]}}).execute()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lab", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    seconds: dict[str, list[float]] = {}
    with ExitStack() as stack:
        ways: dict[str, Callable[[], None]] = {}
        for name, trusted in (("boxed fork", False), ("bare fork", True)):
            ways[name] = forked(options.lab, stack, trusted=trusted)
        ways["plain nbclient"] = plain(options.lab, stack)
        for way in ways.values():
            way()  # starts the parents, fills the page cache
        for _ in range(options.repeats):
            for name, way in ways.items():
                started = time.perf_counter()
                way()
                seconds.setdefault(name, []).append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, median in medians.items():
        print(f"{name:15} {median:6.2f} s   (of {options.repeats}: {min(seconds[name]):.2f} to {max(seconds[name]):.2f})")
    print(f"boxed ÷ bare fork       {medians['boxed fork'] / medians['bare fork']:.2f}")
    print(f"plain ÷ boxed fork      {medians['plain nbclient'] / medians['boxed fork']:.2f}")


def forked(number: int, stack: ExitStack, *, trusted: bool) -> Callable[[], None]:
    """A function that runs the lab's reference once in a fork; its store is new each time, so nothing is remembered."""
    from dataclasses import replace

    lab, profile = load_lab(number), load_profile("tiny")
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    tier = choose_tier(trusted=False)
    session = Session(
        lab,
        profile,
        Store(folder / "store"),
        data.choose(None, folder),
        tier=replace(tier, level=0) if trusted else tier,
        slots=1,
        on_event=lambda *_: None,
    )
    session.workshop.preloads = lab.imports()  # also without a box, so that the box is all that differs
    stack.enter_context(session.open())
    session.reference()

    def run() -> None:
        session.store = Store(Path(tempfile.mkdtemp(dir=folder)))
        session.reference()

    return run


def plain(number: int, stack: ExitStack) -> Callable[[], None]:
    """A function that runs the same notebook with nbclient in a new process, as a student's machine would."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    notebook = folder / "notebook.ipynb"
    document = json.loads(render(load_lab(number), "local", {}, solved=True))
    notebook.write_text(json.dumps(document))
    course = folder / "labs"
    course.mkdir()
    for entry in (ROOT / "labs").iterdir():
        (course / entry.name).symlink_to(entry)
    environment = os.environ | {"DRAGON_PROFILE": "tiny", "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}

    def run() -> None:
        subprocess.run([sys.executable, "-c", PLAIN, str(notebook), str(course)], env=environment, check=True, capture_output=True)

    return run


if __name__ == "__main__":
    main()
