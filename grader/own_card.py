"""MODEL_CARD.md: the card that Lab 7's reference writes for the adapter of Lab 4's, with the numbers of Lab 6's.

`python -m grader.own_card` runs the references of Labs 3, 4, 6 and 7 at the profile `tiny` on the embedded data, as grading
does, and writes the file; with `--check` it writes nothing and says where the file is out of step.
"""

import sys
from pathlib import Path

from .data import PRIVATE, PUBLIC, Data
from .profiles import load_profile
from .session import Session, choose_tier
from .source import ROOT, load_lab
from .store import Store

PATH = ROOT / "MODEL_CARD.md"
TOLERANCE = 0.02
"""Relative, of every number. Two runs on one machine agree in every digit shown; the room is for processors and torch
versions that round otherwise."""


def measured_card(store: Path) -> str:
    """The card of the reference, made (or remembered) in this environment. Raises GraderError."""
    data = Data(PUBLIC, PRIVATE)
    session = Session(
        load_lab(7), load_profile("tiny"), Store(store), data, tier=choose_tier(trusted=False), slots=1, on_event=lambda *_: None
    )
    with session.open():
        return session.reference().text("out/lab7/README.md")


def out_of_step(found: str, wanted: str) -> list[str]:
    """Lines of `wanted` that `found` says otherwise; numbers may differ by TOLERANCE."""
    lines, others = found.splitlines(), wanted.splitlines()
    if len(lines) != len(others):
        return [f"{len(lines)} lines instead of {len(others)}"]
    return [other for line, other in zip(lines, others, strict=True) if not _is_same(line, other)]


def _is_same(line: str, other: str) -> bool:
    words, wanted = line.split(), other.split()
    return len(words) == len(wanted) and all(a == b or _is_near(a, b) for a, b in zip(words, wanted, strict=True))


def _is_near(word: str, other: str) -> bool:
    try:
        return abs(float(word) - float(other)) <= TOLERANCE * abs(float(other))
    except ValueError:
        return False


def main(arguments: list[str]) -> int:
    """Write or check the file; returns the exit code."""
    wanted = measured_card(ROOT / ".dragon")
    if "--check" not in arguments:
        PATH.write_text(wanted, encoding="utf-8")
        return 0
    differing = out_of_step(PATH.read_text(encoding="utf-8"), wanted)
    for line in differing:
        print(f"out of step: {line}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
