"""What a check is written with: `check` marks it, `expect` states what must hold. See `reference/README.md`."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pytest

from .errors import CheckFailed

Function = TypeVar("Function", bound=Callable[..., Any])


def check(exercise: str, points: float, *, public: bool = False, after: tuple[str, ...] | str = ()) -> Callable[[Function], Function]:
    """Mark a test as a check: its exercise, its points, whether students may run it, and what must pass before it."""
    prerequisites = (after,) if isinstance(after, str) else tuple(after)
    return pytest.mark.check(exercise=exercise, points=points, public=public, after=prerequisites)


class _Expect:
    """`expect(condition, hint)`; `.equal` and `.close` compare values. All raise CheckFailed with the hint."""

    def __call__(self, condition: Any, hint: str) -> None:
        if not bool(condition):
            raise CheckFailed(hint)

    def equal(self, found: Any, wanted: Any, hint: str) -> None:
        """`found == wanted` for plain values; same shape and equal elements for arrays and lists of numbers."""
        self(_is_equal(found, wanted), hint)

    def close(self, found: Any, wanted: Any, hint: str, *, rtol: float = 0.0, atol: float = 0.0) -> None:
        """Same shape, all finite, and |found - wanted| ≤ atol + rtol · |wanted| everywhere."""
        try:
            left, right = np.asarray(found, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
        except (TypeError, ValueError):
            raise CheckFailed(f"{hint} (expected numbers)") from None
        if left.shape != right.shape:
            raise CheckFailed(f"{hint} (its shape is {left.shape}; expected {right.shape})")
        self(np.isfinite(left).all() and np.allclose(left, right, rtol=rtol, atol=atol), hint)


expect = _Expect()


def _is_equal(found: Any, wanted: Any) -> bool:
    if isinstance(found, np.ndarray) or isinstance(wanted, np.ndarray):
        try:
            return bool(np.array_equal(np.asarray(found), np.asarray(wanted)))
        except (TypeError, ValueError):
            return False
    if isinstance(found, bool) != isinstance(wanted, bool):
        return False
    return bool(found == wanted)
