"""The one circuit that a run sends to its device: chosen, named by its content, kept on disk."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit, qpy
from qiskit.circuit import ParameterExpression
from qiskit.exceptions import QiskitError
from qiskit.providers import BackendV2
from qiskit.transpiler import Target, generate_preset_pass_manager

from qnlr.errors import InputError, require_count
from qnlr.files import replacing

KEPT = "qnlr"  # what a file holds besides the circuit is in its metadata, under this name
MARK = 32  # bytes of a SHA-256


@dataclass(frozen=True)
class IsaCircuit:
    """A circuit in the instructions of a device, on its qubits.

    Args:
        circuit: The circuit, parametrised and not measured.
        qubits: For each qubit of the original circuit, the one of the device that holds it at the
            end.
        seed: Seed of the transpilation.
        expected_error: Probability that at least one gate or read-out goes wrong, at the
            calibration that the circuit was chosen at.
    """

    circuit: QuantumCircuit
    qubits: tuple[int, ...]
    seed: int
    expected_error: float

    @cached_property
    def digest(self) -> str:
        """SHA-256 of gates, angles and qubits: the same in every process, and after loading."""
        return hashlib.sha256("\n".join(_described(self.circuit, self.qubits)).encode()).hexdigest()


def compile_circuit(
    circuit: QuantumCircuit, device: BackendV2, observed: Sequence[int], seeds: int = 10
) -> IsaCircuit:
    r"""Transpile a circuit several times and take the one with the least expected error.

    .. math:: 1 - \prod_{g} (1 - e_g) \prod_{q} (1 - r_q)

    with e_g the errors of its gates and r_q the read-out errors of the observed qubits, as the
    device reports them now. An error that is not reported counts as 0; one of 1 or more marks what
    is out of service. Every seed is tried twice: on qubits that are chosen for the gates alone, and
    on qubits that are chosen for the read-out, too. Among equals, the shortest circuit is taken,
    then the lowest seed. A device without errors gets one transpilation, at optimization level 1.

    Args:
        circuit: The circuit, not measured.
        device: The device.
        observed: Qubits of the circuit that are read out.
        seeds: Number of seeds, 0, 1, 2 and so on.

    Returns:
        The chosen circuit.

    Raises:
        InputError: If the circuit does not fit the device.

    Example:
        >>> from qnlr.backends.ibm.devices import local_device
        >>> from qnlr.circuits import hardware_efficient
        >>> ansatz = hardware_efficient(3, 1)
        >>> chosen = compile_circuit(ansatz, local_device("fake_nairobi"), [2], seeds=5)
        >>> chosen.circuit.num_qubits, len(chosen.qubits), len(chosen.circuit.parameters)
        (7, 3, 9)
    """
    require_count("seeds", seeds)
    size = device.target.num_qubits
    if size is not None and circuit.num_qubits > size:
        raise InputError(
            f"{circuit.num_qubits} qubits do not fit the device {device.name}, which has {size}; "
            "take fewer qubits or a larger device"
        )
    for qubit in observed:
        require_count("observed qubit", qubit, low=0, high=circuit.num_qubits - 1)
    noisy = _has_errors(device.target)
    if not noisy:
        return _candidate(circuit, device, observed, level=1, seed=0)
    candidates = []
    for seed in range(seeds):
        places = _places_to_read(circuit, device, observed, seed)
        for layout in (None, places) if places else (None,):
            tried = _candidate(circuit, device, observed, level=3, seed=seed, layout=layout)
            candidates.append(tried)
    return min(candidates, key=lambda candidate: _rank(candidate, device.target))


def save_qpy(isa: IsaCircuit, path: str | Path) -> None:
    """Write a circuit as QPY, which ``qiskit.qpy.load`` reads as well.

    Args:
        isa: The circuit.
        path: The file.

    Example:
        >>> import tempfile
        >>> circuit = QuantumCircuit(2)
        >>> circuit.cz(0, 1)
        <...>
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "circuit.qpy"
        ...     save_qpy(IsaCircuit(circuit, (1, 0), seed=3, expected_error=0.01), file)
        ...     load_qpy(file).qubits
        (1, 0)
    """
    whole = isa.circuit.copy()
    whole.metadata = {
        **(isa.circuit.metadata or {}),
        KEPT: {
            "qubits": [int(qubit) for qubit in isa.qubits],
            "seed": isa.seed,
            "expected_error": isa.expected_error,
            "digest": isa.digest,
        },
    }
    content = io.BytesIO()
    qpy.dump(whole, content)
    with replacing(Path(path)) as beside:
        beside.write_bytes(content.getvalue() + hashlib.sha256(content.getvalue()).digest())


def load_qpy(path: str | Path, digest: str | None = None) -> IsaCircuit:
    """Read a circuit that :func:`save_qpy` wrote, and check that it is that one.

    Args:
        path: The file.
        digest: Digest of the circuit that is expected, if known.

    Returns:
        The circuit. Its parameters are new objects with the old names, in the old order.

    Raises:
        InputError: If the file cannot be read, is damaged, or holds another circuit.
    """
    try:
        circuit = _read(Path(path))
        kept = circuit.metadata.pop(KEPT)
        qubits = tuple(int(qubit) for qubit in kept["qubits"])
        isa = IsaCircuit(circuit, qubits, int(kept["seed"]), float(kept["expected_error"]))
    except OSError as error:
        raise InputError(f"circuit {path} cannot be read: {error.strerror}") from error
    except (QiskitError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} holds no circuit of a run, or is damaged; bring back the file that the run "
            "wrote"
        ) from error
    if isa.digest != kept["digest"]:
        raise InputError(
            f"{path} no longer says what was written ({isa.digest[:12]} instead of "
            f"{str(kept['digest'])[:12]}); read it with the version of Qiskit that wrote it"
        )
    if digest not in (None, isa.digest):
        raise InputError(
            f"{path} holds another circuit ({isa.digest[:12]}) than the run was begun with "
            f"({str(digest)[:12]}); bring back the file that the run wrote"
        )
    return isa


def _read(path: Path) -> QuantumCircuit:
    """Read the one circuit of a file that ends in the SHA-256 of the rest of it.

    A damaged QPY file can make its reader claim all memory, so it is not let near one.
    """
    raw = path.read_bytes()
    content, mark = raw[:-MARK], raw[-MARK:]
    if hashlib.sha256(content).digest() != mark:
        raise ValueError("its SHA-256 does not fit")
    (circuit,) = qpy.load(io.BytesIO(content))
    return circuit


def _places_to_read(
    circuit: QuantumCircuit, device: BackendV2, observed: Sequence[int], seed: int
) -> list[int] | None:
    """Return qubits of the device that suit the circuit with the observed qubits measured.

    The measured circuit itself is of no use: gates before a measurement may be optimised away that
    matter to another basis.
    """
    measured = circuit.copy()
    register = ClassicalRegister(len(observed))
    measured.add_register(register)
    measured.measure(list(observed), register)
    manager = generate_preset_pass_manager(
        optimization_level=3, backend=device, seed_transpiler=seed
    )
    layout = manager.run(measured).layout
    return None if layout is None else list(layout.initial_index_layout(filter_ancillas=True))


def _candidate(
    circuit: QuantumCircuit,
    device: BackendV2,
    observed: Sequence[int],
    level: int,
    seed: int,
    layout: Sequence[int] | None = None,
) -> IsaCircuit:
    manager = generate_preset_pass_manager(
        optimization_level=level, backend=device, seed_transpiler=seed, initial_layout=layout
    )
    found: QuantumCircuit = manager.run(circuit)
    if found.layout is None:
        qubits = tuple(range(circuit.num_qubits))
    else:
        qubits = tuple(found.layout.final_index_layout(filter_ancillas=True))
    read = [qubits[qubit] for qubit in observed]
    return IsaCircuit(found, qubits, seed, _expected_error(found, read, device.target))


def _rank(isa: IsaCircuit, target: Target) -> tuple[float, float, int]:
    try:
        duration = float(isa.circuit.estimate_duration(target))
    except QiskitError:  # a device that reports no durations
        duration = 0.0
    return isa.expected_error, duration, isa.seed


def _expected_error(circuit: QuantumCircuit, read: Sequence[int], target: Target) -> float:
    errors = [_error(target, "measure", (qubit,)) for qubit in read]
    for instruction in circuit.data:
        qubits = tuple(circuit.find_bit(qubit).index for qubit in instruction.qubits)
        errors.append(_error(target, instruction.operation.name, qubits))
    if max(errors, default=0.0) >= 1.0:
        return 1.0
    # fsum does not depend on the order of the gates, so that equal candidates are equal
    return -math.expm1(math.fsum(math.log1p(-error) for error in errors))


def _error(target: Target, name: str, qubits: tuple[int, ...]) -> float:
    everywhere = target.get(name) or {}
    return getattr(everywhere.get(qubits), "error", None) or 0.0


def _has_errors(target: Target) -> bool:
    return any(
        getattr(properties, "error", None)
        for name in target.operation_names
        for properties in (target[name] or {}).values()
    )


def _described(circuit: QuantumCircuit, qubits: Sequence[int]) -> list[str]:
    """Write down, line by line, what a circuit does, by the names of its parameters."""
    lines = [
        f"{circuit.num_qubits} qubits, read at {[int(qubit) for qubit in qubits]}",
        f"phase {_phase(circuit.global_phase)}",
    ]
    for instruction in circuit.data:
        operation = instruction.operation
        where = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        read = [circuit.find_bit(clbit).index for clbit in instruction.clbits]
        angles = ", ".join(_number(value) for value in operation.params)
        unit = operation.unit if operation.name == "delay" else ""
        lines.append(f"{operation.name}({angles}{unit}) {where} {read}")
    return lines


def _number(value: Any) -> str:
    """Write a number, a matrix or an angle expression in one way only."""
    if isinstance(value, str):
        return value
    if isinstance(value, ParameterExpression) and value.parameters:
        return _expression(value)
    entries = np.ravel(value).astype(complex) + 0.0  # no negative zero
    return " ".join(f"{entry:.12g}" for entry in entries)


def _phase(angle: Any) -> str:
    """Write a phase so that 0 and 2π are the same."""
    if isinstance(angle, ParameterExpression):
        return _expression(angle)
    return _number(np.round(np.exp(1j * angle), 12))


def _expression(angle: ParameterExpression) -> str:
    """Write an angle to 1e-12 radians; QPY drops terms that are next to nothing."""
    from sympy import Float, Integer, N

    symbolic = angle.sympify()
    if symbolic.is_Symbol:  # of several parameters that cancelled but for one, it may be any
        return str(angle)
    rounded = {number: round(float(number), 12) for number in symbolic.atoms(Float)}
    plain = {number: Float(value) if value else Integer(0) for number, value in rounded.items()}
    return str(N(symbolic.xreplace(plain), 12))
