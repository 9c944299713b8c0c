"""What can go wrong between here and a device; each is named for what happened."""

from __future__ import annotations

from qnlr.errors import InputError, QnlrError


class Unreachable(QnlrError):  # noqa: N818
    """The service did not answer, or not in a way that says what became of the request."""


class Refused(QnlrError):  # noqa: N818
    """The service answered, and did not take the request: nothing was submitted."""


class SessionClosed(Refused):
    """The session or batch takes no more jobs."""


class JobUnknown(QnlrError):  # noqa: N818
    """The service knows no such job."""


class JobDead(QnlrError):  # noqa: N818
    """A job ended without a result.

    Args:
        message: What the service says of it.
        too_long: Whether it ran into its ``max_execution_time``.
    """

    def __init__(self, message: str, *, too_long: bool = False) -> None:
        super().__init__(message)
        self.too_long = too_long


class AccountProblem(InputError):  # noqa: N818
    """There is no account, its key is wrong, or it has no such instance or device."""
