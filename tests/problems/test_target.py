"""An expectation value that is to become a number: its gradient and its errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from qiskit.quantum_info import SparsePauliOp
from scipy.optimize import approx_fprime

from qnlr.backends import SimulatorBackend
from qnlr.circuits import hamiltonian_variational, hardware_efficient, transverse_ising
from qnlr.problems import Energy, Target
from qnlr.problems.energy import bare_model

ISING = transverse_ising(3)
OBSERVABLE = SparsePauliOp(["IIZ", "XII"], [0.6, -0.8])
TIED = hamiltonian_variational(3, 2, hamiltonian=ISING)
PROBLEMS = {
    "tied": Target(*bare_model(TIED, OBSERVABLE), target=0.4),
    "free": Target(*bare_model(hardware_efficient(2, 1), SparsePauliOp("IZ")), target=-1.0),
}
BACKENDS = {name: SimulatorBackend(problem.model) for name, problem in PROBLEMS.items()}
RNG = np.random.default_rng


@pytest.mark.parametrize("name", PROBLEMS)
@settings(max_examples=25)
@given(data=st.data())
def test_the_gradient_is_that_of_finite_differences(name, data):
    problem, backend = PROBLEMS[name], BACKENDS[name]
    weights = data.draw(arrays(float, problem.num_weights, elements=st.floats(-4, 4)))

    def loss(at):
        return float(problem.loss(at, problem.train, backend, RNG(0)))

    found = problem.loss_and_gradient(weights, problem.train, backend, RNG(0))
    assert float(found.loss) == pytest.approx(loss(weights))
    np.testing.assert_allclose(found.gradient, approx_fprime(weights, loss, 1e-7), atol=1e-5)
    assert found.loss.std == 0


def test_it_is_the_square_of_how_far_the_value_is_away():
    problem = PROBLEMS["tied"]
    weights = np.array([0.4, -0.3, 0.8, 0.2])
    value = Energy(problem.model, problem.ties, problem.offsets).loss(
        weights, problem.train, BACKENDS["tied"], RNG(0)
    )
    found = problem.evaluate(weights, problem.train, BACKENDS["tied"], RNG(0))
    assert float(found.loss) == pytest.approx((value - 0.4) ** 2)
    assert np.isnan(found.accuracy)
    assert problem.metrics({"train": found}) == {}


@pytest.mark.parametrize(("target", "most"), [(0.4, 1.3), (None, 2.4)])
def test_errors_are_those_of_sampling(target, most):
    """At the target, where the loss is flat to first order, they are up to twice the variance."""
    weights = np.array([0.4, -0.3, 0.8, 0.2])
    problem = PROBLEMS["tied"]
    exact = Energy(problem.model, problem.ties, problem.offsets).loss(
        weights, problem.train, BACKENDS["tied"], RNG(0)
    )
    aimed = float(exact) if target is None else target
    problem = Target(problem.model, problem.ties, problem.offsets, target=aimed)
    backend, rng = SimulatorBackend(problem.model, shots=100), RNG(3)
    found = [problem.loss_and_gradient(weights, problem.train, backend, rng) for _ in range(800)]
    losses = np.array([float(one.loss) for one in found])
    ratio = np.mean([one.loss.std**2 for one in found]) / losses.var()
    assert 0.75 < ratio < most
    gradients = np.array([one.gradient for one in found])
    ratios = np.mean([one.stds**2 for one in found], axis=0) / gradients.var(axis=0)
    assert ((ratios > 0.75) & (ratios < most)).all()
