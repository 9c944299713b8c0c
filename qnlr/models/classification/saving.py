"""Classifiers as files: arrays and JSON in one npz, parts by name from a list of known ones."""

from __future__ import annotations

import dataclasses
import io
import json
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from qiskit import QuantumCircuit, qpy
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer.noise import NoiseModel

from qnlr.errors import CheckpointError, InputError
from qnlr.models.classification.checking import fitted_from
from qnlr.models.classification.fitted import Fitted
from qnlr.models.classification.identity import expanded
from qnlr.models.classification.optimizing import OPTIMIZERS
from qnlr.noise import Noise, fake_devices, from_file
from qnlr.optimizers import (
    AVERAGES,
    CORRECTIVES,
    DIRECTIONS,
    NEGATIVE_RATES,
    TRIGGERS,
    AdaptiveRate,
    Backtracking,
    BayesianLine,
    Constant,
    DistanceOverGradients,
    NegativeRate,
)
from qnlr.problems import HEADS, LOSSES
from qnlr.training import read_checkpoint, write_checkpoint
from qnlr.types import NoiseLevel

if TYPE_CHECKING:
    from qnlr.models.classification.classifier import VariationalClassifier

Model = TypeVar("Model", bound="VariationalClassifier")
VERSION = 1
OWNER = "VariationalClassifier"
LARGEST = 2**30  # bytes of all arrays; a model takes some kilobytes a step at most
FIRST_SAFE_QPY = 13  # older ones hold expressions that a computer algebra system evaluates
SETTINGS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        *(Constant, NegativeRate, NoiseLevel),
        *(AdaptiveRate, Backtracking, BayesianLine, DistanceOverGradients),
        *AVERAGES.values(),
        *DIRECTIONS.values(),
        *NEGATIVE_RATES.values(),
        *TRIGGERS.values(),
        *CORRECTIVES.values(),
        *LOSSES.values(),
        *HEADS.values(),
    )
}


def write(path: Path, parameters: dict[str, Any], fitted: Fitted, names: Any) -> None:
    """Write a classifier.

    Args:
        path: The file, ``*.npz``.
        parameters: Its parameters; the callback is left out.
        fitted: What it has learned.
        names: Names of its features, or None.

    Raises:
        InputError: If the name ends otherwise, a parameter cannot be saved, or the file cannot be
            written.
    """
    if path.suffix != ".npz":
        raise InputError(f"path = {str(path)!r} is not valid; it must end in .npz")
    kept = {name: value for name, value in parameters.items() if name != "callback"}
    prepared = fitted.preparation
    models = [
        {**vars(one), "outcome": [*dataclasses.astuple(one.outcome)]} for one in fitted.models
    ]
    content = {
        "version": VERSION,
        "parameters": {name: pack(name, value) for name, value in kept.items()},
        "classes": _pack_labels(fitted.classes),
        "features": len(prepared.shift),
        "names": None if names is None else [str(name) for name in names],
        "preparation": vars(prepared),
        "seed": fitted.seed,
        "models": models,
        "made_of": fitted.made_of,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_checkpoint(path, OWNER, content)
    except OSError as error:  # which may name a file beside it
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error


def read(path: Path, kind: type[Model]) -> Model:
    """Read a classifier that :func:`write` wrote; nothing in the file is executed.

    Args:
        path: The file.
        kind: The class of the classifier.

    Returns:
        The classifier, fitted.

    Raises:
        InputError: If the file is missing, damaged, of a newer version, or something else.
    """
    if not path.is_file():
        raise InputError(f"path = {str(path)!r} is not valid; there is no such file")
    try:
        content = read_checkpoint(path, OWNER, LARGEST)
    except CheckpointError as error:
        raise InputError(f"no classifier can be read: {error}") from error
    version = content.get("version")
    if version != VERSION:
        raise InputError(
            f"{path} holds a classifier of version {version!r}, this qnlr reads {VERSION}; read it "
            "with the qnlr that wrote it, or a newer one"
        )
    try:
        parameters = {name: unpack(value) for name, value in content["parameters"].items()}
        model = kind(**parameters)
        model._fitted = fitted_from(content, labels=_unpack_labels(content["classes"]))
        model.n_features_in_ = content["features"]
        if content["names"] is not None:
            model.feature_names_in_ = np.array(content["names"], dtype=object)
        model._require_as_fitted(model._fitted)
    except InputError as error:
        raise InputError(f"{path} holds no classifier that can be read: {error}") from error
    except Exception as error:
        raise InputError(
            f"{path} holds no classifier that can be read ({_first_line(error)})"
        ) from error
    return model


def pack(name: str, value: Any) -> Any:
    """Return a parameter as plain data.

    Args:
        name: Its name, for the message.
        value: The parameter.

    Returns:
        What :func:`unpack` takes.

    Raises:
        InputError: If it is not of a known kind.

    Example:
        >>> from qnlr.optimizers import Ratio
        >>> pack("negative_rate", Ratio(2.0))
        {'kind': 'Ratio', 'settings': {'kappa': 2.0}}
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    kind = type(value)
    if kind.__name__ in _KNOWN and kind is _KNOWN[kind.__name__]:
        if kind.__name__ in OPTIMIZERS:
            settings = {key: part for key, part in value.settings.items() if key != "callback"}
        else:
            settings = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
        return {"kind": kind.__name__, "settings": {k: pack(k, v) for k, v in settings.items()}}
    if isinstance(value, QuantumCircuit):  # also one of the circuit library's classes
        return {"kind": "QuantumCircuit", **_pack_circuit(value)}
    if kind in _WRITERS:
        return {"kind": kind.__name__, **_WRITERS[kind](value)}
    raise InputError(
        f"{name} = {value!r} cannot be saved: only names, numbers, circuits, noise models and "
        "objects of qnlr's own classes can; save the weights_ instead, or use pickle"
    )


def unpack(plain: Any) -> Any:
    """Return a parameter from :func:`pack`.

    Args:
        plain: What it returned.

    Returns:
        The parameter.

    Raises:
        KeyError: If it is of no known kind.

    Example:
        >>> unpack({"kind": "Ratio", "settings": {"kappa": 2.0}})
        Ratio(kappa=2.0)
    """
    if not isinstance(plain, dict):
        return plain
    kind = plain["kind"]
    if kind in _KNOWN:
        return _KNOWN[kind](**{name: unpack(value) for name, value in plain["settings"].items()})
    return _READERS[kind](plain)


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _pack_labels(classes: np.ndarray) -> dict[str, Any]:
    if classes.dtype.kind != "O":
        return {"labels": classes, "objects": False}
    if not all(isinstance(label, str) for label in classes):
        raise InputError(
            f"classes_ = {classes.tolist()} cannot be saved; labels must be numbers or text"
        )
    return {"labels": classes.astype(str), "objects": True}


def _unpack_labels(plain: dict[str, Any]) -> np.ndarray:
    labels: np.ndarray = plain["labels"]
    return labels.astype(object) if plain["objects"] else labels


def _pack_circuit(circuit: QuantumCircuit) -> dict[str, Any]:
    file = io.BytesIO()
    qpy.dump(expanded(circuit), file)
    held = file.getvalue()
    return {"qpy": np.frombuffer(held, dtype=np.uint8), "sha256": sha256(held).hexdigest()}


def _unpack_circuit(plain: dict[str, Any]) -> QuantumCircuit:
    held = plain["qpy"].tobytes()
    if held[:6] != b"QISKIT" or held[6] < FIRST_SAFE_QPY:
        raise ValueError("a circuit is not QPY of a version that is safe to read")
    if sha256(held).hexdigest() != plain["sha256"]:  # the reader of damaged QPY may run for ever
        raise ValueError("a circuit is damaged")
    return qpy.load(io.BytesIO(held))[0]


def _pack_noise(noise: Noise) -> dict[str, Any]:
    device = None if noise.device is None else noise.device.name
    if device is not None and device not in fake_devices():
        raise InputError(
            f"noise of the device {device} cannot be saved; only that of fake devices can"
        )
    return {**_pack_model(noise.model), "description": noise.description, "device": device}


def _unpack_noise(plain: dict[str, Any]) -> Noise:
    device = None if plain["device"] is None else fake_devices()[plain["device"]]()
    return Noise(_unpack_model(plain), plain["description"], device)


def _pack_model(model: NoiseModel) -> dict[str, Any]:
    return {"model": json.dumps(model.to_dict(serializable=True))}


def _unpack_model(plain: dict[str, Any]) -> NoiseModel:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "noise.json"
        file.write_text(plain["model"])
        return from_file(file).model


def _pack_operator(operator: SparsePauliOp) -> dict[str, Any]:
    return {"paulis": operator.paulis.to_labels(), "coeffs": operator.coeffs}


def _unpack_operator(plain: dict[str, Any]) -> SparsePauliOp:
    return SparsePauliOp(plain["paulis"], plain["coeffs"])


def _unpack_state(plain: dict[str, Any]) -> np.random.RandomState:
    drawing = np.random.RandomState()
    drawing.set_state(plain["state"])
    return drawing


_KNOWN = {**OPTIMIZERS, **SETTINGS}
_WRITERS: dict[type[Any], Callable[[Any], dict[str, Any]]] = {
    Noise: _pack_noise,
    NoiseModel: _pack_model,
    SparsePauliOp: _pack_operator,
    np.random.RandomState: lambda drawing: {"state": drawing.get_state(legacy=False)},
}
_READERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "QuantumCircuit": _unpack_circuit,
    "Noise": _unpack_noise,
    "NoiseModel": _unpack_model,
    "SparsePauliOp": _unpack_operator,
    "RandomState": _unpack_state,
}
