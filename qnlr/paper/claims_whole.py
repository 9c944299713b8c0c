"""Claims on the paper as a whole, and those that it leaves open."""

from __future__ import annotations

from qnlr.paper.checks import Ref, reduction
from qnlr.paper.claim import SETTINGS, PaperClaim
from qnlr.paper.consistency import bounded, unspecified
from qnlr.paper.tables import (
    NLR,
    SGD,
)


def overall() -> list[PaperClaim]:
    """Return the claims on the paper as a whole."""
    table = "table_10_standard"
    pairs = [(Ref(table, NLR.label, name), Ref(table, SGD.label, name)) for name in SETTINGS]
    return [
        PaperClaim(
            "up_to_8_percent",
            "section I, contributions",
            "NLR reduces the loss by up to 8.2 % below conventional optimization, on synthetic and "
            "public data.",
            reduction(pairs, 8.2),
            "Conventional is SGD at the same rate. Table X itself has reductions of up to 17.9 %, "
            "and Table VI one of 77.5 %.",
        ),
        PaperClaim(
            "five_to_ten_percent",
            "section V-D",
            "On MNIST and Fashion-MNIST the loss is up to 5 to 10 % lower than SGD's.",
            reduction(pairs[1:3], 5.0),
            "Held against the lower end. Table X itself has 5.8 % and 14.4 %.",
        ),
        PaperClaim(
            "losses_and_gradients",
            "Tables I to V, VII, VIII and X",
            "Losses of 0.00003 to 0.017 go with gradient norms of 3.6 to 8.2.",
            bounded(),
            "Bounds for a bare ⟨Z⟩, if both are of the same samples: squared error ‖∇ℓ‖ ≤ "
            "2√(2P)·ℓ^¾; cross-entropy ‖∇ℓ‖ ≤ √(P(e^ℓ − 1)), for a mean as long as no sample has "
            "more than ln 2. With a trained scale on ⟨Z⟩, which the paper's classical layers may "
            "hold, the smaller ones of these gradients could be had; the scale that each row "
            "would need is in the table of bounds.",
            measured=False,
        ),
    ]


def left_open() -> list[PaperClaim]:
    """Return the claims that the paper does not specify enough."""
    return [
        PaperClaim(
            "loss_levels",
            "Tables I to X",
            "Training ends at losses from 0.00003 to 0.07.",
            unspecified("the loss function, and what the classical layers are, are not given"),
            "Here the loss is the squared error of the bare ⟨Z⟩, so levels cannot be compared; "
            "differences between methods can.",
            measured=False,
        ),
        PaperClaim(
            "training_length",
            "section V-A, Tables I to VIII",
            "Training lasts 500 steps.",
            unspecified(
                "Table VIII is said to be after 300 epochs, and Tables I, III, IV and VII have the "
                "numbers that Table II has at 300 epochs; what a step and an epoch are is left open"
            ),
            "Here all runs make 500 steps, and Table II stands in both readings.",
            measured=False,
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
            measured=False,
        ),
        PaperClaim(
            "thresholds",
            "section V-A",
            "Noise and switching thresholds are σ = 0.05 and τ = 0.1.",
            unspecified("Algorithm 1 uses neither, and nothing says what they do"),
            "σ is varied as a perturbation of the reversal; the trigger is any increase.",
            measured=False,
        ),
        PaperClaim(
            "figure_1",
            "Figure 1",
            "A synthetic landscape has a shallow cave at (−2, −2), in a plateau.",
            unspecified("the function is not given"),
            "Drawn here is a cave of depth 0.3 and radius 1.5 with a flat floor, in a tilted "
            "plane.",
            measured=False,
        ),
    ]
