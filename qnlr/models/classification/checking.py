"""What a classifier has learned, from a file that may be damaged: every part is looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from qnlr.errors import InputError, is_number
from qnlr.models.classification.fitted import Fitted, Trained, positive
from qnlr.models.classification.preparation import Preparation
from qnlr.optimizers.state import SignedRateState
from qnlr.rng import restore_generator
from qnlr.training import Outcome, Status
from qnlr.training.history import COLUMNS

CLOSED_LOOP = {"version", "x0", "told", "nfev"}


def fitted_from(content: Mapping[str, Any], labels: np.ndarray) -> Fitted:
    """Return what a classifier has learned.

    Args:
        content: What the file holds.
        labels: The labels in it.

    Returns:
        What was written.

    Raises:
        InputError: If a part cannot be what was written.
        KeyError: If a part is missing.
    """
    sorted_once = labels.ndim == 1 and np.array_equal(np.unique(labels), labels)
    _require(sorted_once and len(labels) > 1, "its classes are not at least two different labels")
    seed, made_of, names = content["seed"], content["made_of"], content["names"]
    _require(_is_count(seed), f"seed = {seed!r} is no integer of at least 0")
    _require(isinstance(made_of, dict), "it does not say what was fitted")
    features = content["features"]
    _require(_is_count(features), f"features = {features!r} is no integer of at least 0")
    named = names is None or (isinstance(names, list) and len(names) == features)
    _require(named, f"it has no {features} names of features")
    preparation = _preparation(content["preparation"], features)
    models, wanted = content["models"], len(positive(labels))
    _require(
        isinstance(models, list) and len(models) == wanted,
        f"{len(labels)} classes need {wanted} binary models, and it does not hold as many",
    )
    trained = tuple(_trained(one) for one in models)
    shapes = {one.weights.shape for one in trained}
    _require(len(shapes) == 1, "its binary models have different numbers of weights")
    return Fitted(labels, preparation, seed, trained, made_of)


def _preparation(plain: Mapping[str, Any], features: int) -> Preparation:
    shift, scale, constant = (plain[name] for name in ("shift", "scale", "constant"))
    for name, value in (("shift", shift), ("scale", scale)):
        _require(_is_vector(value, features), f"{name} is not {features} finite numbers")
    _require(bool((scale > 0).all()), "scale is not above 0")
    fine = constant is None or (is_number(constant) and math.isfinite(constant) and constant > 0)
    _require(fine, f"constant = {constant!r} is no finite number above 0")
    return Preparation(shift, scale, constant)


def _trained(plain: Mapping[str, Any]) -> Trained:
    weights, (status, sentence) = plain["weights"], plain["outcome"]
    _require(_is_vector(weights), "weights are not finite numbers")
    for text in (sentence, plain["optimizer"]):
        _require(isinstance(text, str), "an outcome or the name of an optimizer is no text")
    _require_state(plain["state"], len(weights))
    outcome = Outcome(Status(status), sentence)
    return Trained(weights, plain["state"], outcome, plain["optimizer"])


def _require_state(state: Mapping[str, Any], weights: int) -> None:
    for name in ("batches", "shots"):
        restore_generator(state[name])
    restore_generator(state["gradient"]["choices"])
    for meter in (state["meter"], state["evaluation_meter"]):
        counts = [meter[name] for name in ("circuits", "shots", "jobs")]
        _require(all(map(_is_count, counts)), f"{counts} are no counts of circuits, shots and jobs")
        _require(is_number(meter["seconds"]), "seconds are no number")
    columns = [state["history"][name] for name in COLUMNS]
    steps = len(columns[0])
    fine = all(isinstance(one, np.ndarray) and one.shape == (steps,) for one in columns)
    _require(fine, "the columns of a history differ in length")
    _require(state["evaluations"] is None, "there are evaluations, which are never made")
    _require_optimizer(state["optimizer"], weights)


def _require_optimizer(state: Mapping[str, Any], weights: int) -> None:
    if "told" in state:
        _require_keys(state, CLOSED_LOOP)
        _require(_is_vector(state["x0"], weights), "an optimizer began at no finite weights")
        _require(_is_vector(state["told"]), "an optimizer was told no finite losses")
        return
    _require_keys(state, SignedRateState(np.zeros(1), None, None, 0, 0, 0).pack().keys())
    _require(_is_vector(state["x"], weights), "an optimizer stands at no finite weights")
    _require(_is_count(state["nit"]), f"nit = {state['nit']!r} is no number of steps")
    restore_generator(state["rng"])


def _require_keys(state: Mapping[str, Any], keys: Any) -> None:
    missing = sorted(set(keys) - set(state))
    _require(not missing, f"the state of an optimizer lacks {', '.join(missing)}")


def _is_vector(value: Any, length: int | None = None) -> bool:
    numbers = isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim == 1
    return numbers and length in (None, len(value)) and bool(np.isfinite(value).all())


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _require(fine: bool, sentence: str) -> None:
    if not fine:
        raise InputError(sentence)
