"""What a run has for itself: cores and a GPU that no other run has, as long as there are enough."""

import pytest

from grader.workshop import Slot, share_out


@pytest.mark.parametrize(
    ("cores", "nodes", "slots", "shared_out"),
    [
        ([0, 1], ("",), 2, [Slot((0,)), Slot((1,))]),
        ([0, 1, 2, 3, 4], ("",), 2, [Slot((0, 1)), Slot((2, 3))]),
        ([4, 6, 7], ("",), 1, [Slot((4, 6, 7))]),
        ([0, 1, 2, 3], ("a", "b"), 2, [Slot((0, 1), "a"), Slot((2, 3), "b")]),
        ([0, 1], ("a",), 3, [Slot((0,), "a"), Slot((1,), "a"), Slot((0,), "a")]),  # more notebooks than asked for by nobody but --slots
    ],
)
def test_slots_share_cores_and_gpus_out(cores: list[int], nodes: tuple[str, ...], slots: int, shared_out: list[Slot]) -> None:
    assert share_out(cores, nodes, slots) == shared_out
