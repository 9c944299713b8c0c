"""What the cells of a table are: methods and settings, and which runs they stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qnlr.paper.reference import rows

Where = Mapping[str, Any]
NONE: Where = {}


@dataclass(frozen=True)
class Method:
    """What is compared: an optimizer, as a table names it.

    Args:
        label: Its name in the table.
        where: Dotted paths and values of its runs.
        paper: Its name in the paper's rows; None where the paper has none.
    """

    label: str
    where: Where
    paper: str | None = None


@dataclass(frozen=True)
class Setting:
    """What a table varies besides the method: a row of a hyperparameter, or a dataset.

    Args:
        label: Its name in the table.
        where: Dotted paths and values of its runs.
        x: Its place on the axis of a figure, or None.
        step: After how many steps the evaluation counts; None for the last one.
        paper: Its entries in the paper's rows.
    """

    label: str = ""
    where: Where = field(default_factory=dict)
    x: float | None = None
    step: int | None = None
    paper: Where = field(default_factory=dict)


def optimizer(name: str, **parts: Any) -> Where:
    """Return the conditions for an optimizer's runs.

    Args:
        name: Its name.
        **parts: Keys and values in its table; a part's name stands for the part.

    Example:
        >>> optimizer("nlr", trigger="any_increase")
        {'optimizer.name': 'nlr', 'optimizer.trigger.name': 'any_increase'}
    """
    where = {"optimizer.name": name}
    for key, value in parts.items():
        where[f"optimizer.{key}.name" if isinstance(value, str) else f"optimizer.{key}"] = value
    return where


def _nlr(trigger: str = "any_increase", corrective: str = "reversal", scaled: bool = True) -> Where:
    return optimizer("nlr", trigger=trigger, corrective=corrective, noise_scaling=scaled)


SGD = Method("SGD", optimizer("sgd"), "sgd")
MOMENTUM = Method("momentum 0.9", optimizer("momentum"), "momentum")
RMSPROP = Method("RMSProp", optimizer("rmsprop"), "rmsprop")
ADAM = Method("Adam", optimizer("adam"), "adam")
NLR = Method("NLR", _nlr(), "nlr")
UNSCALED = Method("NLR, η' not scaled", _nlr(scaled=False))
Z_NLR = Method("NLR, z-trigger", _nlr("standard_errors"))
REINIT = Method(
    "random re-initialisation", _nlr(corrective="random_reinitialisation"), "random_reinit"
)
Z_REINIT = Method(
    "random re-initialisation, z-trigger", _nlr("standard_errors", "random_reinitialisation")
)
GAUSSIAN = Method("Gaussian perturbation", _nlr(corrective="gaussian"))
UNIFORM = Method("uniform perturbation", _nlr(corrective="uniform"))

DATASETS = {
    "gaussian": "Gaussians",
    "mnist": "MNIST 0/1",
    "fashion_mnist": "Fashion-MNIST 0/1",
    "qdataset": "QDataSet flip",
    "ad_hoc": "QSVM toy",
}
BASIC = (SGD, ADAM, NLR, UNSCALED)
TUNED = (SGD, MOMENTUM, RMSPROP, ADAM, NLR, Z_NLR, REINIT, GAUSSIAN, UNIFORM)
BATCHES_A_PASS = 25


def sweep(key: str, values: Sequence[float], symbol: str, paper: str | None) -> list[Setting]:
    """Return a setting for each value of a key."""
    return [
        Setting(f"{symbol} = {value:g}", {key: value}, value, paper={paper: value} if paper else {})
        for value in values
    ]


def lengths(unit: str, steps: int) -> list[Setting]:
    """Return the paper's training lengths as settings."""
    return [
        Setting(f"{count} {unit}", NONE, count, count * steps, {"epochs": count})
        for count in (row.axis["epochs"] for row in rows("table_02"))
    ]


def datasets(names: Sequence[str] = tuple(DATASETS)) -> list[Setting]:
    """Return a setting for each dataset."""
    return [Setting(DATASETS[name], {"data.name": name}, paper={"dataset": name}) for name in names]


def rates() -> list[Method]:
    """Return NLR at each of the paper's negative rates."""
    return [
        Method(f"NLR, η' = {rate:g}", {**_nlr(), "optimizer.negative_rate.value": rate}, str(rate))
        for rate in (row.axis["negative_rate"] for row in rows("table_01"))
    ]


def unscaled_rates() -> list[Method]:
    """Return NLR at each of the paper's negative rates, not scaled by noise."""
    return [
        Method(
            f"NLR, not scaled, η' = {rate:g}",
            {**_nlr(scaled=False), "optimizer.negative_rate.value": rate},
        )
        for rate in (row.axis["negative_rate"] for row in rows("table_01"))
    ]


def perturbed() -> list[Method]:
    """Return NLR with each of the paper's perturbations of the reversal."""
    return [
        Method(
            f"NLR, σ = {sigma:g}",
            {**_nlr(corrective="perturbed_reversal"), "optimizer.corrective.sigma": sigma},
            str(sigma),
        )
        for sigma in (row.axis["sigma"] for row in rows("table_05"))
    ]


def kappas() -> list[Method]:
    """Return NLR at ratios κ = η'/η in the range that the paper recommends."""
    return [
        Method(f"NLR, κ = {kappa:g}", {**_nlr(), "optimizer.negative_rate.kappa": kappa})
        for kappa in (1.5, 2.0, 2.5, 3.0)
    ]


def gaussians() -> list[Setting]:
    """Return the Gaussians of different separation and covariance."""
    correlated = [[1.0 if i == j else 0.5 for j in range(8)] for i in range(8)]
    cells: list[tuple[str, float | None, Any]] = [
        ("1 apart", 1.0, 1.0),
        ("2.83 apart", 2.8284271247461903, 1.0),
        ("5.66 apart", None, 1.0),
        ("5.66 apart, covariance 0.25", None, 0.25),
        ("5.66 apart, correlations 0.5", None, correlated),
    ]
    return [
        Setting(label, {"data.separation": separation, "data.covariance": covariance})
        for label, separation, covariance in cells
    ]


def mitigations() -> list[Setting]:
    """Return the ways of mitigating errors."""
    readout, folding = "backend.readout", "backend.zero_noise.extrapolation"
    cells: list[tuple[str, bool, str | None]] = [
        ("none", False, None),
        ("read-out", True, None),
        ("zero noise, linear", False, "linear"),
        ("zero noise, exponential", False, "exponential"),
        ("zero noise, Richardson", False, "richardson"),
        ("zero noise, exponential, and read-out", True, "exponential"),
    ]
    return [Setting(label, {readout: first, folding: second}) for label, first, second in cells]


def strategies() -> list[Method]:
    """Return the paper's strategies, each with SGD and with NLR, beside both without any."""
    shallow = {"strategy.name": "shallow", "strategy.layers": 2}
    kinds: list[tuple[str, str, Where]] = [
        ("shallow", "shallow circuit of 2 layers", shallow),
        ("", "shallow circuit of 1 layer", {**shallow, "strategy.layers": 1}),
        ("layerwise", "layerwise", {"strategy.name": "layerwise"}),
        ("identity_blocks", "identity blocks", {"strategy.name": "identity_blocks"}),
    ]
    none = {"strategy.name": "none"}
    read = "circuit.observable.qubit"
    return [
        Method(SGD.label, {**SGD.where, **none}),
        *(
            Method(label, {**SGD.where, **where, read: 0}, paper or None)
            for paper, label, where in kinds
        ),
        Method("shallow circuit of 2 layers, read on qubit 2", {**SGD.where, **shallow, read: 2}),
        Method(NLR.label, {**NLR.where, **none}, NLR.paper),
        *(
            Method(f"{label}, with NLR", {**NLR.where, **where})
            for paper, label, where in kinds
            if paper
        ),
        Method(Z_NLR.label, {**Z_NLR.where, **none}),
    ]
