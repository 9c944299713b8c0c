"""The schema of a run: every table of a config, and what it builds."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import Field

from qnlr.backends import BACKENDS
from qnlr.circuits import ANSATZES, ENCODINGS, OBSERVABLES
from qnlr.data import DATASETS
from qnlr.errors import InputError, require_positive
from qnlr.noise import NOISE_MODELS, ZERO_NOISE, Noise, ZeroNoise, from_file
from qnlr.optimizers import (
    COBYLA,
    CORRECTIVES,
    DIRECTIONS,
    NEGATIVE_RATES,
    NLR,
    SGD,
    SPSA,
    TRIGGERS,
    Adam,
    Corrective,
    Direction,
    Equation10,
    Momentum,
    RMSProp,
    Trigger,
)
from qnlr.optimizers.rates import NegativeRateLike
from qnlr.problems import HEADS, LOSSES
from qnlr.study.parts import Part, Registry, Table, part, settings_table
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


def _noise_file(path: str, sha256: str | None = None, *, folder: Path) -> Noise:
    file = folder / path
    if sha256 is not None and file.is_file() and file_hash(file) != sha256:
        raise InputError(f"{file} has changed: its SHA-256 is not {sha256}")
    return from_file(file)


def file_hash(file: Path) -> str:
    """Return the SHA-256 of a file, so that a run's identity holds the noise it had."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


OPTIMIZERS: Registry = {
    "nlr": _nlr,
    "sgd": SGD,
    "momentum": Momentum,
    "rmsprop": RMSProp,
    "adam": Adam,
    "spsa": SPSA,
    "cobyla": COBYLA,
}

_NEGATIVE_RATES: Registry = {
    "number": _number,
    "ratio": NEGATIVE_RATES["ratio"],
    "equation_10": _equation_10,
}
_NOISE_MODELS: Registry = {**NOISE_MODELS, "file": _noise_file}
_CONTEXT = ("noise_level", "observable_variance", "seed", "maxiter")

if TYPE_CHECKING:
    Optimizer: TypeAlias = Part
    Data: TypeAlias = Part
    Backend: TypeAlias = Part
    Encoding: TypeAlias = Part
    Observable: TypeAlias = Part
    Ansatz: TypeAlias = Part
    Loss: TypeAlias = Part
    Head: TypeAlias = Part
    Training: TypeAlias = Table
else:
    Optimizer = part(
        OPTIMIZERS,
        omit=_CONTEXT,
        nested={
            NegativeRateLike: part(_NEGATIVE_RATES, omit=_CONTEXT, number="number.value"),
            Trigger: part(TRIGGERS),
            Corrective: part(CORRECTIVES),
            Direction: part(DIRECTIONS),
        },
    )
    Data = part(DATASETS, omit=("data_rng", "split_rng"))
    Backend = part(
        BACKENDS,
        omit=("model",),
        nested={Noise: part(_NOISE_MODELS, omit=("folder",)), ZeroNoise: part(ZERO_NOISE)},
    )
    Encoding = part(ENCODINGS, omit=("features", "qubits"))
    Observable = part(OBSERVABLES, omit=("qubits",))
    Ansatz = part(ANSATZES, omit=("qubits", "layers"))
    Loss = part(LOSSES)
    Head = part(HEADS)
    Training = settings_table("training", TrainingSettings)


def _called(name: str) -> Any:
    """Return the default of a part: the one of that name, with its own defaults."""
    return Field(default=name)


class CircuitTable(Table):
    """``[circuit]``: qubits, layers, ansatz, encoding and observable."""

    qubits: int
    layers: int
    ansatz: Ansatz = _called("hardware_efficient")
    encoding: Encoding = _called("amplitude")
    observable: Observable = _called("z")


class ProblemTable(Table):
    """``[problem]``: the head of the model, and the loss of a sample."""

    loss: Loss = _called("squared_error")
    head: Head = _called("bare")


class InitTable(Table):
    """``[init]``: the range that initial weights are drawn from, evenly; in radians."""

    low: float = -math.pi
    high: float = math.pi


class RunSpec(Table):
    """One run, whole: what is trained, on what, how, and on which seed."""

    data: Data
    circuit: CircuitTable
    problem: ProblemTable = ProblemTable()
    init: InitTable = InitTable()
    backend: Backend = _called("simulator")
    training: Training
    optimizer: Optimizer
    seed: int = Field(ge=0)
