"""Aer: density matrices under a noise model, real shots, read-out errors included."""

from __future__ import annotations

from typing import Any

import joblib
import numpy as np
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator

from qnlr.backends.isa import isa_circuit, require_noise
from qnlr.backends.primitives import PrimitiveBackend
from qnlr.backends.readout import (
    Basis,
    bases,
    counts_table,
    expectations_from_counts,
    expectations_from_probabilities,
)
from qnlr.circuits import VariationalCircuit
from qnlr.errors import InputError
from qnlr.noise import Noise, readout_confusion
from qnlr.simulator import misread
from qnlr.types import Expectations, FloatArray


class AerBackend(PrimitiveBackend):
    """Aer's simulator under a noise model, with real shots.

    Aer's ``EstimatorV2`` would ignore read-out errors and replace shot noise by a Gaussian of
    constant width; here every circuit is measured. Without shots the exact outcome probabilities
    are taken, read-out errors included. Under noise the state is a density matrix.

    The circuit is transpiled once, to the noise model's device if it has one. Results depend on the
    generator handed in, not on the number of cores.

    Args:
        model: The circuit, its parameters and its observable.
        shots: Shots per circuit, at least 1, or None for exact expectation values.
        noise: Gate and read-out errors, or None.

    Raises:
        InputError: If shots is below 1, or exact values are asked for under a noise model with gate
            errors on measurements.

    Example:
        >>> from qnlr.circuits import angle, hardware_efficient, variational_circuit, z
        >>> from qnlr.noise import from_rate
        >>> model = variational_circuit(angle(2, 2), hardware_efficient(2, 1), z(2))
        >>> backend = AerBackend(model, noise=from_rate(0.0, readout=0.1))
        >>> backend.values(np.zeros(6), np.zeros((1, 2)), np.random.default_rng(0)).values.round(6)
        array([0.8])
    """

    def __init__(
        self, model: VariationalCircuit, shots: int | None = None, noise: Noise | None = None
    ) -> None:
        super().__init__(model, shots)
        require_noise(noise, model.circuit.num_qubits)
        if self.shots is None and noise is not None and _noisy_measurement(noise):
            raise InputError(
                "exact expectation values leave out the noise model's gate errors on measurements; "
                "set shots"
            )
        self.noise = noise
        self._simulator = _simulator(noise)
        _require_room(model.circuit.num_qubits, self._simulator)
        found, self._constant = bases(model.circuit, model.observable)
        self._bases = [self._isa(basis) for basis in found]
        self._circuits = [self._read(basis) for basis in self._bases]
        self.circuits_per_value = len(self._bases)

    def run(self, parameters: FloatArray, rng: np.random.Generator) -> Expectations:
        """Run every basis for every row of a parameter array, as one job."""
        shape = parameters.shape[:-1]
        if not self._circuits:  # nothing but the identity is observed
            return expectations_from_probabilities([], [], self._constant, shape)
        columns = parameters.reshape(-1, parameters.shape[-1]).T.tolist()
        binds = dict(zip(self.model.parameters, columns, strict=True))
        result = self._simulator.run(
            self._circuits,
            parameter_binds=[binds] * len(self._circuits),
            shots=self.shots or 1,
            seed_simulator=int(rng.integers(2**31)) if self.shots else 0,
        ).result()
        if not result.success:
            raise RuntimeError(f"Aer failed: {result.status}")
        number = len(columns[0])
        chunks = [
            [entry.data for entry in result.results[start : start + number]]
            for start in range(0, len(result.results), number)
        ]
        if self.shots is None:
            tables = [
                misread(np.array([data.probabilities for data in chunk]), self._confusion(basis))
                for chunk, basis in zip(chunks, self._bases, strict=True)
            ]
            return expectations_from_probabilities(tables, self._bases, self._constant, shape)
        tables = [
            counts_table(
                ({int(key, 16): n for key, n in data.counts.items()} for data in chunk),
                len(basis.eigenvalues),
            )
            for chunk, basis in zip(chunks, self._bases, strict=True)
        ]
        return expectations_from_counts(tables, self._bases, self._constant, shape)

    def _isa(self, basis: Basis) -> Basis:
        circuit = isa_circuit(basis.circuit, self.noise)
        where = basis.qubits
        if circuit.layout is not None:
            final = circuit.layout.final_index_layout(filter_ancillas=True)
            where = tuple(final[qubit] for qubit in where)
        return Basis(circuit, where, basis.eigenvalues)

    def _read(self, basis: Basis) -> QuantumCircuit:
        if self.shots is not None:
            return basis.measured()
        circuit = basis.circuit.copy()
        circuit.save_probabilities(list(basis.qubits))
        return circuit

    def _confusion(self, basis: Basis) -> list[FloatArray]:
        if self.noise is None:
            return [np.eye(2) for _ in basis.qubits]
        return [readout_confusion(self.noise.model, qubit) for qubit in basis.qubits]


def _require_room(qubits: int, simulator: AerSimulator) -> None:
    method = simulator.options.method
    fit = AerSimulator(method=method).configuration().n_qubits  # by this machine's memory
    if qubits > fit:
        raise InputError(
            f"{qubits} qubits do not fit this machine's memory; as a {method.replace('_', ' ')} it "
            f"holds at most {fit}"
        )


def _noisy_measurement(noise: Noise) -> bool:
    return any(
        entry["type"] == "qerror" and "measure" in entry["operations"]
        for entry in noise.model.to_dict()["errors"]
    )


def _simulator(noise: Noise | None) -> AerSimulator:
    options: dict[str, Any] = {"max_parallel_experiments": joblib.cpu_count()}
    if noise is None:
        return AerSimulator(method="statevector", runtime_parameter_bind_enable=True, **options)
    options |= {"method": "density_matrix", "noise_model": noise.model}
    if noise.device is None:
        return AerSimulator(**options)
    return AerSimulator.from_backend(noise.device, **options)
