r"""Which reported pairs of loss and gradient norm a circuit can have.

The bounds of :mod:`qnlr.problems.bounds` hold for every circuit of P Pauli rotations that is read
out by an observable with eigenvalues ±1, whatever the data, the ansatz and the training.
"""

from __future__ import annotations

import pandas as pd

from qnlr.diagnostics.findings import Check, Findings, Lines
from qnlr.errors import InputError
from qnlr.problems.bounds import clipped_cross_entropy_bound, needed_scale, squared_error_bound

SQUARED, CROSS = "squared error", "cross-entropy"


def bounds(
    *,
    losses: tuple[float, ...] = (0.000155,),
    gradient_norms: tuple[float, ...] = (6.381,),
    weights: tuple[int, ...] = (90,),
    tables: tuple[str, ...] = ("I",),
    rows: tuple[str, ...] = ("η' = 0.02",),
) -> Findings:
    r"""Tell which reported pairs of loss and gradient norm no circuit can have.

    .. math:: ‖∇ℓ‖ \le 2 \sqrt{2P} \, ℓ^{3/4} \text{ (squared error)}, \qquad
              ‖∇ℓ‖ \le \sqrt{P (e^ℓ - 1)} \text{ (cross-entropy)}

    By default it is the paper's headline row. For cross-entropies the bound is that of mini-batches
    which may have wrongly classified samples, with probabilities clipped at 10⁻³.

    Source: :mod:`qnlr.problems.bounds`.

    Args:
        losses: Reported losses, above 0.
        gradient_norms: Reported norms of the gradient by the circuit's weights, as many.
        weights: Numbers of weights P, as many; or one for all.
        tables: Where each pair is from, as many; or one for all.
        rows: What each pair is called, as many.

    Returns:
        A row for each pair, with both bounds, how many times it is their larger one, and the scale
        on the expectation value that a squared error would need.

    Raises:
        InputError: If the settings differ in length, or a number is not valid.

    Example:
        >>> found = bounds()
        >>> found.frame[["squared_error", "cross_entropy", "excess", "possible"]].round(3)
           squared_error  cross_entropy  excess  possible
        0          0.037          0.118  54.024     False
    """
    count = len(losses)
    weights = weights * count if len(weights) == 1 else weights
    tables = tables * count if len(tables) == 1 else tables
    lengths = {
        "losses": count,
        "gradient_norms": len(gradient_norms),
        "weights": len(weights),
        "tables": len(tables),
        "rows": len(rows),
    }
    if count == 0 or len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise InputError(f"the settings differ in length ({shown}); give one entry for each pair")
    if min(losses) <= 0 or min(gradient_norms) < 0:
        raise InputError("losses must be above 0 and gradient_norms at least 0")
    frame = pd.DataFrame(
        [
            _pair(table, row, loss, norm, number)
            for table, row, loss, norm, number in zip(
                tables, rows, losses, gradient_norms, weights, strict=True
            )
        ]
    )
    return Findings(
        title="Which reported pairs of loss and gradient norm can occur",
        frame=frame,
        says=_says(frame),
        checks=_checks(frame),
        drawings=(_drawing(frame),),
        caveats=(
            "The bounds are those of a bare expectation value in [−1, 1]. With a trained scale on "
            "it, a pair above them can occur; the column needed_scale says with which.",
            "Where loss and gradient are of different samples or steps, as a final loss over an "
            "epoch and the gradient of one mini-batch, the bounds do not tie them together.",
        ),
    )


def _pair(table: str, row: str, loss: float, norm: float, weights: int) -> dict[str, object]:
    squared = float(squared_error_bound(loss, weights))
    cross = float(clipped_cross_entropy_bound(loss, weights))
    return {
        "table": table,
        "row": row,
        "loss": loss,
        "gradient_norm": norm,
        "weights": weights,
        "squared_error": squared,
        "cross_entropy": cross,
        "by_squared_error": norm / squared,
        "by_cross_entropy": norm / cross,
        "excess": norm / max(squared, cross),
        "possible": norm <= max(squared, cross),
        "needed_scale": float(needed_scale(loss, norm, weights)),
    }


def _checks(frame: pd.DataFrame) -> tuple[Check, ...]:
    found = []
    for table, part in frame.groupby("table", sort=False):
        beyond = part[~part["possible"]]
        measured = f"{len(beyond)} of {len(part)} above"
        if len(beyond):
            measured += f" both, {_span(beyond['excess'])} times the larger"
        found.append(
            Check(
                f"Table {table}: every gradient norm is one that a circuit with that loss can have",
                "at or below the bound of squared error or of cross-entropy",
                measured,
                holds=beyond.empty,
            )
        )
    return tuple(found)


def _says(frame: pd.DataFrame) -> tuple[str, ...]:
    pairs = frame.drop_duplicates(["loss", "gradient_norm", "weights"])
    beyond = pairs[~pairs["possible"]]
    said = f"{len(beyond)} of {len(pairs)} different pairs lie above both bounds"
    if beyond.empty:
        return (said + ".",)
    worst = beyond.sort_values("excess").iloc[-1]
    return (
        f"{said}, by {_span(beyond['excess'])} times; the most in Table {worst['table']}, "
        f"{worst['row']}: ‖∇ℓ‖ = {worst['gradient_norm']:g} at ℓ = {worst['loss']:g}, where P = "
        f"{worst['weights']} allow {max(worst['squared_error'], worst['cross_entropy']):.3g}.",
        f"With a squared error they need a scale of {_span(beyond['needed_scale'])} on ⟨Z⟩.",
    )


def _span(values: pd.Series) -> str:
    low, high = f"{values.min():.3g}", f"{values.max():.3g}"
    return low if low == high else f"{low} to {high}"


def _drawing(frame: pd.DataFrame) -> Lines:
    """Divide by √P, to which both bounds are proportional: pairs of all circuits fit one curve."""
    parts = [
        pd.DataFrame(
            {
                "bound of": kind,
                "loss": frame["loss"],
                "norm": frame["gradient_norm"] / frame["weights"] ** 0.5,
                "bound": frame[column] / frame["weights"] ** 0.5,
                "above": frame["gradient_norm"] > frame[column],
            }
        )
        for kind, column in ((SQUARED, "squared_error"), (CROSS, "cross_entropy"))
    ]
    return Lines(
        pd.concat(parts, ignore_index=True).sort_values(["bound of", "loss"], ignore_index=True),
        x="loss",
        y="norm",
        expected="bound",
        thin="bound",
        panel="bound of",
        joined=False,
        marked="above",
        marks="above the bound",
        xlabel="reported loss ℓ",
        ylabel="reported ‖∇ℓ‖ / √P (1/rad)",
        logx=True,
        logy=True,
        name="bounds",
        title="Reported losses and gradient norms, and what a circuit can have",
        caption="Points: reported pairs, the norm divided by √P. Line: the largest that a circuit "
        "of Pauli rotations can have.",
    )
