"""Density matrices as real vectors in the Pauli basis, of many elements at once.

ρ = 2^{−n} Σ_P S_P P, an observable is O = Σ_P O_P P, so ⟨O⟩ = Σ_P O_P S_P; digit q to base 4 of a
string's number is its Pauli (I, X, Y, Z) on qubit q. A channel is a real matrix R on the digits of
its qubits: S ← R S forward, O ← Rᵀ O backward. Where R only permutes and scales strings, as CX with
Pauli noise does, nothing is moved: ``row`` and ``scale`` say which row of the store holds which
string, and times what.
"""

from __future__ import annotations

import numpy as np

from qnlr.simulator.kernels import kernel
from qnlr.simulator.tape import BLOCK

MONOMIAL = 1


@kernel
def leads(string, qubits):
    """Return whether a string is the identity on some qubits."""
    for qubit in qubits:
        if string >> 2 * qubit & 3:
            return False
    return True


@kernel
def spread(qubits, offsets):
    """Write the strings that have every choice of digits on some qubits, the identity elsewhere."""
    for digits in range(1 << 2 * len(qubits)):
        string = 0
        for place in range(len(qubits)):
            string |= (digits >> 2 * place & 3) << 2 * qubits[place]
        offsets[digits] = string


@kernel
def permute(qubits, sources, factors, row, scale, need, offsets):
    """Apply a matrix that permutes and scales strings: S'_a = f_a S_{source(a)}."""
    size = 1 << 2 * len(qubits)
    spread(qubits, offsets)
    rows, scales = np.empty(size, np.int64), np.empty(size)
    for rest in range(len(row)):
        if not need[rest] or not leads(rest, qubits):
            continue
        for a in range(size):
            rows[a], scales[a] = row[rest + offsets[a]], scale[rest + offsets[a]]
        for a in range(size):
            row[rest + offsets[a]] = rows[sources[a]]
            scale[rest + offsets[a]] = factors[a] * scales[sources[a]]


@kernel
def apply_dense(store, qubits, matrix, row, scale, need, offsets, scratch):
    """Apply any other transfer matrix: S'_a = Σ_b R[a, b] S_b for every group of 4^k strings."""
    size = 1 << 2 * len(qubits)
    spread(qubits, offsets)
    for rest in range(len(row)):
        if not need[rest] or not leads(rest, qubits):
            continue
        for b in range(size):
            x, f = store[row[rest + offsets[b]]], scale[rest + offsets[b]]
            for s in range(store.shape[1]):
                scratch[b, s] = f * x[s]
        for a in range(size):
            scale[rest + offsets[a]] = 1.0
            y = store[row[rest + offsets[a]]]
            y[:] = 0.0
            for b in range(size):
                entry, x = matrix[a, b], scratch[b]
                if entry != 0.0:
                    for s in range(store.shape[1]):
                        y[s] += entry * x[s]


@kernel
def apply_block(store, qubit, r, row, scale, need):
    """Apply a one-qubit transfer matrix that all elements share, shape (4, 4)."""
    stride = 1 << 2 * qubit
    unital = r[1, 0] == 0.0 and r[2, 0] == 0.0 and r[3, 0] == 0.0
    for i0 in range(len(row)):
        if not need[i0] or i0 >> 2 * qubit & 3:
            continue
        i1, i2, i3 = i0 + stride, i0 + 2 * stride, i0 + 3 * stride
        f0, f1, f2, f3 = scale[i0], scale[i1], scale[i2], scale[i3]
        a, b, c = r[1, 1] * f1, r[1, 2] * f2, r[1, 3] * f3
        d, e, f = r[2, 1] * f1, r[2, 2] * f2, r[2, 3] * f3
        g, h, k = r[3, 1] * f1, r[3, 2] * f2, r[3, 3] * f3
        x, y, z = store[row[i1]], store[row[i2]], store[row[i3]]
        scale[i1] = scale[i2] = scale[i3] = 1.0
        if unital:
            for s in range(store.shape[1]):
                p, q, t = x[s], y[s], z[s]
                x[s] = a * p + b * q + c * t
                y[s] = d * p + e * q + f * t
                z[s] = g * p + h * q + k * t
        else:
            w, a0, d0, g0 = store[row[i0]], r[1, 0] * f0, r[2, 0] * f0, r[3, 0] * f0
            for s in range(store.shape[1]):
                o, p, q, t = w[s], x[s], y[s], z[s]
                x[s] = a0 * o + a * p + b * q + c * t
                y[s] = d0 * o + d * p + e * q + f * t
                z[s] = g0 * o + g * p + h * q + k * t


@kernel
def apply_each(store, qubit, r, row, scale, need):
    """Apply a one-qubit transfer matrix of every element's own: r is [16, element]."""
    stride = 1 << 2 * qubit
    for i0 in range(len(row)):
        if not need[i0] or i0 >> 2 * qubit & 3:
            continue
        i1, i2, i3 = i0 + stride, i0 + 2 * stride, i0 + 3 * stride
        f0, f1, f2, f3 = scale[i0], scale[i1], scale[i2], scale[i3]
        w, x, y, z = store[row[i0]], store[row[i1]], store[row[i2]], store[row[i3]]
        scale[i1] = scale[i2] = scale[i3] = 1.0
        for s in range(store.shape[1]):
            o, p, q, t = f0 * w[s], f1 * x[s], f2 * y[s], f3 * z[s]
            x[s] = r[4, s] * o + r[5, s] * p + r[6, s] * q + r[7, s] * t
            y[s] = r[8, s] * o + r[9, s] * p + r[10, s] * q + r[11, s] * t
            z[s] = r[12, s] * o + r[13, s] * p + r[14, s] * q + r[15, s] * t


@kernel
def meet(store, qubit, behind, row, scale, need, out):
    """Add up how a block's matrix enters ⟨O⟩: T[a, b] = Σ O_{a,rest} S_{b,rest} over the rest.

    O stands behind the block and S before it, so ⟨O⟩ = Σ_ab R[a, b] T[a, b]. A channel keeps the
    trace, its row 0 is fixed, so a runs over X, Y and Z; ``out`` is [4 (a − 1) + b, element].
    """
    stride = 1 << 2 * qubit
    for i0 in range(len(row)):
        if not need[i0] or i0 >> 2 * qubit & 3:
            continue
        o1, o2, o3 = behind[i0 + stride], behind[i0 + 2 * stride], behind[i0 + 3 * stride]
        if o1 == 0.0 and o2 == 0.0 and o3 == 0.0:
            continue
        for b in range(4):
            member = i0 + b * stride
            x, f = store[row[member]], scale[member]
            p, q, t = f * o1, f * o2, f * o3
            t1, t2, t3 = out[b], out[4 + b], out[8 + b]
            for s in range(store.shape[1]):
                t1[s] += p * x[s]
                t2[s] += q * x[s]
                t3[s] += t * x[s]


@kernel
def start_in_zero(store, row, scale):
    """Write |0…0⟩⟨0…0|: 1 for the strings of I and Z."""
    for string in range(len(row)):
        row[string], scale[string] = string, 1.0
        rest, value = string, 1.0
        while rest:
            if rest & 3 == 1 or rest & 3 == 2:
                value = 0.0
            rest >>= 2
        store[string] = value


@kernel
def run_step(step, ops, qubits, sources, factors, dense, varies, place, shared, each, first, s):
    """Apply one step to the elements from ``first`` on; s is what a thread works with."""
    store, row, scale, need, offsets, scratch = s
    kind, number, start, end = ops[step]
    here = need[min(step, len(need) - 1)]
    if kind == BLOCK:
        if varies[number]:
            r = each[place[number], :, first : first + store.shape[1]]
            apply_each(store, qubits[start], r, row, scale, here)
        else:
            apply_block(store, qubits[start], shared[number], row, scale, here)
    elif kind == MONOMIAL:
        permute(qubits[start:end], sources[number], factors[number], row, scale, here, offsets)
    else:
        matrix = dense[number]
        apply_dense(store, qubits[start:end], matrix, row, scale, here, offsets, scratch)


@kernel
def values(
    ops, qubits, sources, factors, dense, varies, place, shared, each, need, terms,
    weights, ends, lo, hi, strings, width, out
):  # fmt: skip
    """Write ⟨O⟩ of observables for the elements from ``lo`` to ``hi``.

    Observable k is the sum of ``weights`` times ``terms`` from ``ends[k]`` to ``ends[k + 1]``.
    """
    width = min(width, hi - lo)
    room = np.empty((strings, width))
    row, scale = np.empty(strings, np.int64), np.empty(strings)
    offsets, scratch = np.empty(64, np.int64), np.empty((64, width))
    for first in range(lo, hi, width):
        store = room[:, : min(width, hi - first)]
        start_in_zero(store, row, scale)
        s = (store, row, scale, need, offsets, scratch)
        for step in range(len(ops)):
            run_step(
                step, ops, qubits, sources, factors, dense, varies, place, shared, each, first, s
            )
        for k in range(len(ends) - 1):
            sums = out[k, first : first + store.shape[1]]
            sums[:] = 0.0
            for term in range(ends[k], ends[k + 1]):
                weight, x = weights[term] * scale[terms[term]], store[row[terms[term]]]
                for e in range(len(sums)):
                    sums[e] += weight * x[e]


@kernel
def meetings(
    ops, qubits, sources, factors, dense, varies, place, shared, each, need, slot,
    behind, terms, weights, lo, hi, strings, width, out, found
):  # fmt: skip
    """Write T of every wanted block, and ⟨O⟩ behind them all, in one sweep forward.

    ``slot[number]`` is the wanted block's place in ``behind`` and ``out``, or −1.
    """
    width = min(width, hi - lo)
    room = np.empty((strings, width))
    row, scale = np.empty(strings, np.int64), np.empty(strings)
    offsets, scratch = np.empty(64, np.int64), np.empty((64, width))
    own = np.empty((12, width))  # sums in ``out`` would share cache lines with another thread's
    for first in range(lo, hi, width):
        store = room[:, : min(width, hi - first)]
        start_in_zero(store, row, scale)
        s = (store, row, scale, need, offsets, scratch)
        for step in range(len(ops)):
            kind, number, start, _ = ops[step]
            if kind == BLOCK and slot[number] >= 0:
                t = own[:, : store.shape[1]]
                t[:] = 0.0
                here = need[min(step, len(need) - 1)]
                meet(store, qubits[start], behind[slot[number]], row, scale, here, t)
                out[slot[number], :, first : first + store.shape[1]] = t
            run_step(
                step, ops, qubits, sources, factors, dense, varies, place, shared, each, first, s
            )
        for term in range(len(terms)):
            weight, x = weights[term] * scale[terms[term]], store[row[terms[term]]]
            for e in range(store.shape[1]):
                found[first + e] += weight * x[e]


@kernel
def mark_needed(ops, qubits, sources, dense, unital, marked, need):
    """Mark at every step the groups of strings that the observable still depends on behind it.

    ``marked`` holds the observable's own strings; a group, called by its first string, is needed if
    one of its strings is, and then needs those it is made from.
    """
    offsets = np.empty(64, np.int64)
    before = np.empty(64, np.bool_)
    for step in range(len(ops) - 1, -1, -1):
        kind, number, start, end = ops[step]
        here = qubits[start:end]
        size = 1 << 2 * len(here)
        spread(here, offsets)
        for rest in range(len(marked)):
            if not leads(rest, here):
                continue
            before[:size] = False
            for a in range(size):
                if not marked[rest + offsets[a]]:
                    continue
                need[step, rest] = True
                if kind == MONOMIAL:
                    before[sources[number, a]] = True
                elif kind != BLOCK:
                    before[:size] = True
                elif a == 0:
                    before[0] = True
                else:
                    before[1:4] = True
                    before[0] |= not unital[number]
            for a in range(size):
                marked[rest + offsets[a]] = before[a]


@kernel
def pull_back(ops, qubits, sources, factors, dense, shared, need, slot, stop, o, behind):
    """Take an observable back to every wanted block, O ← Rᵀ O, down to step ``stop``."""
    offsets, scratch = np.empty(64, np.int64), np.empty(64)
    for step in range(len(ops) - 1, stop - 1, -1):
        kind, number, start, end = ops[step]
        here, kept = qubits[start:end], need[min(step, len(need) - 1)]
        if kind == BLOCK:
            if slot[number] >= 0:
                behind[slot[number]] = o
            pull_block(o, qubits[start], shared[number], kept)
            continue
        size = 1 << 2 * len(here)
        spread(here, offsets)
        for rest in range(len(o)):
            if not kept[rest] or not leads(rest, here):
                continue
            for a in range(size):
                scratch[a] = o[rest + offsets[a]]
            if kind == MONOMIAL:
                for a in range(size):
                    o[rest + offsets[sources[number, a]]] = factors[number, a] * scratch[a]
                continue
            for b in range(size):
                total = 0.0
                for a in range(size):
                    total += dense[number, a, b] * scratch[a]
                o[rest + offsets[b]] = total


@kernel
def pull_block(o, qubit, r, need):
    """Take an observable back over a one-qubit transfer matrix: O_b ← Σ_a R[a, b] O_a."""
    stride = 1 << 2 * qubit
    for i0 in range(len(o)):
        if not need[i0] or i0 >> 2 * qubit & 3:
            continue
        x0, x1, x2, x3 = o[i0], o[i0 + stride], o[i0 + 2 * stride], o[i0 + 3 * stride]
        o[i0] = x0 + r[1, 0] * x1 + r[2, 0] * x2 + r[3, 0] * x3
        o[i0 + stride] = r[1, 1] * x1 + r[2, 1] * x2 + r[3, 1] * x3
        o[i0 + 2 * stride] = r[1, 2] * x1 + r[2, 2] * x2 + r[3, 2] * x3
        o[i0 + 3 * stride] = r[1, 3] * x1 + r[2, 3] * x2 + r[3, 3] * x3
