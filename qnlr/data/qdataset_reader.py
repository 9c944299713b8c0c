"""Reading archives of QDataSet, for those who still have them: nothing in them is trusted."""

from __future__ import annotations

import pickle
import re
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from qnlr.data.qdataset_pickle import StoredArray, safe_loads
from qnlr.data.qdataset_system import AXES, System, array_shapes, parse_system
from qnlr.errors import InputError, unknown_name
from qnlr.types import FloatArray

MAX_MEMBER_BYTES = 512 * 2**20
"""Largest size of an example, unpacked; the published ones have 74 to 82 MB."""
MAX_MEMBERS = 100_000
_MEMBER = re.compile(r"([A-Za-z0-9_]{1,40})_ex_(0|[1-9][0-9]{0,7})")
_PLAIN = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def read_examples(
    path: str | Path,
    system: str,
    *,
    keep: Collection[str] = ("expectations",),
    limit: int | None = None,
) -> Iterator[dict[str, FloatArray]]:
    """Read the examples of an archive one by one, and keep of each what is asked for.

    An archive is a zip of members ``<system>_ex_<number>``, each a pickled dict. They are unpacked
    in memory, by a reader that makes arrays of numbers and plain data and runs nothing else, see
    :func:`qnlr.data.qdataset_pickle.safe_loads`.

    Args:
        path: The archive.
        system: Name of the system that it must hold, such as ``"G_1q_X_D"``.
        keep: Keys of the real arrays to keep: ``"expectations"``, ``"pulse_parameters"``,
            ``"pulses"``, ``"distorted_pulses"``, ``"noise"`` or ``"Eo"``.
        limit: Number of examples to read, in the order of their numbers; None for all.

    Yields:
        Key and array of shape as published but for the leading 1, finite, float64.

    Raises:
        InputError: Naming file and member, if the file is no such archive, has fewer examples, or
            a member is damaged, too large, or not a valid example.

    Source: Perrier, Youssry and Ferrie, QDataSet, Scientific Data 9, 582 (2022); utilites.py.

    Example:
        >>> import tempfile
        >>> from qnlr.data.qdataset_example import full_example
        >>> from qnlr.data.qdataset_system import Grid
        >>> example = full_example("G_1q_X", np.random.default_rng(0), Grid(16, 2))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "G_1q_X.zip")
        ...     with zipfile.ZipFile(file, "w") as archive:
        ...         archive.writestr("G_1q_X_ex_0", pickle.dumps(example))
        ...     [kept["expectations"].shape for kept in read_examples(file, "G_1q_X")]
        [(18,)]
    """
    wanted = parse_system(system)
    known = [key for key, (dtype, _) in array_shapes(wanted, 8, 1).items() if dtype == "float32"]
    for key in keep:
        if key not in known:
            raise unknown_name("key", key, known)
    try:
        with zipfile.ZipFile(path) as archive:
            for member in _members(path, archive, wanted, limit):
                yield _example(path, archive, member, wanted, keep)
    except InputError:
        raise
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile, struct.error) as error:
        raise InputError(f"{path} cannot be read as an archive of QDataSet: {error}") from error


def _members(
    path: str | Path, archive: zipfile.ZipFile, system: System, limit: int | None
) -> list[zipfile.ZipInfo]:
    found: dict[int, zipfile.ZipInfo] = {}
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise InputError(f"{path}: {len(infos)} members are more than {MAX_MEMBERS:,}")
    for info in infos:
        match = _MEMBER.fullmatch(info.filename)
        if match is None or match[1] != system.name:
            raise InputError(
                f"{path}: member {info.filename[:80]!r} is not valid; an archive of {system.name} "
                f"holds {system.name}_ex_0, {system.name}_ex_1 and so on"
            )
        if int(match[2]) in found:
            raise InputError(f"{path}: member {info.filename} is there twice")
        found[int(match[2])] = info
    if len(found) < (limit or 1):
        raise InputError(f"{path}: {limit or 1} examples are needed, {len(found)} are there")
    return [found[number] for number in sorted(found)[:limit]]


def _example(
    path: str | Path,
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    system: System,
    keep: Collection[str],
) -> dict[str, FloatArray]:
    def refuse(reason: object) -> InputError:
        return InputError(f"{path}: member {member.filename}: {reason}")

    if member.flag_bits & 0x1 or member.compress_type not in _PLAIN:
        raise refuse("it is encrypted, or compressed otherwise than by deflate")
    if member.file_size > MAX_MEMBER_BYTES:
        raise refuse(
            f"{member.file_size:,} bytes are too many; at most {MAX_MEMBER_BYTES:,} are read"
        )
    try:
        with archive.open(member) as handle:
            data = handle.read(member.file_size + 1)
        if len(data) != member.file_size:
            raise refuse(f"it has {len(data)} bytes instead of {member.file_size}")
        return _checked(safe_loads(data), system, keep)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        pickle.UnpicklingError,
        _ExampleError,
    ) as error:
        raise refuse(error) from error


class _ExampleError(Exception):
    """What is wrong with an example."""


def _checked(example: Any, system: System, keep: Collection[str]) -> dict[str, FloatArray]:
    if not isinstance(example, dict):
        raise _ExampleError(f"it holds a {type(example).__name__} instead of a dict")
    steps, realisations = _sizes(example, system)
    shapes = array_shapes(system, steps, realisations)
    for key in example.keys() - shapes - {"time_range", "sim_parameters"}:
        raise _ExampleError(f"key {_shown(key)} is not one of QDataSet's")
    for key, (dtype, shape) in shapes.items():
        listed = key in ("Vo", "Vo_operator")
        values = example[key] if listed else [example[key]]
        if not isinstance(values, list) or len(values) != (len(AXES) if listed else 1):
            raise _ExampleError(f"key {key!r} is not a list of {len(AXES)} arrays")
        for value in values:
            _fits(key, value, dtype, shape)
    return {key: _finite(key, example[key].array[0]) for key in keep}


def _sizes(example: dict[Any, Any], system: System) -> tuple[int, int]:
    for key in (*array_shapes(system, 8, 1), "time_range", "sim_parameters"):
        if key not in example:
            raise _ExampleError(f"key {key!r} is missing")
    times, outcomes, parameters = (example[k] for k in ("time_range", "Eo", "sim_parameters"))
    if not isinstance(times, list) or not all(type(time) is float for time in times):
        raise _ExampleError("key 'time_range' is not a list of floats")
    if len(times) < 2 or not np.isfinite(times).all() or not (np.diff(times) > 0).all():
        raise _ExampleError("key 'time_range' does not hold two or more rising times")
    array = outcomes.array if isinstance(outcomes, StoredArray) else None
    if array is None or array.ndim != 3 or not array.size:
        raise _ExampleError("key 'Eo' is not an array of shape (1, K, 18)")
    name = parameters.get("name") if isinstance(parameters, dict) else None
    if name != system.undistorted_name:
        raise _ExampleError(
            f"it calls itself {_shown(name)} instead of {system.undistorted_name!r}"
        )
    return len(times), array.shape[1]


def _shown(value: object) -> str:
    return repr(value[:40]) if isinstance(value, str) else f"of type {type(value).__name__}"


def _fits(key: str, value: Any, dtype: str, shape: tuple[int, ...]) -> None:
    array = value.array if isinstance(value, StoredArray) else None
    if array is None:
        raise _ExampleError(f"key {key!r} does not hold an array")
    if array.dtype != dtype or array.shape != shape:
        raise _ExampleError(
            f"key {key!r} holds {array.dtype} of shape {array.shape} instead of {dtype} of {shape}"
        )


def _finite(key: str, array: np.ndarray[Any, Any]) -> FloatArray:
    if not np.isfinite(array).all():
        raise _ExampleError(f"key {key!r} holds a NaN or an infinity")
    if key in ("expectations", "Eo") and np.abs(array).max() > 1.001:
        raise _ExampleError(f"key {key!r} holds a value outside [-1, 1]")
    return np.array(array, dtype=np.float64)
