"""Fisher information of circuits, quantum and classical: rank, spectrum, effective dimension."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from qnlr.circuits import (
    ANSATZES,
    VariationalCircuit,
    angle,
    global_z,
    variational_circuit,
)
from qnlr.diagnostics.classical_fisher import READ, classical_fisher, parity_information
from qnlr.diagnostics.findings import Check, Findings, Told, untold
from qnlr.diagnostics.fisher_findings import OVER_DATA, QUANTUM, describe
from qnlr.diagnostics.quantum_fisher import quantum_fisher
from qnlr.diagnostics.starts import starting_weights
from qnlr.diagnostics.two_design import two_design_variance_at_start
from qnlr.errors import InputError, require_count, unknown_name
from qnlr.intervals import mean_interval
from qnlr.rng import stream
from qnlr.simulator import Simulator
from qnlr.types import FloatArray

NOTHING = 1e-9
"""Eigenvalues below this share of the largest are 0 but for rounding."""
SMALL = 0.01
MANY = 400
"""Draws that the mean information of the parity is over: they are cheap."""


def fisher_information(
    qubits: tuple[int, ...] = (2, 3, 4),
    layers: tuple[int, ...] = (1, 2, 3, 4, 6, 8, 10),
    ansatz: str = "hardware_efficient",
    initialisations: tuple[str, ...] = ("uniform", "small_angles"),
    spread: float = 0.1,
    draws: int = 10,
    samples: int = 30,
    dataset_sizes: tuple[int, ...] = (1000, 1_000_000),
    seed: int = 0,
    told: Told = untold,
) -> Findings:
    r"""Measure Fisher information spectra and the effective dimension against depth and size.

    .. math:: F_{kl} = 4 \, \mathrm{Re}[⟨∂_k ψ|∂_l ψ⟩ - ⟨∂_k ψ|ψ⟩⟨ψ|∂_l ψ⟩], \qquad
              F^{(o)}_{kl} = \mathrm{E}_x \sum_o \frac{∂_k p_o \, ∂_l p_o}{p_o}

    The quantum one belongs to the states that a circuit makes, the classical ones to what is read
    out of them: all outcomes, or their parity alone. Features are standard normal, each the angle
    of a rotation of its own qubit.

    Source: Abbas et al., Nature Computational Science 1, 403 (2021); Haug, Bharti and Kim, PRX
    Quantum 2, 040309 (2021), and Larocca et al., Nature Computational Science 3, 542 (2023), for
    the rank.

    Args:
        qubits: Numbers of qubits n.
        layers: Numbers of layers L.
        ansatz: hardware_efficient, efficient_su2 or another of :data:`qnlr.circuits.ANSATZES`.
        initialisations: ``"uniform"`` over [−π, π], ``"small_angles"``, or both.
        spread: Standard deviation of small angles, in radians.
        draws: Draws of the weights, at least 2.
        samples: Samples that information is averaged over.
        dataset_sizes: Numbers of samples N that the effective dimension is for, at least 100.
        seed: Seed of weights and samples.
        told: Told of progress.

    Returns:
        Rank, trace and largest eigenvalue for every draw; spectra and effective dimensions.

    Raises:
        InputError: If a setting is not valid.

    Example:
        >>> found = fisher_information((2,), (1, 2), initialisations=("uniform",), draws=2)
        >>> one = found.frame[found.frame.information == "quantum, one state"]
        >>> one.groupby("layers")["rank"].max().to_dict()
        {1: 4, 2: 6}
    """
    if ansatz not in ANSATZES:
        raise unknown_name("ansatz", ansatz, ANSATZES)
    require_count("draws", draws, low=2)
    require_count("samples", samples)
    if not (qubits and layers and initialisations):
        raise InputError("qubits, layers or initialisations is empty; give at least one of each")
    kept = _Kept()
    plan = [(n, depth, start) for n in qubits for depth in layers for start in initialisations]
    for done, (n, depth, start) in enumerate(plan):
        told(done, len(plan))
        content = {"qubits": n, "layers": depth, "ansatz": ansatz, "initialisation": start}
        model = variational_circuit(angle(n, n), ANSATZES[ansatz](n, depth), global_z(n))
        rng = stream("init", seed, content)
        weights = starting_weights(start, (draws, len(model.weights)), spread, rng)
        x = stream("data", seed, {"qubits": n}).normal(size=(samples, n))
        where = {"qubits": n, "layers": depth, "weights": len(model.weights)}
        kept.measure(where | {"initialisation": start}, model, weights, x, dataset_sizes)
    told(len(plan), len(plan))
    checks = tuple(_decay_checks(qubits, max(layers), ansatz, seed))
    return describe(
        pd.DataFrame(kept.rows),
        pd.concat(kept.spectra, ignore_index=True),
        pd.DataFrame(kept.dimensions),
        ansatz,
        draws,
        samples,
        checks,
    )


@dataclass
class _Kept:
    """Rows as they are measured."""

    rows: list[dict[str, object]] = field(default_factory=list)
    spectra: list[pd.DataFrame] = field(default_factory=list)
    dimensions: list[dict[str, object]] = field(default_factory=list)

    def measure(
        self,
        where: dict[str, object],
        model: VariationalCircuit,
        weights: FloatArray,
        x: FloatArray,
        sizes: tuple[int, ...],
    ) -> None:
        """Measure one circuit and initialisation."""
        n, states = model.circuit.num_qubits, 2 ** (model.circuit.num_qubits + 1) - 2
        simulator = Simulator()
        for name, some in ((QUANTUM, x[:1]), (OVER_DATA, x)):
            fishers = [quantum_fisher(model, theta, some, simulator) for theta in weights]
            self.keep(where | {"information": name}, np.array(fishers), states * len(some))
        for read in READ:
            information = classical_fisher(model, weights, x, read, sizes)
            outputs = 2**n if read == "outcomes" else 2
            name = f"classical, {read}"
            self.keep(where | {"information": name}, information.fisher, (outputs - 1) * len(x))
            for size, effective, local in zip(
                sizes, information.effective, information.local, strict=True
            ):
                found = {"dataset_size": size, "effective_dimension": effective, "local": local}
                share = {"share": effective / len(weights[0])}
                self.dimensions.append(where | {"information": name} | found | share)

    def keep(self, where: dict[str, object], fisher: FloatArray, most: int) -> None:
        """Keep what is said of the spectra, and the mean spectrum."""
        eigenvalues = np.clip(np.linalg.eigvalsh(fisher)[:, ::-1], 0.0, None)
        for draw, values in enumerate(eigenvalues):
            top = values[0]
            self.rows.append(
                where
                | {
                    "draw": draw,
                    "rank": int((values > NOTHING * top).sum()) if top > 0 else 0,
                    "most": min(most, len(values)),
                    "small_share": float((values <= SMALL * top).mean()),
                    "trace": float(values.sum()),
                    "trace_per_weight": float(values.mean()),
                    "largest": float(top),
                }
            )
        number = np.arange(1, eigenvalues.shape[1] + 1)
        mean = eigenvalues.mean(axis=0)
        self.spectra.append(pd.DataFrame(where | {"number": number, "eigenvalue": mean}))


def _decay_checks(qubits: tuple[int, ...], layers: int, ansatz: str, seed: int) -> Iterator[Check]:
    for n in qubits:
        model = variational_circuit(angle(n, n), ANSATZES[ansatz](n, layers), global_z(n))
        size = len(model.weights)
        rng = stream("parity", seed, {"qubits": n, "layers": layers, "ansatz": ansatz})
        weights = starting_weights("uniform", (MANY, size), 1.0, rng)
        information = parity_information(model, weights, rng.normal(size=(MANY, n)))
        middle = information[:, size // 3 : size - size // 3].mean(axis=1)
        # f and (∂f)²/(1 − f²) are independent for random states, and E[1 − f²] = d/(d + 1)
        predicted, found = two_design_variance_at_start(n, global_z(n)), mean_interval(middle)
        yield Check(
            f"In the midst of {n} qubits and {layers} layers, a weight's information in the "
            "parity, (∂f)²/(1 − f²), is d/(2(d² − 1)) on average, d = 2^n: it falls as the "
            "variance of the gradient does.",
            f"{predicted:.5f}",
            found.text(5),
            bool(found.low <= predicted <= found.high),
            f"The middle third of the weights, {MANY} draws of weights and features; what is "
            "before and behind a weight is taken to be a 2-design, which needs enough layers.",
        )
