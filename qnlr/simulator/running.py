"""What every run of a kernel needs: the blocks' matrices, threads, and room in memory."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import psutil

from qnlr.errors import InputError, require_count
from qnlr.simulator.blocks import Blocks
from qnlr.types import FloatArray

ALWAYS_THERE = 2**20
"""Bytes that need no asking for."""


class Threads:
    """A pool of threads that share the elements of a batch among them.

    Kernels let go of the interpreter's lock, so threads run side by side; what an element gives
    does not depend on their number.

    Args:
        number: Threads, at least 1; None for Numba's number, which the environment variable
            ``NUMBA_NUM_THREADS`` sets and which is the number of cores otherwise.

    Raises:
        InputError: If the number is below 1.

    Example:
        >>> done = np.zeros(5)
        >>> def work(low, high):
        ...     done[low:high] = 1.0
        >>> Threads(2).share(work, 5)
        >>> done
        array([1., 1., 1., 1., 1.])
    """

    def __init__(self, number: int | None = None) -> None:
        default = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
        self.number = require_count("threads", default if number is None else number)
        self._pool: ThreadPoolExecutor | None = None

    def share(self, work: Callable[[int, int], object], elements: int) -> None:
        """Call ``work(low, high)`` for ranges that make up all elements, and wait for them.

        Args:
            work: What is done to elements from low to high.
            elements: Number of elements.
        """
        parts = min(self.number, elements)
        if not elements:
            return
        if parts <= 1:
            work(0, elements)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.number - 1)
        ends = [elements * part // parts for part in range(parts + 1)]
        others = [self._pool.submit(work, ends[part], ends[part + 1]) for part in range(1, parts)]
        try:
            work(0, ends[1])
        finally:
            for other in others:
                other.result()

    def __getstate__(self) -> dict[str, Any]:
        return {"number": self.number, "_pool": None}  # another process makes its own


@dataclass(frozen=True, eq=False)
class Prepared:
    """Matrices of all blocks for some angles.

    Args:
        varies: Whether a block differs between elements, shape (N,).
        place: Place of such a block in ``each``, shape (N,).
        shared: Matrices of the others, one for all elements.
        each: Matrices of those, the last axis being the element.
    """

    varies: np.ndarray
    place: np.ndarray
    shared: FloatArray
    each: FloatArray


def prepare(
    blocks: Blocks,
    angles: FloatArray,
    make: Callable[..., object],
    fixed: FloatArray,
    shape: tuple[int, ...],
) -> Prepared:
    """Compute the matrices of all blocks, once where all elements share them.

    Args:
        blocks: The blocks of a tape.
        angles: Rotation angles φ, shape (S, E).
        make: :func:`~qnlr.simulator.blocks.unitaries` or its like for transfer matrices.
        fixed: Fixed matrices of the parts, as ``make`` takes them.
        shape: Shape of a matrix.

    Returns:
        The matrices.
    """
    differ = (angles != angles[:, :1]).any(axis=1)
    varies = np.zeros(len(blocks), dtype=bool)
    varies[blocks.of_angle[differ & (blocks.of_angle >= 0)]] = True
    place = np.cumsum(varies) - 1
    shared = np.zeros((len(blocks), *shape))
    each = np.zeros((int(varies.sum()), int(np.prod(shape)), angles.shape[1]))
    if angles.shape[1]:
        make(blocks.start, blocks.kind, blocks.index, fixed, angles, varies, shared, each)
    return Prepared(varies, place, shared, each)


def require_memory(what: str, needed: float) -> None:
    """Refuse what would not fit in memory, before it is tried.

    Args:
        what: What needs the memory, for the message.
        needed: Bytes.

    Raises:
        InputError: If less is available.
    """
    available = psutil.virtual_memory().available
    if needed > available:
        raise InputError(
            f"{what} needs {needed / 2**30:.3g} GiB of memory, but {available / 2**30:.3g} GiB are "
            "available; use fewer qubits, or a machine with more memory"
        )


def require_table(qubits: int, elements: int) -> None:
    """Refuse a table of outcomes that would not fit in memory.

    Args:
        qubits: Measured qubits.
        elements: Elements that each have a row.

    Raises:
        InputError: If less is available.
    """
    needed = 24.0 * 2.0**qubits * max(1, elements)
    if needed > ALWAYS_THERE:
        require_memory(f"a table of the outcomes of {qubits} qubits", needed)
