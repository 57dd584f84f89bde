"""Every exception that the grader raises on purpose.

GraderError               the grader cannot go on with what it was asked to do; exit code 2 and up
├── UsageError            what the user asked for cannot be done; the message says what to do instead
├── BoxError              the sandbox could not be built or broke: infrastructure, never a student's fault
└── ReferenceBroken       the reference itself lacks the evidence that a check needs: the grade is held
Rejected                  something a student handed in is refused; the message is written for the student
CheckFailed               a check did not hold: this, and only this, costs points
"""


class GraderError(Exception):
    """The grader cannot go on; the message says what, where and what to do."""


class UsageError(GraderError):
    """What the user asked for cannot be done."""


class BoxError(GraderError):
    """The sandbox could not be built, or it broke while a notebook ran in it."""


class ReferenceBroken(GraderError):
    """The reference lacks evidence that a check needs."""


class Rejected(Exception):
    """A student's file is refused. `str(error)` is one sentence for the student."""


class CheckFailed(AssertionError):
    """A check did not hold. `str(error)` is the hint for the student."""
