"""Exact second moments against closed forms, sampled gradients and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp

from qnlr.circuits import efficient_su2, global_z, hardware_efficient, mean_z, z
from qnlr.diagnostics.random_gradients import Case
from qnlr.diagnostics.second_moments import Damping, second_moments, walk_of
from qnlr.diagnostics.two_design import two_design_variance
from qnlr.errors import InputError
from qnlr.simulator import Simulator, exact_jacobian


@pytest.mark.parametrize("qubits", range(1, 9))
def test_one_layer_and_a_global_observable_give_a_product_of_cosines(qubits: int) -> None:
    # The chain of CX makes Z⊗…⊗Z a product over every other qubit from the last on: f is a product
    # of cos θ_x cos θ_y over ⌈n/2⌉ qubits, each with a mean square of 1/4.
    seen = (qubits + 1) // 2
    walk = walk_of(hardware_efficient(qubits, 1))
    last_x, last_y, last_z = 3 * qubits - 3, 3 * qubits - 2, 3 * qubits - 1
    for number, expected in ((last_x, 4.0**-seen), (last_y, 4.0**-seen), (last_z, 0.0)):
        assert second_moments(walk, global_z(qubits), number).chosen == pytest.approx(expected)
    moments = second_moments(walk, global_z(qubits))
    assert moments.value == pytest.approx(4.0**-seen)
    assert moments.mean == pytest.approx(2 * seen * 4.0**-seen / (3 * qubits))


def test_a_local_observable_of_fixed_depth_knows_nothing_of_further_qubits() -> None:
    found = [second_moments(walk_of(hardware_efficient(n, 3)), z(n)).chosen for n in (4, 6, 20)]
    assert found == pytest.approx([found[0]] * 3)


@pytest.mark.parametrize("ansatz", [hardware_efficient, efficient_su2])
@pytest.mark.parametrize(("qubits", "layers"), [(2, 1), (3, 2)])
@pytest.mark.parametrize("observable", [z, mean_z, global_z])
def test_sampled_gradients_have_these_moments(ansatz, qubits, layers, observable) -> None:
    circuit, operator, samples = ansatz(qubits, layers), observable(qubits), 8000
    program = Simulator().program(circuit, range(qubits))
    drawn = np.random.default_rng(0).uniform(-np.pi, np.pi, (samples, circuit.num_parameters))
    wanted = np.ones(circuit.num_parameters, dtype=bool)
    found = exact_jacobian(program, drawn, operator, wanted)
    walk = walk_of(circuit)
    squares = found.derivatives**2
    for number in range(circuit.num_parameters):
        expected = second_moments(walk, operator, number)
        error = squares[:, number].std() / np.sqrt(samples)
        assert squares[:, number].mean() == pytest.approx(expected.chosen, abs=4.5 * error + 1e-15)
    each = squares.mean(axis=1)
    assert each.mean() == pytest.approx(expected.mean, abs=4.5 * each.std() / np.sqrt(samples))
    error = (found.values**2).std() / np.sqrt(samples)
    assert (found.values**2).mean() == pytest.approx(expected.value, abs=4.5 * error)


def test_a_random_axis_is_the_mean_of_three() -> None:
    case, samples = Case(3, 3, "global_z", "random_axes"), 8000
    gradients = np.concatenate(list(case.gradients(samples, seed=0)))
    assert gradients.shape == (samples, 9)
    for number in range(9):
        expected = second_moments(case.walk, case.operator, number, start=case.start).chosen
        squares = gradients[:, number] ** 2
        error = squares.std() / np.sqrt(samples)
        assert squares.mean() == pytest.approx(expected, abs=4.5 * error)


def test_deep_circuits_become_two_designs() -> None:
    for observable in (z, global_z):
        walk = walk_of(hardware_efficient(4, 40))
        found = second_moments(walk, observable(4), number=3 * 4 * 20).chosen
        assert found == pytest.approx(two_design_variance(4, observable(4)), rel=1e-4)


def test_damping_scales_what_a_string_meets() -> None:
    walk = walk_of(hardware_efficient(2, 1))  # z meets RX, RY and RZ on qubit 0, and the CX
    free, damped = (
        second_moments(walk, z(2), damping=noise) for noise in (None, Damping(0.9, 0.8))
    )
    assert damped.value == pytest.approx(free.value * (0.9**3 * 0.8) ** 2)
    assert Damping(0.9, 0.8).per_layer == pytest.approx(0.9**3 * 0.8)


def test_large_cones_are_not_followed_and_identities_count_for_nothing() -> None:
    assert second_moments(walk_of(hardware_efficient(9, 1)), z(9, 8)) is None
    assert second_moments(walk_of(hardware_efficient(2, 1)), SparsePauliOp("II")).value == 0.0


def test_what_is_not_known_is_refused() -> None:
    angle = Parameter("a")
    tied, fixed = QuantumCircuit(2), QuantumCircuit(1)
    tied.rx(angle, 0)
    tied.rx(angle, 1)
    fixed.h(0)
    for circuit, gate in ((tied, "rx"), (fixed, "h")):
        with pytest.raises(InputError, match=f'gate "{gate}" has no exact second moment'):
            walk_of(circuit)
