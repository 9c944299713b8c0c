"""The schema of a run: every table of a config, and what it builds."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from qnlr.backends import BACKENDS, GRADIENTS, DeviceSettings
from qnlr.backends.ibm.settings import UNPAID
from qnlr.circuits import ANSATZES, ENCODINGS, OBSERVABLES
from qnlr.data import DATASETS
from qnlr.errors import InputError, require_positive
from qnlr.noise import NOISE_MODELS, ZERO_NOISE, Noise, ZeroNoise, from_file
from qnlr.optimizers import (
    AVERAGES,
    COBYLA,
    CORRECTIVES,
    DIRECTIONS,
    GCANS,
    ICANS,
    NEGATIVE_RATES,
    NLR,
    SGD,
    SGLBO,
    SPSA,
    TRIGGERS,
    Adam,
    AdaptiveNLR,
    ArmijoSGD,
    AskTell,
    Average,
    Corrective,
    DAdaptation,
    Direction,
    DoG,
    Equation10,
    Momentum,
    Prodigy,
    QuantumNaturalGradient,
    RMSProp,
    ScheduleFreeAdam,
    Trigger,
)
from qnlr.optimizers.rates import NegativeRateLike
from qnlr.strategies import STRATEGIES
from qnlr.study.messages import MISFIT
from qnlr.study.optimizer_file import optimizer_from_file
from qnlr.study.parts import Part, Registry, Table, part, settings_table
from qnlr.study.problem_tables import CLASSIFICATION, ClassificationTable, ProblemTable, called
from qnlr.training import TrainingSettings
from qnlr.types import NoiseLevel


def _number(value: float) -> float:
    return require_positive("negative_rate", value)


def _equation_10(
    noise_rate: float | None = None,
    layers: int | None = None,
    variance: float | None = None,
    *,
    noise_level: NoiseLevel,
    observable_variance: float,
) -> Equation10:
    return Equation10(
        noise_rate=noise_level.rate if noise_rate is None else noise_rate,
        layers=noise_level.layers if layers is None else layers,
        variance=observable_variance if variance is None else variance,
    )


def _nlr(
    learning_rate: float = 0.01,
    negative_rate: NegativeRateLike = "ratio",  # type: ignore[assignment]
    trigger: Trigger = "any_increase",  # type: ignore[assignment]
    corrective: Corrective = "reversal",  # type: ignore[assignment]
    direction: Direction = "plain",  # type: ignore[assignment]
    noise_scaling: bool = True,
    *,
    noise_level: NoiseLevel,
    seed: int,
) -> NLR:
    return NLR(
        learning_rate,
        negative_rate,
        trigger,
        corrective,
        noise_level if noise_scaling else None,
        direction,
        seed=seed,
    )


def _adaptive_nlr(
    initial_rate: float = 0.1,
    level: float = 0.025,
    direction: Direction = "adam",  # type: ignore[assignment]
    average: Average = "polynomial",  # type: ignore[assignment]
    *,
    seed: int,
) -> AdaptiveNLR:
    return AdaptiveNLR(initial_rate, level, direction, average, seed=seed)


def _noise_file(path: str, sha256: str | None = None, *, folder: Path) -> Noise:
    file = folder / path
    if sha256 is not None and file.is_file() and file_hash(file) != sha256:
        raise InputError(f"{file} has changed: its SHA-256 is not {sha256}")
    return from_file(file)


def _optimizer_file(
    path: str,
    class_: str | None = None,
    settings: dict[str, Any] | None = None,
    learning_rate: float | None = None,
    sha256: str | None = None,
    *,
    folder: Path,
    maxiter: int,
    seed: int,
) -> AskTell:
    file = folder / path
    if sha256 is not None and file.is_file() and file_hash(file) != sha256:
        raise InputError(f"{file} has changed: its SHA-256 is not {sha256}")
    return optimizer_from_file(
        file, class_, settings, learning_rate=learning_rate, maxiter=maxiter, seed=seed
    )


def file_hash(file: Path) -> str:
    """Return the SHA-256 of a file, so that a run's identity holds the noise or code it had."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


OPTIMIZERS: Registry = {
    "nlr": _nlr,
    "sgd": SGD,
    "momentum": Momentum,
    "rmsprop": RMSProp,
    "adam": Adam,
    "qng": QuantumNaturalGradient,
    "adaptive_nlr": _adaptive_nlr,
    "dog": DoG,
    "prodigy": Prodigy,
    "d_adaptation": DAdaptation,
    "schedule_free_adam": ScheduleFreeAdam,
    "armijo": ArmijoSGD,
    "sglbo": SGLBO,
    "icans": ICANS,
    "gcans": GCANS,
    "spsa": SPSA,
    "cobyla": COBYLA,
    "file": _optimizer_file,
}

_NEGATIVE_RATES: Registry = {
    "number": _number,
    "ratio": NEGATIVE_RATES["ratio"],
    "equation_10": _equation_10,
}
_NOISE_MODELS: Registry = {**NOISE_MODELS, "file": _noise_file}
DEFAULT_GRADIENT = {"name": "parameter_shift"}
NO_STRATEGY = {"name": "none"}
_CONTEXT = (
    *("metric", "noise_level", "observable_variance", "seed", "maxiter", "callback"),
    "folder",
)

if TYPE_CHECKING:
    Optimizer: TypeAlias = Part
    Data: TypeAlias = Part
    Backend: TypeAlias = Part
    Gradient: TypeAlias = Part
    Encoding: TypeAlias = Part
    Observable: TypeAlias = Part
    Ansatz: TypeAlias = Part
    Strategy: TypeAlias = Part
    Training: TypeAlias = Table
else:
    Optimizer = part(
        OPTIMIZERS,
        omit=_CONTEXT,
        nested={
            NegativeRateLike: part(_NEGATIVE_RATES, omit=_CONTEXT, number="number.value"),
            Trigger: part(TRIGGERS),
            Corrective: part(CORRECTIVES),
            Direction: part(DIRECTIONS, omit=("metric",)),
            Average: part(AVERAGES),
        },
    )
    Data = part(DATASETS, omit=("data_rng", "split_rng"))
    Backend = part(
        {**BACKENDS, "ibm": DeviceSettings},
        omit=("model",),
        nested={Noise: part(_NOISE_MODELS, omit=("folder",)), ZeroNoise: part(ZERO_NOISE)},
    )
    Gradient = part(GRADIENTS)
    Encoding = part(ENCODINGS, omit=("features", "qubits"))
    Observable = part(OBSERVABLES, omit=("qubits",))
    Ansatz = part(ANSATZES, omit=("qubits", "layers", "hamiltonian"))
    Strategy = part(STRATEGIES)
    Training = settings_table("training", TrainingSettings)


class CircuitTable(Table):
    """``[circuit]``: qubits, layers, ansatz, and of a classifier encoding and observable."""

    qubits: int
    layers: int
    ansatz: Ansatz = called("hardware_efficient")
    encoding: Encoding = called("amplitude")
    observable: Observable = called("z")


class InitTable(Table):
    """``[init]``: the range that initial weights are drawn from, evenly; in radians."""

    low: float = -math.pi
    high: float = math.pi


class EvaluationTable(Table):
    """``[evaluation]``: a device that the trained weights are measured on, once, at the end."""

    backend: Backend
    gradient_samples: int = Field(default=0, ge=0)


class RunSpec(Table):
    """One run, whole: what is trained, on what, how, and on which seed.

    As plain data it has no ``gradient`` where that is the parameter-shift rule, no ``strategy``
    where there is none, no ``evaluation`` where there is none, and no ``average`` in ``optimizer``
    where points are not averaged: so runs have the identities, and
    draw the numbers, that they had before there were others. Without data it has neither ``data``
    nor what encodes and reads them.
    """

    data: Data | None = None
    circuit: CircuitTable
    problem: ProblemTable = ClassificationTable()
    init: InitTable = InitTable()
    backend: Backend = called("simulator")
    gradient: Gradient = called(DEFAULT_GRADIENT["name"])
    strategy: Strategy = called(NO_STRATEGY["name"])
    evaluation: EvaluationTable | None = None
    training: Training
    optimizer: Optimizer
    seed: int = Field(ge=0)

    @property
    def has_data(self) -> bool:
        """Whether samples are classified."""
        return self.problem.name == CLASSIFICATION

    @model_validator(mode="before")
    @classmethod
    def _one_row(cls, given: Any) -> Any:
        """Without data there is one row, and so mini-batches of one."""
        problem, training = (given.get(key) for key in ("problem", "training"))
        no_data = isinstance(problem, Mapping) and problem.get("name") in ("vqe", "qaoa")
        if no_data and isinstance(training, Mapping) and "batch_size" not in training:
            return {**given, "training": {**training, "batch_size": 1}}
        return given

    @model_validator(mode="after")
    def _fits_problem(self) -> RunSpec:
        name = self.problem.name
        if self.has_data:
            if self.data is None:
                text = "data is missing: a classifier needs [data]"
                raise PydanticCustomError(MISFIT, text, {"at": "data"})
            return self
        if self.data is not None:
            text = "[data] is not valid with problem {name}, which has none; leave it out"
            raise PydanticCustomError(MISFIT, text, {"at": "data", "name": name})
        for key in sorted({"encoding", "observable"} & self.circuit.model_fields_set):
            text = "{at} is not valid with problem {name}, which has no data; leave it out"
            raise PydanticCustomError(MISFIT, text, {"at": f"circuit.{key}", "name": name})
        return self

    @model_serializer(mode="wrap")
    def _plain(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        plain: dict[str, Any] = dump(self)
        for key, default in (("gradient", DEFAULT_GRADIENT), ("strategy", NO_STRATEGY)):
            if plain.get(key) == default:
                del plain[key]
        for key in ("evaluation", "data"):
            if plain.get(key, "") is None:
                del plain[key]
        if plain.get("optimizer", {}).get("average", "") is None:
            del plain["optimizer"]["average"]
        if not self.has_data:
            for key in ("encoding", "observable"):
                plain.get("circuit", {}).pop(key, None)
        return plain


def unpaid(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run as plain data, without how its jobs on a device are paid for.

    Args:
        plain: The run.

    Example:
        >>> unpaid({"backend": {"name": "ibm", "shots": 100, "budget_seconds": 60.0}})
        {'backend': {'name': 'ibm', 'shots': 100}}
    """
    found = dict(plain)
    if plain["backend"]["name"] == "ibm":
        found["backend"] = _without(plain["backend"])
    if plain.get("evaluation"):
        found["evaluation"] = {
            **plain["evaluation"],
            "backend": _without(plain["evaluation"]["backend"]),
        }
    return found


def _without(backend: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in backend.items() if key not in UNPAID}


def with_defaults(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run as plain data, with the tables that are left out where they are the default.

    Args:
        plain: The run, as it is kept.

    Returns:
        The run, with the tables ``gradient`` and ``strategy`` behind all others.

    Example:
        >>> with_defaults({"seed": 0})
        {'seed': 0, 'gradient': {'name': 'parameter_shift'}, 'strategy': {'name': 'none'}}
    """
    defaults = {"gradient": DEFAULT_GRADIENT, "strategy": NO_STRATEGY}
    others = {key: value for key, value in plain.items() if key not in defaults}
    return {**others, **{key: plain.get(key, default) for key, default in defaults.items()}}
