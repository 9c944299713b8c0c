"""What optimizers hand around: records of steps, states as plain data, the ask/tell protocol."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from qiskit_machine_learning.optimizers import AskData, OptimizerResult, OptimizerState, TellData

from qnlr.errors import InputError
from qnlr.optimizers.rates import Probe
from qnlr.rng import generator_state, restore_generator
from qnlr.types import Estimate, FloatArray

STATE_VERSION = 1


@dataclass(frozen=True)
class StepRecord:
    """What one step did; callbacks are given one after every step, and return True to stop there.

    Args:
        step: Number of the step, from 0.
        parameters: θ_t, where loss and gradient were measured, shape (P,).
        next_parameters: The weights that are handed out after the step, shape (P,): θ_{t+1}, or
            with an average of points that average, while the next step is made from θ_{t+1}.
        loss: Loss at θ_t; a :class:`qnlr.Estimate` if the objective returned one.
        probe_loss: Loss at the probe, or None if there was no probe.
        gradient_norm: ‖g_t‖.
        rate: The signed rate; negative where the step went up.
        flipped: Whether the trigger fired.
    """

    step: int
    parameters: FloatArray
    next_parameters: FloatArray
    loss: float
    probe_loss: float | None
    gradient_norm: float
    rate: float
    flipped: bool


@dataclass(frozen=True)
class Pending:
    """The gradient phase of a step, and its probes so far; the next is not measured yet."""

    loss: float
    gradient_norm: float
    direction: FloatArray
    probe: FloatArray
    probe_rate: float = math.nan
    gradient_std: float = math.nan
    slope: float = math.nan
    slope_std: float = math.nan
    probes: tuple[Probe, ...] = ()

    @classmethod
    def after(
        cls, loss: float, gradient: FloatArray, stds: FloatArray | None, direction: FloatArray
    ) -> Pending:
        """Return what is known after the gradient phase."""
        return cls(
            loss=loss,
            gradient_norm=float(np.linalg.norm(gradient)),
            direction=direction,
            probe=np.empty(0),
            gradient_std=math.nan if stds is None else float(np.linalg.norm(stds)),
            slope=float(gradient @ direction),
            slope_std=math.nan if stds is None else float(np.linalg.norm(stds * direction)),
        )

    def probing(self, weights: FloatArray, rate: float) -> Pending:
        """Return it with a probe to be measured."""
        return replace(self, probe=weights - rate * self.direction, probe_rate=rate)

    def pack(self) -> dict[str, Any]:
        """Return it as plain data."""
        probes = [[one.rate, *_pack_loss(one.loss)] for one in self.probes]
        return {**vars(self), "loss": _pack_loss(self.loss), "probes": probes}

    @classmethod
    def unpacked(cls, plain: Mapping[str, Any]) -> Pending:
        """Return it from plain data."""
        probes = tuple(Probe(rate, _unpack_loss(loss)) for rate, *loss in plain.get("probes", ()))
        return cls(**{**plain, "loss": _unpack_loss(plain["loss"]), "probes": probes})


@dataclass(eq=False)
class SignedRateState(OptimizerState):
    """State of a :class:`SignedRateOptimizer`: plain data, except the functions it minimises."""

    x: FloatArray
    fun: Callable[..., float] | None
    jac: Callable[..., Any] | None
    nfev: int
    njev: int
    nit: int
    origin: FloatArray = field(default_factory=lambda: np.empty(0))
    direction: dict[str, Any] = field(default_factory=dict)
    rate: dict[str, Any] = field(default_factory=dict)
    rng: np.random.Generator = field(default_factory=np.random.default_rng)
    flips: int = 0
    x_best: FloatArray | None = None
    fun_best: float = float("inf")
    pending: Pending | None = None
    record: StepRecord | None = None
    point: FloatArray | None = None
    average: dict[str, Any] = field(default_factory=dict)

    @property
    def here(self) -> FloatArray:
        """Where gradients are measured: ``x``, unless that is an average."""
        return self.x if self.point is None else self.point

    def pack(self) -> dict[str, Any]:
        """Return the state as plain data."""
        pending = self.pending
        return {
            "version": STATE_VERSION,
            "x": self.x.copy(),
            "nfev": self.nfev,
            "njev": self.njev,
            "nit": self.nit,
            "flips": self.flips,
            "direction": dict(self.direction),
            "rate": dict(self.rate),
            "rng": generator_state(self.rng),
            "x_best": self.x_best,
            "fun_best": _pack_loss(self.fun_best),
            "pending": pending and pending.pack(),
            "origin": self.origin,
            "point": self.point,
            "average": dict(self.average),
        }

    def unpacked(self, plain: Mapping[str, Any]) -> SignedRateState:
        """Return a state with the functions of this one, and all else from plain data."""
        pending = plain["pending"]
        return replace(
            self,
            x=np.array(plain["x"]),
            nfev=plain["nfev"],
            njev=plain["njev"],
            nit=plain["nit"],
            flips=plain["flips"],
            direction=dict(plain["direction"]),
            rate=dict(plain["rate"]),
            rng=restore_generator(plain["rng"]),
            x_best=plain["x_best"],
            fun_best=_unpack_loss(plain["fun_best"]),
            pending=pending and Pending.unpacked(pending),
            origin=np.array(plain.get("origin", plain["x"])),
            point=plain.get("point"),
            average=dict(plain.get("average", {})),
            record=None,
        )


class SignedRateResult(OptimizerResult):
    """Result of a minimisation: the last point, and beside it the best one seen.

    ``x`` and ``fun`` are the last point and its loss, evaluated anew; ``x_best`` and ``fun_best``
    are the point with the lowest loss measured on the way; ``flips`` counts the negative steps.
    """

    x_best: FloatArray | None = None
    fun_best: float | None = None
    flips: int = 0


class AskTell(Protocol):
    """What the training loop needs of an optimizer."""

    @property
    def state(self) -> Any:
        """State with the weights ``x``, the step count ``nit`` and the last ``record``."""

    @property
    def ended(self) -> bool:
        """Whether the optimizer has nothing more to ask."""

    @property
    def evaluations_per_step(self) -> tuple[int, int]:
        """How many gradients (each with its loss) and how many losses alone a step asks for."""

    def start(self, fun: None, x0: FloatArray) -> None:
        """Begin at ``x0``; the objective is evaluated outside."""

    def ask(self) -> AskData:
        """Return what to measure next."""

    def tell(self, ask_data: AskData, tell_data: TellData) -> None:
        """Take what was measured."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state as plain data."""

    def load_state_dict(self, plain: Mapping[str, Any]) -> None:
        """Continue from a saved state."""

    def close(self) -> None:
        """Let go of whatever the optimizer holds besides its state."""


def require_version(plain: Mapping[str, Any]) -> None:
    """Refuse a saved state of another version.

    Raises:
        InputError: If the state was saved by another version.
    """
    if plain.get("version") != STATE_VERSION:
        raise InputError(
            f"optimizer state of version {plain.get('version')!r} cannot be read; "
            f"this is version {STATE_VERSION}"
        )


def as_loss(value: Any) -> float:
    """Return a loss that was told as a float, or as the Estimate that it is.

    Raises:
        InputError: If none was told, or it is no number.
    """
    if value is None:
        raise InputError("the optimizer asked for a loss, but was told none")
    if isinstance(value, Estimate):
        return value
    try:
        return float(np.real_if_close(value).item())
    except (TypeError, ValueError) as error:
        raise InputError(f"the objective gave {value!r}; it must give a number") from error


def initial_weights(x0: Any) -> FloatArray:
    """Return initial weights as an array of their own.

    Raises:
        InputError: If they are not a list of finite numbers.
    """
    try:
        weights = np.atleast_1d(np.array(x0, dtype=float))
    except (TypeError, ValueError) as error:
        raise InputError(f"x0 = {x0!r} is not valid; it must be a list of numbers") from error
    if weights.ndim != 1 or not np.isfinite(weights).all():
        raise InputError(f"x0 = {x0!r} is not valid; it must be a list of finite numbers")
    return weights


def _pack_loss(loss: float) -> list[float]:
    return [float(loss), loss.std] if isinstance(loss, Estimate) else [float(loss)]


def _unpack_loss(packed: list[float]) -> float:
    return Estimate(*packed) if len(packed) == 2 else packed[0]
