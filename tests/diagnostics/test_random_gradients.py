"""Gradients of random circuits."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import Statevector

from qnlr.diagnostics.random_gradients import Case, chosen, depth, described
from qnlr.errors import InputError

STEP = 1e-5


@pytest.mark.parametrize("ansatz", ["hardware_efficient", "efficient_su2", "random_axes"])
def test_gradients_are_finite_differences(ansatz: str) -> None:
    case = Case(3, 2, "global_z", ansatz)
    weights = case.weights(2, seed=1)
    found = np.concatenate(list(case.gradients(2, seed=1)))
    value = lambda w: (
        Statevector(case.circuit.assign_parameters(w)).expectation_value(case.operator).real
    )
    for row, slopes in zip(weights, found, strict=True):
        turned = np.flatnonzero(row)
        assert len(turned) == len(slopes) == (6 if ansatz == "random_axes" else len(row))
        for number, slope in zip(turned, slopes, strict=True):
            step = STEP * (np.arange(len(row)) == number)
            expected = (value(row + step) - value(row - step)) / (2 * STEP)
            assert slope == pytest.approx(expected, abs=1e-8)


def test_observables_see_the_same_weights_and_seeds_do_not() -> None:
    one, other = Case(3, 2, "z"), Case(3, 2, "global_z")
    np.testing.assert_array_equal(one.weights(4, 0), other.weights(4, 0))
    assert (one.weights(4, 0) != one.weights(4, 1)).all()


def test_batches_do_not_change_what_is_drawn() -> None:
    case = Case(8, 1, "z")
    parts = list(case.gradients(case.batch + 7, seed=0))
    assert [len(part) for part in parts] == [case.batch, 7]
    np.testing.assert_allclose(parts[1][-1], list(case.gradients(case.batch + 7, 0))[1][-1])


def test_components_are_among_those_that_are_seen() -> None:
    gradients = np.array([[1e-18, 0.5, 0.0, 0.2, 0.1, 0.0]])
    assert [chosen(gradients, name) for name in ("first", "middle", "last")] == [1, 3, 4]
    with pytest.raises(InputError, match="component"):
        chosen(gradients, "second")
    with pytest.raises(InputError, match="all derivatives are 0"):
        chosen(np.zeros((2, 3)), "first")


def test_components_are_described() -> None:
    assert described(Case(2, 1, "z", "random_axes"), 1) == "rotation on qubit 1 (rotation 2 of 2)"
    assert described(Case(2, 1, "z"), 3) == "RX on qubit 1 (rotation 4 of 6)"


@pytest.mark.parametrize("rule", ["", "0", "-1", "n4", "lg", "1.5", "0n"])
def test_depths_that_are_no_rule_are_refused(rule: str) -> None:
    with pytest.raises(InputError, match="is not valid"):
        depth(rule, 4)


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(InputError, match="identity_blocks"):
        Case(2, 2, "z", initialisation="identity")
    with pytest.raises(InputError, match='ansatz "hardware" is not known'):
        Case(2, 2, "z", "hardware")
    with pytest.raises(InputError, match='observable "x" is not known'):
        Case(2, 2, "x")
