"""The tables of the paper: which runs each of their cells stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qnlr.paper.reference import Reported, find, reference, rows

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


@dataclass(frozen=True)
class PaperTable:
    """A table of the paper, or what stands beside one.

    Args:
        name: Stem of the files it is written to.
        title: What it shows.
        studies: Studies that its runs are of, by the names of their configs.
        settings: What is varied besides the method.
        methods: What is compared.
        axis: Name of what the settings vary; "" where there is one only.
        reported: The paper's table, or None.
        log_x: Whether the axis is logarithmic in a figure.
        per_step: For a figure of the paper, the column of the history that it shows; or "end" if it
            shows where runs end.
        note: What to know about it.
    """

    name: str
    title: str
    studies: tuple[str, ...]
    settings: tuple[Setting, ...]
    methods: tuple[Method, ...]
    axis: str = ""
    reported: str | None = None
    log_x: bool = False
    per_step: str = ""
    note: str = ""

    def paper_row(self, setting: Setting, method: Method) -> Reported | None:
        """Return what the paper reports for a cell, or None if it has no such cell."""
        if self.reported is None or method.paper is None:
            return None
        name = reference()[self.reported]["axis"]
        if name == "method":
            return find(self.reported, method=method.paper, **setting.paper)
        if name in setting.paper:  # these tables report NLR alone
            return find(self.reported, **setting.paper) if method.paper == NLR.paper else None
        if method.paper in (SGD.paper, ADAM.paper, NLR.paper):
            return None
        return find(self.reported, **{name: float(method.paper)})


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


def _sweep(key: str, values: Sequence[float], symbol: str, paper: str | None) -> list[Setting]:
    return [
        Setting(f"{symbol} = {value:g}", {key: value}, value, paper={paper: value} if paper else {})
        for value in values
    ]


def _lengths(unit: str, steps: int) -> list[Setting]:
    return [
        Setting(f"{count} {unit}", NONE, count, count * steps, {"epochs": count})
        for count in (row.axis["epochs"] for row in rows("table_02"))
    ]


def _datasets(names: Sequence[str] = tuple(DATASETS)) -> list[Setting]:
    return [Setting(DATASETS[name], {"data.name": name}, paper={"dataset": name}) for name in names]


def _rates() -> list[Method]:
    return [
        Method(f"NLR, η' = {rate:g}", {**_nlr(), "optimizer.negative_rate.value": rate}, str(rate))
        for rate in (row.axis["negative_rate"] for row in rows("table_01"))
    ]


def _unscaled_rates() -> list[Method]:
    return [
        Method(
            f"NLR, not scaled, η' = {rate:g}",
            {**_nlr(scaled=False), "optimizer.negative_rate.value": rate},
        )
        for rate in (row.axis["negative_rate"] for row in rows("table_01"))
    ]


def _perturbed() -> list[Method]:
    return [
        Method(
            f"NLR, σ = {sigma:g}",
            {**_nlr(corrective="perturbed_reversal"), "optimizer.corrective.sigma": sigma},
            str(sigma),
        )
        for sigma in (row.axis["sigma"] for row in rows("table_05"))
    ]


def _kappas(trigger: str, name: str) -> list[Method]:
    return [
        Method(f"{name}, κ = {kappa:g}", {**_nlr(trigger), "optimizer.negative_rate.kappa": kappa})
        for kappa in (1.5, 2.0, 2.5, 3.0)
    ]


def _gaussians() -> list[Setting]:
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


def _mitigations() -> list[Setting]:
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


def tables() -> dict[str, PaperTable]:
    """Return every table: the paper's in the readings that it leaves open, figures and ablations.

    Returns:
        Tables by name, in order.

    Example:
        >>> [name for name in tables() if name.startswith("table_05")]
        ['table_05_perturbation', 'table_05_noise']
    """
    whole = (Setting(),)
    found = [
        PaperTable(
            "table_01_negative_rate",
            "Table I: the negative learning rate η'",
            ("table_01_negative_rate",),
            whole,
            (SGD, ADAM, *_rates(), *_unscaled_rates()),
            reported="table_01",
        ),
        PaperTable(
            "table_02_steps",
            "Table II: training length, read as steps",
            ("table_02_steps",),
            tuple(_lengths("steps", 1)),
            BASIC,
            "training length",
            "table_02",
        ),
        PaperTable(
            "table_02_epochs",
            "Table II: training length, read as passes over the training data",
            ("table_02_epochs",),
            tuple(_lengths("passes", BATCHES_A_PASS)),
            (SGD, NLR),
            "training length",
            "table_02",
            note="A pass is 25 mini-batches of 32; 500 passes are 12,500 steps.",
        ),
        PaperTable(
            "table_03_dimension",
            "Table III: the input dimension d",
            ("table_03_dimension",),
            tuple(_sweep("data.features", (4, 6, 8, 10, 12), "d", "features")),
            BASIC,
            "input dimension d",
            "table_03",
        ),
        PaperTable(
            "table_04_layers",
            "Table IV: the depth L",
            ("table_04_layers",),
            tuple(_sweep("circuit.layers", (3, 5, 7, 9, 11), "L", "layers")),
            BASIC,
            "depth L",
            "table_04",
        ),
        PaperTable(
            "table_05_perturbation",
            "Table V, Figure 4: its axis read as the perturbation σ",
            ("table_05_perturbation",),
            whole,
            (SGD, ADAM, NLR, *_perturbed()),
            reported="table_05",
        ),
        PaperTable(
            "table_05_noise",
            "Table V: its axis read as the noise rate ν",
            ("table_05_noise",),
            tuple(_sweep("backend.noise.rate", (0.005, 0.01, 0.02, 0.05, 0.1), "ν", "sigma")),
            (*BASIC, Z_NLR),
            "noise rate ν",
            "table_05",
            log_x=True,
        ),
        PaperTable(
            "table_06_optimizers",
            "Table VI: optimizers, all at the same learning rate 0.01",
            ("table_06_optimizers",),
            whole,
            (SGD, MOMENTUM, RMSPROP, ADAM, NLR, UNSCALED, Z_NLR),
            reported="table_06",
        ),
        PaperTable(
            "table_06_tuned",
            "Table VI: optimizers, each at the learning rate that tuning found for it",
            ("tuned_gaussian",),
            whole,
            TUNED,
            reported="table_06",
        ),
        PaperTable(
            "table_07_samples",
            "Table VII: the number of samples n",
            ("table_07_samples",),
            tuple(_sweep("data.samples", (200, 500, 1000, 2000, 5000), "n", "samples")),
            BASIC,
            "samples n",
            "table_07",
            log_x=True,
        ),
        PaperTable(
            "table_08_datasets",
            "Table VIII: optimizers on every dataset, all at the same learning rate 0.01",
            ("table_08_datasets",),
            tuple(_datasets()),
            (
                *(SGD, MOMENTUM, RMSPROP, ADAM, REINIT, Z_REINIT, GAUSSIAN, UNIFORM),
                *(NLR, UNSCALED, Z_NLR),
            ),
            "dataset",
            "table_08",
        ),
        PaperTable(
            "table_08_tuned",
            "Table VIII: optimizers on every dataset, each at its tuned learning rate",
            tuple(f"tuned_{name}" for name in DATASETS),
            tuple(_datasets()),
            TUNED,
            "dataset",
            "table_08",
        ),
        PaperTable(
            "table_09_convergence",
            "Table IX: where the curves of Figures 2 and 3 end",
            ("table_09_convergence",),
            whole,
            (SGD, NLR, UNSCALED),
            reported="table_09",
        ),
        PaperTable(
            "figure_02_loss",
            "Figure 2: loss per step",
            ("figure_02_loss",),
            whole,
            (SGD, NLR),
            reported="table_09",
            per_step="metric_loss",
        ),
        PaperTable(
            "figure_03_gradient_norm",
            "Figure 3: gradient norm per step",
            ("figure_03_gradient_norm",),
            whole,
            (SGD, NLR),
            reported="table_09",
            per_step="metric_gradient_norm",
        ),
        PaperTable(
            "figure_04_perturbation",
            "Figure 4: final loss against the perturbation σ",
            ("figure_04_perturbation",),
            whole,
            (SGD, NLR, *_perturbed()),
            reported="table_05",
            per_step="end",
        ),
        PaperTable(
            "table_10_standard",
            "Table X: SGD against NLR on every dataset",
            ("table_10_standard",),
            tuple(_datasets()),
            BASIC,
            "dataset",
            "table_10",
        ),
        PaperTable(
            "table_10_head",
            "Table X with a trained scale and bias, and cross-entropy",
            ("table_10_head",),
            tuple(_datasets()),
            BASIC,
            "dataset",
            "table_10",
            note="The loss is another one, so compare it with the other tables' in sign only.",
        ),
        PaperTable(
            "mitigation",
            "Section V-C: error mitigation under noise, on four qubits",
            ("mitigation",),
            tuple(_mitigations()),
            (SGD, NLR),
            "mitigation",
            note="Losses are measured through the mitigation that the run was trained with.",
        ),
        PaperTable(
            "ablation_kappa",
            "Left open by the paper: κ = η'/η",
            ("ablation_kappa",),
            whole,
            (SGD, ADAM, *_kappas("any_increase", "NLR"), *_kappas("standard_errors", "z-trigger")),
        ),
        PaperTable(
            "ablation_gaussians",
            "Left open by the paper: the Gaussians' means and covariance",
            ("ablation_gaussians",),
            tuple(_gaussians()),
            (SGD, ADAM, NLR),
            "data",
        ),
    ]
    return {table.name: table for table in found}
