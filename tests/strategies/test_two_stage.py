"""Two-stage refinement of a circuit: its stages, its blend and its beginning."""

import numpy as np
import pytest
from settings_of_runs import BARE, CLASSIFIER, ISING, TIED, built, setting_of

from qnlr.backends import Meter
from qnlr.errors import InputError
from qnlr.strategies import TwoStage
from qnlr.strategies.refinement.schedule import draw_phases, oscillation
from qnlr.strategies.two_stage import local_observables
from qnlr.study.parts import BuildError

RNG = np.random.default_rng
TABLE = {"name": "two_stage", "most_steps": 3, "switch": "steps", "convex_weight": 0.8}


def test_local_observables_are_those_of_the_fewest_qubits():
    found = local_observables(setting_of(ISING))
    assert sorted((one.to_list()[0][0], target) for one, target in found) == [
        ("IIX", 1.0),
        ("IXI", 1.0),
        ("XII", 1.0),
    ]
    found = local_observables(setting_of(BARE))
    assert [(one.to_list()[0][0], target) for one, target in found] == [
        ("IZ", None),
        ("ZI", None),
    ]


@pytest.mark.parametrize("run", [ISING, TIED])
def test_the_first_stage_descends_the_mean_of_the_squares(run):
    training = built(run, TABLE, {"name": "sgd", "learning_rate": 0.1}, shots=None)
    seen = []
    training.run(on_step=lambda one: seen.append(one.course.weights.copy()))
    stage, weights = training.course.stages[0], setting_of(run).weights
    rng, losses = RNG(0), training.history.columns["metric_loss"]
    assert training.history.columns["stage"] == [0] * 3 + [1] * 5
    for step, at in enumerate([weights, *seen[:2]]):
        values = [
            part.backend.values(part.problem.gate_angles(at), np.zeros((1, 0)), rng).values[0]
            for part in stage.parts
        ]
        assert losses[step] == pytest.approx(np.mean((np.array(values) - 1.0) ** 2))


def test_the_blend_is_annealed_from_the_switch_on():
    training = built(CLASSIFIER, TABLE, {"name": "sgd", "learning_rate": 0.1}, shots=None)
    seen, batches = [], []
    draws = built(CLASSIFIER, TABLE, shots=None).streams.batches
    for _ in range(8):
        batches.append(draws.choice(len(training.problem.train), 4, replace=False))
    training.run(on_step=lambda one: seen.append(one.course.weights.copy()))
    stage, settings = training.course.stages[1], TwoStage(convex_weight=0.8)
    phases = draw_phases(seen[0].size, 0)
    own, *local = stage.parts
    rng = RNG(0)
    for step in range(3, 8):
        at, t = seen[step - 1], step - 3
        found = [
            part.problem.loss_and_gradient(
                at, part.problem.train.take(batches[step]), part.backend, rng
            )
            for part in stage.parts
        ]
        wave = oscillation(at, 1.0, phases)
        convex, beta = 0.8 * 0.98**t, 0.05 * 0.99**t
        task, *others = found
        loss = (1 - convex) * task.loss + convex * np.mean([one.loss for one in others])
        assert training.history.columns["metric_loss"][step] == pytest.approx(
            loss + beta * wave.value
        )
        gradient = (1 - convex) * task.gradient + beta * wave.gradient
        gradient = gradient + convex * np.mean([one.gradient for one in others], axis=0)
        np.testing.assert_allclose(seen[step], at - 0.1 * gradient)
        assert settings.convex_weight_at(t) == pytest.approx(convex)
    assert len(local) == 2
    assert own.problem is training.problem


def test_each_observable_is_counted():
    training = built(CLASSIFIER, TABLE)
    training.run()
    gradient = 4 * (2 * 12 + 1)
    circuits = np.diff([0, *training.history.columns["cost_circuits"]])
    assert circuits.tolist() == [2 * gradient] * 3 + [3 * gradient] * 5


@pytest.mark.parametrize(
    ("switch", "threshold", "first"),
    [("below", 1e9, 1), ("below", 1e-9, 3), ("above", 1e-9, 1), ("above", 1e9, 3)],
)
def test_the_first_stage_ends_by_its_gradient(switch, threshold, first):
    training = built(BARE, {**TABLE, "switch": switch, "threshold": threshold})
    training.run()
    assert training.history.columns["stage"] == [0] * first + [1] * (8 - first)


def test_the_first_stage_may_be_left_out_and_leaves_a_step_to_the_second():
    only = built(BARE, {**TABLE, "most_steps": 0})
    only.run()
    assert only.history.columns["stage"] == [0] * 8
    assert [stage.name for stage in only.course.stages] == ["refinement"]
    long = built(BARE, {**TABLE, "most_steps": 100})
    long.run()
    assert long.history.columns["stage"] == [0] * 7 + [1]


def test_evaluations_are_those_of_the_task():
    training = built(ISING, TABLE, shots=None)
    seen = []
    training.run(on_step=lambda one: seen.append(one.course.weights.copy()))
    for step in (3, 7):
        energy = training.problem.loss(seen[step], training.problem.train, training.backend, RNG(0))
        assert training.history.columns["metric_train_loss"][step] == pytest.approx(energy)


@pytest.mark.parametrize("run", [BARE, CLASSIFIER])
@pytest.mark.parametrize("ridge", [0.01, 1.0])
def test_ridge_solves_the_linearised_least_squares(run, ridge):
    setting = setting_of(run)
    start = TwoStage(ridge=ridge).plan(setting).stages[0].start
    meter = Meter()
    found, drawn = start([], RNG(0), meter), setting.weights
    problem, backend = setting.part.problem, setting.part.backend
    assert np.array_equal(found[12:], drawn[12:])  # a head stays as it was drawn
    samples = len(problem.train)
    assert meter.cost.circuits == samples * (2 * 12 + 1)

    own, head = drawn[:12], drawn[12:]
    measured = backend.jacobian(own, problem.train.angles, RNG(0))
    outputs = problem.head.value(measured.values, head)
    features = problem.head.slope(head) * measured.derivatives

    def linearised(step):
        away = outputs + features @ step - problem.train.labels
        return away @ away + ridge * step @ step

    step = found[:12] - own
    best = linearised(step)
    assert best < linearised(np.zeros(12))
    for other in RNG(1).normal(0, 1e-3, (50, 12)):
        assert linearised(step + other) > best


def test_ridge_is_paid_once_and_trained_from():
    training = built(BARE, {**TABLE, "ridge": 1.0}, shots=10)
    training.run()
    samples = len(training.problem.train)
    first = training.history.columns["cost_circuits"][0]
    assert first == samples * 25 + 2 * 4 * 25
    assert training.history.columns["cost_shots"][0] == 10 * first


def test_ridge_needs_samples_and_says_so_before_the_run():
    with pytest.raises(InputError, match="a Hamiltonian has none; leave ridge out"):
        TwoStage(ridge=1.0).plan(setting_of(ISING))
    with pytest.raises(BuildError) as caught:
        built(ISING, {**TABLE, "ridge": 1.0})
    assert caught.value.table == ("strategy",)
    with pytest.raises(InputError, match="ridge = 0"):
        TwoStage(ridge=0.0)
