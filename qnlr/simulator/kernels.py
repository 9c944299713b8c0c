"""How kernels are compiled: once per machine, kept on disk, without the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

WIDTH = 16
"""Elements that a kernel works on at once: the innermost axis of its arrays."""


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function to machine code at its first call, and keep that on disk.

    Products and sums may be contracted to fused multiply-adds; nothing else may be reordered, so
    an element's result depends neither on its neighbours nor on the number of threads.

    Args:
        function: Loops over arrays and numbers.

    Returns:
        The compiled function; it lets go of the interpreter's lock.
    """
    return numba.njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")(
        function
    )


@kernel
def parity(bits: int) -> int:
    """Return the parity of the set bits: 1 if their number is odd."""
    bits ^= bits >> 32
    bits ^= bits >> 16
    bits ^= bits >> 8
    bits ^= bits >> 4
    bits ^= bits >> 2
    bits ^= bits >> 1
    return bits & 1
