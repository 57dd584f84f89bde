"""Dragon Trainer's grader: runs students' notebooks in a box and says what they are worth, and why."""

__version__ = "0.1.0"
__all__ = ["check", "expect"]


def __getattr__(name: str) -> object:
    """`check` and `expect`, imported when asked for: the measuring process has no pytest and needs none."""
    if name in __all__:
        from . import checking

        return getattr(checking, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
