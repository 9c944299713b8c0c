"""Noise of an Aer noise model, as Pauli transfer matrices and confusion matrices."""

from __future__ import annotations

from functools import cache

import numpy as np
from qiskit.quantum_info import PTM
from qiskit_aer.noise import NoiseModel, QuantumError

from qnlr.entries import quantum_error
from qnlr.errors import InputError
from qnlr.types import FloatArray


class GateNoise:
    """What follows gates and disturbs read-out under a noise model.

    As in Aer, an error that is tied to qubits goes before one that is tied to the gate alone.

    Args:
        model: Made of errors on one- and two-qubit instructions and of read-out errors on single
            qubits; their kind (depolarizing, Pauli, relaxation, coherent, Kraus) does not matter.

    Raises:
        InputError: If it holds anything else.

    Example:
        >>> from qiskit_aer.noise import depolarizing_error
        >>> model = NoiseModel()
        >>> model.add_all_qubit_quantum_error(depolarizing_error(0.1, 1), ["rx"])
        >>> noise = GateNoise(model)
        >>> noise.after("rx", (3,)).diagonal().round(6), noise.after("ry", (3,))
        (array([1. , 0.9, 0.9, 0.9]), None)
    """

    def __init__(self, model: NoiseModel) -> None:
        if not isinstance(model, NoiseModel):
            raise InputError(f"noise_model = {model!r} is not valid; it must be Aer's NoiseModel")
        self._everywhere: dict[str, FloatArray] = {}
        self._local: dict[tuple[str, tuple[int, ...]], FloatArray] = {}
        self._confusion: dict[int | None, FloatArray] = {}
        self._delays = bool(getattr(model, "_custom_noise_passes", ()))
        self._names = frozenset(model.noise_instructions) | frozenset(model.basis_gates)
        for entry in model.to_dict()["errors"]:
            where = entry.get("gate_qubits")
            if entry["type"] == "roerror":
                matrix = np.asarray(entry["probabilities"], dtype=float)
                if matrix.shape != (2, 2):
                    raise InputError("a read-out error on several qubits at once; use Aer for it")
                for (qubit,) in where or ((None,),):
                    self._confusion[qubit] = matrix
                continue
            names = entry["operations"]
            transfer = _transfer(quantum_error(entry), names)
            for name in names:
                if where is None:
                    self._everywhere[name] = transfer
                for qubits in where or ():
                    self._local[name, tuple(qubits)] = transfer

    def is_atomic(self, name: str) -> bool:
        """Return whether noise may be tied to the gate itself, not to what it is made of."""
        return name in self._names or name in _aer_gates()

    def after(self, name: str, qubits: tuple[int, ...]) -> FloatArray | None:
        """Return the transfer matrix of the noise that follows a gate, or None.

        Args:
            name: Name of the gate, or its label if it has one.
            qubits: Its qubits, as the model numbers them.

        Returns:
            Shape (4^k, 4^k), or None.

        Raises:
            InputError: If it is a delay, and the model derives noise from its duration.
        """
        if name == "delay" and self._delays:
            raise InputError(
                "the noise model lets qubits relax while the circuit delays them, which is not "
                "supported; remove the delays, or use Aer"
            )
        found = self._local.get((name, qubits))
        return self._everywhere.get(name) if found is None else found

    def confusion(self, qubit: int) -> FloatArray:
        """Return P(read j | prepared i) at [i, j] for a qubit, shape (2, 2).

        Args:
            qubit: The qubit, as the model numbers it.

        Returns:
            The matrix; the identity where there is no error.
        """
        return self._confusion.get(qubit, self._confusion.get(None, np.eye(2)))


def _transfer(error: QuantumError, names: list[str]) -> FloatArray:
    listed = ", ".join(names)
    if error.num_qubits > 2:
        raise InputError(
            f"an error on {error.num_qubits} qubits (of {listed}) is not supported; use Aer"
        )
    if "measure" in names:
        raise InputError(
            "a gate error on measurements is not supported; give it as a read-out error, or use Aer"
        )
    return np.asarray(np.real(PTM(error.to_quantumchannel()).data), dtype=float)


@cache
def _aer_gates() -> frozenset[str]:
    from qiskit_aer import AerSimulator

    return frozenset(AerSimulator(method="density_matrix").configuration().basis_gates)
