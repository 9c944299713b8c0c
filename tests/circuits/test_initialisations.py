"""Where weights start."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.quantum_info import Operator

from qnlr.circuits.initialisations import (
    INITIALISATIONS,
    gaussian,
    identity,
    identity_blocks,
    initialisation,
    uniform,
)
from qnlr.errors import InputError


@given(qubits=st.integers(1, 3), pairs=st.integers(1, 4), seed=st.integers(0, 99))
def test_identity_blocks_undo_themselves(qubits: int, pairs: int, seed: int) -> None:
    ansatz = identity_blocks(qubits, 2 * pairs)
    assert ansatz.num_parameters == 6 * qubits * pairs
    weights = identity(np.random.default_rng(seed), qubits, 2 * pairs, ansatz.num_parameters)
    assert Operator(ansatz.assign_parameters(weights)).equiv(Operator(np.eye(2**qubits)))
    assert np.abs(weights).max() > 0.1
    moved = weights + 0.3 * np.arange(len(weights))
    assert not Operator(ansatz.assign_parameters(moved)).equiv(Operator(np.eye(2**qubits)))


@pytest.mark.parametrize("locality", [1, 4])
def test_gaussian_narrows_with_depth_and_locality(locality: int) -> None:
    drawn = gaussian(np.random.default_rng(0), 4, 10, 50_000, locality)
    assert drawn.var() == pytest.approx(1 / (4 * locality * 12), rel=0.03)


def test_uniform_fills_the_circle() -> None:
    drawn = uniform(np.random.default_rng(0), 1, 1, 50_000)
    assert drawn.var() == pytest.approx(np.pi**2 / 3, rel=0.02)
    assert np.abs(drawn).max() <= np.pi


@pytest.mark.parametrize("name", sorted(INITIALISATIONS))
def test_the_same_generator_gives_the_same_weights(name: str) -> None:
    draw = initialisation(name)
    one, other = (draw(np.random.default_rng(7), 2, 4, 24) for _ in range(2))
    assert one.shape == (24,)
    np.testing.assert_array_equal(one, other)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match='did you mean "gaussian"'):
        initialisation("gausian")
    with pytest.raises(InputError, match="even number"):
        identity_blocks(2, 3)
    with pytest.raises(InputError, match="num_weights = 7"):
        identity(np.random.default_rng(0), 2, 4, 7)
