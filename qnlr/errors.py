"""Errors that name the value, what is valid, and what to do."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from numbers import Real


class QnlrError(Exception):
    """Base class of every error that qnlr raises on purpose."""


class InputError(QnlrError, ValueError):
    """A value given by the user is not valid; the message says what would be."""


class CheckpointError(QnlrError):
    """A checkpoint cannot be used: truncated, damaged, or of another version."""


class Suspended(QnlrError):  # noqa: N818 - it is no error
    """A run cannot go on now, and can later: nothing of it is lost.

    Args:
        status: How the run is said to have ended, ``"budget_spent"`` or ``"interrupted"``.
        sentence: Why, and how to go on.
    """

    def __init__(self, status: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def told(error: BaseException) -> str | None:
    """Return what to tell the user of an error that is no mistake of the program's.

    Args:
        error: What was raised.

    Returns:
        One sentence for errors of qnlr's own and those of files; None for any other.

    Example:
        >>> told(PermissionError(13, "Permission denied", "kept/runs.parquet"))
        'kept/runs.parquet cannot be used: Permission denied'
    """
    if isinstance(error, QnlrError):
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename} cannot be used: {error.strerror}"
    return None


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """Return the valid name closest to ``name``, or None if none is close.

    Args:
        name: The name as it was given.
        valid: The names that would have been accepted.

    Returns:
        The closest valid name by difflib's ratio, at least 0.5 alike.

    Example:
        >>> nearest("learning_rat", ["learning_rate", "shots"])
        'learning_rate'
    """
    found = difflib.get_close_matches(name, list(valid), n=1, cutoff=0.5)
    return found[0] if found else None


def unknown_name(what: str, name: str, valid: Iterable[str]) -> InputError:
    """Build the error for a name that is not in a list of valid names.

    Args:
        what: The kind of thing named, such as ``"optimizer"``.
        name: The name as it was given.
        valid: The names that would have been accepted.

    Returns:
        The error, ready to be raised.

    Example:
        >>> print(unknown_name("optimizer", "nrl", ["nlr", "sgd"]))
        optimizer "nrl" is not known; did you mean "nlr"? valid: nlr, sgd
    """
    names = sorted(valid)
    close = nearest(name, names)
    hint = f' did you mean "{close}"?' if close else ""
    return InputError(f'{what} "{name}" is not known;{hint} valid: {", ".join(names)}')


def is_number(value: object) -> bool:
    """Return whether a value is a real number: Python's or NumPy's, but no boolean.

    Args:
        value: Anything.

    Returns:
        True for integers and floats.

    Example:
        >>> is_number(2), is_number(0.5), is_number(True), is_number("2")
        (True, True, False, False)
    """
    return isinstance(value, Real) and not isinstance(value, bool)


def require_positive(name: str, value: float) -> float:
    """Return ``value`` if it is a finite number above zero.

    Args:
        name: What the value is, for the message.
        value: The number to check.

    Returns:
        The value, as a float.

    Raises:
        InputError: If the value is not finite or not above zero.

    Example:
        >>> require_positive("learning_rate", 0.01)
        0.01
    """
    if not (is_number(value) and math.isfinite(value) and value > 0):
        raise InputError(f"{name} = {value!r} is not valid; it must be a finite number above 0")
    return float(value)


def require_within(name: str, value: float, low: float, high: float) -> float:
    """Return ``value`` if it lies in the closed interval [low, high].

    Args:
        name: What the value is, for the message.
        value: The number to check.
        low: Smallest valid value.
        high: Largest valid value.

    Returns:
        The value, as a float.

    Raises:
        InputError: If the value lies outside the interval or is not a number.

    Example:
        >>> require_within("noise rate", 0.02, 0.0, 1.0)
        0.02
    """
    if not (is_number(value) and low <= value <= high):
        raise InputError(f"{name} = {value!r} is not valid; it must lie in [{low:g}, {high:g}]")
    return float(value)


def require_callable(name: str, value: object, valid: str) -> None:
    """Make sure that a part is an object that can be called, and not a class or a name.

    Args:
        name: What the value is, for the message.
        value: The value to check.
        valid: Examples of what would be valid, for the message.

    Raises:
        InputError: If it is not.

    Example:
        >>> require_callable("trigger", max, "AnyIncrease()")
    """
    if isinstance(value, type) or not callable(value):
        shown = value.__name__ if isinstance(value, type) else repr(value)
        raise InputError(f"{name} = {shown} is not valid; it must be an object such as {valid}")


def require_count(name: str, value: int, low: int = 1, high: int | None = None) -> int:
    """Return ``value`` if it is an integer of at least ``low``, and at most ``high``.

    Args:
        name: What the value is, for the message.
        value: The number to check.
        low: Smallest valid value.
        high: Largest valid value, or None for no limit.

    Returns:
        The value, as an int.

    Raises:
        InputError: If the value is not an integer or lies outside the range.

    Example:
        >>> require_count("shots", 1000)
        1000
    """
    try:
        whole = not isinstance(value, bool) and int(value) == value
    except (TypeError, ValueError, OverflowError):
        whole = False
    if not whole or value < low or (high is not None and value > high):
        valid = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise InputError(f"{name} = {value!r} is not valid; it must be an integer {valid}")
    return int(value)
