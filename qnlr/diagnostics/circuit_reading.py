"""Circuits from files, QPY or OpenQASM, made ready to be asked for an expectation value."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

from qiskit import QuantumCircuit, qasm2, qasm3, qpy
from qiskit.circuit import Parameter

from qnlr.errors import InputError
from qnlr.simulator.measurements import split_measurements

NOT_UNITARY = frozenset({"reset", "if_else", "for_loop", "while_loop", "switch_case"})


def read_circuit(file: Path) -> QuantumCircuit:
    """Read a circuit from a file, and leave out the measurements at its end.

    Args:
        file: QPY with one circuit, OpenQASM 3 (parameters are its ``input float`` or ``input
            angle`` variables) or OpenQASM 2 (which has no parameters).

    Returns:
        The circuit, unitary.

    Raises:
        InputError: If there is no such file, it is in another format, or the circuit measures or
            resets a qubit before its end, or branches.

    Example:
        >>> import tempfile
        >>> text = "OPENQASM 3.0; include 'stdgates.inc'; input float a; qubit q; rx(a) q;"
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "one.qasm")
        ...     _ = file.write_text(text.replace("'", chr(34)))
        ...     [parameter.name for parameter in read_circuit(file).parameters]
        ['a']
    """
    if not file.is_file():
        raise InputError(f"{file} is no file; give one in QPY or OpenQASM 3")
    content = file.read_bytes()
    circuit = _from_qpy(file) if content.startswith(b"QISKIT") else _from_text(file, content)
    for instruction in circuit.data:
        if (name := instruction.operation.name) in NOT_UNITARY:
            raise InputError(
                f'{file.name} has "{name}", but derivatives are taken of unitary circuits; leave '
                "out resets and branches"
            )
    # Qiskit's own way of leaving them out changes the order of gates
    if "measure" not in circuit.count_ops():
        return circuit
    try:
        return split_measurements(circuit).circuit
    except InputError as error:
        raise InputError(f"{file.name}: {without_aer(error)}") from error


def without_aer(error: InputError) -> InputError:
    """Return an error of the simulator without the advice to use Aer, which is no choice here.

    Args:
        error: What the simulator raised.

    Returns:
        The error, with what else can be done.

    Example:
        >>> print(without_aer(InputError("the circuit holds a reset; use Aer for such circuits")))
        the circuit holds a reset; leave it out
    """
    text = str(error).removesuffix(", or use Aer")
    return InputError(re.sub(r"; use Aer\b.*$", "; leave it out", text))


def _from_qpy(file: Path) -> QuantumCircuit:
    try:
        with file.open("rb") as stream:
            circuits = qpy.load(stream)
    except Exception as error:  # damaged files raise whatever they lead to
        raise InputError(f"{file.name} cannot be read as QPY: {_brief(error)}") from error
    if len(circuits) != 1 or not isinstance(circuits[0], QuantumCircuit):
        raise InputError(f"{file.name} holds {len(circuits)} circuits; it must hold exactly one")
    return circuits[0]


def _from_text(file: Path, content: bytes) -> QuantumCircuit:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = ""
    version = re.search(r"^\s*OPENQASM\s+(\d)", text, re.MULTILINE)
    if not version:
        raise InputError(
            f"{file.name} is neither QPY nor OpenQASM with a version line, such as OPENQASM 3.0;"
        )
    said = io.StringIO()  # the parser of OpenQASM 3 prints what is wrong, and raises without it
    try:
        with contextlib.redirect_stderr(said):
            circuit: QuantumCircuit = (qasm2 if version[1] == "2" else qasm3).loads(text)
    except Exception as error:  # parsers have errors of their own
        name = f"OpenQASM {version[1]}"
        why = _brief(said.getvalue() or error)
        raise InputError(f"{file.name} cannot be read as {name}: {why}") from error
    return circuit


def _brief(error: Exception | str) -> str:
    # behind the first line are traces of the parser, with line breaks that may be escaped
    lines = [line.strip(' ":;') for line in re.split(r"\\n|\n", str(error))]
    return next((line[:200] for line in lines if line), type(error).__name__)


def chosen_weights(circuit: QuantumCircuit, weights: str = "") -> tuple[Parameter, ...]:
    """Return the trainable parameters of a circuit, in the order of their gates.

    Args:
        circuit: The circuit.
        weights: Names, or beginnings of names, separated by commas; empty for all parameters.

    Returns:
        The parameters.

    Raises:
        InputError: If there is no parameter, or a name is not that of any.

    Example:
        >>> circuit = QuantumCircuit(1)
        >>> _ = circuit.rx(Parameter("w2"), 0), circuit.rx(Parameter("w1"), 0)
        >>> _ = circuit.rz(Parameter("x"), 0)
        >>> [one.name for one in chosen_weights(circuit, "w")]
        ['w2', 'w1']
    """
    found = dict.fromkeys(
        parameter
        for instruction in circuit.data
        for value in instruction.operation.params
        for parameter in sorted(getattr(value, "parameters", ()), key=lambda one: one.name)
    )
    ordered = [*found, *(one for one in circuit.parameters if one not in found)]
    if not ordered:
        raise InputError(
            "the circuit has no parameters, so that there is nothing to differentiate by; save it "
            "before values are assigned, as QPY or OpenQASM 3"
        )
    names = [name.strip() for name in weights.split(",") if name.strip()]
    for name in names:
        if not any(one.name.startswith(name) for one in ordered):
            known = ", ".join(one.name for one in ordered[:8]) + ", …" * (len(ordered) > 8)
            raise InputError(f'no parameter is called "{name}" or starts so; there are {known}')
    chosen = [one for one in ordered if not names or one.name.startswith(tuple(names))]
    free = set(circuit.parameters)  # asked once, as each answer goes through the whole circuit
    return tuple(one for one in chosen if one in free)
