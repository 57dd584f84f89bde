"""The fuzzer of tests/fuzz.py: a short run always, 10,000 cases when asked; and it must notice a parser that breaks."""

from pathlib import Path
from typing import Any

import pytest

from tests import fuzz


def failures(cases: int, seed: int) -> list[str]:
    tallies, grown = fuzz.fuzz(cases, seed)
    assert grown <= fuzz.GROWTH_BYTES
    assert all(tally.read + tally.refused + len(tally.failed) for tally in tallies.values())
    assert all(tally.refused for tally in tallies.values())
    return [line for tally in tallies.values() for line in tally.failed]


def test_600_mutated_files_are_read_or_refused_with_a_sentence() -> None:
    assert failures(600, seed=7) == []


@pytest.mark.slow
def test_10_000_mutated_files_are_read_or_refused_with_a_sentence() -> None:
    assert failures(10_000, seed=1) == []


def test_the_fuzzer_notices_a_crash_a_hang_and_a_refusal_without_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(data: bytes, _: Path) -> Any:
        raise KeyError("x")

    def hang(data: bytes, _: Path) -> Any:
        while True:
            pass

    def mumble(data: bytes, _: Path) -> Any:
        raise fuzz.Rejected("")

    monkeypatch.setattr(fuzz, "CPU_S", 0.05)
    for reader, word in ((crash, "KeyError"), (hang, "TooSlow"), (mumble, "without a sentence")):
        monkeypatch.setattr(fuzz, "KINDS", {"notebook": (fuzz.KINDS["notebook"][0] if "notebook" in fuzz.KINDS else None, reader)})
        tallies, _ = fuzz.fuzz(1, 1)
        assert word in tallies["notebook"].failed[0]
