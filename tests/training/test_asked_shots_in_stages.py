"""Shots of an optimizer's own choice where weights are frozen or tied, and where stages follow."""

import numpy as np
import pytest
from asking import Asking, growing, shots_of_steps, spread

from qnlr.backends import SimulatorBackend
from qnlr.circuits import angle, hardware_efficient, maxcut, qaoa, ring, variational_circuit, z
from qnlr.problems import Classification, Energy, energy_problem
from qnlr.problems.heads import ScaleBias
from qnlr.training import Part, Plan, Stage, Status, Streams, Training, TrainingSettings


def staged(stages, optimizer, weights, seed=0, **about):
    part = stages[-1].first
    return Training(
        part.problem,
        part.backend,
        optimizer,
        TrainingSettings(**{"steps": 6, "batch_size": 1, **about}),
        Streams.spawn(seed, "run"),
        weights,
        plan=Plan(tuple(stages)),
    )


def start_at(weights):
    return lambda ended, rng, meter: np.array(weights, dtype=float)


@pytest.fixture(scope="module")
def headed(encoding, problem):
    """Two layers, twelve weights of the circuit and two of a head."""
    model = variational_circuit(encoding, hardware_efficient(2, 2), z(2, qubit=1))
    return Classification(model, encoding, problem.dataset, head=ScaleBias())


@pytest.fixture(scope="module")
def layers(headed):
    """Stages as layerwise training has them: the second layer and the head alone, then all."""
    part = Part(headed, SimulatorBackend(headed.model, shots=20))
    mask = np.arange(14) >= 6
    first = np.concatenate([np.linspace(0.2, 1.3, 12), [1.0, 0.0]])
    return (
        Stage("second layer", (part,), start_at(first), 3, trainable=mask),
        Stage("all", (part,), lambda ended, rng, meter: ended[-1].weights, 3),
    )


def test_frozen_weights_have_no_shots(layers):
    run = staged(layers, Asking(spread, 33), layers[0].start([], None, None), batch_size=4)
    run.run()
    found = [told.stds.size for ask, told in run.optimizer.told if ask.x_jac is not None]
    assert found == [8, 8, 8, 14, 14, 14]
    counts = [(spread(0, size)[: size - 2], 5 + step) for size in (8, 14) for step in range(3)]
    assert shots_of_steps(run) == [
        4 * ((2 * base.sum() + base.max()) * factor // 5 + 33) for base, factor in counts
    ]
    for ask, told in run.optimizer.told:
        if ask.x_jac is not None:
            np.testing.assert_array_equal(told.stds > 0, ask.shots > 0)
            np.testing.assert_array_equal(told.eval_jac != 0, ask.shots > 0)
    np.testing.assert_array_equal(run.course.ended[0].weights[:6], np.linspace(0.2, 1.3, 12)[:6])


@pytest.mark.parametrize("rule", [spread, growing])
def test_the_next_stage_is_planned_as_it_will_be(rule, layers):
    def make(**settings):
        weights = layers[0].start([], None, None)
        return staged(layers, Asking(rule, 33), weights, batch_size=4, **settings)

    whole = make()
    whole.run()
    each = shots_of_steps(whole)
    for steps in range(1, 6):
        for budget, made in ((sum(each[:steps]), steps), (sum(each[:steps]) - 1, steps - 1)):
            run = make(max_shots=budget)
            outcome = run.run()
            assert (outcome.status, run.steps_done) == (Status.BUDGET_SPENT, made)
            assert outcome.sentence.endswith(f"the next would need {each[made]}")


def test_planning_the_next_stage_tells_nobody(layers):
    began = []

    class Watching:
        def begin(self, steps):
            began.append(steps)

        def __call__(self, record):
            began.append(record.step)

    optimizer = Asking(growing, 33)
    run = staged(layers, optimizer, layers[0].start([], None, None), batch_size=4, max_shots=10**9)
    optimizer._listeners.own = Watching()
    for _ in range(3):
        run.step()
    before = list(began)
    assert run.course.over
    assert run._shots_of_a_step() > 0
    assert began == before


def test_tied_weights_share_their_shots_with_their_gates():
    hamiltonian = maxcut(ring(4))
    problem = energy_problem(hamiltonian, qaoa(4, 1, hamiltonian=hamiltonian))
    assert (problem.num_weights, problem.num_circuit_weights) == (2, 8)
    part = Part(problem, SimulatorBackend(problem.model, shots=20))
    stage = Stage("all", (part,), start_at([0.4, 0.3]), 3)
    run = staged((stage,), Asking(lambda step, size: np.array([7, 300]), 33), np.ones(2), steps=3)
    run.run()
    assert shots_of_steps(run) == [2 * 4 * (7 + 300) + 300 + 33] * 3
    unmeasured = Asking(lambda step, size: np.array([0, 300]), 33)
    run = staged((stage,), unmeasured, np.ones(2), steps=1)
    run.run()
    assert shots_of_steps(run) == [2 * 4 * 300 + 300 + 33]
    told = unmeasured.told[0][1]
    assert told.eval_jac[0] == told.stds[0] == 0 < told.stds[1]


def test_a_gate_of_two_weights_has_the_most_of_theirs_and_the_unmeasured_one_stays_at_zero():
    bare = variational_circuit(angle(2, 2), hardware_efficient(2, 1), z(2, qubit=1))
    bound = bare.circuit.assign_parameters(dict.fromkeys(bare.angles, 0.4))
    order = {parameter.name: place for place, parameter in enumerate(bound.parameters)}
    model = type(bare)(bound, (), tuple(bound.parameters), bare.observable, bare.layers)
    assert len(order) == 6
    ties = np.zeros((6, 3))
    ties[[0, 1], 0] = ties[[1, 2, 3], 1] = ties[[4, 5], 2] = 1.0  # the second gate has two
    part = Part(Energy(model, ties), SimulatorBackend(model, shots=20))
    stage = Stage("all", (part,), start_at([0.7, -0.4, 1.1]), 1)
    optimizer = Asking(lambda step, size: np.array([0, 50, 9]), 33)
    run = staged((stage,), optimizer, np.ones(3), steps=1)
    run.run()
    assert shots_of_steps(run) == [2 * (3 * 50 + 2 * 9) + 50 + 33]
    told = optimizer.told[0][1]
    assert told.eval_jac[0] == told.stds[0] == 0
    assert (told.stds[1:] > 0).all()
