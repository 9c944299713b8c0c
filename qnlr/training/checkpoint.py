"""Checkpoints: nested plain data in one npz file, without pickle, written whole or not at all."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from qnlr.errors import CheckpointError
from qnlr.files import replacing

VERSION = 1
_TREE = "tree.json"
_ARRAY = "array"
_DICT = "dict"


def write_checkpoint(path: Path, run_id: str, state: Mapping[str, Any]) -> None:
    """Write a state, replacing the checkpoint before it in one move.

    Args:
        path: The file.
        run_id: The run that the state belongs to.
        state: Dicts with string keys, lists, strings, numbers, booleans, None and NumPy arrays.

    Raises:
        OSError: If it cannot be written; the checkpoint before it is then still there.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "checkpoint.npz"
        ...     write_checkpoint(file, "abc", {"x": np.arange(3), "step": 7})
        ...     read_checkpoint(file, "abc")
        {'x': array([0, 1, 2]), 'step': 7}
    """
    arrays: dict[str, np.ndarray] = {}
    content = {"version": VERSION, "run_id": run_id, "state": _pack(state, arrays)}
    arrays[_TREE] = np.frombuffer(json.dumps(content).encode(), dtype=np.uint8)
    with replacing(path) as beside:
        np.savez(beside, **arrays)  # type: ignore[arg-type]


def read_checkpoint(path: Path, run_id: str, largest: int | None = None) -> dict[str, Any]:
    """Read a state.

    Args:
        path: The file.
        run_id: The run that it must belong to.
        largest: How many bytes its arrays may take in memory; None for no limit.

    Returns:
        The state as it was given to :func:`write_checkpoint`.

    Raises:
        CheckpointError: If the file is truncated, damaged or too large, of another version, or of
            another run.
    """
    try:
        # NumPy would leave a file that it opens itself open if the archive in it is broken.
        with path.open("rb") as file:
            if largest is not None:
                _require_small(file, largest)
            with np.load(file, allow_pickle=False) as found:
                arrays = {name: found[name] for name in found.files}
        content = json.loads(arrays[_TREE].tobytes())
        version, owner = content["version"], content["run_id"]
    except Exception as error:  # zip, deflate, NumPy's header and JSON each fail in their own ways
        raise CheckpointError(f"{path} is truncated or damaged ({error})") from error
    if version != VERSION:
        raise CheckpointError(f"{path} is of version {version!r}, this qnlr reads {VERSION}")
    if owner != run_id:
        raise CheckpointError(f"{path} belongs to run {owner!r}, not {run_id!r}")
    try:
        state: Any = _unpack(content["state"], arrays)
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{path} is damaged ({error!r} is missing)") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} is damaged (it holds a {type(state).__name__})")
    return state


def _require_small(file: IO[bytes], largest: int) -> None:
    with zipfile.ZipFile(file) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > largest:
        raise ValueError(f"its content takes {size} bytes, more than the {largest} expected")
    file.seek(0)


def _pack(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TypeError("an array of objects is not plain data")
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {_ARRAY: name}
    if isinstance(value, Mapping):
        packed = {key: _pack(item, arrays) for key, item in value.items()}
        return {_DICT: packed} if packed.keys() in ({_ARRAY}, {_DICT}) else packed
    if isinstance(value, (list, tuple)):
        return [_pack(item, arrays) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _unpack(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    if isinstance(value, dict):
        if value.keys() == {_ARRAY}:
            return arrays[value[_ARRAY]]
        if value.keys() == {_DICT}:
            value = value[_DICT]
        return {key: _unpack(item, arrays) for key, item in value.items()}
    if isinstance(value, list):
        return [_unpack(item, arrays) for item in value]
    return value
