"""The tables of the paper: which runs each of their cells stands for."""

from __future__ import annotations

from dataclasses import dataclass

from qnlr.paper.cells import ADAM as ADAM
from qnlr.paper.cells import (
    BASIC,
    BATCHES_A_PASS,
    TUNED,
    Z_REINIT,
    datasets,
    gaussians,
    kappas,
    lengths,
    mitigations,
    perturbed,
    rates,
    strategies,
    sweep,
    unscaled_rates,
)
from qnlr.paper.cells import DATASETS as DATASETS
from qnlr.paper.cells import GAUSSIAN as GAUSSIAN
from qnlr.paper.cells import MOMENTUM as MOMENTUM
from qnlr.paper.cells import NLR as NLR
from qnlr.paper.cells import REINIT as REINIT
from qnlr.paper.cells import RMSPROP as RMSPROP
from qnlr.paper.cells import SGD as SGD
from qnlr.paper.cells import UNIFORM as UNIFORM
from qnlr.paper.cells import UNSCALED as UNSCALED
from qnlr.paper.cells import Z_NLR as Z_NLR
from qnlr.paper.cells import Method as Method
from qnlr.paper.cells import Setting as Setting
from qnlr.paper.reference import Reported, find, reference


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
            (SGD, ADAM, *rates(), *unscaled_rates()),
            reported="table_01",
        ),
        PaperTable(
            "table_02_steps",
            "Table II: training length, read as steps",
            ("table_02_steps",),
            tuple(lengths("steps", 1)),
            BASIC,
            "training length",
            "table_02",
        ),
        PaperTable(
            "table_02_epochs",
            "Table II: training length, read as passes over the training data",
            ("table_02_epochs",),
            tuple(lengths("passes", BATCHES_A_PASS)),
            (SGD, NLR),
            "training length",
            "table_02",
            note="A pass is 25 mini-batches of 32; 500 passes are 12,500 steps; not under noise.",
        ),
        PaperTable(
            "table_03_dimension",
            "Table III: the input dimension d",
            ("table_03_dimension",),
            tuple(sweep("data.features", (4, 6, 8, 10, 12), "d", "features")),
            BASIC,
            "input dimension d",
            "table_03",
        ),
        PaperTable(
            "table_04_layers",
            "Table IV: the depth L",
            ("table_04_layers",),
            tuple(sweep("circuit.layers", (3, 5, 7, 9, 11), "L", "layers")),
            BASIC,
            "depth L",
            "table_04",
        ),
        PaperTable(
            "table_05_perturbation",
            "Table V, Figure 4: its axis read as the perturbation σ",
            ("table_05_perturbation",),
            whole,
            (SGD, ADAM, NLR, *perturbed()),
            reported="table_05",
        ),
        PaperTable(
            "table_05_noise",
            "Table V: its axis read as the noise rate ν",
            ("table_05_noise",),
            tuple(sweep("backend.noise.rate", (0.005, 0.01, 0.02, 0.05, 0.1), "ν", "sigma")),
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
            tuple(sweep("data.samples", (200, 500, 1000, 2000, 5000), "n", "samples")),
            BASIC,
            "samples n",
            "table_07",
            log_x=True,
        ),
        PaperTable(
            "table_08_datasets",
            "Table VIII: optimizers on every dataset, all at the same learning rate 0.01",
            ("table_08_datasets",),
            tuple(datasets()),
            (
                *(SGD, MOMENTUM, RMSPROP, ADAM, REINIT, Z_REINIT, GAUSSIAN, UNIFORM),
                *(NLR, UNSCALED, Z_NLR),
            ),
            "dataset",
            "table_08",
            note="The paper's caption says after 300 epochs; here it is after 500 steps.",
        ),
        PaperTable(
            "table_08_tuned",
            "Table VIII: optimizers on every dataset, each at its tuned learning rate",
            tuple(f"tuned_{name}" for name in DATASETS),
            tuple(datasets()),
            TUNED,
            "dataset",
            "table_08",
            note="The paper's caption says after 300 epochs; here it is after 500 steps.",
        ),
        PaperTable(
            "table_09_convergence",
            "Table IX: where the curves of Figures 2 and 3 end",
            ("table_09_convergence",),
            whole,
            (SGD, ADAM, NLR, UNSCALED),
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
            (SGD, NLR, *perturbed()),
            reported="table_05",
            per_step="end",
        ),
        PaperTable(
            "table_10_standard",
            "Table X: SGD against NLR on every dataset",
            ("table_10_standard",),
            tuple(datasets()),
            BASIC,
            "dataset",
            "table_10",
        ),
        PaperTable(
            "table_10_head",
            "Table X with a trained scale and bias, and cross-entropy",
            ("table_10_head",),
            tuple(datasets()),
            BASIC,
            "dataset",
            "table_10",
            note="The loss is another one, so compare it with the other tables' in sign only.",
        ),
        PaperTable(
            "table_11_strategies",
            "Table XI: what else is done about plateaus",
            ("table_11_strategies", "table_11_shallow"),
            whole,
            tuple(strategies()),
            reported="table_11",
            note="All strategies are trained by SGD at the same rate, which the paper does not "
            "say. Identity blocks need an even number of layers, and have 4; losses and gradients "
            "of a circuit of 1, 2 or 4 layers are those of that circuit, with fewer weights. Z is "
            "read on qubit 0, as everywhere here; the chain of CX carries the data to higher "
            "qubits, so that a shallow circuit is at chance there and not where qubit 2 is read.",
        ),
        PaperTable(
            "mitigation",
            "Section V-C: error mitigation under noise, on four qubits",
            ("mitigation",),
            tuple(mitigations()),
            (SGD, NLR),
            "mitigation",
            note="Losses are measured through the mitigation that the run was trained with.",
        ),
        PaperTable(
            "ablation_kappa",
            "Left open by the paper: κ = η'/η",
            ("ablation_kappa",),
            whole,
            (SGD, ADAM, *kappas()),
        ),
        PaperTable(
            "ablation_gaussians",
            "Left open by the paper: the Gaussians' means and covariance",
            ("ablation_gaussians",),
            tuple(gaussians()),
            (SGD, ADAM, NLR),
            "data",
        ),
    ]
    return {table.name: table for table in found}
