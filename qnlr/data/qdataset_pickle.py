"""Reading pickles of plain data and NumPy arrays, and of nothing else.

A pickle is a program. Two fences are put around it:

- Its instructions are checked before any of them runs: only those that plain data need, none that
  asks for more memory than the pickle itself has.
- What it may name are five things of NumPy and one of codecs, and it gets none of them: each has a
  stand-in that checks its arguments and makes nothing but arrays of numbers.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from collections.abc import Callable
from typing import Any

import numpy as np

# fmt: off
OPCODES = frozenset([
    "PROTO", "FRAME", "STOP", "MARK", "MEMOIZE", "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET",
    "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT",
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
    "BYTEARRAY8", "EMPTY_DICT", "SETITEM", "SETITEMS", "EMPTY_LIST", "APPEND", "APPENDS",
    "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "GLOBAL", "STACK_GLOBAL", "REDUCE",
    "BUILD",
])
# fmt: on
"""Instructions of plain data in protocols 2 to 5."""
MAX_INSTRUCTIONS = 100_000
MAX_TUPLES = 5_000
DTYPES = frozenset({"f4", "f8", "c8", "c16", "i4", "i8", "b1"})
"""Types of numbers that arrays may have."""


class _Number:
    """A stand-in for numpy.dtype: the type of numbers that it was asked for."""

    __slots__ = ("dtype",)

    def __init__(self, code: object, align: object = False, copy: object = False) -> None:
        if not (isinstance(code, str) and code in DTYPES):
            named = repr(code[:20]) if isinstance(code, str) else "that is no text"
            raise pickle.UnpicklingError(f"arrays of dtype {named} are not read")
        self.dtype = np.dtype(str(code))

    def __setstate__(self, state: object) -> None:
        if not (isinstance(state, tuple) and len(state) >= 5 and state[1] in ("<", "|")):
            raise pickle.UnpicklingError("an array has a dtype of another byte order")
        if any(part is not None for part in state[2:5]):
            raise pickle.UnpicklingError("an array has a structured dtype")


class StoredArray:
    """A stand-in for a numpy.ndarray.

    Attributes:
        array: The array, read-only; None where the pickle left its state unset.
    """

    __slots__ = ("array",)

    def __init__(self, array: np.ndarray[Any, Any] | None = None) -> None:
        self.array = array

    def __setstate__(self, state: object) -> None:
        if not (isinstance(state, tuple) and len(state) == 5):
            raise pickle.UnpicklingError("an array has a strange state")
        _, shape, number, fortran, raw = state
        self.array = _array(raw, number, shape, "F" if fortran else "C")


class _Callable:
    """A function that a pickle may call, and do nothing else with."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *args: Any) -> Any:
        return self._function(*args)

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("it sets the state of a function")


def _array(raw: object, number: object, shape: object, order: object) -> np.ndarray[Any, Any]:
    if not (
        isinstance(raw, (bytes, bytearray))
        and isinstance(number, _Number)
        and isinstance(shape, tuple)
        and len(shape) <= 8
        and all(type(size) is int and size >= 0 for size in shape)
        and order in ("C", "F")
    ):
        raise pickle.UnpicklingError("an array is not made of bytes, a dtype, a shape and an order")
    if math.prod(shape) * number.dtype.itemsize != len(raw):
        raise pickle.UnpicklingError(f"an array of shape {shape} has {len(raw)} bytes")
    flat = np.frombuffer(memoryview(raw).toreadonly(), dtype=number.dtype)
    return flat.reshape(shape, order="F" if order == "F" else "C")


def _scalar(number: object, raw: object) -> Any:
    return _array(raw, number, (), "C").item()


def _frombuffer(raw: object, number: object, shape: object, order: object) -> StoredArray:
    return StoredArray(_array(raw, number, shape, order))


def _reconstruct(kind: object, shape: object, code: object) -> StoredArray:
    if kind is not _NDARRAY or shape != (0,):
        raise pickle.UnpicklingError("an array is reconstructed in a strange way")
    return StoredArray()


def _no_call(*args: object) -> None:
    raise pickle.UnpicklingError("it calls numpy.ndarray")


_NDARRAY = _Callable(_no_call)
_ALLOWED = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _Callable(_Number),
    ("numpy.core.multiarray", "_reconstruct"): _Callable(_reconstruct),
    ("numpy.core.multiarray", "scalar"): _Callable(_scalar),
    ("numpy.core.numeric", "_frombuffer"): _Callable(_frombuffer),
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self._left = len(data)

    def _encode(self, text: object, encoding: object) -> bytes:
        """Turn text into the bytes that protocol 2 has no instruction for."""
        if not isinstance(text, str) or encoding != "latin1":
            raise pickle.UnpicklingError("it encodes text otherwise than protocol 2 does")
        self._left -= len(text)
        if self._left < 0:
            raise pickle.UnpicklingError("it encodes one text many times")
        return text.encode("latin1")

    def find_class(self, module: str, name: str) -> _Callable:
        if (module, name) == ("_codecs", "encode"):
            return _Callable(self._encode)
        known = _ALLOWED.get((module.replace("numpy._core.", "numpy.core."), name))
        if known is None:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is not allowed")
        return known

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it has a persistent id")


def _check(data: bytes) -> None:
    last, tuples, is_tuple = 0, 0, False
    memo: dict[int, bool] = {}
    for count, (opcode, argument, position) in enumerate(pickletools.genops(data)):
        name, last = opcode.name, position or 0
        if name not in OPCODES:
            raise pickle.UnpicklingError(f"it has the instruction {name}")
        if count >= MAX_INSTRUCTIONS or tuples > MAX_TUPLES:
            raise pickle.UnpicklingError("it has too many instructions or tuples")
        if name.endswith("GET") and memo.get(argument or 0):  # nested, they take for ever to hash
            raise pickle.UnpicklingError("it uses one tuple many times")
        if name == "MEMOIZE" or name.endswith("PUT"):
            index = len(memo) if argument is None else int(argument)
            if index > count:
                raise pickle.UnpicklingError(f"it memorises value {index} where it has {count}")
            memo[index] = is_tuple
        elif name not in ("FRAME", "PROTO"):
            is_tuple = name.startswith("TUPLE")
            tuples += is_tuple
    if last != len(data) - 1:
        raise pickle.UnpicklingError(f"{len(data) - 1 - last} bytes follow its end")


def safe_loads(data: bytes) -> Any:
    """Read a pickle of plain data and arrays of numbers; run nothing that it names.

    Args:
        data: The pickle, protocol 2 to 5, in which arrays are as any NumPy writes them.

    Returns:
        None, booleans, numbers, text, bytes, tuples, lists and dicts as pickled. An array is a
        :class:`StoredArray`.

    Raises:
        pickle.UnpicklingError: If it has anything else in it, or is damaged.

    Example:
        >>> import os
        >>> safe_loads(pickle.dumps({"M": 3, "x": np.arange(3.0)}))["x"].array
        array([0., 1., 2.])
        >>> safe_loads(pickle.dumps(os.getcwd))
        Traceback (most recent call last):
            ...
        _pickle.UnpicklingError: it names posix.getcwd, which is not allowed
    """
    try:
        _check(data)
        return _Unpickler(data).load()
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # whatever a damaged pickle makes go wrong
        reason = str(error) or type(error).__name__
        raise pickle.UnpicklingError(f"it is no valid pickle: {reason[:200]}") from error
