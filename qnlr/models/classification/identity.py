"""What makes a classifier the one that was fitted: its parameters as plain data, to be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Operation, ParameterExpression
from qiskit.quantum_info import SparsePauliOp

from qnlr.circuits import Encoding
from qnlr.errors import InputError, is_number
from qnlr.models.classification.preparation import SUITABLE
from qnlr.problems import HEADS, LOSSES
from qnlr.rng import content_hash

Described = dict[str, str | int | None]
STANDARD = "qiskit.circuit.library.standard_gates"


def described(given: Mapping[str, Any], qubits: int) -> Described:
    """Describe what a fitted model is made of: two descriptions are equal where the models are.

    Args:
        given: Parameters of a :class:`~qnlr.VariationalClassifier`, by name.
        qubits: The number of qubits.

    Returns:
        Names and numbers, and hashes of circuits and operators; what is not valid as its repr.

    Example:
        >>> given = {"ansatz": "efficient_su2", "encoding": "angle", "layers": 2, "observable": -1}
        >>> given |= {"loss": "logistic", "head": "bare", "scaling": "auto"}
        >>> described(given, qubits=3)["observable"]
        'Z of qubit 2'
    """
    encoding, layers = given["encoding"], given["layers"]
    scaling = given["scaling"]
    if isinstance(scaling, str) and scaling == "auto":
        scaling = SUITABLE.get(encoding, "none") if isinstance(encoding, str) else "none"
    named = isinstance(given["ansatz"], str)
    return {
        "encoding": _shown(encoding),
        "qubits": qubits,
        "ansatz": _shown(given["ansatz"]),
        "layers": (int(layers) if is_number(layers) else repr(layers)) if named else None,
        "observable": _observable(given["observable"], qubits),
        "scaling": _shown(scaling),
        "loss": _shown(_made(LOSSES, given["loss"])),
        "head": _shown(_made(HEADS, given["head"])),
    }


def require_same(now: Described, before: Described) -> None:
    """Make sure that a model is still the one that was fitted.

    Args:
        now: Its description.
        before: That of the fit.

    Raises:
        InputError: If it is another one; the message names the parameter.

    Example:
        >>> require_same({"layers": 3}, {"layers": 2})
        Traceback (most recent call last):
        qnlr.errors.InputError: layers = 3 is not what the model was fitted with, 2; set layers \
back to that, or fit again
    """
    for name, value in now.items():
        if value != before.get(name):
            raise InputError(
                f"{name} = {value} is not what the model was fitted with, {before.get(name)}; set "
                f"{name} back to that, or fit again"
            )


def expanded(circuit: QuantumCircuit) -> QuantumCircuit:
    """Write out the composite gates of a circuit that hold parameters, until there are none.

    Args:
        circuit: The circuit.

    Returns:
        The same circuit on gates of Qiskit's standard library, and others without parameters.

    Example:
        >>> from qiskit.circuit.library import real_amplitudes
        >>> boxed = QuantumCircuit(2)
        >>> _ = boxed.append(real_amplitudes(2, reps=1).to_gate(), [0, 1])
        >>> [gate.operation.name for gate in expanded(boxed).data]
        ['ry', 'ry', 'cx', 'ry', 'ry']
    """
    while composite := [gate.operation for gate in circuit.data if _hides(gate.operation)]:
        circuit = circuit.decompose([gate.name for gate in composite])
    return circuit


def _hides(gate: Operation) -> bool:
    """Return whether a gate holds parameters of the circuit in gates of its own."""
    values = [value for value in gate.params if isinstance(value, ParameterExpression)]
    free = any(value.parameters for value in values)
    return free and not _standard(gate) and gate.definition is not None


def _standard(gate: Operation) -> bool:
    kind = getattr(gate, "base_class", type(gate))  # type() of a shared gate has no module
    return str(kind.__module__).startswith(STANDARD)


def _shown(value: Any) -> str | int | None:
    if isinstance(value, QuantumCircuit):
        return f"circuit {content_hash(_gates(expanded(value)))}"
    if isinstance(value, SparsePauliOp):
        terms = [[label, coeff.real, coeff.imag] for label, coeff in value.simplify().to_list()]
        return f"operator {content_hash(sorted(terms))}"
    if isinstance(value, Encoding):
        function = getattr(value.angles_from, "__qualname__", type(value.angles_from).__name__)
        own = [value.features, _shown(value.circuit), [*map(int, value.data_qubits)], function]
        return f"encoding {value.name} {content_hash(own)}"
    if value is None or isinstance(value, str):
        return value
    kind: Any = type(value)
    if kind.__repr__ is object.__repr__:  # an address, which is another one in a copy
        return f"{kind.__qualname__}({getattr(value, '__dict__', '')})"
    return repr(value)


def _gates(circuit: QuantumCircuit) -> list[Any]:
    """Return a circuit as plain data."""
    place = {bit: number for number, bit in enumerate((*circuit.qubits, *circuit.clbits))}
    return [
        [circuit.num_qubits, str(circuit.global_phase)],
        [parameter.name for parameter in circuit.parameters],
        [
            [_gate(gate.operation), [place[bit] for bit in (*gate.qubits, *gate.clbits)]]
            for gate in circuit.data
        ],
    ]


def _gate(gate: Operation) -> list[Any]:
    values = [_value(value) for value in getattr(gate, "params", [])]
    inside = None if _standard(gate) else getattr(gate, "definition", None)
    return [gate.name, values, None if inside is None else _gates(inside)]


def _value(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
    return str(_gates(value)) if isinstance(value, QuantumCircuit) else str(value)


def _observable(given: Any, qubits: int) -> str | int | None:
    if is_number(given) and given in range(-qubits, qubits):
        return f"Z of qubit {int(given) % qubits}"
    return _shown(given)


def _made(registry: Mapping[str, Any], given: Any) -> Any:
    return registry[given]() if isinstance(given, str) and given in registry else given
