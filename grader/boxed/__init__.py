"""What runs inside the box, next to the student's code. Nothing here is trusted, and nothing here is secret."""

from .capture import probe

__all__ = ["probe"]
