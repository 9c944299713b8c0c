"""The energy of a Hamiltonian as a loss, with standard errors: variational eigensolvers."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from qnlr.circuits import VariationalCircuit, untied
from qnlr.circuits import ground_energy as ground_energy
from qnlr.errors import InputError
from qnlr.problems.problem import Batch, Evaluation, LossGradient
from qnlr.types import Backend, Estimate, Expectations, FloatArray, Jacobian, depth_in_layers


class Energy:
    r"""The energy of an ansatz, as a problem of one sample without data.

    .. math:: E(θ) = ⟨ψ(φ)| H |ψ(φ)⟩, \qquad φ = T θ + b, \qquad
              ∇E = T^⊤ \frac{∂E}{∂φ}

    The circuit's own parameters are the angles φ of its gates, so that each has a parameter-shift
    rule; the weights θ may turn many of them at once. Gates are measured apart: a gradient takes
    two circuits for each gate, not for each weight, and its variance is that of the gates' sum.

    Source: Peruzzo et al., Nat. Commun. 5, 4213 (2014).

    Args:
        model: The circuit without encoding angles, with the Hamiltonian as its observable.
        ties: T, shape (gate angles, weights); by default each weight is a gate's angle.
        offsets: b, shape (gate angles,); by default 0.
        reference: The exact ground energy, if it is known.
        source: What the Hamiltonian is; by default its size.

    Raises:
        InputError: If the model has encoding angles, the shapes do not fit, or a number is not
            finite.

    Example:
        >>> from qnlr.backends import SimulatorBackend
        >>> from qnlr.circuits import hamiltonian_variational, transverse_ising
        >>> hamiltonian = transverse_ising(4)
        >>> ansatz = hamiltonian_variational(4, 2, hamiltonian=hamiltonian)
        >>> problem = energy_problem(hamiltonian, ansatz, reference=ground_energy(hamiltonian))
        >>> problem.num_weights, problem.num_circuit_weights
        (4, 14)
        >>> backend, rng = SimulatorBackend(problem.model), np.random.default_rng(0)
        >>> found = problem.evaluate(np.zeros(4), problem.train, backend, rng)
        >>> {name: round(value, 4) for name, value in problem.metrics({"train": found}).items()}
        {'metric_energy': -4.0, 'metric_energy_error': 0.7588}
    """

    def __init__(
        self,
        model: VariationalCircuit,
        ties: FloatArray | None = None,
        offsets: FloatArray | None = None,
        *,
        reference: float | None = None,
        source: str | None = None,
    ) -> None:
        if model.angles:
            raise InputError(
                f"the model has {len(model.angles)} encoding angles; an energy takes no data"
            )
        gates = len(model.weights)
        self.model = model
        self.ties = np.eye(gates) if ties is None else np.asarray(ties, dtype=float)
        self.offsets = np.zeros(gates) if offsets is None else np.asarray(offsets, dtype=float)
        if self.ties.ndim != 2 or len(self.ties) != gates or self.offsets.shape != (gates,):
            raise InputError(
                f"ties of shape {self.ties.shape} and offsets of shape {self.offsets.shape} do not "
                f"fit; the circuit has {gates} gate angles: ({gates}, weights) and ({gates},)"
            )
        if not (np.isfinite(self.ties).all() and np.isfinite(self.offsets).all()):
            raise InputError("ties or offsets hold a NaN or an infinity; they must be finite")
        self.reference = reference
        size = f"{len(model.observable)} Paulis on {model.observable.num_qubits} qubits"
        self.source = f"a Hamiltonian of {size}" if source is None else source
        self.train = Batch(np.zeros((1, 0)), np.zeros(1))
        self.test = Batch(np.zeros((0, 0)), np.zeros(0))

    @property
    def num_weights(self) -> int:
        """The number of weights θ."""
        return int(self.ties.shape[1])

    @property
    def num_circuit_weights(self) -> int:
        """The number of gate angles φ, each with two shifts."""
        return len(self.model.weights)

    def gate_angles(self, weights: FloatArray) -> FloatArray:
        """Return φ, shape (..., gate angles), for weights θ of shape (..., weights)."""
        return np.asarray(np.asarray(weights, dtype=float) @ self.ties.T + self.offsets)

    def loss(
        self, weights: FloatArray, batch: Batch, backend: Backend, rng: np.random.Generator
    ) -> Estimate:
        """Measure the energy.

        Args:
            weights: θ, shape (number of weights,).
            batch: The one sample without angles, ``train``.
            backend: Where the circuits run.
            rng: Draws the shot noise.

        Returns:
            The energy with its standard error.
        """
        return _mean(backend.values(self.gate_angles(weights), batch.angles, rng))

    def loss_and_gradient(
        self, weights: FloatArray, batch: Batch, backend: Backend, rng: np.random.Generator
    ) -> LossGradient:
        """Measure the energy and its gradient, in one job.

        Args:
            weights: θ, shape (number of weights,).
            batch: The one sample without angles, ``train``.
            backend: Where the circuits run.
            rng: Draws the shot noise.

        Returns:
            Energy and gradient by θ with standard errors; those of the gradient take the errors of
            the gates as independent, which those of the parameter-shift rule are.
        """
        measured = backend.jacobian(self.gate_angles(weights), batch.angles, rng)
        variances = (measured.derivative_stds**2) @ self.ties**2
        return LossGradient(
            loss=_mean(measured),
            gradient=measured.derivatives.mean(axis=0) @ self.ties,
            stds=np.sqrt(variances.sum(axis=0)) / len(batch),
        )

    def evaluate(
        self, weights: FloatArray, batch: Batch, backend: Backend, rng: np.random.Generator
    ) -> Evaluation:
        """Measure the energy; there is no accuracy.

        Args:
            weights: θ, shape (number of weights,).
            batch: ``train``, or ``test``, which has no samples.
            backend: Where the circuits run.
            rng: Draws the shot noise.

        Returns:
            The energy, with NaN for the accuracy; NaN for both without samples.
        """
        if not len(batch):
            return Evaluation(Estimate(math.nan, math.nan), math.nan)
        return Evaluation(self.loss(weights, batch, backend, rng), math.nan)

    def reached(self, trainable: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which gate angles some of the weights turn.

        Args:
            trainable: Which weights, shape (number of weights,).
        """
        return np.asarray(self.ties[:, trainable].any(axis=1))

    def metrics(self, found: Mapping[str, Evaluation]) -> dict[str, float]:
        """Say what the evaluation of the last weights means.

        Args:
            found: Evaluations, that of ``train`` among them.

        Returns:
            ``metric_energy``, and ``metric_energy_error``, the energy above the reference, NaN
            where there is none.
        """
        energy = float(found["train"].loss)
        reference = math.nan if self.reference is None else self.reference
        return {"metric_energy": energy, "metric_energy_error": energy - reference}


def bare_model(
    ansatz: QuantumCircuit, hamiltonian: SparsePauliOp
) -> tuple[VariationalCircuit, FloatArray, FloatArray]:
    """Put an ansatz and a Hamiltonian together, one weight a gate.

    Args:
        ansatz: A circuit whose gate angles are affine in its parameters, which are the weights.
        hamiltonian: The observable.

    Returns:
        The model, its ties and its offsets, as :class:`Energy` takes them.

    Raises:
        InputError: If they differ in their number of qubits, or the ansatz cannot be untied.
    """
    found = untied(ansatz)
    model = VariationalCircuit(
        circuit=found.circuit,
        angles=(),
        weights=tuple(found.circuit.parameters),
        observable=hamiltonian,
        layers=depth_in_layers(ansatz),
    )
    return model, found.ties, found.offsets


def energy_problem(
    hamiltonian: SparsePauliOp,
    ansatz: QuantumCircuit,
    *,
    reference: float | None = None,
    source: str | None = None,
) -> Energy:
    """Return the problem of finding the ground state of a Hamiltonian with an ansatz.

    Args:
        hamiltonian: The observable.
        ansatz: A circuit whose gate angles are affine in its parameters, which are the weights.
        reference: The exact ground energy, if it is known.
        source: What the Hamiltonian is; by default its size.

    Returns:
        The problem.

    Raises:
        InputError: If they differ in their number of qubits, or the ansatz cannot be untied.
    """
    return Energy(*bare_model(ansatz, hamiltonian), reference=reference, source=source)


def _mean(measured: Expectations | Jacobian) -> Estimate:
    std = float(np.sqrt(np.sum(measured.stds**2))) / measured.values.size
    return Estimate(float(measured.values.mean()), std)
