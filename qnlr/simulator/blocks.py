"""Blocks: rotations and fixed matrices on one qubit, fused to one matrix.

A block of parts A₁ … A_m is U = A_m ⋯ A₁. In the Pauli basis it is the 4 × 4 transfer matrix
R[a, b] = Tr(P_a U P_b U†)/2, which a rotation about an axis makes a rotation of (x, y, z).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from qnlr.simulator.kernels import kernel
from qnlr.simulator.lowering import PAULIS
from qnlr.simulator.tape import BLOCK, FIXED, Tape
from qnlr.types import FloatArray


@dataclass(frozen=True, eq=False)
class Blocks:
    """The parts of all blocks of a tape as arrays.

    Args:
        start: First part of every block, and the end of the last, shape (N + 1,).
        kind: Axis of every part, 0 to 2, or ``FIXED``.
        index: Number of its angle, or of its matrix.
        of_angle: Block that each angle is in, shape (S,); −1 where it is in none.
        unitaries: Fixed matrices as [re, im] of the entries 00, 01, 10, 11, shape (M, 8); empty if
            a part is noise.
        transfers: Fixed matrices as transfer matrices, shape (M, 4, 4).
    """

    start: np.ndarray
    kind: np.ndarray
    index: np.ndarray
    of_angle: np.ndarray
    unitaries: FloatArray
    transfers: FloatArray

    def __len__(self) -> int:
        return len(self.start) - 1


def collect_blocks(tape: Tape) -> Blocks:
    """Collect the parts of all blocks.

    Args:
        tape: The tape.

    Returns:
        The blocks, in the order of the steps.
    """
    start, kind, index = [0], [], []
    of_angle = np.full(len(tape.angles.offset), -1, dtype=np.int64)
    matrices: list[Any] = []
    for step in tape.steps:
        if step.kind != BLOCK:
            continue
        for part, content in step.content:
            kind.append(part)
            index.append(len(matrices) if part == FIXED else content)
            if part == FIXED:
                matrices.append(content)
            else:
                of_angle[content] = len(start) - 1
        start.append(len(kind))
    pure = all(len(matrix) == 2 for matrix in matrices)
    return Blocks(
        np.array(start, dtype=np.int64),
        np.array(kind, dtype=np.int64),
        np.array(index, dtype=np.int64),
        of_angle,
        np.array([_eight(m) for m in matrices] if pure else [], dtype=float).reshape(-1, 8),
        np.array([_transfer(m) for m in matrices], dtype=float).reshape(-1, 4, 4),
    )


def transfer_matrix(unitary: Any) -> FloatArray:
    r"""Return the Pauli transfer matrix of a unitary.

    .. math:: R_{ab} = 2^{-k} \, \mathrm{Tr}(P_a U P_b U^\dagger)

    Args:
        unitary: U, shape (2^k, 2^k).

    Returns:
        Shape (4^k, 4^k); digit j of an index to base 4 is the Pauli (I, X, Y, Z) on qubit j.

    Example:
        >>> transfer_matrix(np.diag([1, 1j])).round(6)
        array([[ 1.,  0.,  0.,  0.],
               [ 0.,  0., -1.,  0.],
               [ 0.,  1.,  0.,  0.],
               [ 0.,  0.,  0.,  1.]])
    """
    size = len(unitary)
    strings = PAULIS
    while len(strings[0]) < size:
        strings = np.array([np.kron(high, low) for high in PAULIS for low in strings])
    turned = unitary @ strings @ np.conj(unitary).T
    traces: FloatArray = np.real(np.einsum("aij,bji->ab", strings, turned))
    return traces / size + 0.0


def _eight(unitary: Any) -> FloatArray:
    return np.stack([np.real(unitary).ravel(), np.imag(unitary).ravel()], axis=1).ravel()


def _transfer(matrix: Any) -> FloatArray:
    return transfer_matrix(matrix) if len(matrix) == 2 else np.asarray(matrix, dtype=float)


@kernel
def block_unitary(first, last, kind, index, fixed, angles, out):
    """Write U = A_m ⋯ A₁ of one block into ``out``, as [re, im] of the entries 00, 01, 10, 11.

    A rotation about an axis is cos(φ/2) − i sin(φ/2) P.
    """
    a, b, c, d = 1.0 + 0.0j, 0.0 + 0.0j, 0.0 + 0.0j, 1.0 + 0.0j
    for part in range(first, last):
        if kind[part] == FIXED:
            m = fixed[index[part]]
            p, q, r, s = m[0] + 1j * m[1], m[2] + 1j * m[3], m[4] + 1j * m[5], m[6] + 1j * m[7]
        else:
            cos, sin = math.cos(angles[index[part]] / 2), math.sin(angles[index[part]] / 2)
            p, q, r, s = cos + 0j, 0j, 0j, cos + 0j
            if kind[part] == 0:
                q = r = complex(0.0, -sin)
            elif kind[part] == 1:
                q, r = complex(-sin, 0.0), complex(sin, 0.0)
            else:
                p, s = complex(cos, -sin), complex(cos, sin)
        a, b, c, d = p * a + q * c, p * b + q * d, r * a + s * c, r * b + s * d
    out[0], out[1], out[2], out[3] = a.real, a.imag, b.real, b.imag
    out[4], out[5], out[6], out[7] = c.real, c.imag, d.real, d.imag


@kernel
def block_transfer(first, last, kind, index, fixed, angles, out):
    """Write the transfer matrix R = R_m ⋯ R₁ of parts of a block into ``out``, shape (4, 4).

    A rotation about axis k turns the other two components by φ: v' = cos φ v + sin φ (e_k × v).
    """
    out[:] = 0.0
    for row in range(4):
        out[row, row] = 1.0
    for part in range(first, last):
        if kind[part] == FIXED:
            m = fixed[index[part]]
            for column in range(4):
                x0, x1, x2, x3 = out[0, column], out[1, column], out[2, column], out[3, column]
                for row in range(4):
                    out[row, column] = (
                        m[row, 0] * x0 + m[row, 1] * x1 + m[row, 2] * x2 + m[row, 3] * x3
                    )
        else:
            cos, sin = math.cos(angles[index[part]]), math.sin(angles[index[part]])
            u, v = 1 + (kind[part] + 1) % 3, 1 + (kind[part] + 2) % 3
            for column in range(4):
                x, y = out[u, column], out[v, column]
                out[u, column], out[v, column] = cos * x - sin * y, sin * x + cos * y


@kernel
def unitaries(start, kind, index, fixed, angles, varies, shared, each):
    """Write the unitaries of all blocks: once where they are shared, else for every element."""
    scratch = np.empty(8)
    column = np.empty(angles.shape[0])
    place = 0
    for block in range(len(start) - 1):
        if not varies[block]:
            column[:] = angles[:, 0]
            block_unitary(start[block], start[block + 1], kind, index, fixed, column, shared[block])
            continue
        for element in range(angles.shape[1]):
            for part in range(start[block], start[block + 1]):
                if kind[part] != FIXED:
                    column[index[part]] = angles[index[part], element]
            block_unitary(start[block], start[block + 1], kind, index, fixed, column, scratch)
            each[place, :, element] = scratch
        place += 1


@kernel
def transfers(start, kind, index, fixed, angles, varies, shared, each):
    """Write the transfer matrices of all blocks: once where shared, else for every element."""
    scratch = np.empty((4, 4))
    column = np.empty(angles.shape[0])
    place = 0
    for block in range(len(start) - 1):
        first, last = start[block], start[block + 1]
        if not varies[block]:
            column[:] = angles[:, 0]
            block_transfer(first, last, kind, index, fixed, column, shared[block])
            continue
        for element in range(angles.shape[1]):
            for part in range(first, last):
                if kind[part] != FIXED:
                    column[index[part]] = angles[index[part], element]
            block_transfer(first, last, kind, index, fixed, column, scratch)
            for row in range(4):
                for entry in range(4):
                    each[place, 4 * row + entry, element] = scratch[row, entry]
        place += 1


@kernel
def along_axes(start, kind, index, fixed, angles, varies, wanted, turned, out):
    """Turn derivatives of blocks into those of their angles.

    For part k of a block, ∂f/∂φ_k = n · v with n = R_m ⋯ R_{k+1} e_k, the part's axis as the later
    parts turn it, and v the block's derivatives by a turn about x, y and z behind it.
    """
    after = np.empty((4, 4))
    column = np.empty(angles.shape[0])
    for block in range(len(start) - 1):
        v = turned[block]
        for element in range(angles.shape[1] if varies[block] else 1):
            for part in range(start[block], start[block + 1]):
                if kind[part] != FIXED:
                    column[index[part]] = angles[index[part], element]
            for part in range(start[block], start[block + 1]):
                if kind[part] == FIXED or not wanted[index[part]]:
                    continue
                last = start[block + 1]
                block_transfer(part + 1, last, kind, index, fixed, column, after)
                axis = 1 + kind[part]
                x, y, z = after[1, axis], after[2, axis], after[3, axis]
                if varies[block]:
                    dot = x * v[0, element] + y * v[1, element] + z * v[2, element]
                    out[index[part], element] = dot
                else:
                    for other in range(angles.shape[1]):
                        dot = x * v[0, other] + y * v[1, other] + z * v[2, other]
                        out[index[part], other] = dot


@kernel
def shift_blocks(
    start, kind, index, fixed, angles, slot, wanted, shared, meets, found, plus, minus
):  # fmt: skip
    """Write ⟨O⟩ with each wanted angle shifted: ⟨O⟩ + Σ_ab (R±[a, b] − R[a, b]) T[a, b].

    Only rows a = X, Y, Z count: a channel's row 0 is fixed. T is [12, element], a block's entry of
    ``meets``.
    """
    turned = np.empty((4, 4))
    for block in range(len(start) - 1):
        if slot[block] < 0:
            continue
        first, last = start[block], start[block + 1]
        for part in range(first, last):
            number = index[part]
            if kind[part] == FIXED or not wanted[number]:
                continue
            for sign, out in ((1.0, plus), (-1.0, minus)):
                angle = angles[number]
                angles[number] = angle + sign * math.pi / 2
                block_transfer(first, last, kind, index, fixed, angles, turned)
                angles[number] = angle
                out[number] = found
                for entry in range(12):
                    a, b = 1 + entry // 4, entry % 4
                    change = turned[a, b] - shared[block, a, b]
                    t = meets[slot[block], entry]
                    for element in range(len(found)):
                        out[number, element] += change * t[element]
