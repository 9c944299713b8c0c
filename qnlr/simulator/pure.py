"""State vectors: amplitudes of many elements at once, gates as loops over pairs of rows.

A state is an array [row, re or im, element]. CX moves nothing: it changes which row holds which
amplitude, a linear map over bits. So qubit q is given by two masks: the rows of a pair differ in
the bits of its *pair mask*, and the parity of a row's bits under its *side mask* is the value of
the qubit.
"""

from __future__ import annotations

import numpy as np

from qnlr.simulator.kernels import WIDTH, kernel, parity
from qnlr.simulator.tape import BLOCK


@kernel
def turn(state, pair, side, u):
    """Apply a one-qubit matrix that all elements share: (ψ₀, ψ₁) ← U (ψ₀, ψ₁)."""
    a, b, c, d, e, f, g, h = u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7]
    lowest = pair & -pair
    for row in range(state.shape[0]):
        if row & lowest:
            continue
        i, j = row, row ^ pair
        if parity(row & side):
            i, j = j, i
        xr, xi, yr, yi = state[i, 0], state[i, 1], state[j, 0], state[j, 1]
        for s in range(state.shape[2]):
            x, y, z, w = xr[s], xi[s], yr[s], yi[s]
            xr[s] = a * x - b * y + c * z - d * w
            xi[s] = a * y + b * x + c * w + d * z
            yr[s] = e * x - f * y + g * z - h * w
            yi[s] = e * y + f * x + g * w + h * z


@kernel
def turn_each(state, pair, side, u):
    """Apply a one-qubit matrix of every element's own: u is [8, element]."""
    lowest = pair & -pair
    for row in range(state.shape[0]):
        if row & lowest:
            continue
        i, j = row, row ^ pair
        if parity(row & side):
            i, j = j, i
        xr, xi, yr, yi = state[i, 0], state[i, 1], state[j, 0], state[j, 1]
        for s in range(state.shape[2]):
            x, y, z, w = xr[s], xi[s], yr[s], yi[s]
            xr[s] = u[0, s] * x - u[1, s] * y + u[2, s] * z - u[3, s] * w
            xi[s] = u[0, s] * y + u[1, s] * x + u[2, s] * w + u[3, s] * z
            yr[s] = u[4, s] * x - u[5, s] * y + u[6, s] * z - u[7, s] * w
            yi[s] = u[4, s] * y + u[5, s] * x + u[6, s] * w + u[7, s] * z


@kernel
def apply_dense(state, pairs, sides, matrix, scratch):
    """Apply a matrix on k qubits: ψ'_a = Σ_b U[a, b] ψ_b for every group of 2^k rows."""
    size = 1 << len(pairs)
    for row in range(state.shape[0]):
        first = True
        for qubit in range(len(pairs)):
            if parity(row & sides[qubit]):
                first = False
        if not first:
            continue
        for a in range(size):
            member = row
            for qubit in range(len(pairs)):
                if a >> qubit & 1:
                    member ^= pairs[qubit]
            scratch[a, 0, : state.shape[2]] = state[member, 0]
            scratch[a, 1, : state.shape[2]] = state[member, 1]
        for a in range(size):
            member = row
            for qubit in range(len(pairs)):
                if a >> qubit & 1:
                    member ^= pairs[qubit]
            re, im = state[member, 0], state[member, 1]
            re[:] = 0.0
            im[:] = 0.0
            for b in range(size):
                p, q = matrix[a, b].real, matrix[a, b].imag
                x, y = scratch[b, 0], scratch[b, 1]
                for s in range(state.shape[2]):
                    re[s] += p * x[s] - q * y[s]
                    im[s] += p * y[s] + q * x[s]


@kernel
def undo(psi, lam, pair, side, u, v):
    """Step back over a block: derivatives v by a turn behind it, then U† on both states.

    With M = Σ conj(λ_a) ψ_b over the rest, a turn about axis k changes 2 Re ⟨λ|ψ⟩ at the rate
    v_k = Im Σ_ab σ_k[a, b] M[a, b].
    """
    a, b, c, d, e, f, g, h = u[0], -u[1], u[4], -u[5], u[2], -u[3], u[6], -u[7]
    v0, v1, v2 = v[0], v[1], v[2]
    lowest = pair & -pair
    for row in range(psi.shape[0]):
        if row & lowest:
            continue
        i, j = row, row ^ pair
        if parity(row & side):
            i, j = j, i
        xr, xi, yr, yi = psi[i, 0], psi[i, 1], psi[j, 0], psi[j, 1]
        kr, ki, lr, li = lam[i, 0], lam[i, 1], lam[j, 0], lam[j, 1]
        for s in range(psi.shape[2]):
            x, y, z, w = xr[s], xi[s], yr[s], yi[s]
            k, l, o, p = kr[s], ki[s], lr[s], li[s]  # noqa: E741
            v0[s] += k * w - l * z + o * y - p * x
            v1[s] += o * x + p * y - k * z - l * w
            v2[s] += k * y - l * x - o * w + p * z
            xr[s] = a * x - b * y + c * z - d * w
            xi[s] = a * y + b * x + c * w + d * z
            yr[s] = e * x - f * y + g * z - h * w
            yi[s] = e * y + f * x + g * w + h * z
            kr[s] = a * k - b * l + c * o - d * p
            ki[s] = a * l + b * k + c * p + d * o
            lr[s] = e * k - f * l + g * o - h * p
            li[s] = e * l + f * k + g * p + h * o


@kernel
def slope_each(psi, lam, pair, side, v):
    """Add the derivatives v by a turn about x, y and z, as in :func:`undo`."""
    v0, v1, v2 = v[0], v[1], v[2]
    lowest = pair & -pair
    for row in range(psi.shape[0]):
        if row & lowest:
            continue
        i, j = row, row ^ pair
        if parity(row & side):
            i, j = j, i
        xr, xi, yr, yi = psi[i, 0], psi[i, 1], psi[j, 0], psi[j, 1]
        kr, ki, lr, li = lam[i, 0], lam[i, 1], lam[j, 0], lam[j, 1]
        for s in range(psi.shape[2]):
            v0[s] += kr[s] * yi[s] - ki[s] * yr[s] + lr[s] * xi[s] - li[s] * xr[s]
            v1[s] += lr[s] * xr[s] + li[s] * xi[s] - kr[s] * yr[s] - ki[s] * yi[s]
            v2[s] += kr[s] * xi[s] - ki[s] * xr[s] - lr[s] * yi[s] + li[s] * yr[s]


@kernel
def adjoint(u, out):
    """Write U† of every element's own matrix."""
    for s in range(u.shape[1]):
        out[0, s], out[1, s], out[2, s], out[3, s] = u[0, s], -u[1, s], u[4, s], -u[5, s]
        out[4, s], out[5, s], out[6, s], out[7, s] = u[2, s], -u[3, s], u[6, s], -u[7, s]


@kernel
def run_tape(ops, masks, dense, varies, place, shared, each, state, first):
    """Evolve |0…0⟩ by all steps of a tape, for the elements from ``first`` on."""
    last = first + state.shape[2]
    scratch = np.empty((8, 2, WIDTH))
    state[:] = 0.0
    state[0, 0] = 1.0
    for step in range(len(ops)):
        kind, number, start, end = ops[step]
        if kind != BLOCK:
            size = 1 << (end - start)
            pairs, sides = masks[start:end, 0], masks[start:end, 1]
            apply_dense(state, pairs, sides, dense[number, :size, :size], scratch)
        elif varies[number]:
            u = each[place[number], :, first:last]
            turn_each(state, masks[start, 0], masks[start, 1], u)
        else:
            turn(state, masks[start, 0], masks[start, 1], shared[number])


@kernel
def expectations(ops, masks, dense, varies, place, shared, each, terms, lo, hi, rows, out):
    """Write ⟨ψ|P|ψ⟩ of Pauli strings for the elements from ``lo`` to ``hi``.

    A string is P = i^y X^x Z^z, so ⟨ψ|P|ψ⟩ = Re i^y Σ_j (−1)^(j·z) conj(ψ_{j⊕x}) ψ_j; a row of
    ``terms`` is (x, z, y), x and z as masks of rows.
    """
    store = np.empty((rows, 2, min(WIDTH, hi - lo)))
    own = np.empty(WIDTH)  # sums in ``out`` would share cache lines with another thread's
    for first in range(lo, hi, WIDTH):
        state = store[:, :, : min(WIDTH, hi - first)]
        run_tape(ops, masks, dense, varies, place, shared, each, state, first)
        for term in range(len(terms)):
            sums = own[: state.shape[2]]
            sums[:] = 0.0
            add_expectation(state, terms[term, 0], terms[term, 1], terms[term, 2], sums)
            out[term, first : first + state.shape[2]] = sums


@kernel
def add_expectation(state, x, z, y, sums):
    """Add ⟨ψ|P|ψ⟩ of one string."""
    for row in range(state.shape[0]):
        sign = 1.0 - 2.0 * parity(row & z)
        if y & 2:
            sign = -sign
        ar, ai, br, bi = state[row ^ x, 0], state[row ^ x, 1], state[row, 0], state[row, 1]
        if y & 1:  # Re(i c) = −Im c
            for s in range(state.shape[2]):
                sums[s] -= sign * (ar[s] * bi[s] - ai[s] * br[s])
        else:
            for s in range(state.shape[2]):
                sums[s] += sign * (ar[s] * br[s] + ai[s] * bi[s])


@kernel
def probabilities(ops, masks, dense, varies, place, shared, each, sides, lo, hi, rows, out):
    """Write probabilities of the outcomes of measured qubits: Σ |ψ_j|² over the other qubits."""
    store = np.empty((rows, 2, min(WIDTH, hi - lo)))
    for first in range(lo, hi, WIDTH):
        state = store[:, :, : min(WIDTH, hi - first)]
        run_tape(ops, masks, dense, varies, place, shared, each, state, first)
        for row in range(rows):
            outcome = 0
            for qubit in range(len(sides)):
                outcome |= parity(row & sides[qubit]) << qubit
            for s in range(state.shape[2]):
                out[first + s, outcome] += state[row, 0, s] ** 2 + state[row, 1, s] ** 2


@kernel
def amplitudes(ops, masks, dense, varies, place, shared, each, outcomes, lo, hi, rows, out):
    """Write the states of the elements from ``lo`` to ``hi``: row j becomes ``outcomes[j]``."""
    store = np.empty((rows, 2, min(WIDTH, hi - lo)))
    for first in range(lo, hi, WIDTH):
        state = store[:, :, : min(WIDTH, hi - first)]
        run_tape(ops, masks, dense, varies, place, shared, each, state, first)
        for row in range(rows):
            for s in range(state.shape[2]):
                out[first + s, outcomes[row]] = complex(state[row, 0, s], state[row, 1, s])


@kernel
def gradients(
    ops, masks, dense, varies, place, shared, each, terms, weights, stop, lo, hi, rows, values, out
):
    """Write ⟨O⟩ and, for every block, its derivatives by a turn behind it: one sweep back.

    ψ runs forward once, λ = Oψ; then both run backward together (Jones and Gacon,
    arXiv:2009.02823). Blocks before step ``stop`` have no wanted angle.
    """
    width = min(WIDTH, hi - lo)
    store, other = np.empty((rows, 2, width)), np.empty((rows, 2, width))
    back, scratch = np.empty((8, width)), np.empty((8, 2, WIDTH))
    own = np.empty((3, width))  # sums in ``out`` would share cache lines with another thread's
    for first in range(lo, hi, WIDTH):
        size = min(WIDTH, hi - first)
        psi, lam = store[:, :, :size], other[:, :, :size]
        run_tape(ops, masks, dense, varies, place, shared, each, psi, first)
        observe(psi, lam, terms, weights)
        for s in range(size):
            values[first + s] = 0.0
        for row in range(rows):
            for s in range(size):
                values[first + s] += (
                    psi[row, 0, s] * lam[row, 0, s] + psi[row, 1, s] * lam[row, 1, s]
                )
        for step in range(len(ops) - 1, stop - 1, -1):
            kind, number, start, end = ops[step]
            if kind != BLOCK:
                count = 1 << (end - start)
                pairs, sides = masks[start:end, 0], masks[start:end, 1]
                matrix = np.conj(dense[number, :count, :count]).T
                apply_dense(psi, pairs, sides, matrix, scratch)
                apply_dense(lam, pairs, sides, matrix, scratch)
                continue
            pair, side = masks[start, 0], masks[start, 1]
            v = own[:, :size]
            v[:] = 0.0
            if varies[number]:
                slope_each(psi, lam, pair, side, v)
                adjoint(each[place[number], :, first : first + size], back)
                turn_each(psi, pair, side, back)
                turn_each(lam, pair, side, back)
            else:
                undo(psi, lam, pair, side, shared[number], v)
            out[number, :, first : first + size] = v


@kernel
def observe(psi, lam, terms, weights):
    """Write λ = Σ_t c_t P_t ψ: row j ⊕ x of λ gains c i^y (−1)^(j·z) ψ_j."""
    lam[:] = 0.0
    for term in range(len(terms)):
        x, z, y = terms[term, 0], terms[term, 1], terms[term, 2]
        for row in range(psi.shape[0]):
            c = weights[term] * (1.0 - 2.0 * parity(row & z))
            if y & 2:
                c = -c
            ar, ai, br, bi = lam[row ^ x, 0], lam[row ^ x, 1], psi[row, 0], psi[row, 1]
            for s in range(psi.shape[2]):
                if y & 1:
                    ar[s] -= c * bi[s]
                    ai[s] += c * br[s]
                else:
                    ar[s] += c * br[s]
                    ai[s] += c * bi[s]
