"""What a sampler's outcomes mean to a network: the qubits that are read, and ``interpret``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Integral
from typing import Any

import numpy as np
from qiskit import QuantumCircuit

from qnlr.errors import InputError
from qnlr.models.broadcasting.frequencies import read_numbers


class Interpretation:
    """From what a classical register reads to the number of an output.

    Of a circuit that was transpiled before all of a device's qubits were measured, the bits of the
    virtual qubits are picked out.

    Args:
        circuit: The circuit with its measurements.
        virtual_qubits: Number of qubits before transpiling.
        interpret: From the virtual qubits' integer to an index of the outputs.
        output_shape: Shape of the outputs; K is its product.

    Example:
        >>> circuit = QuantumCircuit(2)
        >>> circuit.measure_all()
        >>> parity = Interpretation(circuit, 2, lambda x: x.bit_count() % 2, (2,))
        >>> parity.of(range(4))
        array([0, 1, 1, 0])
    """

    def __init__(
        self,
        circuit: QuantumCircuit,
        virtual_qubits: int,
        interpret: Callable[[int], Any],
        output_shape: tuple[int, ...],
    ) -> None:
        self.interpret = interpret
        self.output_shape = output_shape
        self.outputs = int(np.prod(output_shape))
        self._circuit = circuit
        self._virtual_qubits = virtual_qubits
        self._by_reading: dict[int, int] = {}
        self._by_number: dict[int, int] = {}

    def of(self, read: Iterable[int]) -> np.ndarray:
        """Return which output each reading counts for.

        Args:
            read: R integers of the register, of any size.

        Returns:
            Numbers of outputs, −1 for a reading that counts for none; shape (R,).

        Raises:
            InputError: If ``interpret`` gives an index that is not among the outputs.
        """
        readings = [int(one) for one in read]
        new = list(set(readings) - self._by_reading.keys())
        if new:
            numbers = read_numbers(new, self._circuit)
            self._by_reading.update(zip(new, self.of_numbers(numbers).tolist(), strict=True))
        return np.array([self._by_reading[one] for one in readings], dtype=int)

    def of_numbers(self, numbers: Iterable[int | None]) -> np.ndarray:
        """Return which output each integer of the virtual qubits counts for.

        Args:
            numbers: R integers; None counts for no output.

        Returns:
            As :meth:`of`.

        Raises:
            InputError: As :meth:`of`.
        """
        return np.array([self._output(number) for number in numbers], dtype=int)

    def _output(self, number: int | None) -> int:
        if number is None or number >> self._virtual_qubits:
            return -1
        if number not in self._by_number:
            self._by_number[number] = self._interpreted(number)
        return self._by_number[number]

    def _interpreted(self, number: int) -> int:
        found = self.interpret(number)
        try:
            index = (int(found),) if isinstance(found, Integral) else tuple(found)
            return int(np.ravel_multi_index(index, self.output_shape))
        except (ValueError, TypeError) as error:
            raise InputError(
                f"interpret({number}) = {found!r} is not an index of outputs of shape "
                f"{self.output_shape}; give a larger output_shape, or another interpret"
            ) from error
