"""The natural gradient: closed forms, another package, and what its metric costs."""

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_algorithms.gradients import ReverseQGT
from qiskit_machine_learning.optimizers import TellData

from qnlr.backends import SimulatorBackend
from qnlr.circuits import hamiltonian_variational, hardware_efficient, transverse_ising
from qnlr.diagnostics.metric import fubini_study
from qnlr.errors import InputError
from qnlr.optimizers import NLR, SGD, Adam, NaturalGradient, QuantumNaturalGradient
from qnlr.problems import Classification, ScaleBias, energy_problem
from qnlr.rng import stream
from qnlr.training import Streams, Training, TrainingSettings

ISING = transverse_ising(2)


def trained(problem, backend, optimizer, weights, steps=3, **settings):
    streams = Streams(
        batches=stream("batches", 0),
        shots=stream("shots", 0),
        evaluation=lambda step: stream("evaluation", 0, step),
        gradient=stream("gradient", 0),
    )
    about = TrainingSettings(**{"steps": steps, "batch_size": 1, **settings})
    training = Training(problem, backend, optimizer, about, streams, weights, metric=fubini_study)
    return training, training.run()


def test_a_rotation_alone_has_a_quarter():
    problem = energy_problem(SparsePauliOp("Z"), hardware_efficient(1, 1))
    x, y = 0.4, 0.9
    found = fubini_study(problem, np.array([x, y, 0.3]), problem.train)
    # |ψ⟩ after RX(x) has ⟨Y⟩ = −sin x, ⟨X⟩ = 0, so RY(y) has (1 − sin² x)/4.
    assert found[0, 0] == pytest.approx(0.25)
    assert found[1, 1] == pytest.approx(0.25 * np.cos(x) ** 2)


def test_the_metric_is_that_of_qiskit_algorithms():
    ansatz = hardware_efficient(2, 1)
    problem = energy_problem(ISING, ansatz)
    weights = np.array([0.7, -0.4, 1.1, 0.5, 0.9, -0.3])
    found = ReverseQGT().run([ansatz], [weights]).result().qgts[0].real
    np.testing.assert_allclose(fubini_study(problem, weights, problem.train), found, atol=1e-6)


def test_tied_weights_have_the_metric_of_the_finite_differences():
    ansatz = hamiltonian_variational(3, 2, hamiltonian=transverse_ising(3))
    problem = energy_problem(transverse_ising(3), ansatz)
    weights = np.array([0.3, -0.6, 0.8, 0.2])
    np.testing.assert_allclose(
        fubini_study(problem, weights, problem.train), _by_differences(ansatz, weights), atol=1e-6
    )


def _by_differences(ansatz, weights, step=1e-5):
    def state(at):
        return Statevector(ansatz.assign_parameters(at)).data

    slopes = [
        (state(weights + step * unit) - state(weights - step * unit)) / (2 * step)
        for unit in np.eye(weights.size)
    ]
    own, d = state(weights), np.array(slopes)
    return ((d.conj() @ d.T) - np.outer(d.conj() @ own, own.conj() @ d.T)).real


def test_a_step_solves_with_the_damped_metric():
    problem = energy_problem(ISING, hardware_efficient(2, 1))
    weights = np.array([0.7, -0.4, 1.1, 0.5, 0.9, -0.3])
    backend = SimulatorBackend(problem.model)
    rng = np.random.default_rng(0)
    gradient = problem.loss_and_gradient(weights, problem.train, backend, rng).gradient
    metric = fubini_study(problem, weights, problem.train)
    training, _ = trained(problem, backend, QuantumNaturalGradient(0.1, 0.05), weights, steps=1)
    expected = weights - 0.1 * np.linalg.solve(metric + 0.05 * np.eye(6), gradient)
    np.testing.assert_allclose(training.optimizer.state.x, expected)


def test_one_qubit_follows_the_known_geodesic():
    # ⟨Z⟩ = cos θ under RX(θ): g = −sin θ and G = 1/4, so θ ← θ + 4η sin θ.
    problem = energy_problem(SparsePauliOp("Z"), hardware_efficient(1, 1))
    backend, theta = SimulatorBackend(problem.model), 0.5
    optimizer = QuantumNaturalGradient(0.1, 1e-9)
    training, _ = trained(problem, backend, optimizer, np.array([theta, 0.0, 0.0]), steps=1)
    assert training.optimizer.state.x[0] == pytest.approx(theta + 0.4 * np.sin(theta))


def test_the_metric_is_counted_and_the_budget_knows_it():
    problem = energy_problem(ISING, hardware_efficient(2, 1))
    backend, weights = SimulatorBackend(problem.model, shots=10), np.full(6, 0.3)
    a_step = 10 * (13 * backend.circuits_per_value + 6 * 7 // 2)
    training, _ = trained(problem, backend, QuantumNaturalGradient(0.1), weights)
    assert training.history.columns["cost_shots"] == [a_step, 2 * a_step, 3 * a_step]
    assert training.history.columns["cost_jobs"] == [2, 4, 6]
    for most, steps in ((2 * a_step, 2), (2 * a_step - 1, 1)):
        limited, _ = trained(problem, backend, QuantumNaturalGradient(0.1), weights, max_shots=most)
        assert limited.steps_done == steps
        assert limited.meter.cost.shots <= most


def test_a_head_changes_no_state(problem, model, encoding, weights):
    headed = Classification(model, encoding, problem.dataset, head=ScaleBias())
    found = fubini_study(headed, np.append(weights, [0.4, -0.1]), headed.train.take(np.arange(3)))
    bare = fubini_study(problem, weights, problem.train.take(np.arange(3)))
    np.testing.assert_array_equal(found[:6, :6], bare)
    np.testing.assert_array_equal(found[6:], np.eye(8)[6:])


def test_nlr_goes_along_the_natural_gradient(problem, model, weights):
    optimizer = NLR(0.1, direction=NaturalGradient(0.1))
    training, _ = trained(problem, SimulatorBackend(model), optimizer, weights, batch_size=4)
    assert training.steps_done == 3
    plain, _ = trained(problem, SimulatorBackend(model), NLR(0.1), weights, batch_size=4)
    assert not np.allclose(training.optimizer.state.x, plain.optimizer.state.x)


def test_without_a_metric_it_is_refused():
    optimizer = QuantumNaturalGradient(0.1)
    with pytest.raises(InputError, match="needs a metric"):
        optimizer.minimize(lambda x: float(x @ x), [1.0], lambda x: 2 * x)
    assert optimizer.wants_metric
    assert not SGD(0.1).wants_metric
    assert not QuantumNaturalGradient(0.1, metric=lambda x: np.eye(1)).wants_metric
    with pytest.raises(InputError, match="regularisation = 0"):
        NaturalGradient(0.0)


def test_moving_keeps_what_is_remembered():
    optimizer = Adam(0.1)
    optimizer.start(None, np.zeros(2))
    optimizer.tell(optimizer.ask(), TellData(eval_fun=1.0, eval_jac=np.ones(2)))
    moments = optimizer.state.direction
    optimizer.move_to(np.array([5.0, 6.0]))
    assert optimizer.state.direction == moments
    assert optimizer.ask().x_fun.tolist() == [5.0, 6.0]
    for wrong in (np.zeros(3), [np.nan, 0.0]):
        with pytest.raises(InputError):
            optimizer.move_to(wrong)
