"""Claims on optimizers, datasets and convergence: Tables VI to X, Figures 2 and 3."""

from __future__ import annotations

from qnlr.paper.checks import Check, Ref, each, equal, higher, lower, stalled
from qnlr.paper.claim import ACCURACY, BASELINES, NORM, SETTINGS, PaperClaim
from qnlr.paper.consistency import repeated, two_values, wrong_way
from qnlr.paper.tables import (
    GAUSSIAN,
    NLR,
    REINIT,
    SGD,
    UNIFORM,
)


def optimizers() -> list[PaperClaim]:
    """Return the claims on optimizers."""
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
            "NLR ends with a lower loss than SGD, momentum, RMSProp and Adam, each tuned.",
            lower(Ref(tuned, NLR.label), *(Ref(tuned, method.label) for method in BASELINES)),
            "The paper compares untuned optimizers only. Rates are tuned with 1000 shots, on "
            "seeds that are not compared.",
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
            "The paper's table has NLR's gradient norm as the smallest of all.",
        ),
        PaperClaim(
            "strongest_in_the_table",
            "Table VI and its caption",
            "Table VI shows stronger gradients for NLR, as its caption says.",
            wrong_way("table_06", "nlr"),
            measured=False,
        ),
        PaperClaim(
            "momentum_helps",
            "Table VI",
            "Momentum and adaptive rates converge to lower losses than SGD.",
            each(*(lower(ref, others[0]) for ref in others[1:])),
        ),
    ]


def datasets() -> list[PaperClaim]:
    """Return the claims on samples and datasets."""
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
            "NLR's training loss is lower with 5000 samples than with 200.",
            lower(samples[-1], samples[0]),
            "n counts all samples, of which 80 % are trained on.",
        ),
        PaperClaim(
            "samples_norm",
            "Table VII",
            "The gradient norm is larger with 5000 samples than with 200.",
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
            "The table has no rows for them. Here they replace the reversal whenever it would be "
            "made, with its variance at that step, σ² = ‖η'g‖²/P; the paper may also mean σ = η'.",
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
            measured=False,
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
            "norms_everywhere",
            "Table VIII, caption",
            "NLR has larger gradients than SGD, momentum, RMSProp and Adam on every dataset.",
            each(
                *(
                    higher(
                        Ref(table, NLR.label, name, NORM),
                        *(Ref(table, method.label, name, NORM) for method in BASELINES),
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
            measured=False,
        ),
    ]


def figures() -> list[PaperClaim]:
    """Return the claims on convergence."""
    table = "table_09_convergence"
    length = "table_02_steps"
    return [
        PaperClaim(
            "rare_reversals",
            "Theorem 2, section VI",
            "Away from plateaus the probe does not fail, and reversals become rare.",
            equal(Ref(table, NLR.label, column="flips"), 0.0, 25.0),
            "Rare: in less than 5 % of 500 steps.",
        ),
        PaperClaim(
            "reliable_start",
            "section III-B",
            "A negative rate of η' = 2η is a reliable starting point: a lower loss than SGD's.",
            lower(Ref("ablation_kappa", "NLR, κ = 2"), Ref("ablation_kappa", SGD.label)),
        ),
        PaperClaim(
            "far_lower",
            "Table IX, Figure 2",
            "NLR ends with a lower training loss than SGD.",
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
            "NLR ends with larger gradients than SGD.",
            higher(Ref(table, NLR.label, column=NORM), Ref(table, SGD.label, column=NORM)),
            "Table IX itself has NLR's gradient norm as the smaller one.",
        ),
    ]


def plateau_strategies() -> list[PaperClaim]:
    """Return the claims on NLR against other strategies."""
    table = "table_11_strategies"
    own = Ref(table, NLR.label)
    shallow, layerwise, identity = (
        Ref(table, label)
        for label in ("shallow circuit of 2 layers", "layerwise", "identity blocks")
    )
    same = (
        "All are trained at the same rate, the others by SGD; the shallow circuit has two layers."
    )
    return [
        PaperClaim(
            "best_strategy",
            "Table XI",
            "NLR ends with a lower loss than a shallow circuit, layerwise training and identity "
            "blocks.",
            lower(own, shallow, layerwise, identity),
            same,
        ),
        PaperClaim(
            "shallow_norm",
            "Table XI",
            "A shallow circuit has the largest gradient norm of the four.",
            higher(shallow.of(NORM), *(one.of(NORM) for one in (layerwise, identity, own))),
            same,
        ),
        PaperClaim(
            "shallow_underfits",
            "Table XI",
            "A shallow circuit ends with the highest loss of the four.",
            higher(shallow, layerwise, identity, own),
            f"{same} Z is read on qubit 0, to which two layers bring little of the data; the row "
            "read on qubit 2 tells another story.",
        ),
        PaperClaim(
            "layerwise_cost",
            "section V-D",
            "Layerwise training costs more than NLR, in shots.",
            higher(layerwise.of("shots"), own.of("shots")),
            "Frozen layers need no shifts, and so cost nothing.",
        ),
    ]
