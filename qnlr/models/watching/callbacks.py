"""Callbacks for whoever waits: a progress bar, early stopping, a history, and several at once.

All are callbacks of an optimizer, ``NLR(0.1, callback=...)``, which tells them a record of every
step and ends where one returns True. Those that only show or keep are callbacks of a model of
qiskit-machine-learning as well, ``VQC(..., callback=...)``. Copies of an optimizer or a model tell
the same object: see :class:`~qnlr.models.watching.shared.Shared`.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from qnlr.errors import require_callable, require_count
from qnlr.models.watching.shared import Shared
from qnlr.optimizers import StepRecord
from qnlr.optimizers.callbacks import says_stop
from qnlr.training import History as Columns
from qnlr.types import Cost

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "step",
    "metric_loss",
    "metric_loss_std",
    "metric_probe_loss",
    "metric_probe_loss_std",
    "metric_gradient_norm",
    "metric_rate",
    "metric_flipped",
)


class Callbacks(Shared):
    """Several callbacks as one; it stops if any of them says so, after all have been called.

    Args:
        *callbacks: The callbacks, in the order in which they are called.

    Raises:
        InputError: If one of them cannot be called.

    Example:
        >>> from qnlr import NLR
        >>> history = History()
        >>> early = Callbacks(lambda record: record.loss < 0.5, history)
        >>> optimizer = NLR(0.1, callback=early)
        >>> result = optimizer.minimize(lambda x: x[0] ** 2, [1.0], lambda x: 2 * x)
        >>> result.nit, len(history.records)
        (3, 3)
    """

    def __init__(self, *callbacks: Callable[..., object]) -> None:
        for callback in callbacks:
            require_callable("callback", callback, "ProgressBar(), StopAt(target=0.1)")
        self.callbacks = callbacks

    def __call__(self, *seen: Any) -> bool:
        """Call all, and return whether one said to stop."""
        answers = [callback(*seen) for callback in self.callbacks]
        return any(says_stop(answer) for answer in answers)

    def begin(self, steps: int | None) -> None:
        """Tell those that want to know that a minimisation begins."""
        for callback in self.callbacks:
            if callable(begin := getattr(callback, "begin", None)):
                begin(steps)

    def end(self) -> None:
        """Tell those that want to know that the minimisation has ended."""
        for callback in self.callbacks:
            if callable(end := getattr(callback, "end", None)):
                end()


class History(Shared):
    """Keeps the records of a minimisation; a second one starts anew.

    Example:
        >>> from qnlr import NLR
        >>> history = History()
        >>> optimizer = NLR(0.25, maxiter=2, callback=history)
        >>> result = optimizer.minimize(lambda x: x[0] ** 2, [1.0], lambda x: 2 * x)
        >>> history.frame()[["step", "metric_loss", "metric_probe_loss", "metric_flipped"]]
           step  metric_loss  metric_probe_loss  metric_flipped
        0     0         1.00             0.2500           False
        1     1         0.25             0.0625           False
    """

    def __init__(self) -> None:
        self.records: list[StepRecord] = []

    def __call__(self, *seen: Any) -> None:
        """Keep what was seen of a step."""
        record = as_record(len(self.records), *seen)
        if record.step == 0:
            self.records.clear()
        self.records.append(record)

    def begin(self, steps: int | None) -> None:
        """Forget the minimisation before."""
        self.records.clear()

    def frame(self) -> pd.DataFrame:
        """Return one row for each step, with the columns of the histories of studies.

        Returns:
            ``step``, loss and probe loss of the mini-batch with their standard errors, gradient
            norm, signed rate, and whether the step was reversed; NaN for what was not measured.
        """
        import pandas as pd

        columns = Columns()
        for record in self.records:
            columns.append(record, math.nan, Cost())
        return pd.DataFrame(columns.state_dict())[list(COLUMNS)]


class ProgressBar(Shared):
    """A bar with loss, gradient norm and reversed steps: in a notebook a widget, elsewhere text.

    It closes when the minimisation ends, and starts anew with the next. Where nobody tells of the
    end, as the optimizers of qiskit-machine-learning do not, it closes at ``total``, or at the end
    of ``with ProgressBar() as bar:``.

    Args:
        total: Number of steps, at least 1; None for those of the optimizer, if it counts them.
        description: What stands before the bar.

    Raises:
        InputError: If ``total`` is no integer of at least 1.

    Example:
        >>> from qnlr import NLR
        >>> with ProgressBar(description="x²") as bar:
        ...     optimizer = NLR(0.25, maxiter=2, callback=bar)
        ...     result = optimizer.minimize(lambda x: x[0] ** 2, [1.0], lambda x: 2 * x)
        >>> bar.shown
        'loss 0.25, gradient norm 1'
    """

    def __init__(self, total: int | None = None, description: str = "training") -> None:
        self.total = None if total is None else require_count("total", total)
        self.description = description
        self.shown = ""
        self._bar: Any = None
        self._flips = 0

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_bar": None}  # an open bar holds a stream, which no process can take

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __call__(self, *seen: Any) -> None:
        """Move on by a step."""
        record = as_record(0 if self._bar is None else self._bar.n, *seen)
        if self._bar is None and self.total is not None and record.step >= self.total:
            return  # more steps than the bar was told of
        if self._bar is None or (record.step == 0 and self._bar.n > 0):
            self.begin(None)
        self._flips += record.flipped
        self.shown = _summary(record, self._flips)
        self._bar.set_postfix_str(self.shown, refresh=False)
        self._bar.update()
        if self._bar.n == self.total:
            self.close()

    def begin(self, steps: int | None) -> None:
        """Show an empty bar.

        Args:
            steps: Number of steps, if it is known and no ``total`` was given.
        """
        self.close()
        self._flips, self.shown = 0, ""
        self._bar = _tqdm()(
            total=steps if self.total is None else self.total,
            desc=self.description,
            unit="step",
            dynamic_ncols=True,
            disable=sys.stderr is None,
        )

    def end(self) -> None:
        """Close the bar."""
        self.close()

    def close(self) -> None:
        """Leave the bar as it stands; the next step opens another one."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def as_record(step: int, *seen: Any) -> StepRecord:
    """Return what a callback was called with as a record.

    Args:
        step: Number of the step, where the caller does not tell.
        *seen: A record; or weights and loss, as models of qiskit-machine-learning say it; or a
            count, weights and loss, as its optimizers do, and more.

    Returns:
        The record, with NaN for what is not known.

    Example:
        >>> as_record(7, np.zeros(2), 0.5).loss
        0.5
    """
    if isinstance(seen[0], StepRecord):
        return seen[0]
    weights, loss = seen[:2] if len(seen) == 2 else seen[1:3]
    parameters = np.asarray(weights, dtype=float)
    return StepRecord(
        step=step,
        parameters=parameters,
        next_parameters=np.full_like(parameters, math.nan),
        loss=loss if isinstance(loss, float) else float(loss),
        probe_loss=None,
        gradient_norm=math.nan,
        rate=math.nan,
        flipped=False,
    )


def _summary(record: StepRecord, flips: int) -> str:
    parts = [f"loss {record.loss:.4g}"]
    if not math.isnan(record.gradient_norm):
        parts.append(f"gradient norm {record.gradient_norm:.3g}")
    if flips:
        parts.append(f"flips {flips}")
    return ", ".join(parts)


def _tqdm() -> Any:
    from tqdm import TqdmWarning

    # Without ipywidgets it warns, and then does the right thing: a bar of text.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TqdmWarning)
        from tqdm.auto import tqdm
    return tqdm
