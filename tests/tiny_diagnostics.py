"""Small diagnostics that the tests of the runner put in the registry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from qnlr.diagnostics.findings import Check, Findings, Lines, Map, Told, untold
from qnlr.diagnostics.recorded import Recorded
from qnlr.errors import InputError, require_count
from qnlr.rng import stream


def decay(
    qubits: tuple[int, ...] = (2, 4, 6),
    rate: float = 0.7,
    kind: str = "global",
    samples: int | None = None,
    exact: bool = False,
    seed: int = 0,
    told: Told = untold,
) -> Findings:
    r"""Return an exponential, with noise on it. More is said here.

    .. math:: v = e^{-r n}

    Source: nobody, Eq. 1.

    Args:
        qubits: Numbers of qubits, each at
            least 1.
        rate: r, in 1/qubit.
        kind: ``"global"`` or ``"local"``.
        samples: Number of samples, or None for 10.
        exact: Whether there is no noise.
        seed: Seed of the noise.
        told: Told of progress.

    Returns:
        The findings.

    Raises:
        InputError: If a value is not valid.

    Example:
        >>> decay((2, 4), exact=True).frame["value"].round(3).tolist()
        [0.247, 0.061]
    """
    if kind not in ("global", "local"):
        raise InputError(f'kind = {kind!r} is not valid; it must be "global" or "local"')
    for number in qubits:
        require_count("qubits", number)
    rng = stream("decay", seed)
    n = np.array(qubits, dtype=float)
    values = np.exp(-rate * n) * (1 if exact else rng.uniform(0.8, 1.2, n.size))
    for done in range(n.size):
        told(done + 1, n.size)
    frame = pd.DataFrame(
        {
            "kind": kind,
            "qubits": qubits,
            "value": values,
            "low": 0.8 * values,
            "high": 1.2 * values,
            "expected": np.exp(-rate * n),
        }
    )
    grid = pd.DataFrame([(a, b, a * b) for a in range(3) for b in range(3)], columns=list("abc"))
    return Findings(
        f"Decay with rate {rate:g}",
        frame,
        (f"It falls from {values[0]:.3g} to {values[-1]:.3g}.",),
        (
            Check("v ∝ e^−rn", f"{rate:g}", "0.70 ± 0.01", True, "as fitted"),
            Check("it rises", "> 0", "< 0", False),
        ),
        (
            Lines(
                frame,
                "qubits",
                "value",
                "qubits n",
                "value v",
                "low",
                "high",
                "kind",
                expected="expected",
                logy=True,
                name="decay",
                title="Decay",
                caption="Of v.",
            ),
            Map(grid, "a", "b", "c", "weight a", "weight b", "product", name="grid", title="Grid"),
        ),
        {"fits": pd.DataFrame({"kind": [kind], "rate": [rate]})},
        ("It is made up.",),
    )


def path(recorded: Recorded, every: int = 1) -> Findings:
    """Return how far a run has gone.

    Args:
        recorded: The run.
        every: Which of its points, at least 1.

    Example:
        >>> path.__name__
        'path'
    """
    away = np.linalg.norm(recorded.weights - recorded.weights[0], axis=1)
    frame = pd.DataFrame({"step": recorded.steps, "away": away}).iloc[::every]
    lines = Lines(frame, "step", "away", "step", "distance in radians", name="away")
    return Findings(recorded.name, frame, (f"{len(frame)} points.",), drawings=(lines,))


def lines_of(file: Path, most: int = 10) -> Findings:
    """Count the lines of a file.

    Args:
        file: The file.
        most: Largest number of lines.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    frame = pd.DataFrame({"lines": [min(most, len(text.splitlines()))]})
    return Findings("Lines", frame)
