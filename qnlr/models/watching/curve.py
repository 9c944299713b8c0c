"""A loss curve that is drawn while the minimisation runs."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qnlr.errors import InputError, is_number, require_count
from qnlr.models.watching.callbacks import History
from qnlr.models.watching.shared import Shared

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 150


class LossCurve(Shared):
    """Shows the loss per step, and the steps that were reversed.

    In a notebook it is one picture, redrawn in its place while the minimisation runs; elsewhere the
    losses are collected only, and drawn by :meth:`figure` or :meth:`save`. It is a callback of an
    optimizer, ``NLR(0.1, callback=LossCurve())``, or of a model of qiskit-machine-learning.

    Args:
        every: Number of steps after which the picture is redrawn, at least 1.
        seconds: Least time between two drawings, in seconds, at least 0; one takes about 0.2.
        ylabel: What the loss is.

    Raises:
        InputError: If ``every`` or ``seconds`` lies outside its range.

    Example:
        >>> from qnlr import NLR
        >>> curve = LossCurve()
        >>> optimizer = NLR(1.1, 0.5, maxiter=3, callback=curve)
        >>> result = optimizer.minimize(lambda x: x[0] ** 2, [1.0], lambda x: 2 * x)
        >>> curve.history.frame()["metric_loss"].tolist()
        [1.0, 4.0, 16.0]
        >>> curve.figure().axes[0].get_lines()[1].get_label()
        'reversed step (3 of 3)'
    """

    def __init__(
        self, every: int = 1, *, seconds: float = 0.5, ylabel: str = "mini-batch loss"
    ) -> None:
        self.every = require_count("every", every)
        if not (is_number(seconds) and seconds >= 0):
            raise InputError(
                f"seconds = {seconds!r} is not valid; it must be a number of at least 0"
            )
        self.seconds = float(seconds)
        self.ylabel = ylabel
        self.history = History()
        self._handle: Any = None
        self._drawn, self._when = 0, -float("inf")

    def __call__(self, *seen: Any) -> None:
        """Take the loss of a step, and redraw the picture if it is time to."""
        self.history(*seen)
        steps = len(self.history.records)
        if steps < self._drawn:
            self._forget()
        due = steps % self.every == 0 and time.monotonic() >= self._when + self.seconds
        if due and _in_notebook():
            self._draw()

    def begin(self, steps: int | None) -> None:
        """Begin another picture."""
        self.history.begin(steps)
        self._forget()

    def end(self) -> None:
        """Draw what has come since the picture was last drawn."""
        if self._drawn < len(self.history.records) and _in_notebook():
            self._draw()

    def figure(self) -> Figure:
        """Return the curve as a figure of Matplotlib."""
        from qnlr.study.figures.loss_curve import loss_curve

        return loss_curve(self.history.frame(), self.ylabel)

    def save(self, path: Path | str) -> Path:
        """Save the curve.

        Args:
            path: The file, ending in ``.png``, ``.pdf`` or ``.svg``; its folder is made if need be.

        Returns:
            The file.

        Raises:
            InputError: If it ends in anything else.
        """
        from qnlr.study.figures.saving import save

        file = Path(path)
        return save(self.figure(), file.parent, file.stem, [file.suffix.removeprefix(".")])[0]

    def _forget(self) -> None:
        self._handle, self._drawn, self._when = None, 0, -float("inf")

    def _draw(self) -> None:
        from IPython.display import Image, display

        picture = Image(data=self._png(), retina=True)  # type: ignore[no-untyped-call]
        if self._handle is None:
            self._handle = display(picture, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(picture)
        self._drawn, self._when = len(self.history.records), time.monotonic()

    def _png(self) -> bytes:
        from qnlr.study.figures.style import styled

        buffer = io.BytesIO()
        with styled():
            self.figure().savefig(buffer, format="png", dpi=DPI)
        return buffer.getvalue()


def _in_notebook() -> bool:
    """Return whether this runs in a kernel of Jupyter, which can redraw what it has shown."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return hasattr(shell, "kernel")
