"""Claims on hyperparameters and noise: Tables I to V and Figure 4."""

from __future__ import annotations

from qnlr.paper.checks import Ref, each, equal, higher, lower, stalled
from qnlr.paper.claim import ACCURACY, NORM, PaperClaim
from qnlr.paper.consistency import repeated
from qnlr.paper.tables import (
    NLR,
    SGD,
    UNSCALED,
)


def hyperparameters() -> list[PaperClaim]:
    """Return the claims on hyperparameters."""
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
            each(*(equal(ref.of(ACCURACY), 100.0, 1.0) for ref in rate.values())),
            "Within one point.",
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
                "Beyond 300 epochs the loss still falls, but little.",
                each(lower(last, late), stalled(last, late)),
                f"{reading} Little is less than 5 %.",
            ),
        ]
    dimension = [Ref("table_03_dimension", NLR.label, f"d = {d}") for d in (4, 6, 8, 10, 12)]
    depth = [Ref("table_04_layers", NLR.label, f"L = {n}") for n in (3, 5, 7, 9, 11)]
    return [
        *found,
        PaperClaim(
            "dimension_loss",
            "Table III",
            "NLR's loss is lower at the input dimension d = 12 than at d = 4.",
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
            "Accuracy is lower at L = 11 than at L = 5.",
            lower(depth[-1].of(ACCURACY), depth[1].of(ACCURACY)),
        ),
    ]


def noise() -> list[PaperClaim]:
    """Return the claims on perturbations, noise and its mitigation."""
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
            "mitigation",
            "section V-C",
            "Zero-noise extrapolation and read-out calibration stabilise training under noise: NLR "
            "is more accurate with them than without.",
            each(
                *(
                    higher(
                        Ref("mitigation", NLR.label, name, ACCURACY),
                        Ref("mitigation", NLR.label, "none", ACCURACY),
                    )
                    for name in ("read-out", "zero noise, exponential")
                )
            ),
            "On four qubits and two layers, 40 steps at η = 0.3, ν = 0.02.",
            "noise",
        ),
        PaperClaim(
            "two_axes",
            "Tables I and V",
            "The same losses and gradient norms, digit for digit, are those of five negative rates "
            "and of five perturbations or noise levels.",
            repeated("table_01", "table_05"),
            measured=False,
        ),
    ]
