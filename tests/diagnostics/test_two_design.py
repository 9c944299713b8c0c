"""Variances of derivatives between random unitaries, drawn and in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp
from scipy.stats import unitary_group

from qnlr.circuits import global_z
from qnlr.diagnostics.two_design import two_design_variance, two_design_variance_at_start
from qnlr.errors import InputError

DRAWS = 20_000


@pytest.mark.parametrize("qubits", [1, 2, 3])
def test_closed_forms_are_what_haar_random_unitaries_give(qubits: int) -> None:
    rng = np.random.default_rng(qubits)
    d = 2**qubits
    observable = SparsePauliOp(
        ["Z" * qubits, "I" * qubits, "X" + "I" * (qubits - 1)], [1, 0.7, 0.5]
    )
    generator = SparsePauliOp("I" * (qubits - 1) + "X").to_matrix()
    before, behind = (unitary_group.rvs(d, size=DRAWS, random_state=rng) for _ in range(2))
    taken_back = behind.conj().transpose(0, 2, 1) @ observable.to_matrix() @ behind
    slopes = 0.5j * (generator @ taken_back - taken_back @ generator)
    states = before[:, :, 0]
    middle = np.einsum("si,sij,sj->s", states.conj(), slopes, states).real
    start = slopes[:, 0, 0].real
    for drawn, expected in (
        (middle, two_design_variance(qubits, observable)),
        (start, two_design_variance_at_start(qubits, observable)),
    ):
        error = np.std(drawn**2) / np.sqrt(DRAWS)
        assert np.mean(drawn**2) == pytest.approx(expected, abs=4 * error)
        assert error < 0.02 * expected  # or the agreement would say nothing


def test_it_halves_with_each_qubit_in_the_end_and_does_not_overflow() -> None:
    ratio = two_design_variance(31, global_z(31)) / two_design_variance(30, global_z(30))
    assert ratio == pytest.approx(0.5, rel=1e-8)
    assert two_design_variance(600, global_z(600)) > 0


def test_the_part_along_the_identity_does_not_count() -> None:
    shifted = SparsePauliOp(["ZZ", "II"], [1.0, 5.0])
    assert two_design_variance(2, shifted) == two_design_variance(2, SparsePauliOp("ZZ"))


def test_no_qubits_are_refused() -> None:
    with pytest.raises(InputError, match="num_qubits = 0"):
        two_design_variance(0, SparsePauliOp("Z"))
