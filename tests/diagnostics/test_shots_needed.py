import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp

from qnlr.circuits import global_z, hardware_efficient, mean_z, z
from qnlr.diagnostics.circuit_gradients import AskedCircuit, depends
from qnlr.diagnostics.shots_needed import (
    chance_of_a_worse_probe,
    share_seen,
    shots_for_derivative,
    shots_for_direction,
    shots_for_gradient,
    standard_errors,
)
from qnlr.simulator import sampled_jacobian


@pytest.fixture(scope="module", params=[global_z, mean_z], ids=["global", "mean"])
def case(request):
    circuit = hardware_efficient(4, 4)
    asked = AskedCircuit(circuit, tuple(circuit.parameters), request.param(4))
    rng = np.random.default_rng(0)
    values = asked.draw("uniform", 1.0, 300, rng)
    exact = asked.derivatives(values)
    alive = depends(exact)
    return asked, values, exact[:, alive], alive, asked.single_shot_variance(values, rng)


def _measured(case, shots, seed=1):
    asked, values, _, alive, _ = case
    rng = np.random.default_rng(seed)
    found = sampled_jacobian(
        asked.program, values, asked.observable, asked.wanted, shots, rng
    ).derivatives
    return found[:, asked.columns][:, alive]


def test_standard_errors_are_those_of_drawn_shots(case):
    *_, exact, _, variance = case
    errors = standard_errors(variance, np.ones(exact.shape[1]), 500)
    spread = np.sqrt(((_measured(case, 500) - exact) ** 2).mean())
    assert np.sqrt((errors**2).mean()) == pytest.approx(spread, rel=0.06)


@pytest.mark.parametrize("times", [0.25, 1, 4])
def test_the_share_that_stands_out_is_as_predicted(case, times):
    *_, exact, _, variance = case
    ones, square = np.ones(exact.shape[1]), (exact**2).mean(keepdims=True)
    needed = float(shots_for_derivative(square.ravel(), variance, np.ones(1))[0])
    shots = round(times * needed)
    errors = standard_errors(variance, ones, shots)
    seen = (np.abs(_measured(case, shots)) > 2 * errors).mean()
    assert share_seen(exact, errors) == pytest.approx(seen, abs=0.02)
    if times == 1:  # two standard errors are the root mean square
        assert 2 * errors[0] == pytest.approx(np.sqrt(square[0, 0]), rel=0.05)


def test_the_direction_is_as_predicted(case):
    *_, exact, _, variance = case
    ones = np.ones(exact.shape[1])
    shots = round(shots_for_direction((exact**2).mean(axis=0), variance, ones, cosine=0.8))
    measured = _measured(case, shots)
    # over all draws together, as the formula has mean squares
    cosine = (measured * exact).sum() / np.linalg.norm(measured) / np.linalg.norm(exact)
    assert cosine == pytest.approx(0.8, abs=0.03)


def test_the_sum_of_squares_is_as_predicted(case):
    *_, exact, _, variance = case
    size = exact.shape[1]
    shots = round(shots_for_gradient((exact**2).mean(axis=0), variance, np.ones(size)))
    errors = standard_errors(variance, np.ones(size), shots)
    excess = ((_measured(case, shots) / errors) ** 2).sum(axis=1).mean() - size
    assert excess / np.sqrt(2 * size) == pytest.approx(2, abs=0.5)


def test_weights_in_expressions_and_shared_ones_are_amplified():
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(2)
    circuit.rx(3 * a, 0)
    circuit.ry(b, 0)
    circuit.ry(b, 1)
    circuit.cx(0, 1)
    values = np.zeros((5, 2))
    assert AskedCircuit(circuit, (a, b), z(2)).amplification(values).tolist() == [9.0, 1.0]
    assert AskedCircuit(circuit, (a, b), mean_z(2)).amplification(values).tolist() == [9.0, 2.0]
    assert AskedCircuit(circuit, (a, b), mean_z(2)).circuits_per_gradient == 2 * 3
    both = SparsePauliOp(["ZI", "XI"])
    assert AskedCircuit(circuit, (b, a), both).circuits_per_gradient == 2 * 2 * 3


def test_nothing_takes_infinitely_many_shots():
    zero = np.zeros(3)
    assert np.isinf(shots_for_derivative(zero, 1.0, np.ones(3))).all()
    assert np.isinf(shots_for_gradient(zero, 1.0, np.ones(3)))
    assert np.isinf(shots_for_direction(zero, 1.0, np.ones(3)))
    assert chance_of_a_worse_probe(0.0, 1.0, 1000) == 0.5
    assert chance_of_a_worse_probe(0.0, 0.0, 1000) == 0.5
    assert chance_of_a_worse_probe(1.0, 0.0, 1000) == 0.0


def test_the_chance_of_a_worse_probe_is_as_drawn():
    rng = np.random.default_rng(0)
    before = rng.normal(0.2, np.sqrt(0.9 / 1000), 200_000)
    after = rng.normal(0.2 - 0.05 * 0.3, np.sqrt(0.9 / 1000), 200_000)
    p = chance_of_a_worse_probe(0.3, 0.9, 1000, rate=0.05)
    assert p == pytest.approx((after > before).mean(), abs=0.005)
