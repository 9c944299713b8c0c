"""An optimizer of its own for every binary model, made from the one that a classifier is given."""

from __future__ import annotations

import copy
import inspect
from typing import Any

from qnlr import optimizers
from qnlr.errors import InputError, require_callable
from qnlr.models.classification.assembly import Parts, as_noise
from qnlr.models.watching.callbacks import Callbacks
from qnlr.noise import noise_level
from qnlr.optimizers import NLR, AskTell, SignedRateOptimizer, StandardErrors
from qnlr.optimizers.callbacks import Callback, Listeners
from qnlr.optimizers.closed_loop import ClosedLoop

OPTIMIZERS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        *(optimizers.NLR, optimizers.SGD, optimizers.Momentum, optimizers.RMSProp),
        *(optimizers.Adam, optimizers.SPSA, optimizers.COBYLA, optimizers.SignedRateOptimizer),
        *(optimizers.AdaptiveNLR, optimizers.DoG, optimizers.Prodigy, optimizers.DAdaptation),
        *(optimizers.ScheduleFreeAdam, optimizers.ArmijoSGD, optimizers.SGLBO),
        *(optimizers.ICANS, optimizers.GCANS),
    )
}
NEEDED = [name for name in vars(AskTell) if not name.startswith("_")]


def fresh_optimizer(given: Any, parts: Parts, noise: Any, seed: int, steps: int) -> AskTell:
    """Return an optimizer of its own for a binary model: that which was given stays as it is.

    It has no callback: that of the optimizer given is told by whoever trains.

    Args:
        given: An optimizer, or None for NLR at η = 0.1 with a trigger at two standard errors, which
            for exact losses is any increase; under noise η' is scaled as in the paper.
        parts: The model.
        noise: The noise that it runs under, or None.
        seed: Seed of the optimizer's random numbers, where it was given none.
        steps: How many steps it is to make.

    Returns:
        The optimizer, not started.

    Raises:
        InputError: If it is no optimizer, or its trigger cannot work.
    """
    found = as_noise(noise)
    if given is None:
        level = None if found is None else noise_level(found, parts.ansatz)
        given = NLR(0.1, trigger=StandardErrors(2.0), noise_level=level)
    _require_optimizer(given)
    trigger = given.rule.trigger if isinstance(given, NLR) else None
    if isinstance(trigger, StandardErrors) and parts.backend.shots == 1:
        raise InputError(
            "shots = 1 is not valid with the trigger StandardErrors, as one shot has no standard "
            "error; take at least 2, or NLR(trigger=AnyIncrease())"
        )
    if type(given) not in OPTIMIZERS.values():
        callback = own_callback(given)
        own: AskTell = copy.deepcopy(given, {id(callback): callback})
        if callback is not None:
            own._listeners.own = None  # type: ignore[attr-defined]
        return own
    settings = {**given.settings, "maxiter": steps, "callback": None}
    if settings["seed"] is None:
        settings["seed"] = seed
    rebuilt: AskTell = type(given)(**settings)
    return rebuilt


def own_callback(given: Any) -> Callback | None:
    """Return the callback that an optimizer was given, or None."""
    listeners = getattr(given, "_listeners", None)
    return listeners.own if isinstance(listeners, Listeners) else None


def together(callback: Any, optimizer: Any) -> Listeners:
    """Return the callbacks of a classifier and of its optimizer as listeners.

    Args:
        callback: The classifier's, or None.
        optimizer: The optimizer that it was given, or None.

    Returns:
        Listeners of both.

    Raises:
        InputError: If the classifier's cannot be called.
    """
    inner = own_callback(optimizer)
    if callback is None or inner is None:
        return Listeners(inner if callback is None else callback)
    require_callable("callback", callback, "a function of a StepRecord")
    return Listeners(Callbacks(callback, inner))


def kind_of(optimizer: Any) -> str:
    """Return what tells optimizers apart that cannot go on from one another's state.

    These are its class, its direction, its rate rule and its average, if it has one. A closed loop
    goes on by being told all losses again, and asks for the same points again with the same
    settings only.

    Args:
        optimizer: The optimizer.

    Returns:
        A text.

    Example:
        >>> kind_of(optimizers.Adam(0.1))
        'Adam, AdaptiveMoments, Constant'
    """
    parts = [type(optimizer).__qualname__]
    if isinstance(optimizer, SignedRateOptimizer):
        own = (optimizer.direction, optimizer.rate, optimizer.average)
        parts += [type(part).__qualname__ for part in own if part is not None]
    if isinstance(optimizer, ClosedLoop):
        parts += [
            f"{k} = {v}" for k, v in optimizer.settings.items() if k not in ("maxiter", "callback")
        ]
    return ", ".join(parts)


def _require_optimizer(given: Any) -> None:
    lacking = [name for name in NEEDED if inspect.getattr_static(given, name, None) is None]
    if not isinstance(given, type) and not lacking:
        return
    from qnlr.models.batches import MiniBatches

    if isinstance(given, MiniBatches):
        raise InputError(
            "optimizer = MiniBatches is not valid: the classifier draws its own mini-batches; give "
            f"the optimizer inside, {type(given.optimizer).__name__}, and batch_size = {given.size}"
        )
    kind: Any = given if isinstance(given, type) else type(given)
    nameless = kind is given or kind.__repr__ is object.__repr__
    steppable = kind is not given and not {"ask", "tell"} & set(lacking)
    reason = f" (it has no {', no '.join(lacking)})" if steppable else ""
    shown = kind.__name__ if nameless else repr(given)
    raise InputError(
        f"optimizer = {shown} is not valid{reason}; it must be None or an object such as "
        "qnlr.optimizers.NLR(0.1)"
    )
