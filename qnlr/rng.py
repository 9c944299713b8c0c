"""Random streams, spawned per purpose from content, and content hashes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np


def canonical_json(content: Any) -> str:
    """Write plain data as JSON in one canonical way.

    Args:
        content: Dicts, lists, strings, numbers, booleans and None.

    Returns:
        JSON with sorted keys and no spaces.

    Raises:
        TypeError: If the content holds anything that JSON does not.
        ValueError: If it holds a NaN or an infinity.

    Example:
        >>> canonical_json({"b": 1, "a": [0.5, None]})
        '{"a":[0.5,null],"b":1}'
    """
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_hash(content: Any, length: int = 12) -> str:
    """Return a short hash of plain data that depends on nothing but its content.

    Args:
        content: Plain data, see :func:`canonical_json`.
        length: Number of hexadecimal digits, 1 to 64.

    Returns:
        The first digits of the SHA-256 of the canonical JSON.

    Example:
        >>> content_hash({"seed": 0, "layers": 5})
        'a080a3d6fe50'
    """
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()[:length]


def stream(purpose: str, seed: int, content: Any = None) -> np.random.Generator:
    """Return the random stream for one purpose, seed and content.

    Streams of different purposes are independent, and a stream changes with its content alone:
    two optimizers on one seed ask for the same ``"batches"`` stream and see the same batches.

    Args:
        purpose: What the numbers are for, such as ``"data"`` or ``"shots"``.
        seed: The seed of the run.
        content: Plain data that the stream should also depend on.

    Returns:
        A generator of its own, at the start of its stream.

    Example:
        >>> [int(stream(purpose, 0).integers(1000)) for purpose in ("init", "init", "batches")]
        [437, 437, 613]
    """
    digest = hashlib.sha256(canonical_json([purpose, seed, content]).encode()).digest()
    return np.random.default_rng(np.random.SeedSequence(int.from_bytes(digest, "big")))


def generator_state(generator: np.random.Generator) -> dict[str, Any]:
    """Return the state of a generator as plain data.

    Args:
        generator: Any NumPy generator.

    Returns:
        A dict that JSON can hold (its integers are exact in Python's JSON).

    Example:
        >>> generator = np.random.default_rng(7)
        >>> twin = restore_generator(generator_state(generator))
        >>> bool(twin.integers(1000) == generator.integers(1000))
        True
    """
    state: dict[str, Any] = json.loads(json.dumps(generator.bit_generator.state, default=_plain))
    return state


def restore_generator(state: dict[str, Any]) -> np.random.Generator:
    """Rebuild a generator from :func:`generator_state`.

    Args:
        state: What :func:`generator_state` returned.

    Returns:
        A generator that continues where the saved one stood.

    Raises:
        ValueError: If the state names no bit generator of NumPy.

    Example:
        >>> restore_generator(generator_state(np.random.default_rng(1))).integers(100)
        np.int64(47)
    """
    kind = getattr(np.random, str(state.get("bit_generator")), None)
    if not (isinstance(kind, type) and issubclass(kind, np.random.BitGenerator)):
        name = state.get("bit_generator")
        raise ValueError(f"bit generator {name!r} is not one of NumPy's")  # noqa: TRY004
    bits = kind()
    bits.state = state
    return np.random.Generator(bits)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.integer):
        return int(value)
    raise TypeError(f"{type(value).__name__} is not plain data")
