"""Optimizers of PyTorch, driven by ask and tell.

A ``torch.optim.Optimizer`` steps one tensor of weights, with the gradient that was told. It lives
for one step: before it, it is given the state that it left behind after the last one, which is
kept as plain data, so that a saved state goes on bit for bit. PyTorch is imported at the start of
a minimisation, and nothing is set in it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

import numpy as np
from qiskit_machine_learning.optimizers import TellData

from qnlr.errors import InputError
from qnlr.optimizers.asking import Ask
from qnlr.optimizers.gradient import GradientOptimizer
from qnlr.optimizers.state import StepRecord, as_loss
from qnlr.types import FloatArray

Memory = dict[str, Any]


class LibraryOptimizer(GradientOptimizer):
    """Base of the optimizers that a PyTorch library has.

    A step is one phase: the loss and the gradient at the point where the library wants them. The
    rate that a step records is the library's own, which it multiplies Adam's direction with.

    Args:
        **common: ``maxiter``, ``callback``, ``seed`` (not used: the steps are deterministic) and
            ``perturbation``, as for every :class:`~qnlr.optimizers.SignedRateOptimizer`.

    Raises:
        InputError: If a setting lies outside its range; on start, if the library is not installed.
    """

    _package: ClassVar[str]
    _moved_along: ClassVar[tuple[str, ...]] = ()
    """Those of the library's arrays that are points, and go where the weights are moved to."""

    @abstractmethod
    def _stepper(self, weights: Any) -> Any:
        """Return the library's optimizer of a tensor of weights."""

    @abstractmethod
    def _rate(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
        """Return the rate of a step, from the library's settings before and after it."""

    def _answer(self, stepper: Any, weights: Any) -> FloatArray:
        """Return the weights that the library would evaluate; it is not used after that."""
        return as_array(weights)

    @property
    def evaluations_per_step(self) -> tuple[int, int]:
        """One gradient, with its loss."""
        return 1, 0

    def _memories(self, weights: FloatArray) -> tuple[Memory, Memory]:
        for name in ("torch", self._package):
            library(name, type(self).__name__)
        return {"point": weights, "weights": {}, "settings": {}}, {}

    def move_to(self, weights: FloatArray) -> None:
        """Go on from other weights, between two steps; what the library remembers is kept.

        Args:
            weights: Shape (P,).

        Raises:
            InputError: If they are not as many as before.
        """
        super().move_to(weights)
        point, memory = self.state.x, self.state.direction
        along = {name: point for name in self._moved_along if name in memory["weights"]}
        self.state.direction = {
            **memory,
            "point": point,
            "weights": {**memory["weights"], **along},
        }

    def ask(self) -> Ask:
        """Return where loss and gradient are to be measured."""
        point = self.state.direction["point"]
        return Ask(x_fun=point, x_jac=point)

    def tell(self, ask_data: Any, tell_data: TellData) -> None:
        """Take what was measured, and make the step.

        Args:
            ask_data: What :meth:`ask` returned.
            tell_data: The loss and the gradient, shape (P,).

        Raises:
            InputError: If the loss or the gradient is missing, or has another shape than θ.
        """
        loss, gradient = as_loss(tell_data.eval_fun), self._told_gradient(tell_data)
        state = self.state
        point = state.direction["point"]
        following, state.direction, rate = self._following(gradient, state.direction)
        record = StepRecord(
            step=state.nit,
            parameters=point,
            next_parameters=following,
            loss=loss,
            probe_loss=None,
            gradient_norm=float(np.linalg.norm(gradient)),
            rate=rate,
            flipped=False,
        )
        if loss < state.fun_best:
            state.x_best, state.fun_best = point, loss
        state.x, state.record = following, record
        state.nit += 1
        self._listeners.tell(record)

    def _following(self, gradient: FloatArray, memory: Memory) -> tuple[FloatArray, Memory, float]:
        """Return the next weights, what is to be remembered, and the rate."""
        torch = import_module("torch")
        weights = torch.tensor(memory["point"], dtype=torch.float64)
        stepper = self._stepper(weights)
        restore(stepper, memory)
        before = dict(stepper.param_groups[0])
        weights.grad = torch.tensor(gradient, dtype=torch.float64)
        stepper.step()
        rate = self._rate(before, stepper.param_groups[0])
        kept = {"point": as_array(weights), **remembered(stepper)}
        return self._answer(stepper, weights), kept, float(rate)


def restore(stepper: Any, memory: Memory) -> None:
    """Put a fresh optimizer of PyTorch into the state that :func:`remembered` gave."""
    if not memory["weights"]:
        return
    tensor = import_module("torch").tensor
    plain = stepper.state_dict()
    (settings,) = plain["param_groups"]
    weights = {
        name: tensor(value) if isinstance(value, np.ndarray) else value
        for name, value in memory["weights"].items()
    }
    stepper.load_state_dict(
        {"state": {0: weights}, "param_groups": [{**settings, **memory["settings"]}]}
    )


def remembered(stepper: Any) -> Memory:
    """Return the state of an optimizer of one tensor as plain data.

    Args:
        stepper: The ``torch.optim.Optimizer``.

    Returns:
        What it remembers of the ``weights``, arrays as such; and of its ``settings`` those that are
        no longer what they were at first, as these are where libraries keep their numbers.
    """
    plain = stepper.state_dict()
    (settings,) = plain["param_groups"]
    return {
        "weights": {
            name: as_array(value) if hasattr(value, "numpy") else value
            for name, value in plain["state"].get(0, {}).items()
        },
        "settings": {
            name: value
            for name, value in settings.items()
            if name != "params" and value != stepper.defaults.get(name)
        },
    }


def as_array(tensor: Any) -> FloatArray:
    """Return a tensor as an array of its own."""
    array: FloatArray = tensor.detach().numpy().copy()
    return array


def library(name: str, needed_by: str) -> Any:
    """Return a library that is not installed with qnlr itself.

    Args:
        name: The name it is imported by.
        needed_by: What needs it, for the message.

    Returns:
        The module.

    Raises:
        InputError: If it is not installed.

    Example:
        >>> library("unheard_of", "Prodigy")
        Traceback (most recent call last):
        qnlr.errors.InputError: Prodigy needs unheard_of, which is not installed; run
        pip install 'qnlr[rivals]'
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise InputError(
            f"{needed_by} needs {name}, which is not installed; run pip install 'qnlr[rivals]'"
        ) from error
