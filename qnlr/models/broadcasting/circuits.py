"""Circuits whose every rotation can be shifted apart from the others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Instruction, Parameter, ParameterExpression
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.exceptions import QiskitError
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import TranslateParameterizedGates

from qnlr.errors import InputError
from qnlr.simulator.angles import Angles, compile_angles
from qnlr.simulator.tape import content_key
from qnlr.types import FloatArray

ROTATIONS = ("rx", "ry", "rz", "p", "rxx", "ryy", "rzz", "rzx")
"""Gates exp(−iφG/2) with G² = 1, up to a phase: those that obey the ±π/2 rule."""

KEPT = 64
"""Circuits that are kept, each for a transpilation that need not be done again."""


@dataclass(frozen=True, eq=False)
class ShiftCircuit:
    r"""A circuit in which each rotation has a parameter φ_j of its own.

    .. math::
        \frac{∂f}{∂φ_j} = \frac{1}{2} [f(φ + \frac{π}{2} e_j) - f(φ - \frac{π}{2} e_j)],
        \qquad \frac{∂f}{∂p_i} = \sum_j \frac{∂f}{∂φ_j} \frac{∂φ_j}{∂p_i}

    Source: Schuld et al., Phys. Rev. A 99, 032331 (2019).

    Args:
        circuit: What is run; it may depend on fewer of the φ, when transpiled.
        rotations: φ, S of them.
        angles: φ from the parameters p of the circuit as it was, of which there are D.
    """

    circuit: QuantumCircuit
    rotations: tuple[Parameter, ...]
    angles: Angles

    def slots(self, wanted: np.ndarray) -> np.ndarray:
        """Return the numbers of the K rotations that are to be shifted.

        Args:
            wanted: Whether to differentiate by each parameter, shape (D,).

        Returns:
            Shape (K,).
        """
        runs = set(self.circuit.parameters)
        there = np.array([rotation in runs for rotation in self.rotations], dtype=bool)
        return np.flatnonzero(self.angles.reached(wanted) & there)

    def bindings(
        self, values: FloatArray, slots: np.ndarray
    ) -> dict[tuple[Parameter, ...], FloatArray]:
        """Return what a PUB binds: all shifts of all elements.

        Args:
            values: p, shape (E, D).
            slots: Rotations to shift, shape (K,).

        Returns:
            For the parameters that the circuit has, values of shape (2, K, E, parameters): shifted
            up, then down.
        """
        runs = set(self.circuit.parameters)
        columns = [j for j, rotation in enumerate(self.rotations) if rotation in runs]
        shifts = math.pi / 2 * np.eye(len(self.rotations))[slots]
        both = np.stack([shifts, -shifts])[:, :, None] + self.angles.values(values).T
        return {tuple(self.rotations[j] for j in columns): both[..., columns]}

    def chain(
        self, values: FloatArray, slots: np.ndarray, by_slot: FloatArray, power: int = 1
    ) -> FloatArray:
        """Return derivatives by the parameters from those by the shifted rotations.

        Args:
            values: p, shape (E, D).
            slots: Which rotations these are, shape (K,).
            by_slot: ∂f/∂φ, shape (K, E), or variances of it.
            power: 1, or 2 for variances.

        Returns:
            ∂f/∂p, shape (E, D), or its variances.
        """
        by_angle = np.zeros((len(self.rotations), len(values)))
        by_angle[slots] = by_slot
        return self.angles.chain(values, by_angle, power)


class ShiftCircuits:
    """Makes shift circuits, once for each content, and keeps the last of them.

    Args:
        pass_manager: Transpiles them; None where the primitive takes any circuit. A circuit that
            has a layout already and needs no other gates is run as it is.

    Raises:
        InputError: If the pass manager is none.
    """

    def __init__(self, pass_manager: PassManager | None = None) -> None:
        if pass_manager is not None and not callable(getattr(pass_manager, "run", None)):
            raise InputError(
                f"pass_manager = {pass_manager!r} is not valid; take "
                "generate_preset_pass_manager(...), or None"
            )
        self.pass_manager = pass_manager
        self._made: dict[Any, ShiftCircuit] = {}

    def of(self, circuit: QuantumCircuit) -> ShiftCircuit:
        """Return the shift circuit of a circuit.

        Args:
            circuit: The circuit.

        Returns:
            It, transpiled.

        Raises:
            InputError: If a parameter is in anything but rotations.
        """
        registers = tuple((one.name, one.size) for one in circuit.cregs)
        key = (content_key(circuit), registers, circuit.layout is None)
        made = self._made.pop(key, None) or shift_circuit(circuit, self.pass_manager)
        while len(self._made) >= KEPT:
            self._made.pop(next(iter(self._made)), None)
        self._made[key] = made
        return made


def shift_circuit(circuit: QuantumCircuit, pass_manager: PassManager | None = None) -> ShiftCircuit:
    """Give every rotation of a circuit a parameter of its own.

    Gates with parameters are translated to rotations; others, and the qubits, stay what they are
    until the pass manager runs. A global phase changes no measurement, and is dropped.

    Args:
        circuit: The circuit.
        pass_manager: Transpiles what comes out, or None.

    Returns:
        The shift circuit.

    Raises:
        InputError: If a parameter is in anything but rotations.

    Example:
        >>> theta = Parameter("θ")
        >>> circuit = QuantumCircuit(2)
        >>> _ = circuit.crx(2 * theta, 0, 1), circuit.rz(theta, 0)
        >>> found = shift_circuit(circuit)
        >>> len(found.rotations), found.angles.slope.ravel()
        (3, array([-1.,  1.,  1.]))
    """
    translated = _translated(circuit)
    unique = translated.copy_empty_like()
    unique.global_phase = 0.0
    rotations: list[Parameter] = []
    expressions: list[ParameterExpression] = []
    for one in translated.data:
        operation = one.operation
        if _is_parametrised(operation):
            _require_rotation(operation)
            expressions.append(operation.params[0])
            rotations.append(Parameter(f"φ_{len(rotations)}"))
            operation = operation.copy()
            operation.params = [rotations[-1]]
        unique.append(operation, one.qubits, one.clbits)
    isa = circuit.layout is not None and translated.count_ops() == circuit.count_ops()
    run = unique if pass_manager is None or isa else pass_manager.run(unique)
    return ShiftCircuit(run, tuple(rotations), compile_angles(expressions, circuit.parameters))


def _translated(circuit: QuantumCircuit) -> QuantumCircuit:
    try:
        return TranslateParameterizedGates([*ROTATIONS])(circuit)
    except (QiskitError, AttributeError) as error:
        others = sorted(
            {one.name for one in circuit.data if _is_parametrised(one.operation)} - {*ROTATIONS}
        )
        raise InputError(
            f"the parametrised gates {', '.join(others)} cannot all be translated to rotations "
            f"({', '.join(ROTATIONS)}), for which the shift rule holds; decompose or transpile "
            "the circuit first"
        ) from error


def _is_parametrised(operation: Instruction) -> bool:
    found = [*getattr(operation, "params", ()), getattr(operation, "duration", None)]
    return any(
        isinstance(value, ParameterExpression | QuantumCircuit) and value.parameters
        for value in found
    )


def _require_rotation(operation: Instruction) -> None:
    standard = get_standard_gate_name_mapping()
    name = operation.name
    if name not in ROTATIONS or not isinstance(operation, standard[name].base_class):
        raise InputError(
            f'the parameters of "{name}" do not obey the ±π/2 shift rule; have parameters in '
            f"gates only that are, or are made of, {', '.join(ROTATIONS)}"
        )
