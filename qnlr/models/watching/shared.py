"""Callbacks that are shared by copies of whatever holds them."""

from __future__ import annotations

from typing import Any, Self


class Shared:
    """Base of callbacks that somebody waits behind: a deep copy is the object itself.

    Optimizers and classifiers are copied by ``copy.deepcopy`` and ``sklearn.clone``, in a cross
    validation for every fold; the user's callback is told all the same. Minimisations that run at
    the same time, in threads, want a callback each. In other processes it is a copy that is told.

    Example:
        >>> import copy
        >>> from qnlr import NLR
        >>> from qnlr.models import History
        >>> history = History()
        >>> optimizer = copy.deepcopy(NLR(0.25, maxiter=2, callback=history))
        >>> result = optimizer.minimize(lambda x: x[0] ** 2, [1.0], lambda x: 2 * x)
        >>> len(history.records)
        2
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self
