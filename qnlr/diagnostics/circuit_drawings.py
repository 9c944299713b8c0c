"""What is drawn of somebody's own circuit."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qnlr.diagnostics.findings import Drawing, Lines
from qnlr.diagnostics.shots_needed import ROUNDING
from qnlr.types import FloatArray

BINS = 30


def drawings(
    frame: pd.DataFrame,
    derivatives: dict[str, FloatArray],
    alive: NDArray[np.bool_],
    beginnings: pd.DataFrame,
    shots: int,
) -> tuple[Drawing, ...]:
    """Return what is drawn.

    Args:
        frame: One row for every weight and initialisation.
        derivatives: Exact derivatives by initialisation, shape (S, P) each.
        alive: Which weights the observable depends on, shape (P,).
        beginnings: Mean squares of the circuit's beginnings.
        shots: Shots that standard errors are for.

    Returns:
        Derivatives by weight, their distribution, and beginnings of the circuit.
    """
    count = len(next(iter(derivatives.values())))
    return (
        Lines(
            frame[frame["depends"] & (frame["rms"] > ROUNDING)],
            x="number",
            y="rms",
            low="low",
            high="high",
            by="initialisation",
            expected="standard_error",
            thin="standard error of shots",
            joined=False,
            xlabel="weight, in the order of the circuit",
            ylabel="rms derivative (1/rad)",
            logy=True,
            name="weights",
            title="Derivatives of each weight",
            caption=f"Root mean square over {count} draws of the weights with 95 % intervals; "
            f"thin: standard error with {shots} shots a circuit.",
        ),
        Lines(
            distribution(derivatives, alive),
            x="size",
            y="share",
            by="initialisation",
            xlabel="size of the derivative |∂f/∂θ| (1/rad)",
            ylabel="share of derivatives",
            logx=True,
            name="distribution",
            title="Distribution of derivatives",
            caption=f"Over {count} draws of {int(alive.sum())} weights, {BINS} bins of equal "
            "width on the logarithmic axis.",
        ),
        Lines(
            beginnings,
            x="weights",
            y="mean_square",
            low="low",
            high="high",
            expected="two_design",
            thin="random circuit",
            xlabel="weights of the beginning",
            ylabel="mean square of derivatives (1/rad²)",
            logy=True,
            name="beginnings",
            title="Beginnings of the circuit",
            caption="The circuit cut off behind so many weights, at uniform weights, with 95 % "
            "intervals; thin: the variance of a random circuit on all its qubits.",
        ),
    )


def distribution(derivatives: dict[str, FloatArray], alive: NDArray[np.bool_]) -> pd.DataFrame:
    """Return the distribution of the sizes of derivatives, on a logarithmic axis.

    Args:
        derivatives: Exact derivatives by initialisation, shape (S, P) each.
        alive: Which weights count, shape (P,).

    Returns:
        Columns ``initialisation``, ``size``, the geometric middle of a bin, and ``share``, of all
        derivatives; the share of those that are 0 is in none.

    Example:
        >>> found = distribution({"uniform": np.array([[0.1, 1.0]])}, np.array([True, True]))
        >>> found[found["share"] > 0]["share"].tolist()
        [0.5, 0.5]
    """
    sizes = {kind: np.abs(found[:, alive]).ravel() for kind, found in derivatives.items()}
    together = np.concatenate(list(sizes.values()))
    together = together[together > ROUNDING]
    # a few derivatives near 0 would stretch the axis
    low, high = np.quantile(together, 0.005, method="lower"), together.max()
    edges = np.geomspace(min(low, high / 2), high * (1 + 1e-9), BINS + 1)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "initialisation": kind,
                    "size": np.sqrt(edges[1:] * edges[:-1]),
                    "share": np.histogram(found, edges)[0] / found.size,
                }
            )
            for kind, found in sizes.items()
        ],
        ignore_index=True,
    )
