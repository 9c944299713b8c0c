import math

import numpy as np
import pytest
from driving import driven
from qiskit.circuit import ParameterVector
from qiskit.primitives import StatevectorEstimator

from qnlr.backends import AerBackend, GradientBackend, ParameterShift, SimulatorBackend, statevector
from qnlr.circuits import (
    VariationalCircuit,
    angle,
    ground_energy,
    h2,
    hamiltonian_variational,
    hardware_efficient,
    heisenberg,
    lih,
    transverse_ising,
    variational_circuit,
)
from qnlr.errors import InputError
from qnlr.noise import from_rate
from qnlr.optimizers import NLR, SGD, Adam, StandardErrors
from qnlr.problems.energy import Energy, energy_problem
from qnlr.problems.problem import Problem
from qnlr.simulator import Simulator
from qnlr.simulator.jacobian import exact_jacobian

ISING = transverse_ising(3, 0.8, 1.3)
CASES = {
    "ising": (ISING, hamiltonian_variational(3, 2, hamiltonian=ISING)),
    "free": (ISING, hamiltonian_variational(3, 1, hamiltonian=ISING, tied=False)),
    "heisenberg": (
        heisenberg(4, field=0.4),
        hamiltonian_variational(4, 1, hamiltonian=heisenberg(4, field=0.4), start="singlets"),
    ),
    "h2": (h2(), hamiltonian_variational(2, 2, hamiltonian=h2())),
    "lih": (lih(), hardware_efficient(4, 1)),
}


def rng(seed=0):
    return np.random.default_rng(seed)


def weights_of(problem, seed=1):
    return rng(seed).uniform(-2, 2, problem.num_weights)


@pytest.mark.parametrize(
    ("case", "make"),
    [(case, make) for case in CASES for make in (statevector, SimulatorBackend)]
    + [("ising", AerBackend), ("h2", AerBackend)],
)
def test_the_energy_is_that_of_qiskits_estimator(case, make):
    hamiltonian, ansatz = CASES[case]
    problem = energy_problem(hamiltonian, ansatz)
    weights = weights_of(problem)
    expected = StatevectorEstimator().run([(ansatz, hamiltonian, weights)]).result()[0].data.evs
    found = problem.loss(weights, problem.train, make(problem.model), rng())
    assert found == pytest.approx(float(expected), abs=1e-10)
    assert found.std == 0


@pytest.mark.parametrize(("hamiltonian", "ansatz"), CASES.values(), ids=CASES)
def test_the_gradient_is_that_of_the_tied_circuit_and_of_finite_differences(hamiltonian, ansatz):
    problem = energy_problem(hamiltonian, ansatz)
    weights, backend = weights_of(problem), SimulatorBackend(problem.model)
    found = problem.loss_and_gradient(weights, problem.train, backend, rng())
    program = Simulator().program(ansatz)
    place = [list(ansatz.parameters).index(parameter) for parameter in program.parameters]
    wanted = np.ones(len(weights), dtype=bool)
    tied = exact_jacobian(program, weights[None, place], hamiltonian.simplify(), wanted)
    np.testing.assert_allclose(found.gradient[place], tied.derivatives[0], rtol=0, atol=1e-10)
    for k, derivative in enumerate(found.gradient):
        step = 1e-4 * np.eye(len(weights))[k]
        plus, minus = (
            problem.loss(weights + s, problem.train, backend, rng()) for s in (step, -step)
        )
        assert derivative == pytest.approx((plus - minus) / 2e-4, abs=1e-6)
    alone = problem.loss(weights, problem.train, backend, rng())
    assert found.loss == pytest.approx(alone, abs=1e-12)
    assert not found.stds.any()
    assert np.abs(found.gradient).max() > 0.01


@pytest.mark.parametrize("make", [statevector, AerBackend])
def test_every_backend_measures_the_same_gradient_by_shifts(make):
    problem = energy_problem(*CASES["ising"])
    weights = weights_of(problem)
    own, other = (
        problem.loss_and_gradient(weights, problem.train, kind(problem.model), rng())
        for kind in (SimulatorBackend, make)
    )
    np.testing.assert_allclose(own.gradient, other.gradient, rtol=0, atol=1e-10)


def test_gate_noise_draws_the_energy_to_the_mean_of_the_spectrum():
    problem = energy_problem(ISING, hamiltonian_variational(3, 2, hamiltonian=ISING))
    weights = np.array([0.3, 0.2, 0.4, 0.1])
    rates = (None, from_rate(0.02), from_rate(0.2))
    found = [
        problem.loss(weights, problem.train, SimulatorBackend(problem.model, noise=rate), rng())
        for rate in rates
    ]
    assert found[0] < found[1] < found[2] < 0  # the mean is 0: every Pauli has none


def test_offsets_and_ties_of_ones_own():
    phi = ParameterVector("φ", 2)
    ansatz = hardware_efficient(1, 1).copy_empty_like()
    ansatz.rx(phi[0], 0)
    ansatz.rx(phi[1], 0)
    hamiltonian = transverse_ising(2, 1.0, 0.0)
    model = VariationalCircuit(
        hardware_efficient(2, 1).copy_empty_like().compose(ansatz, [0]),
        (),
        tuple(phi),
        hamiltonian,
        1,
    )
    problem = Energy(model, np.array([[2.0], [-0.5]]), np.array([0.3, 0.0]))
    assert (problem.num_weights, problem.num_circuit_weights) == (1, 2)
    weights = np.array([0.7])
    found = problem.loss_and_gradient(weights, problem.train, SimulatorBackend(model), rng())
    total = 1.5 * 0.7 + 0.3
    assert found.loss == pytest.approx(-math.cos(total))
    assert found.gradient == pytest.approx([1.5 * math.sin(total)])


def test_the_gates_that_trained_weights_reach():
    problem = energy_problem(ISING, hamiltonian_variational(3, 2, hamiltonian=ISING))
    for trainable in ([True, False, False, False], [False, True, True, False]):
        reached = problem.reached(np.array(trainable))
        turned = problem.gate_angles(np.array(trainable) * 0.1) != problem.offsets
        np.testing.assert_array_equal(reached, turned)
    assert problem.reached(np.ones(4, dtype=bool)).all()
    assert not problem.reached(np.zeros(4, dtype=bool)).any()


def test_there_is_one_sample_without_angles_and_no_test_sample():
    problem: Problem = energy_problem(*CASES["ising"], reference=-3.0)
    assert problem.train.angles.shape == (1, 0)
    assert problem.train.labels.shape == (1,)
    assert problem.train.take(np.array([0])).angles.shape == (1, 0)
    assert len(problem.test) == 0
    backend, weights = SimulatorBackend(problem.model), weights_of(problem)
    nothing = problem.evaluate(weights, problem.test, backend, rng())
    assert math.isnan(nothing.loss)
    assert math.isnan(nothing.accuracy)
    found = problem.evaluate(weights, problem.train, backend, rng())
    assert math.isnan(found.accuracy)
    metrics = problem.metrics({"train": found, "test": nothing})
    assert metrics == {
        "metric_energy": float(found.loss),
        "metric_energy_error": float(found.loss) + 3.0,
    }
    assert math.isnan(
        energy_problem(*CASES["ising"]).metrics({"train": found})["metric_energy_error"]
    )
    assert problem.source == "a Hamiltonian of 5 Paulis on 3 qubits"
    assert energy_problem(*CASES["ising"], source="mine").source == "mine"


@pytest.mark.parametrize("case", ["ising", "h2"])
def test_standard_errors_are_as_large_as_the_errors(case, fits_variance):
    problem = energy_problem(*CASES[case])
    weights, noise = weights_of(problem), rng(5)
    exact = problem.loss_and_gradient(
        weights, problem.train, SimulatorBackend(problem.model), rng()
    )
    backend = SimulatorBackend(problem.model, shots=2000)
    found = [problem.loss_and_gradient(weights, problem.train, backend, noise) for _ in range(100)]
    losses = np.array([one.loss - exact.loss for one in found])
    assert fits_variance(losses, np.array([one.loss.std**2 for one in found]))
    for k in range(problem.num_weights):
        errors = np.array([one.gradient[k] - exact.gradient[k] for one in found])
        assert fits_variance(errors, np.array([one.stds[k] ** 2 for one in found]))
    alone = [problem.loss(weights, problem.train, backend, noise) for _ in range(100)]
    errors = np.array([one - exact.loss for one in alone])
    assert fits_variance(errors, np.array([one.std**2 for one in alone]))


def test_one_shot_gives_no_standard_error():
    problem = energy_problem(*CASES["ising"])
    backend = SimulatorBackend(problem.model, shots=1)
    found = problem.loss_and_gradient(weights_of(problem), problem.train, backend, rng())
    assert math.isfinite(found.loss)
    assert math.isnan(found.loss.std)
    assert np.isnan(found.stds).all()


def test_the_gradient_through_the_backend_of_the_training_loop():
    problem = energy_problem(*CASES["ising"])
    rule, backend = ParameterShift(), SimulatorBackend(problem.model)
    rule.require_fit(problem.num_circuit_weights, backend.shots)
    state = rule.initial_state(problem.num_circuit_weights)
    around = GradientBackend(backend, rule, rng(3), state)
    first = problem.loss_and_gradient(weights_of(problem), problem.train, around, rng())
    second = problem.loss_and_gradient(weights_of(problem), problem.train, backend, rng())
    np.testing.assert_array_equal(first.gradient, second.gradient)


@pytest.mark.parametrize("shots", [None, 500])
@pytest.mark.parametrize(
    "optimizer",
    # With any rise as its trigger NLR flips in half of all steps under shot noise, and climbs.
    [SGD(0.02), NLR(0.02, trigger=StandardErrors()), Adam(0.05)],
    ids=["sgd", "nlr", "adam"],
)
def test_optimizers_find_the_ground_state_of_a_short_chain(optimizer, shots):
    hamiltonian = transverse_ising(4, periodic=True)
    ansatz = hamiltonian_variational(4, 2, hamiltonian=hamiltonian)
    problem = energy_problem(hamiltonian, ansatz, reference=ground_energy(hamiltonian))
    start = np.full(4, 0.2)
    backend = SimulatorBackend(problem.model, shots=shots)
    weights = driven(problem, optimizer, backend, start, steps=100)
    exact = SimulatorBackend(problem.model)
    ends = [problem.evaluate(point, problem.train, exact, rng()) for point in (start, weights)]
    before, after = (problem.metrics({"train": end})["metric_energy_error"] for end in ends)
    assert before > 0.5
    assert -1e-9 < after < (1e-3 if shots is None else 0.1)


@pytest.mark.slow
def test_the_ising_chain_of_eight_spins_to_a_thousandth():
    hamiltonian = transverse_ising(8)
    ansatz = hamiltonian_variational(8, 12, hamiltonian=hamiltonian, tied=False)
    problem = energy_problem(hamiltonian, ansatz, reference=ground_energy(hamiltonian))
    backend = SimulatorBackend(problem.model)
    weights = driven(problem, Adam(0.02), backend, rng().uniform(0, 1, 180), steps=500)
    found = problem.evaluate(weights, problem.train, backend, rng())
    assert 0 <= problem.metrics({"train": found})["metric_energy_error"] < 1e-3


def test_what_does_not_fit_is_named():
    with pytest.raises(InputError, match="2 encoding angles"):
        Energy(variational_circuit(angle(2, 2), hardware_efficient(2, 1), transverse_ising(2)))
    problem = energy_problem(*CASES["ising"])
    gates = problem.num_circuit_weights
    with pytest.raises(InputError, match=rf"ties of shape \(3, 2\).*{gates} gate angles"):
        Energy(problem.model, np.ones((3, 2)))
    with pytest.raises(InputError, match=r"offsets of shape \(1,\)"):
        Energy(problem.model, problem.ties, np.zeros(1))
    with pytest.raises(InputError, match="must be finite"):
        Energy(problem.model, problem.ties * math.nan)
    with pytest.raises(InputError, match="observable acts on 2 qubits"):
        energy_problem(transverse_ising(2), hardware_efficient(3, 1))
