"""Somebody's own circuit: is it on a plateau, what do its gradients cost, what could be done."""

from __future__ import annotations

from pathlib import Path

from qiskit import QuantumCircuit

from qnlr.diagnostics.circuit_findings import describe
from qnlr.diagnostics.circuit_gradients import (
    AskedCircuit,
    depends,
    mean_square,
    truncated,
)
from qnlr.diagnostics.circuit_measured import Beginning, Measured
from qnlr.diagnostics.circuit_reading import chosen_weights, read_circuit
from qnlr.diagnostics.findings import Findings, Told, untold
from qnlr.diagnostics.observable_text import parse_observable
from qnlr.errors import InputError, require_count, require_within
from qnlr.rng import stream
from qnlr.types import FloatArray

WORK = 4e9
"""Amplitudes that are turned for one set of samples: about a quarter of a minute on two cores."""
CUTS = 6


def diagnose_circuit(
    file: Path,
    observable: str = "global_z",
    weights: str = "",
    shots: int = 1000,
    samples: int = 400,
    initialisation: str = "uniform",
    spread: float = 0.1,
    noise_rate: float = 0.0,
    seed: int = 0,
    told: Told = untold,
) -> Findings:
    r"""Measure whether a circuit is on a plateau, how many shots it takes, and what could be done.

    .. math:: \mathrm{E}[(∂_k f)^2], \qquad σ_k = A_k \sqrt{v/2N}, \qquad
              N_k = \frac{z^2 A_k^2 v}{2 \, \mathrm{E}[(∂_k f)^2]}

    Derivatives are exact, over random weights; shots enter by the standard error σ that they leave
    to the parameter-shift rule. The circuit is held against one whose parts are random enough to be
    2-designs, against its own beginnings, and against small angles. A decay with the number of
    qubits cannot be measured of one circuit. Parameters that are no weights are data, and drawn
    uniformly from [−π, π].

    Source: McClean et al., Nature Communications 9, 4812 (2018).

    Args:
        file: The circuit with its parameters, in QPY or OpenQASM 3.
        observable: A name, a Pauli string or a sum of them, such as ``"0.5*ZZI + IXX"``.
        weights: Names of the trainable parameters, or their beginnings, separated by commas; empty
            for all.
        shots: N, of every circuit.
        samples: Draws of the weights; fewer are taken, at least 16, where the circuit is large.
        initialisation: ``"uniform"`` over [−π, π] or ``"small_angles"``, what shots are counted
            for; both are measured.
        spread: Standard deviation of small angles, in radians.
        noise_rate: Chance that a gate on two or more qubits errs, 0 to 1.
        seed: Seed of the draws.
        told: Told of progress.

    Returns:
        One row for every weight and initialisation, and what follows.

    Raises:
        InputError: If the file cannot be read, a setting is not valid, or the circuit has no
            parameters, is not unitary or too large.

    Example:
        >>> import tempfile
        >>> from qiskit import qpy
        >>> from qnlr.circuits import hardware_efficient
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "mine.qpy")
        ...     with file.open("wb") as stream:
        ...         qpy.dump(hardware_efficient(4, 4), stream)
        ...     found = diagnose_circuit(file, samples=50)
        >>> found.checks[0].word, found.tables["strategies"]["applies"][0]
        ('holds', 'yes')
    """
    require_count("shots", shots)
    require_count("samples", samples, low=2)
    require_within("noise_rate", noise_rate, 0.0, 1.0)
    asked = ask(read_circuit(Path(file)), observable, weights)
    starts = ("uniform", "small_angles")
    kinds = (initialisation, *(one for one in starts if one != initialisation))
    taken = asked.affordable(samples, WORK)
    cuts = _cuts(asked)
    drawn: dict[str, FloatArray] = {}
    found: dict[str, FloatArray] = {}
    for place, kind in enumerate(kinds):
        told(place, len(kinds) + len(cuts))
        drawn[kind] = asked.draw(kind, spread, taken, stream("init", seed, {"start": kind}))
        found[kind] = asked.derivatives(drawn[kind])
    if not depends(found["uniform"]).any():
        raise InputError(
            f'observable "{observable}" does not depend on any of the weights: their gates do not '
            "reach it, or a symmetry of the circuit fixes its value; choose another observable"
        )
    beginnings = []
    for place, count in enumerate(cuts):
        told(len(kinds) + place, len(kinds) + len(cuts))
        beginnings.append(_beginning(truncated(asked, count), max(2, taken // 2), seed))
    told(len(kinds) + len(cuts), len(kinds) + len(cuts))
    first = drawn[initialisation]
    measured = Measured(
        asked=asked,
        initialisation=initialisation,
        derivatives=found,
        wanted_samples=samples,
        shot_variance=asked.single_shot_variance(first, stream("shots", seed)),
        amplification=asked.amplification(first),
        shots=shots,
        noise_rate=noise_rate,
        spread=spread,
        beginnings=tuple(one for one in beginnings if one is not None),
    )
    return describe(measured, f"{Path(file).name}, {observable}")


def ask(circuit: QuantumCircuit, observable: str, weights: str = "") -> AskedCircuit:
    """Return a circuit with what is trained and what is read out.

    Args:
        circuit: The circuit; if it is transpiled, the observable is that of its virtual qubits.
        observable: As in :func:`diagnose_circuit`.
        weights: As there.

    Returns:
        All of it.

    Raises:
        InputError: If weights or observable do not fit, or the circuit is too large.

    Example:
        >>> from qnlr.circuits import hardware_efficient
        >>> asked = ask(hardware_efficient(3, 2), "IIZ")
        >>> len(asked.weights), asked.cone.num_qubits, asked.circuits_per_gradient
        (18, 2, 18)
    """
    trained = chosen_weights(circuit, weights)
    if circuit.layout is None:
        return AskedCircuit(circuit, trained, parse_observable(observable, circuit.num_qubits))
    virtual = parse_observable(observable, len(circuit.layout.final_index_layout()))
    return AskedCircuit(circuit, trained, virtual.apply_layout(circuit.layout))


def _cuts(asked: AskedCircuit) -> list[int]:
    """Return of how many weights beginnings are measured, the last being all."""
    size = len(asked.weights)
    return sorted({max(1, round(size * part / CUTS)) for part in range(1, CUTS + 1)})


def _beginning(asked: AskedCircuit, samples: int, seed: int) -> Beginning | None:
    """Measure a beginning of the circuit, unless the observable depends on none of its weights."""
    values = asked.draw("uniform", 1.0, samples, stream("init", seed, {"start": "beginning"}))
    found = asked.derivatives(values)
    alive = depends(found)
    return Beginning(len(asked.weights), mean_square(found[:, alive])) if alive.any() else None
