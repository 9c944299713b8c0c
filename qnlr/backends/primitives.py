"""Backends on Qiskit's V2 primitives: the statevector ones, and any other."""

from __future__ import annotations

import copy
from typing import Any, Protocol, Self

import numpy as np
from qiskit.primitives import (
    BaseEstimatorV2,
    BaseSamplerV2,
    StatevectorEstimator,
    StatevectorSampler,
)

from qnlr.backends.gradients import parameter_shift
from qnlr.backends.readout import bases, counts_table, expectations_from_counts
from qnlr.circuits import VariationalCircuit, require_shift_rule
from qnlr.errors import InputError, require_count
from qnlr.types import Cost, Expectations, FloatArray, Jacobian

MAX_SHOTS = 2**31 - 1
MAX_STATEVECTOR_QUBITS = 24


def parameter_array(weights: FloatArray, angles: FloatArray) -> FloatArray:
    """Broadcast weights against encoding angles into the parameter array of one PUB.

    Args:
        weights: Shape (..., P).
        angles: Shape (B, D).

    Returns:
        Shape (..., B, D + P): angles first, as in ``VariationalCircuit.parameters``.

    Example:
        >>> parameter_array(np.zeros((181, 90)), np.zeros((32, 7))).shape
        (181, 32, 97)
    """
    shape = (*weights.shape[:-1], len(angles))
    return np.concatenate(
        [
            np.broadcast_to(angles, (*shape, angles.shape[-1])),
            np.broadcast_to(weights[..., None, :], (*shape, weights.shape[-1])),
        ],
        axis=-1,
    )


class PrimitiveBackend:
    """What all backends share that run a circuit for every element of a parameter array.

    Args:
        model: The circuit, its parameters and its observable.
        shots: Shots per circuit, at least 1, or None for exact expectation values.

    Raises:
        InputError: If shots is below 1, or the parameter-shift rule does not hold for a weight.
    """

    def __init__(self, model: VariationalCircuit, shots: int | None = None) -> None:
        require_shift_rule(model.circuit, model.weights)
        self.model = model
        self.circuits_per_value = 1
        self.shots = None if shots is None else require_count("shots", shots, high=MAX_SHOTS)

    def values(
        self, weights: FloatArray, angles: FloatArray, rng: np.random.Generator
    ) -> Expectations:
        """Measure ⟨O⟩ in one job.

        Args:
            weights: Shape (..., P).
            angles: Encoding angles, shape (B, D).
            rng: Draws the shot noise.

        Returns:
            Values and standard errors, shape (..., B).
        """
        return self.run(parameter_array(np.asarray(weights, dtype=float), angles), rng)

    def jacobian(
        self, weights: FloatArray, angles: FloatArray, rng: np.random.Generator
    ) -> Jacobian:
        """Measure ⟨O⟩ and its derivatives by the parameter-shift rule, in one job.

        Args:
            weights: Shape (P,).
            angles: Encoding angles, shape (B, D).
            rng: Draws the shot noise.

        Returns:
            Values, shape (B,), and derivatives, shape (B, P), with standard errors.
        """
        return parameter_shift(self, np.asarray(weights, dtype=float), angles, rng)

    def run(self, parameters: FloatArray, rng: np.random.Generator) -> Expectations:
        """Measure ⟨O⟩ for every row of a parameter array of shape (..., D + P)."""
        raise NotImplementedError

    def with_shots(self, shots: int) -> Self:
        """Return this backend with another number of shots.

        Args:
            shots: Shots per circuit, at least 1.

        Raises:
            InputError: If its values are exact, shots is below 1, or its shots are fixed.
        """
        if self.shots is None:
            raise InputError(f"shots = {shots!r} cannot be asked for: the backend's are exact")
        other = copy.copy(self)
        other.shots = require_count("shots", shots, high=MAX_SHOTS)
        return other

    def _bindings(self, parameters: FloatArray) -> dict[tuple[Any, ...], FloatArray]:
        return {self.model.parameters: parameters}


class EstimatorBackend(PrimitiveBackend):
    """Any EstimatorV2; one PUB for each call.

    What noise the values carry is the estimator's affair: it is asked for a precision of 1/√shots.
    Aer's ``EstimatorV2`` ignores read-out errors and adds Gaussian noise of constant width; use
    :class:`AerBackend` for real sampling.

    Args:
        model: The circuit, its parameters and its observable; an ISA circuit for a device.
        estimator: The primitive. It keeps its own random state: a generator handed to ``values``
            is not used.
        shots: Asked for as a precision of 1/√shots, or None for a precision of 0.
    """

    def __init__(
        self, model: VariationalCircuit, estimator: BaseEstimatorV2, shots: int | None = None
    ) -> None:
        super().__init__(model, shots)
        self.estimator = estimator

    def run(self, parameters: FloatArray, rng: np.random.Generator) -> Expectations:
        """Run one PUB."""
        precision = 0.0 if self.shots is None else self.shots**-0.5
        pub = (self.model.circuit, self.model.observable, self._bindings(parameters), precision)
        data = self.estimator.run([pub]).result()[0].data
        circuits = int(np.prod(parameters.shape[:-1]))
        cost = Cost(circuits, circuits * (self.shots or 0), jobs=1)
        stds = np.asarray(data.stds)
        if precision and not stds.any():  # Qiskit's StatevectorEstimator adds noise, but tells none
            stds = np.full_like(stds, precision)
        return Expectations(np.asarray(data.evs), stds, cost)


class SamplerFactory(Protocol):
    """Makes a SamplerV2 that draws from a generator."""

    def __call__(self, rng: np.random.Generator) -> BaseSamplerV2:
        """Return the sampler."""


class SamplerBackend(PrimitiveBackend):
    """Any SamplerV2: real sampling, only the needed qubits measured, one PUB for each basis.

    Args:
        model: The circuit, its parameters and its observable.
        sampler: Makes the primitive from the generator that draws the shots.
        shots: Shots per circuit, at least 1.
    """

    def __init__(self, model: VariationalCircuit, sampler: SamplerFactory, shots: int) -> None:
        super().__init__(model, shots)
        self.sampler = sampler
        self._bases, self._constant = bases(model.circuit, model.observable)
        self._circuits = [basis.measured() for basis in self._bases]
        self.circuits_per_value = len(self._bases)

    def run(self, parameters: FloatArray, rng: np.random.Generator) -> Expectations:
        """Run one PUB for each basis, as one job."""
        shape = parameters.shape[:-1]
        pubs = [(circuit, self._bindings(parameters), self.shots) for circuit in self._circuits]
        results = self.sampler(rng).run(pubs).result()
        tables = []
        for basis, result in zip(self._bases, results, strict=True):
            bits = result.data.meas
            counts = (bits.get_int_counts(index) for index in np.ndindex(*shape))
            tables.append(counts_table(counts, len(basis.eigenvalues)))
        return expectations_from_counts(tables, self._bases, self._constant, shape)


def statevector(model: VariationalCircuit, shots: int | None = None) -> PrimitiveBackend:
    """Return a backend on Qiskit's reference primitives, without gate noise.

    Args:
        model: The circuit, its parameters and its observable.
        shots: Shots per circuit, really sampled, or None for exact expectation values.

    Returns:
        The backend.

    Raises:
        InputError: If shots is below 1, or the circuit has more than 24 qubits.

    Example:
        >>> from qnlr.circuits import angle, hardware_efficient, variational_circuit, z
        >>> model = variational_circuit(angle(2, 2), hardware_efficient(2, 1), z(2))
        >>> rng = np.random.default_rng(0)
        >>> weights, angles = np.zeros(6), np.array([[0.0, 0.0], [np.pi / 3, 0.0]])
        >>> statevector(model).values(weights, angles, rng).values.round(6)
        array([1. , 0.5])
        >>> statevector(model, shots=1000).values(weights, angles, rng).stds.round(3)
        array([0.   , 0.027])
    """
    qubits = model.circuit.num_qubits
    if qubits > MAX_STATEVECTOR_QUBITS:
        raise InputError(
            f"{qubits} qubits are too many for the statevector backend, which takes at most "
            f"{MAX_STATEVECTOR_QUBITS}; take fewer qubits, or the aer backend"
        )
    if shots is None:
        return EstimatorBackend(model, StatevectorEstimator())
    # One generator for all PUBs of a job: an integer seed would start every PUB alike.
    return SamplerBackend(model, lambda rng: StatevectorSampler(seed=rng), shots)
