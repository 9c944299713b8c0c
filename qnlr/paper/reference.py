"""What the paper reports, as data."""

from __future__ import annotations

import functools
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

METRICS = ("accuracy", "loss", "gradient_norm", "loss_std")


@dataclass(frozen=True)
class Reported:
    """A row of a table of the paper.

    Args:
        accuracy: In percent; NaN where the table has none.
        loss: Final training loss.
        gradient_norm: Norm of the gradient at the last step.
        axis: The row's other entries, such as ``{"layers": 5}``.
    """

    accuracy: float
    loss: float
    gradient_norm: float
    axis: Mapping[str, Any]

    @property
    def numbers(self) -> tuple[float, float, float]:
        """Accuracy, loss and gradient norm."""
        return self.accuracy, self.loss, self.gradient_norm


@functools.cache
def reference() -> dict[str, Any]:
    """Return the reported numbers as the package holds them: setup and tables by name."""
    text = files("qnlr.paper").joinpath("reference.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def rows(table: str) -> list[Reported]:
    """Return the rows of a table of the paper.

    Args:
        table: ``"table_01"`` to ``"table_11"``.

    Returns:
        Its rows, in the paper's order.

    Example:
        >>> rows("table_06")[-1]
        Reported(accuracy=96.2, loss=0.0131, gradient_norm=0.1327, axis={'method': 'nlr'})
    """
    return [
        Reported(
            row.get("accuracy", math.nan),
            row["loss"],
            row["gradient_norm"],
            {key: value for key, value in row.items() if key not in METRICS},
        )
        for row in reference()[table]["rows"]
    ]


def find(table: str, **axis: Any) -> Reported | None:
    """Return the row of a table with these entries, or None if it has none.

    Args:
        table: Name of the table.
        **axis: Entries of the row.

    Example:
        >>> find("table_10", dataset="mnist", method="nlr").loss
        0.004348
    """
    return next((row for row in rows(table) if row.axis == axis), None)


def weights(layers: int | None = None) -> int:
    """Return P, the number of weights of the paper's circuit.

    Args:
        layers: Depth L, or None for that of the setup.

    Example:
        >>> weights(), weights(11)
        (90, 198)
    """
    setup = reference()["setup"]
    depth = setup["layers"] if layers is None else layers
    return int(setup["qubits"] * setup["rotations_per_qubit"] * depth)
