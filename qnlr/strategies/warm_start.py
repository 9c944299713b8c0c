"""A warm start: train a smaller instance first, and begin where it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from qiskit import QuantumCircuit

from qnlr.backends import Meter
from qnlr.errors import InputError, require_count, require_within
from qnlr.strategies.strategy import Setting, share
from qnlr.training import Ended, Plan, Stage
from qnlr.types import FloatArray


@dataclass(frozen=True)
class WarmStart:
    """Train the same problem on fewer qubits, and copy its weights to all of them.

    A weight is copied from that of the same gate, the same layer and the nearest qubit, counted in
    shares of the register. Where both instances have as many weights, as in the ansätze whose
    weights turn many gates at once, they are taken as they are. The target loss of a training is
    not looked for on the smaller instance, which the evaluations of that time are of.

    Source: Galda et al., arXiv:2106.07531, and Brandão et al., arXiv:1812.04170, for QAOA, whose
    best weights hardly depend on the instance.

    Args:
        qubits: How many qubits the smaller instance has; None for half of them, at least 2.
        small: Share of the steps that it gets, 0 to 1.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> WarmStart(qubits=4).small
        0.5
    """

    qubits: int | None = None
    small: float = 0.5

    def __post_init__(self) -> None:
        if self.qubits is not None:
            require_count("qubits", self.qubits)
        require_within("small", self.small, 0.0, 1.0)

    def plan(self, setting: Setting) -> Plan:
        """Return a stage on the smaller instance, and one on the whole."""
        qubits = max(2, setting.qubits // 2) if self.qubits is None else self.qubits
        if qubits > setting.qubits:
            raise InputError(
                f"qubits = {qubits} is not valid; the circuit has {setting.qubits}, and a smaller "
                "instance is to have no more"
            )
        part = setting.instance(qubits=qubits)
        large = setting.ansatz(setting.qubits, setting.layers)
        source = weights_from(setting.ansatz(qubits, setting.layers), large)
        whole, own = setting.weights, large.num_parameters

        def begin(ended: object, rng: np.random.Generator, meter: Meter) -> FloatArray:
            drawn = setting.draw(part.problem.num_weights - whole[own:].size, rng)
            return np.concatenate([drawn, whole[own:]])

        def copied(ended: Sequence[Ended], rng: np.random.Generator, meter: Meter) -> FloatArray:
            small = ended[-1].weights
            head = small[small.size - whole[own:].size :]
            return np.concatenate([small[source], head])

        first = Stage(
            "smaller instance", (part,), begin, share(setting.steps, self.small), aimed=False
        )
        return Plan((first, Stage("whole", (setting.part,), copied, setting.steps)))


def weights_from(small: QuantumCircuit, large: QuantumCircuit) -> np.ndarray:
    """Return for each weight of a large circuit which one of a small circuit it is copied from.

    Args:
        small: The ansatz on fewer qubits.
        large: The ansatz.

    Returns:
        Numbers of weights of the small circuit, shape (weights of the large one,).

    Raises:
        InputError: If a weight has no counterpart.

    Example:
        >>> from qnlr.circuits import hardware_efficient
        >>> weights_from(hardware_efficient(1, 1), hardware_efficient(2, 1))
        array([0, 1, 2, 0, 1, 2])
    """
    if small.num_parameters == large.num_parameters:
        return np.arange(large.num_parameters)
    there, found = _places(small), dict[int, int]()
    for (gate, turn), numbers in _places(large).items():
        for qubit, number in numbers.items():
            counterparts = there.get((gate, turn), {})
            if not counterparts:
                raise InputError(
                    f"weight of gate {gate} on qubit {qubit} has no counterpart in the smaller "
                    "circuit; take another ansatz for a warm start"
                )
            wanted = qubit * small.num_qubits // large.num_qubits
            nearest = min(counterparts, key=lambda one: abs(one - wanted))
            found.setdefault(number, counterparts[nearest])
    return np.array([found[number] for number in range(large.num_parameters)], dtype=int)


def _places(circuit: QuantumCircuit) -> dict[tuple[str, int], dict[int, int]]:
    """Return the number of each weight by its gate and how often it came there, and its qubit."""
    number = {parameter: place for place, parameter in enumerate(circuit.parameters)}
    seen: Counter[tuple[str, int]] = Counter()
    places: dict[tuple[str, int], dict[int, int]] = {}
    for step in circuit.data:
        weights = [
            weight for value in step.operation.params for weight in getattr(value, "parameters", ())
        ]
        if weights:
            gate, qubit = step.operation.name, circuit.find_bit(step.qubits[0]).index
            places.setdefault((gate, seen[gate, qubit]), {})[qubit] = number[weights[0]]
            seen[gate, qubit] += 1
    return places
