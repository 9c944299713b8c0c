"""From the parameters of a classifier to its parts: circuit, backend, loss and head."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit.exceptions import CircuitError
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer.noise import NoiseModel

from qnlr.backends import BACKENDS
from qnlr.circuits import (
    ANSATZES,
    ENCODINGS,
    OBSERVABLES,
    Encoding,
    VariationalCircuit,
    needs_hamiltonian,
    variational_circuit,
    z,
)
from qnlr.errors import InputError, is_number, require_count, unknown_name
from qnlr.models.classification.identity import expanded
from qnlr.noise import Noise
from qnlr.problems import HEADS, LOSSES, Head, Loss
from qnlr.types import Backend

LOCAL = tuple(BACKENDS[name] for name in ("simulator", "statevector", "aer"))
AT_ONCE = 4096  # rows of a local simulation: their states take 64 MB on ten qubits


@dataclass(frozen=True)
class Parts:
    """What a classifier is made of.

    Args:
        encoding: How features become angles.
        ansatz: The trainable part of the circuit.
        model: The circuit and its observable.
        backend: Where it runs; it holds no random state, so all classes share it.
        loss: Loss of one sample.
        head: What is made of ⟨O⟩ before the loss sees it.
        rows: How many pairs of weights and sample a prediction measures at once; None for all, in
            one job.
    """

    encoding: Encoding
    ansatz: QuantumCircuit
    model: VariationalCircuit
    backend: Backend
    loss: Loss
    head: Head
    rows: int | None = None


def assemble(given: Mapping[str, Any], features: int) -> Parts:
    """Build the parts of a classifier.

    Args:
        given: Parameters of a :class:`~qnlr.VariationalClassifier`, by name.
        features: The number of features that are encoded.

    Returns:
        The parts.

    Raises:
        InputError: If a parameter is not valid.
    """
    qubits = number_of_qubits(given, features)
    encoding = _encoding(given["encoding"], features, qubits)
    ansatz = _ansatz(given["ansatz"], qubits, given["layers"])
    observable = _observable(given["observable"], qubits)
    try:
        model = variational_circuit(encoding, ansatz, observable)
    except CircuitError as error:
        raise InputError(
            f"encoding and ansatz do not fit together ({error.message}); give their parameters "
            "different names"
        ) from error
    backend = _backend(given["backend"], model, given["shots"], as_noise(given["noise"]))
    loss, head = _from(LOSSES, "loss", given["loss"]), _from(HEADS, "head", given["head"])
    named = given["backend"]
    factory = BACKENDS[named] if isinstance(named, str) else named
    rows = AT_ONCE if factory in LOCAL else None
    return Parts(encoding, ansatz, model, backend, loss, head, rows)


def number_of_weights(given: Mapping[str, Any], features: int) -> int:
    """Return how many weights a binary model has, without building its backend.

    Args:
        given: Parameters of a :class:`~qnlr.VariationalClassifier`, by name.
        features: The number of features that are encoded.

    Returns:
        The number of weights of the circuit and the head.

    Raises:
        InputError: If a parameter is not valid.
    """
    ansatz = _ansatz(given["ansatz"], number_of_qubits(given, features), given["layers"])
    head: Head = _from(HEADS, "head", given["head"])
    return len(ansatz.parameters) + head.num_weights


def as_noise(noise: Any) -> Noise | None:
    """Return a noise, made of Aer's noise model where that is what was given.

    Args:
        noise: A :class:`qnlr.noise.Noise`, a ``NoiseModel``, or None.

    Returns:
        The noise, or what was given: the backends refuse what is none.
    """
    found: Noise | None = Noise(noise, "noise model") if isinstance(noise, NoiseModel) else noise
    return found


def number_of_qubits(given: Mapping[str, Any], features: int) -> int:
    """Return n: as given, or as circuits that are given have, or as the encoding needs."""
    for part in (given["ansatz"], given["encoding"]):
        circuit = part.circuit if isinstance(part, Encoding) else part
        if isinstance(circuit, QuantumCircuit) and given["qubits"] is None:
            return int(circuit.num_qubits)
    if given["qubits"] is not None:
        return require_count("qubits", given["qubits"])
    return max(1, (features - 1).bit_length()) if given["encoding"] == "amplitude" else features


def _encoding(given: Any, features: int, qubits: int) -> Encoding:
    if isinstance(given, str):
        if given not in ENCODINGS:
            raise unknown_name("encoding", given, ENCODINGS)
        if given == "zz" and features < 2:
            raise InputError(
                f'n_features = {features} is not valid with encoding = "zz", which needs at least '
                '2; take "angle" or "amplitude"'
            )
        return ENCODINGS[given](features, qubits)
    if isinstance(given, QuantumCircuit):
        taken = given.num_parameters
        given = Encoding(given.name, taken, given, tuple(range(qubits)), lambda samples: samples)
    if not isinstance(given, Encoding):
        raise InputError(
            f"encoding = {given!r} is not valid; it must be one of {', '.join(ENCODINGS)}, a "
            "QuantumCircuit whose parameters are the features, or a qnlr.circuits.Encoding"
        )
    if given.features != features:
        raise InputError(
            f"X has {features} features, but the encoding {given.name} takes {given.features}"
        )
    return replace(given, circuit=expanded(given.circuit))


def _ansatz(given: Any, qubits: int, layers: int) -> QuantumCircuit:
    if isinstance(given, str):
        known = [name for name in ANSATZES if not needs_hamiltonian(name)]
        if given not in known:
            raise unknown_name("ansatz", given, known)
        return ANSATZES[given](qubits, layers)
    if not isinstance(given, QuantumCircuit) or not given.num_parameters:
        raise InputError(
            f"ansatz = {getattr(given, 'name', given)!r} is not valid; it must be one of "
            f"{', '.join(ANSATZES)}, or a QuantumCircuit with parameters, which are the weights"
        )
    return expanded(given)


def _observable(given: Any, qubits: int) -> SparsePauliOp:
    if isinstance(given, str):
        if given not in OBSERVABLES:
            raise unknown_name("observable", given, OBSERVABLES)
        return OBSERVABLES[given](qubits)
    if is_number(given):
        if given not in range(-qubits, qubits):
            raise InputError(
                f"observable = {given!r} is not valid; the qubit that is read out must lie in "
                f"{-qubits} to {qubits - 1}"
            )
        return z(qubits, int(given) % qubits)
    if not isinstance(given, SparsePauliOp):
        raise InputError(
            f"observable = {given!r} is not valid; it must be a qubit, one of "
            f"{', '.join(OBSERVABLES)}, or a SparsePauliOp"
        )
    return given


def _backend(given: Any, model: VariationalCircuit, shots: Any, noise: Noise | None) -> Backend:
    if isinstance(given, str) and given not in BACKENDS:
        raise unknown_name("backend", given, BACKENDS)
    factory = BACKENDS[given] if isinstance(given, str) else given
    if not callable(factory):
        raise InputError(
            f"backend = {given!r} is not valid; it must be one of {', '.join(BACKENDS)}, or a "
            "function that takes a VariationalCircuit and returns a backend for it"
        )
    wanted = {"shots": shots, "noise": noise}
    arguments = {name: value for name, value in wanted.items() if value is not None}
    taken = inspect.signature(factory).parameters
    for name in arguments.keys() - taken.keys():
        value = wanted[name]
        shown = value.description if isinstance(value, Noise) else repr(value)
        raise InputError(
            f"{name} = {shown} is not valid with backend = {given!r}, which does not take "
            f"it; leave {name} out, or take another backend"
        )
    backend: Backend = factory(model, **arguments)
    if not (hasattr(backend, "values") and hasattr(backend, "jacobian")):
        raise InputError(
            f"backend = {given!r} is not valid; it returned {backend!r}, which has no values() and "
            "jacobian()"
        )
    return backend


def _from(registry: dict[str, Any], what: str, given: Any) -> Any:
    if isinstance(given, str):
        if given not in registry:
            raise unknown_name(what, given, registry)
        return registry[given]()
    if isinstance(given, type) or not (hasattr(given, "value") and hasattr(given, "slope")):
        raise InputError(
            f"{what} = {given!r} is not valid; it must be one of {', '.join(registry)}, or an "
            "object of one of their classes"
        )
    return given
