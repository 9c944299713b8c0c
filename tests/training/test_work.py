"""What a run plans to measure, against what its meters count."""

import numpy as np
import pytest

from qnlr.backends import GRADIENTS, SimulatorBackend
from qnlr.noise import from_rate
from qnlr.optimizers import COBYLA, NLR, SGD, SPSA, Adam
from qnlr.training import Status
from qnlr.training.work import Phase, Planned, planned

OPTIMIZERS = {
    "sgd": lambda: SGD(0.1),
    "nlr": lambda: NLR(0.1),
    "adam": lambda: Adam(0.1),
    "spsa": lambda: SPSA(seed=3),
}


@pytest.fixture(scope="module")
def backend(model):
    return SimulatorBackend(model, shots=50, noise=from_rate(0.01))


def counted(training):
    """What the two meters have counted so far."""
    return training.meter.cost, training.evaluation_meter.cost


def spent(after, before):
    return after.circuits - before.circuits, after.shots - before.shots, after.jobs - before.jobs


def expected(plan, backend):
    """Circuits, shots and phases of training, and of evaluations."""
    found = []
    for phases, number in ((plan.step, plan.steps), (plan.evaluation, plan.evaluations)):
        circuits = number * sum(phase.circuits for phase in phases) * backend.circuits_per_value
        found.append((circuits, circuits * backend.shots, number * len(phases)))
    return found


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("evaluate_every", [0, 1, 2, 3, 4, 7])
def test_the_plan_is_what_the_meters_count(training, backend, name, evaluate_every):
    run = training(backend, OPTIMIZERS[name](), evaluate_every=evaluate_every, steps=6)
    plan = planned(run)
    run.metrics(run.run())
    run.optimizer.close()
    costs = [spent(cost, type(cost)()) for cost in counted(run)]
    assert costs == expected(plan, backend)
    assert plan.phases == sum(cost[2] for cost in costs)
    assert plan.circuits == sum(cost[0] for cost in costs)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("evaluate_every", [0, 2, 3])
@pytest.mark.parametrize("stop", [0, 1, 2, 3, 4, 6])
def test_the_plan_of_the_rest_after_a_checkpoint(training, backend, name, evaluate_every, stop):
    settings = {"evaluate_every": evaluate_every, "steps": 6, "checkpoint_every": 1}
    first = training(backend, OPTIMIZERS[name](), **settings)
    ended = first.run(interrupted=lambda: first.steps_done == stop)
    assert ended.status is (Status.FINISHED if stop == 6 else Status.INTERRUPTED)
    state = first.state_dict()
    first.optimizer.close()

    run = training(backend, OPTIMIZERS[name](), **settings)
    run.load_state_dict(state)
    plan, before = planned(run), counted(run)
    assert plan.steps == 6 - stop
    run.metrics(run.run())
    run.optimizer.close()
    costs = [spent(now, then) for now, then in zip(counted(run), before, strict=True)]
    assert costs == expected(plan, backend)
    assert planned(run) == Planned(plan.step, 0, plan.evaluation, 0)


@pytest.mark.parametrize(
    ("gradient", "rows"),
    [
        (None, 13),
        (GRADIENTS["spsa"](directions=2), 5),
        (GRADIENTS["coordinates"](coordinates=2), 5),
    ],
)
def test_the_gradient_says_how_many_weight_vectors_it_takes(training, backend, gradient, rows):
    run = training(backend, NLR(0.1), gradient=gradient)
    plan = planned(run)
    assert plan.step == (Phase("gradient", rows * 4), Phase("loss", 4))
    run.metrics(run.run())
    assert [spent(cost, type(cost)()) for cost in counted(run)] == expected(plan, backend)


@pytest.mark.parametrize("max_shots", [1, 2799, 2800, 2801, 5600, 9000, 10**6])
def test_a_budget_of_shots_ends_the_plan_where_it_ends_the_run(training, backend, max_shots):
    run = training(backend, NLR(0.1), max_shots=max_shots, evaluate_every=2)
    plan = planned(run)
    assert sum(phase.circuits for phase in plan.step) * 50 == 2800
    run.metrics(run.run())
    assert run.steps_done == plan.steps == min(6, max_shots // 2800)
    assert [spent(cost, type(cost)()) for cost in counted(run)] == expected(plan, backend)


def test_executions_besides_the_shots_count_against_the_budget(training, backend):
    run = training(backend, SGD(0.1), max_shots=10_000)
    # A step asks for 2600 shots. With 1000 for calibration the fourth would begin at 10,800.
    assert planned(run).steps == 3
    assert planned(run, lambda circuits: 50 * circuits + 1000).steps == 3
    assert planned(run, lambda circuits: 50 * circuits + 2000).steps == 2


def test_an_optimizer_that_has_ended_has_no_more_steps(training, backend):
    run = training(backend, COBYLA(rhobeg=1e-3, maxiter=1000), steps=500)
    assert planned(run).steps == 500
    run.run()
    run.optimizer.close()
    assert run.steps_done < 500
    assert planned(run).steps == 0
    assert planned(run).evaluations == 1


def test_planning_changes_nothing(training, backend):
    run, other = (training(backend, SPSA(seed=3), steps=2) for _ in range(2))
    planned(run)
    for one in (run, other):
        one.run()
        one.optimizer.close()
    assert np.array_equal(run.optimizer.state.x, other.optimizer.state.x)
