"""From a circuit to the PUBs of a primitive, and from its results to expectation values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import ClassicalRegister, Parameter
from qiskit.providers import BackendV2
from qiskit.quantum_info import SparsePauliOp

from qnlr.backends.ibm.extrapolation import extrapolated_stds
from qnlr.backends.readout import Basis, bases, expectations_from_counts
from qnlr.errors import InputError
from qnlr.noise.mitigation.calibration import Calibration
from qnlr.types import Expectations, FloatArray

CALIBRATION_SHOTS = 4096
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Program:
    """What is run for every row of parameters: an ISA circuit and its observable, on a device.

    Args:
        circuit: The ISA circuit, not measured.
        device: What it is submitted to, or counted and simulated for.
        observable: The observable, on the qubits of that circuit.
        parameters: Names of the parameters, in the order of a row.
        shots: Shots per circuit.
        readout_correction: Whether counts are corrected for read-out errors.
    """

    circuit: QuantumCircuit
    device: BackendV2
    observable: SparsePauliOp
    parameters: tuple[str, ...]
    shots: int
    readout_correction: bool = False

    @cached_property
    def _columns(self) -> tuple[tuple[Parameter, ...], list[int]]:
        """The circuit's parameters, and where their values stand in a row."""
        place = {name: number for number, name in enumerate(self.parameters)}
        found = tuple(self.circuit.parameters)
        return found, [place[parameter.name] for parameter in found]

    def bindings(self, rows: FloatArray) -> dict[tuple[Parameter, ...], FloatArray]:
        """Return rows of parameters as bindings of the circuit."""
        parameters, columns = self._columns
        return {parameters: rows[..., columns]}


@dataclass(frozen=True)
class EstimatorProgram(Program):
    """Expectation values by the Estimator, with whatever mitigation its options ask for."""

    primitive = "estimator"
    circuits_per_value = 1

    def pubs(self, rows: FloatArray) -> list[tuple[Any, ...]]:
        """Return the PUBs of one job."""
        return [(self.circuit, self.observable, self.bindings(rows))]

    def decode(self, result: Any) -> dict[str, np.ndarray]:
        """Return what is kept of a job: values and standard errors."""
        from qnlr.backends.ibm.runtime import noise_factors

        data = result[0].data
        kept = {"values": np.asarray(data.evs), "stds": np.asarray(data.stds)}
        if (factors := noise_factors(result)) is not None:
            measured = (np.asarray(data.evs_noise_factors), np.asarray(data.stds_noise_factors))
            kept["stds"] = extrapolated_stds(factors, kept["values"], *measured)
        return kept

    def expectations(self, kept: Arrays) -> tuple[FloatArray, FloatArray]:
        """Return values and standard errors of what was kept."""
        return kept["values"].reshape(-1), kept["stds"].reshape(-1)


@dataclass(frozen=True)
class SamplerProgram(Program):
    """Expectation values by the Sampler, from counts of the observed qubits alone."""

    primitive = "sampler"

    @property
    def circuits_per_value(self) -> int:
        """Circuits that one value takes: one for each basis."""
        return len(self._found[0])

    @cached_property
    def _found(self) -> tuple[list[Basis], float]:
        return bases(self.circuit, self.observable)

    @cached_property
    def _measured(self) -> list[QuantumCircuit]:
        return [self._isa(basis).measured() for basis in self._found[0]]

    @cached_property
    def qubits(self) -> tuple[int, ...]:
        """The qubits that are measured."""
        return tuple(sorted({qubit for basis in self._found[0] for qubit in basis.qubits}))

    def pubs(self, rows: FloatArray) -> list[tuple[Any, ...]]:
        """Return the PUBs of one job: one for each basis, and one for the calibration."""
        bound = self.bindings(rows)
        found: list[tuple[Any, ...]] = [(circuit, bound, self.shots) for circuit in self._measured]
        if self.readout_correction and self.qubits:
            repeats = math.ceil(CALIBRATION_SHOTS / self.shots)
            circuit, angle = self._calibration
            angles = np.repeat([[math.pi], [0.0]], repeats, axis=1)
            found.append((circuit, {(angle,): angles[..., None]}, self.shots))
        return found

    def decode(self, result: Any) -> dict[str, np.ndarray]:
        """Return what is kept of a job: the counts of every outcome."""
        from qnlr.backends.ibm.runtime import outcome_counts

        kept = {
            f"counts_{number}": outcome_counts(one.data.meas)
            for number, one in zip(range(len(self._measured)), result, strict=False)
        }
        if len(result) > len(self._measured):
            bits = result[len(self._measured)].data.meas
            ones = [np.asarray(bits.slice_bits(bit).array)[..., 0] for bit in range(bits.num_bits)]
            kept["calibration"] = np.array([one.reshape(2, -1).sum(axis=1) for one in ones])
            kept["calibration_shots"] = np.array(ones[0].size // 2)
        return kept

    def expectations(self, kept: Arrays) -> tuple[FloatArray, FloatArray]:
        """Return values and standard errors of what was kept, corrected if it was calibrated."""
        found, constant = self._found
        tables = [np.asarray(kept[f"counts_{n}"], dtype=float) for n in range(len(found))]
        number = len(tables[0]) if tables else 1
        if "calibration" not in kept:
            measured = expectations_from_counts(tables, found, constant, (number,))
            return measured.values, measured.stds
        return self._corrected(tables, self._read(kept), number)

    def _read(self, kept: Arrays) -> Calibration:
        shots = int(kept["calibration_shots"])
        means = 1 - 2 * kept["calibration"] / shots
        stds = np.sqrt(np.maximum(1 - means**2, 0.0) / max(shots - 1, 1))
        return Calibration(self.qubits, means[:, 0], means[:, 1], stds[:, 0], stds[:, 1])

    def _corrected(
        self, tables: list[FloatArray], known: Calibration, number: int
    ) -> tuple[FloatArray, FloatArray]:
        """Undo read-out errors, and count those of the calibration with those of the shots."""

        def values(calibration: Calibration) -> Expectations:
            turned = [
                replace(basis, eigenvalues=undone(basis, calibration)) for basis in self._found[0]
            ]
            return expectations_from_counts(tables, turned, self._found[1], (number,))

        best = values(known)
        variances = best.stds**2
        for name, stds in (("zeros", known.zero_stds), ("ones", known.one_stds)):
            for place, std in enumerate(stds):
                moved = getattr(known, name).copy()
                moved[place] += std
                other = values(replace(known, **{name: moved}))
                variances = variances + (other.values - best.values) ** 2
        return best.values, np.sqrt(variances)

    @cached_property
    def _calibration(self) -> tuple[QuantumCircuit, Parameter]:
        """A circuit that prepares |0…0⟩ at an angle of π, and |1…1⟩ at 0, from native gates."""
        angle = Parameter("φ")
        circuit = QuantumCircuit(self.circuit.num_qubits)
        for qubit in self.qubits:
            circuit.sx(qubit)
            circuit.rz(angle, qubit)
            circuit.sx(qubit)
        register = ClassicalRegister(len(self.qubits), "meas")
        circuit.add_register(register)
        circuit.measure(self.qubits, register)
        return circuit, angle

    def _isa(self, basis: Basis) -> Basis:
        """Return a basis whose changes of basis are made of the device's own gates."""
        own = len(self.circuit.data)
        circuit = self.circuit.copy()
        gates = [name for name in self.device.operation_names if name in NATIVE]
        for instruction in basis.circuit.data[own:]:
            single = QuantumCircuit(1)
            single.append(instruction.operation, [0])
            native = transpile(single, basis_gates=gates, optimization_level=1)
            qubit = basis.circuit.find_bit(instruction.qubits[0]).index
            circuit.compose(native, [qubit], inplace=True)
        return replace(basis, circuit=circuit)


NATIVE = ("rz", "sx", "x", "rx", "h", "s", "sdg", "id")


def undone(basis: Basis, known: Calibration) -> FloatArray:
    r"""Return the eigenvalues of outcomes as they count once read-out errors are undone.

    .. math:: λ'(z_1, …, z_m) = λ\Big(\frac{z_1 - a_1}{b_1}, …, \frac{z_m - a_m}{b_m}\Big)

    with λ multilinear in the signs z of the qubits.

    Source: Bravyi et al., Phys. Rev. A 103, 042605 (2021), the tensored model.

    Args:
        basis: A basis of m qubits.
        known: Their calibration, and perhaps that of others.

    Returns:
        Shape (2^m,).
    """
    place = {qubit: number for number, qubit in enumerate(known.qubits)}
    values = basis.eigenvalues.reshape((2,) * len(basis.qubits))
    for axis, qubit in enumerate(reversed(basis.qubits)):  # the first qubit is the last axis
        a, b = known.offsets[place[qubit]], known.scales[place[qubit]]
        signs = (np.array([1.0, -1.0]) - a) / b
        matrix = np.stack([(1 + signs) / 2, (1 - signs) / 2], axis=1)
        values = np.moveaxis(np.tensordot(matrix, values, axes=(1, axis)), 0, axis)
    return np.asarray(values.reshape(-1))


def make_program(
    primitive: str,
    circuit: QuantumCircuit,
    device: BackendV2,
    observable: SparsePauliOp,
    where: Sequence[int],
    parameters: Sequence[Parameter],
    shots: int,
    readout_correction: bool,
) -> SamplerProgram | EstimatorProgram:
    """Return the program of a primitive.

    Args:
        primitive: ``"sampler"`` or ``"estimator"``.
        circuit: The ISA circuit.
        device: What it is run on.
        observable: The observable, on the qubits of the model.
        where: For each of these the qubit of the circuit.
        parameters: The parameters of the model, in the order of a row.
        shots: Shots per circuit.
        readout_correction: Whether counts are corrected for read-out errors.

    Returns:
        The program.

    Raises:
        InputError: If nothing but the identity is observed.
    """
    simple = observable.simplify()
    if not (simple.paulis.x | simple.paulis.z).any():
        raise InputError(
            "the observable is a multiple of the identity, whose value is known without a device"
        )
    terms = [
        (word, [where[qubit] for qubit in qubits], weight)
        for word, qubits, weight in simple.to_sparse_list()
    ]
    moved = SparsePauliOp.from_sparse_list(terms, num_qubits=circuit.num_qubits)
    kind = SamplerProgram if primitive == "sampler" else EstimatorProgram
    names = tuple(parameter.name for parameter in parameters)
    return kind(circuit, device, moved, names, shots, readout_correction)
