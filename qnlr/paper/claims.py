"""The claims of the paper, each with the check that it is held against."""

from __future__ import annotations

from dataclasses import dataclass

from qnlr.paper.checks import Check, Ref, each, equal, higher, lower, reduction, stalled
from qnlr.paper.consistency import bounded, repeated, two_values, unspecified, wrong_way
from qnlr.paper.tables import (
    ADAM,
    DATASETS,
    GAUSSIAN,
    MOMENTUM,
    NLR,
    REINIT,
    RMSPROP,
    SGD,
    UNIFORM,
    UNSCALED,
)

NORM = "gradient_norm_without_shots"
ACCURACY = "last_test_accuracy"
BASELINES = (SGD, MOMENTUM, RMSPROP, ADAM)
SETTINGS = tuple(DATASETS.values())


@dataclass(frozen=True)
class PaperClaim:
    """A claim of the paper.

    Args:
        name: Short name.
        where: Where the paper makes it.
        says: What it says.
        check: What it is held against: measurements, or other numbers of the paper itself.
        assumed: What had to be assumed, as the paper leaves it open.
        mode: Evaluation mode that decides: shots, as in the paper, if nothing else is said.
    """

    name: str
    where: str
    says: str
    check: Check
    assumed: str = ""
    mode: str = "shots"


def claims() -> tuple[PaperClaim, ...]:
    """Return the claims, in the paper's order.

    Example:
        >>> claims()[0].name
        'up_to_8_percent'
    """
    return (
        *_overall(),
        *_hyperparameters(),
        *_noise(),
        *_optimizers(),
        *_datasets(),
        *_figures(),
        *_open(),
    )


def _overall() -> list[PaperClaim]:
    table = "table_10_standard"
    pairs = [(Ref(table, NLR.label, name), Ref(table, SGD.label, name)) for name in SETTINGS]
    return [
        PaperClaim(
            "up_to_8_percent",
            "abstract of the contributions",
            "NLR reduces the loss by up to 8.2 % below conventional optimization, on synthetic and "
            "public data.",
            reduction(pairs, 8.2),
            "Conventional is SGD at the same rate. Table X itself has reductions up to 17.9 %.",
        ),
        PaperClaim(
            "losses_and_gradients",
            "Tables I to V, VII, VIII, X, XI",
            "Losses of 10⁻⁵ to 10⁻² go with gradient norms of 1.3 to 8.2 at P weights.",
            bounded(),
            "Bounds for a bare ⟨Z⟩: squared error ‖∇ℓ‖ ≤ 2√(2P)·ℓ^¾, cross-entropy ‖∇ℓ‖ ≤ √(P(e^ℓ "
            "− 1)), for a mean as long as no sample has more than ln 2. A trained scale s on ⟨Z⟩ "
            "would have to be as large as said.",
        ),
    ]


def _hyperparameters() -> list[PaperClaim]:
    rates = "table_01_negative_rate"
    rate = {value: Ref(rates, f"NLR, η' = {value:g}") for value in (0.005, 0.01, 0.02, 0.05, 0.1)}
    others = [ref for value, ref in rate.items() if value != 0.02]
    found = [
        PaperClaim(
            "best_rate",
            "Table I",
            "Of all negative rates η' = 0.02 gives the lowest loss.",
            lower(rate[0.02], *others),
        ),
        PaperClaim(
            "best_rate_norm",
            "Table I",
            "η' = 0.02 gives the largest gradient norm, so the most useful gradients.",
            higher(rate[0.02].of(NORM), *(ref.of(NORM) for ref in others)),
        ),
        PaperClaim(
            "high_rate",
            "Table I",
            "A high η' of 0.1 destabilises training: higher loss than η' = 0.02.",
            higher(rate[0.1], rate[0.02]),
        ),
        PaperClaim(
            "accuracy_100",
            "Table I",
            "The accuracy is 100 % at every η'.",
            each(*(equal(ref.of(ACCURACY), 100.0, 0.05, 100.0, " %") for ref in rate.values())),
        ),
    ]
    for name, unit in (("table_02_steps", "steps"), ("table_02_epochs", "passes")):
        first, late, last = (Ref(name, NLR.label, f"{n} {unit}") for n in (50, 300, 500))
        reading = f"Epochs read as {unit}."
        found += [
            PaperClaim(
                f"longer_{unit}",
                "Table II",
                "NLR's loss goes on falling from 50 to 500 epochs.",
                lower(last, first),
                reading,
            ),
            PaperClaim(
                f"longer_norm_{unit}",
                "Table II",
                "NLR's gradient norm grows from 50 to 500 epochs.",
                higher(last.of(NORM), first.of(NORM)),
                reading,
            ),
            PaperClaim(
                f"saturated_{unit}",
                "Table II",
                "Beyond 300 epochs little is gained, but the loss still falls.",
                lower(last, late),
                reading,
            ),
        ]
    dimension = [Ref("table_03_dimension", NLR.label, f"d = {d}") for d in (4, 6, 8, 10, 12)]
    depth = [Ref("table_04_layers", NLR.label, f"L = {n}") for n in (3, 5, 7, 9, 11)]
    return [
        *found,
        PaperClaim(
            "dimension_loss",
            "Table III",
            "NLR's loss falls with the input dimension, from d = 4 to d = 12.",
            lower(dimension[-1], dimension[0]),
            "The means stay as far apart per coordinate, so classes are further apart at larger d.",
        ),
        PaperClaim(
            "dimension_norm",
            "Table III",
            "The gradient norm is largest at d = 8.",
            higher(dimension[2].of(NORM), *(r.of(NORM) for r in dimension if r != dimension[2])),
        ),
        PaperClaim(
            "depth_loss",
            "Table IV",
            "Of all depths L = 5 has the lowest loss.",
            lower(depth[1], *(ref for ref in depth if ref != depth[1])),
        ),
        PaperClaim(
            "depth_norm",
            "Table IV",
            "Deeper circuits than L = 5 have smaller gradients at the end.",
            higher(depth[1].of(NORM), *(ref.of(NORM) for ref in depth[2:])),
        ),
        PaperClaim(
            "depth_accuracy",
            "Table IV",
            "Accuracy falls slightly, from 100 % at L = 5 to 99.4 % at L = 11.",
            lower(depth[-1].of(ACCURACY), depth[1].of(ACCURACY)),
        ),
    ]


def _noise() -> list[PaperClaim]:
    sigma = {
        value: Ref("table_05_perturbation", f"NLR, σ = {value:g}")
        for value in (0.005, 0.01, 0.02, 0.05, 0.1)
    }
    plain = Ref("table_05_perturbation", NLR.label)
    at = {nu: f"ν = {nu:g}" for nu in (0.005, 0.01, 0.02, 0.05, 0.1)}
    table = "table_05_noise"
    return [
        PaperClaim(
            "small_sigma",
            "Figure 4",
            "Small perturbations of the reversal (σ up to 0.02) help: lower loss than without.",
            each(*(lower(sigma[value], plain) for value in (0.005, 0.01, 0.02))),
            "σ is the standard deviation, in radians, of noise added to every reversal.",
        ),
        PaperClaim(
            "large_sigma",
            "Table V, Figure 4",
            "A perturbation of σ = 0.1 leads to a higher loss than one of σ = 0.02.",
            higher(sigma[0.1], sigma[0.02]),
        ),
        PaperClaim(
            "effective_noise",
            "section V-C",
            "NLR stays effective up to a noise rate ν of 0.05: a lower loss than SGD's.",
            each(
                *(
                    lower(Ref(table, NLR.label, at[nu]), Ref(table, SGD.label, at[nu]))
                    for nu in (0.005, 0.01, 0.02, 0.05)
                )
            ),
            "ν is the mean of one-qubit, two-qubit and read-out error rates.",
            "noise",
        ),
        PaperClaim(
            "scaled_rate",
            "section V-C",
            "Scaling the negative rate by 1/(1 + νL) stabilises training under noise: a lower loss "
            "than without.",
            each(
                *(
                    lower(Ref(table, NLR.label, name), Ref(table, UNSCALED.label, name))
                    for name in at.values()
                )
            ),
            mode="noise",
        ),
        PaperClaim(
            "two_axes",
            "Tables I and V",
            "The same losses and gradient norms, digit for digit, are those of five negative rates "
            "and of five perturbations or noise levels.",
            repeated("table_01", "table_05"),
        ),
    ]


def _optimizers() -> list[PaperClaim]:
    table = "table_06_optimizers"
    own = Ref(table, NLR.label)
    others = [Ref(table, method.label) for method in BASELINES]
    tuned = "table_06_tuned"
    return [
        PaperClaim(
            "lowest_loss",
            "Table VI",
            "NLR ends with a lower loss than SGD, momentum, RMSProp and Adam at the same rate.",
            lower(own, *others),
        ),
        PaperClaim(
            "lowest_loss_tuned",
            "Table VI",
            "The same, with each optimizer at the rate that tuning found for it.",
            lower(Ref(tuned, NLR.label), *(Ref(tuned, method.label) for method in BASELINES)),
            "The paper compares untuned optimizers only.",
        ),
        PaperClaim(
            "highest_accuracy",
            "Table VI",
            "NLR has the highest accuracy.",
            higher(own.of(ACCURACY), *(ref.of(ACCURACY) for ref in others)),
        ),
        PaperClaim(
            "strongest_gradients",
            "Table VI, caption and text",
            "NLR has stronger gradient signals than all baselines.",
            higher(own.of(NORM), *(ref.of(NORM) for ref in others)),
            "NLR ends at a higher loss, where gradients are larger. The paper's table has NLR's "
            "as the smallest of all.",
        ),
        PaperClaim(
            "strongest_in_the_table",
            "Table VI and its caption",
            "Table VI shows stronger gradients for NLR, as its caption says.",
            wrong_way("table_06", "nlr"),
        ),
        PaperClaim(
            "momentum_helps",
            "Table VI",
            "Momentum and adaptive rates converge to lower losses than SGD.",
            each(*(lower(ref, others[0]) for ref in others[1:])),
        ),
    ]


def _datasets() -> list[PaperClaim]:
    table = "table_08_datasets"
    samples = [Ref("table_07_samples", NLR.label, f"n = {n}") for n in (200, 500, 1000, 2000, 5000)]
    standard = "table_10_standard"
    head = "table_10_head"

    def better(where: str, column: str, names: tuple[str, ...] = SETTINGS) -> Check:
        compare = lower if column.endswith("loss") else higher
        return each(
            *(
                compare(Ref(where, NLR.label, name, column), Ref(where, SGD.label, name, column))
                for name in names
            )
        )

    return [
        PaperClaim(
            "samples_loss",
            "Table VII",
            "NLR's training loss falls with the number of samples, from 200 to 5000.",
            lower(samples[-1], samples[0]),
            "n counts all samples, of which 80 % are trained on.",
        ),
        PaperClaim(
            "samples_norm",
            "Table VII",
            "The gradient norm grows with the number of samples.",
            higher(samples[-1].of(NORM), samples[0].of(NORM)),
        ),
        PaperClaim(
            "against_noise",
            "Table VIII, text",
            "NLR beats Gaussian and uniform perturbations of the same variance.",
            each(
                *(
                    lower(Ref(table, NLR.label, name), Ref(table, method.label, name))
                    for name in SETTINGS
                    for method in (GAUSSIAN, UNIFORM)
                )
            ),
            "The table has no rows for them. They replace the reversal whenever it would be made.",
        ),
        PaperClaim(
            "against_reinit",
            "Table VIII",
            "NLR beats repeated random re-initialisation.",
            each(
                *(
                    lower(Ref(table, NLR.label, name), Ref(table, REINIT.label, name))
                    for name in SETTINGS
                )
            ),
            "When to re-initialise is not said; here it is done whenever NLR would reverse.",
        ),
        PaperClaim(
            "reinit_is_rmsprop",
            "Table VIII",
            "Random re-initialisation gives the same numbers as RMSProp, digit for digit, on five "
            "datasets.",
            repeated("table_08", "table_08", "random_reinit", "rmsprop"),
        ),
        PaperClaim(
            "lowest_everywhere",
            "Table VIII",
            "NLR has a lower loss than SGD, momentum, RMSProp and Adam on every dataset.",
            each(
                *(
                    lower(
                        Ref(table, NLR.label, name),
                        *(Ref(table, method.label, name) for method in BASELINES),
                    )
                    for name in SETTINGS
                )
            ),
        ),
        PaperClaim(
            "datasets_loss",
            "Table X",
            "NLR ends with a lower loss than SGD on every dataset.",
            better(standard, "last_train_loss"),
        ),
        PaperClaim(
            "datasets_accuracy",
            "Table X",
            "NLR is more accurate than SGD on all datasets but the Gaussians, where both are at "
            "100 %.",
            better(standard, ACCURACY, SETTINGS[1:]),
        ),
        PaperClaim(
            "datasets_norm",
            "Table X",
            "NLR ends with larger gradients than SGD on every dataset.",
            better(standard, NORM),
        ),
        PaperClaim(
            "datasets_head",
            "Table X, with classical layers",
            "NLR ends with a lower loss than SGD on every dataset, with a trained head.",
            better(head, "last_train_loss"),
            "The classical layers are a scale and a bias on ⟨Z⟩ with cross-entropy.",
        ),
        PaperClaim(
            "one_loss_twice",
            "Tables IX and X",
            "SGD and NLR on the Gaussians end at losses of 0.0583 and 0.0131, and at 0.000240 and "
            "0.000223.",
            two_values("table_09", "table_10", "gaussian"),
        ),
    ]


def _figures() -> list[PaperClaim]:
    table = "table_09_convergence"
    length = "table_02_steps"
    return [
        PaperClaim(
            "far_lower",
            "Table IX, Figure 2",
            "NLR converges to a far lower training loss than SGD.",
            lower(Ref(table, NLR.label), Ref(table, SGD.label)),
        ),
        PaperClaim(
            "sgd_stalls",
            "Figure 2",
            "SGD soon stalls and makes no more progress: its loss at 500 steps is that at 300.",
            stalled(Ref(length, SGD.label, "500 steps"), Ref(length, SGD.label, "300 steps")),
            "To stall is taken as falling by less than 5 %.",
        ),
        PaperClaim(
            "gradients_kept",
            "Table IX, Figure 3",
            "NLR keeps larger gradients than SGD, whose gradients go to almost zero.",
            higher(Ref(table, NLR.label, column=NORM), Ref(table, SGD.label, column=NORM)),
            "Table IX itself has NLR's gradient norm as the smaller one.",
        ),
    ]


def _open() -> list[PaperClaim]:
    return [
        PaperClaim(
            "loss_levels",
            "Tables I to X",
            "Training ends at losses from 0.00003 to 0.07.",
            unspecified("the loss function, and what the classical layers are, are not given"),
            "Here the loss is the squared error of the bare ⟨Z⟩, so levels cannot be compared; "
            "differences between methods can.",
        ),
        PaperClaim(
            "qdataset_levels",
            "Tables VIII and X",
            "On QDataSet SGD is right in 92.3 % and NLR in 94.0 % of the cases.",
            unspecified(
                "neither the task nor which of QDataSet's 52 datasets is given, and the published "
                "files are no longer on the internet"
            ),
            "Here the task is whether a control leaves or flips the qubit, on regenerated examples "
            "of G_1q_X.",
        ),
        PaperClaim(
            "thresholds",
            "section V-A",
            "Noise and switching thresholds are σ = 0.05 and τ = 0.1.",
            unspecified("Algorithm 1 uses neither, and nothing says what they do"),
            "σ is varied as a perturbation of the reversal; the trigger is any increase.",
        ),
        PaperClaim(
            "figure_1",
            "Figure 1",
            "A synthetic landscape has a shallow cave at (−2, −2), in a plateau.",
            unspecified("the function is not given"),
            "Drawn here is a cave of depth 0.3 and radius 1.5 with a flat floor, in a tilted "
            "plane.",
        ),
    ]
