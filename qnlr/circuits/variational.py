"""A variational circuit: encoding, then ansatz, then observable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp

from qnlr.circuits.encodings import Encoding
from qnlr.errors import InputError
from qnlr.types import depth_in_layers


@dataclass(frozen=True)
class VariationalCircuit:
    """A circuit whose parameters are encoding angles and weights, and what is read out of it.

    .. math:: f(x, θ) = ⟨ψ(x)| U(θ)^† O U(θ) |ψ(x)⟩

    Source: NLR paper, Eqs. 3 and 4.

    Args:
        circuit: Encoding and ansatz as one circuit.
        angles: Its D encoding parameters, in the order of ``Encoding.angles_from``.
        weights: Its P trainable parameters.
        observable: What is read out, on all qubits of the circuit.
        layers: Depth L, in layers of the ansatz.

    Raises:
        InputError: If observable and circuit differ in size, or angles and weights are not the
            circuit's parameters.
    """

    circuit: QuantumCircuit
    angles: tuple[Parameter, ...]
    weights: tuple[Parameter, ...]
    observable: SparsePauliOp
    layers: int

    def __post_init__(self) -> None:
        if self.observable.num_qubits != self.circuit.num_qubits:
            raise InputError(
                f"the observable acts on {self.observable.num_qubits} qubits, the circuit has "
                f"{self.circuit.num_qubits}"
            )
        together = (*self.angles, *self.weights)
        twice = len(set(together)) < len(together)
        if twice or set(together) != set(self.circuit.parameters):
            raise InputError(
                "angles and weights together must be the parameters of the circuit, each once"
            )

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Angles and weights, in the order of the columns of a PUB's parameter array."""
        return (*self.angles, *self.weights)


def variational_circuit(
    encoding: Encoding, ansatz: QuantumCircuit, observable: SparsePauliOp
) -> VariationalCircuit:
    """Put an encoding, an ansatz and an observable together.

    Args:
        encoding: How features become angles.
        ansatz: The trainable part, on as many qubits.
        observable: What is read out.

    Returns:
        The composed circuit.

    Raises:
        InputError: If they differ in their number of qubits.

    Example:
        >>> from qnlr.circuits import amplitude, hardware_efficient, z
        >>> model = variational_circuit(amplitude(8, 6), hardware_efficient(6, 5), z(6))
        >>> len(model.angles), len(model.weights), model.layers
        (7, 90, 5)
    """
    if encoding.circuit.num_qubits != ansatz.num_qubits:
        raise InputError(
            f"the encoding has {encoding.circuit.num_qubits} qubits, the ansatz {ansatz.num_qubits}"
        )
    circuit = encoding.circuit.compose(ansatz)
    return VariationalCircuit(
        circuit=circuit,
        angles=tuple(encoding.circuit.parameters),
        weights=tuple(ansatz.parameters),
        observable=observable,
        layers=depth_in_layers(ansatz),
    )


def require_shift_rule(circuit: QuantumCircuit, weights: Sequence[Parameter]) -> None:
    r"""Check that the parameter-shift rule with shifts of ±π/2 holds for every weight.

    .. math:: \frac{∂f}{∂θ_k} = \frac{1}{2} [f(θ + \frac{π}{2} e_k) - f(θ - \frac{π}{2} e_k)]

    It holds where each weight occurs once, bare, in a gate exp(−iθG/2) with G² = 1.

    Source: NLR paper, Eq. 7.

    Args:
        circuit: The circuit.
        weights: Its trainable parameters.

    Raises:
        InputError: If a weight occurs in an expression, more than once, or in another gate.

    Example:
        >>> from qnlr.circuits import hardware_efficient
        >>> ansatz = hardware_efficient(2, 1)
        >>> require_shift_rule(ansatz, ansatz.parameters)
    """
    wanted = set(weights)
    seen: set[Parameter] = set()
    for instruction in circuit.data:
        for value in instruction.operation.params:
            found = wanted & set(getattr(value, "parameters", ()))
            for parameter in found:
                gate = instruction.operation.name
                if parameter in seen or value != parameter or gate not in SHIFT_GATES:
                    raise InputError(
                        f'weight {parameter.name} in gate "{gate}" does not allow the '
                        "parameter-shift rule; each weight must occur once, bare, in one of: "
                        + ", ".join(sorted(SHIFT_GATES))
                    )
                seen.add(parameter)


SHIFT_GATES = frozenset({"rx", "ry", "rz", "p", "rxx", "ryy", "rzz", "rzx"})
