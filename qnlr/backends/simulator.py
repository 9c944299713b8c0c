"""The suite's own simulator: exact values and shots of whole parameter arrays at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qnlr.backends.isa import isa_circuit, require_noise
from qnlr.backends.primitives import PrimitiveBackend, parameter_array
from qnlr.circuits import VariationalCircuit
from qnlr.noise import Noise
from qnlr.simulator import Simulator, exact_jacobian, sampled_jacobian, sampled_values
from qnlr.simulator.shots import group
from qnlr.types import Cost, Expectations, FloatArray, Jacobian


class SimulatorBackend(PrimitiveBackend):
    """Batched simulation: exact or with real shots, with or without noise.

    Exact Jacobians come from an adjoint sweep; with shots, every shift of the parameter-shift rule
    is drawn apart, from exact expectation values: the distribution is that of sampled circuits.
    Read-out errors are included; changes of basis before a measurement are without gate noise.

    The circuit is transpiled once, to the noise model's device if it has one. Results depend on the
    generator handed in, not on the number of threads.

    Args:
        model: The circuit, its parameters and its observable.
        shots: Shots per circuit, at least 1, or None for exact expectation values.
        noise: Gate and read-out errors, or None.
        threads: Threads that share a batch; None for ``NUMBA_NUM_THREADS``, or all cores.

    Raises:
        InputError: If a setting is not valid, or the noise model holds what is not supported.

    Example:
        >>> from qnlr.circuits import angle, hardware_efficient, variational_circuit, z
        >>> from qnlr.noise import from_rate
        >>> model = variational_circuit(angle(2, 2), hardware_efficient(2, 1), z(2))
        >>> backend = SimulatorBackend(model, noise=from_rate(0.0, readout=0.1))
        >>> backend.values(np.zeros(6), np.zeros((1, 2)), np.random.default_rng(0)).values.round(6)
        array([0.8])
    """

    def __init__(
        self,
        model: VariationalCircuit,
        shots: int | None = None,
        noise: Noise | None = None,
        threads: int | None = None,
    ) -> None:
        super().__init__(model, shots)
        require_noise(noise, model.circuit.num_qubits)
        self.noise = noise
        circuit = model.circuit if noise is None else isa_circuit(model.circuit, noise)
        observable = model.observable
        if circuit.layout is not None:
            observable = observable.apply_layout(circuit.layout)
        self._observable = observable.simplify()
        acts = self._observable.paulis.x | self._observable.paulis.z
        simulator = Simulator(None if noise is None else noise.model, threads)
        self._program = simulator.program(circuit, np.flatnonzero(acts.any(axis=0)).tolist())
        number = {parameter: place for place, parameter in enumerate(model.parameters)}
        self._order = [number[parameter] for parameter in self._program.parameters]
        self._wanted = np.array([place >= len(model.angles) for place in self._order], dtype=bool)
        back = {parameter: place for place, parameter in enumerate(self._program.parameters)}
        self._weights = [back[parameter] for parameter in model.weights]
        groups = self._observable.paulis.group_qubit_wise_commuting()
        self.circuits_per_value = sum(bool((one.x | one.z).any()) for one in groups)
        # Found once; it says now, not in the first job, what is too large.
        self._groups = None if shots is None else group(self._observable.paulis)

    def run(self, parameters: FloatArray, rng: np.random.Generator) -> Expectations:
        """Measure ⟨O⟩ for every row of a parameter array of shape (..., D + P), in one job."""
        shape = parameters.shape[:-1]
        rows = parameters.reshape(-1, parameters.shape[-1])[:, self._order]
        if self.shots is None:
            paulis, weights = self._observable.paulis, self._observable.coeffs.real
            found = weights @ self._program.expectations(self._program.angles(rows), paulis)
            variances = np.zeros_like(found)
        else:
            found, variances = sampled_values(
                self._program, rows, self._observable, self.shots, rng, self._groups
            )
        cost = self._cost(len(rows))
        return Expectations(found.reshape(shape), np.sqrt(variances).reshape(shape), cost)

    def jacobian(
        self, weights: FloatArray, angles: FloatArray, rng: np.random.Generator
    ) -> Jacobian:
        """Measure ⟨O⟩ and its derivatives by the weights, in one job.

        Args:
            weights: Shape (P,).
            angles: Encoding angles, shape (B, D).
            rng: Draws the shot noise.

        Returns:
            Values, shape (B,), and derivatives, shape (B, P), with standard errors.
        """
        return self._jacobian(weights, angles, rng, np.ones(len(self._weights), dtype=bool))

    def partial_jacobian(
        self,
        weights: FloatArray,
        angles: FloatArray,
        rng: np.random.Generator,
        trained: NDArray[np.bool_],
    ) -> Jacobian | None:
        """Measure ⟨O⟩ and its derivatives by some of the weights, in one job.

        Args:
            weights: Shape (P,).
            angles: Encoding angles, shape (B, D).
            rng: Draws the shot noise.
            trained: Which weights, shape (P,).

        Returns:
            Values, shape (B,), and derivatives, shape (B, P), 0 for the other weights; None where
            a subclass measures otherwise.
        """
        return self._jacobian(weights, angles, rng, trained)

    def allocated_jacobian(
        self,
        weights: FloatArray,
        angles: FloatArray,
        rng: np.random.Generator,
        shots: NDArray[np.int64],
    ) -> Jacobian | None:
        """Measure ⟨O⟩ and its derivatives, each with shots of its own, in one job.

        Args:
            weights: Shape (P,).
            angles: Encoding angles, shape (B, D).
            rng: Draws the shot noise.
            shots: Shots of each of the two shifts of a weight, shape (P,); 0 leaves its derivative
                at 0. The value has the most of them.

        Returns:
            Values, shape (B,), and derivatives, shape (B, P), with standard errors; None where a
            subclass measures otherwise.
        """
        return self._jacobian(weights, angles, rng, shots > 0, shots)

    def _jacobian(
        self,
        weights: FloatArray,
        angles: FloatArray,
        rng: np.random.Generator,
        trained: NDArray[np.bool_],
        shots: NDArray[np.int64] | None = None,
    ) -> Jacobian:
        rows = parameter_array(np.asarray(weights, dtype=float), angles)[:, self._order]
        wanted = self._wanted.copy()
        wanted[np.array(self._weights, dtype=int)[~trained]] = False
        if self.shots is None:
            found = exact_jacobian(self._program, rows, self._observable, wanted)
        else:
            each: int | NDArray[np.int64] = self.shots
            if shots is not None:
                each = np.zeros(len(wanted), dtype=np.int64)
                each[self._weights] = shots
            found = sampled_jacobian(
                self._program, rows, self._observable, wanted, each, rng, self._groups
            )
        elements = (2 * int(trained.sum()) + 1) * len(rows)
        cost = self._cost(elements)
        if shots is not None:
            drawn = int(2 * shots.sum() + shots.max(initial=1)) * len(rows)
            cost = Cost(cost.circuits, drawn * self.circuits_per_value, jobs=1)
        return Jacobian(
            values=found.values,
            stds=np.sqrt(found.variances),
            derivatives=found.derivatives[:, self._weights],
            derivative_stds=np.sqrt(found.derivative_variances[:, self._weights]),
            cost=cost,
        )

    def _cost(self, elements: int) -> Cost:
        circuits = elements * self.circuits_per_value
        return Cost(circuits, circuits * (self.shots or 0), jobs=1)
