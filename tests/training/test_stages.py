"""A training in stages, planned by hand: what is trained, counted, moved, evaluated and ended."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qnlr.backends import SimulatorBackend
from qnlr.backends.gradients import Coordinates
from qnlr.circuits import hardware_efficient, variational_circuit, z
from qnlr.errors import InputError
from qnlr.optimizers import COBYLA, NLR, SGD, SPSA, Adam
from qnlr.problems import Classification
from qnlr.rng import stream
from qnlr.training import (
    STAGE,
    Part,
    Plan,
    Stage,
    Status,
    Streams,
    Training,
    TrainingSettings,
)
from qnlr.types import Cost


def start_at(weights):
    return lambda ended, rng, meter: np.array(weights, dtype=float)


def go_on(ended, rng, meter):
    return ended[-1].weights


@pytest.fixture
def own(problem, model):
    return Part(problem, SimulatorBackend(model, shots=10))


@pytest.fixture
def exact(problem, model):
    return Part(problem, SimulatorBackend(model))


def staged(stages, optimizer, weights, *, seed=0, gradient=None, **about):
    part = stages[-1].first
    return Training(
        part.problem,
        part.backend,
        optimizer,
        TrainingSettings(**{"steps": 6, "batch_size": 4, **about}),
        Streams.spawn(seed, "run"),
        weights,
        gradient,
        Plan(tuple(stages)),
    )


@dataclass
class Moving:
    """Moves all weights by one, or to somewhere else, and remembers what it saw."""

    to: float = math.nan

    def __post_init__(self):
        self.seen = []

    def initial_state(self):
        return {"calls": 0}

    def __call__(self, seen, state, rng):
        self.seen.append(seen)
        moved = seen.weights + 1 if math.isnan(self.to) else np.full_like(seen.weights, self.to)
        return moved, {"calls": state["calls"] + 1}


class AfterTwo:
    def initial_state(self):
        return {"calls": 0}

    def __call__(self, seen, state):
        return state["calls"] == 1, {"calls": state["calls"] + 1}


@dataclass
class Bowl:
    """A penalty (t + 1) ‖θ‖²."""

    def value(self, weights, step):
        return float((step + 1) * weights @ weights)

    def gradient(self, weights, step):
        return 2 * (step + 1) * weights


@settings(max_examples=15)
@given(lengths=st.lists(st.integers(1, 4), min_size=1, max_size=4), total=st.integers(1, 9))
def test_stages_have_their_steps_and_the_last_one_the_rest(lengths, total, problem, model):
    own = Part(problem, SimulatorBackend(model))
    weights = np.zeros(6)
    stages = [Stage(f"{n}", (own,), start_at(weights), n) for n in lengths]
    training = staged(stages, SGD(0.1), weights, steps=total, evaluate_every=0)
    assert training.run().status is Status.FINISHED
    expected = np.repeat(np.arange(len(lengths)), [*lengths[:-1], total])[:total]
    assert training.history.columns[STAGE] == expected.tolist()


def test_frozen_weights_do_not_move_and_cost_nothing(own, weights):
    mask = np.array([True, False, False, True, False, False])
    stage = Stage("some", (own,), start_at(weights), 6, trainable=mask)
    training = staged([stage], NLR(0.3), weights, evaluate_every=0)
    training.run()
    found = training.course.weights
    assert np.array_equal(found[~mask], weights[~mask])
    assert (found[mask] != weights[mask]).all()
    assert training.optimizer.state.x.size == 2
    a_step = 4 * (2 * 2 + 1 + 1)  # two trained weights, their loss, the probe
    assert training.history.columns["cost_circuits"] == [a_step * k for k in range(1, 7)]
    assert training.history.columns["cost_shots"] == [10 * a_step * k for k in range(1, 7)]


def test_the_norm_is_that_of_the_trained_gradient(exact, weights):
    mask = np.arange(6) < 2
    norms = []
    for trainable in (None, mask):
        stage = Stage("some", (exact,), start_at(weights), 6, trainable=trainable)
        training = staged([stage], SGD(0.1), weights, steps=1)
        training.run()
        norms.append(training.history.columns["metric_gradient_norm"][0])
    chosen = Streams.spawn(0, "run").batches.choice(16, 4, replace=False)
    found = exact.problem.loss_and_gradient(
        weights, exact.problem.train.take(chosen), exact.backend, np.random.default_rng()
    )
    assert norms == pytest.approx(
        [np.linalg.norm(found.gradient), np.linalg.norm(found.gradient[:2])]
    )


def test_a_stage_begins_where_it_says_and_the_optimizer_anew(exact, weights):
    stages = [
        Stage("first", (exact,), start_at(weights), 2),
        Stage("second", (exact,), go_on, 2),
        Stage("third", (exact,), start_at(weights), 2),
    ]
    training = staged(stages, Adam(0.1), weights)
    seen = []
    training.run(on_step=lambda one: seen.append(one.optimizer.state_dict()))
    assert [state["nit"] for state in seen] == [1, 2, 1, 2, 1, 2]
    assert [state["direction"]["t"] for state in seen] == [1, 2, 1, 2, 1, 2]
    assert [one.name for one in training.course.ended] == ["first", "second"]
    first, second = training.course.ended
    assert np.array_equal(first.weights, seen[1]["x"])
    assert np.array_equal(second.weights, seen[3]["x"])
    losses = training.history.columns["metric_loss"]
    assert first.loss == pytest.approx(np.mean(losses[:2]))
    assert second.loss == pytest.approx(np.mean(losses[2:4]))
    lengths = np.abs(seen[4]["x"] - weights)[[0, 1, 3, 4]]  # the gradient by the others is 0
    assert lengths == pytest.approx(0.1, abs=1e-6)  # Adam's first step has length η


def test_the_steps_of_two_stages_are_those_of_two_trainings(own, exact, weights):
    """The second stage sees the next mini-batches, and draws the next shots."""
    whole = staged([Stage("all", (own,), start_at(weights), 6)], SGD(0.1), weights)
    parted = staged(
        [Stage("one", (own,), start_at(weights), 2), Stage("two", (own,), go_on, 4)],
        SGD(0.1),
        weights,
    )
    for training in (whole, parted):
        training.run()
    columns, others = whole.history.columns, parted.history.columns
    assert others.pop(STAGE) == [0, 0, 1, 1, 1, 1]
    del columns[STAGE]
    np.testing.assert_equal(columns, others)


def test_random_numbers_of_an_optimizer_are_not_those_of_the_stage_before(own, weights):
    stages = [Stage(f"{n}", (own,), start_at(weights), 1) for n in range(3)]
    optimizer = SPSA(0.1, seed=0)
    training = staged(stages, optimizer, weights, steps=3)
    seeds, signs = [], []

    def keep(one):
        seeds.append(optimizer.seed)
        signs.append(np.sign(one.optimizer.state.record.parameters - weights).tolist())

    training.run(on_step=keep)
    optimizer.close()
    assert len(set(seeds)) == 3
    assert any(one != signs[0] for one in signs[1:])


def test_moves_see_the_step_and_are_made_after_it(exact, weights):
    move = Moving()
    training = staged(
        [Stage("moving", (exact,), start_at(weights), 6, moves=(move,))], SGD(0.1), weights
    )
    training.run()
    assert [seen.step for seen in move.seen] == [1, 2, 3, 4, 5, 6]
    assert {seen.steps for seen in move.seen} == {6}
    previous = weights
    for seen in move.seen:
        np.testing.assert_allclose(seen.weights, previous - 0.1 * seen.gradient)
        previous = seen.weights + 1
    assert np.array_equal(training.course.weights, previous)


def test_a_move_keeps_momentum_and_starts_closed_loops_anew(exact, weights):
    stage = Stage("moving", (exact,), start_at(weights), 6, moves=(Moving(to=0.3),))
    adam = staged([stage], Adam(0.1), weights, steps=3)
    adam.run()
    assert adam.optimizer.state.direction["t"] == 3
    for optimizer in (SPSA(0.1, seed=0), COBYLA()):
        training = staged([stage], optimizer, weights, steps=3)
        assert training.run().status is Status.FINISHED
        assert np.array_equal(training.course.weights, np.full(6, 0.3))
        optimizer.close()


def test_a_training_that_diverges_is_not_moved(exact, weights):
    stage = Stage("moving", (exact,), start_at(weights), 6, moves=(Moving(),))
    training = staged([stage], SGD(1e308), weights)
    with np.errstate(over="ignore", invalid="ignore"):
        outcome = training.run()
    assert outcome.status is Status.DIVERGED


def test_a_stage_ends_when_it_is_over(exact, weights):
    stages = [
        Stage("until", (exact,), start_at(weights), 5, until=AfterTwo()),
        Stage("again", (exact,), go_on, 1, until=AfterTwo()),
        Stage("last", (exact,), go_on, 1, until=AfterTwo()),
    ]
    training = staged(stages, SGD(0.1), weights)
    training.run()
    assert training.history.columns[STAGE] == [0, 0, 1, 2, 2, 2]


def test_an_optimizer_that_ends_by_itself_ends_its_stage(exact, weights):
    stages = [
        Stage("short", (exact,), start_at(weights), 500),
        Stage("last", (exact,), go_on, 500),
    ]
    optimizer = COBYLA(rhobeg=1e-3)
    training = staged(stages, optimizer, weights, steps=500, batch_size=16, evaluate_every=0)
    outcome = training.run()
    optimizer.close()
    assert outcome.status is Status.FINISHED
    assert "ended by itself" in outcome.sentence
    stage = np.array(training.history.columns[STAGE])
    assert 0 < (stage == 0).sum() < 500
    assert 0 < (stage == 1).sum() < 500


def test_parts_are_weighed_and_penalties_added(exact, model, weights):
    other = Part(exact.problem, exact.backend, lambda step: 0.5 * step)
    half = Part(exact.problem, exact.backend, lambda step: 0.5)
    stage = Stage("blend", (half, other), start_at(weights), 6, penalties=(Bowl(),))
    training = staged([stage], SGD(0.05), weights, steps=3, batch_size=16)
    seen = []
    training.run(on_step=lambda one: seen.append(one.course.weights))
    for step, at in enumerate([weights, *seen[:-1]]):
        found = exact.problem.loss_and_gradient(
            at, exact.problem.train, exact.backend, np.random.default_rng()
        )
        factor = 0.5 + 0.5 * step
        loss = factor * found.loss + (step + 1) * at @ at
        gradient = factor * found.gradient + 2 * (step + 1) * at
        columns = training.history.columns
        assert columns["metric_loss"][step] == pytest.approx(loss)
        assert columns["metric_gradient_norm"][step] == pytest.approx(np.linalg.norm(gradient))
        np.testing.assert_allclose(seen[step], at - 0.05 * gradient)
    circuits = np.diff([0, *columns["cost_circuits"]])
    assert circuits.tolist() == [13 * 16, 26 * 16, 26 * 16]  # factor 0 measures nothing


def test_errors_of_parts_add_in_squares(own, weights):
    parts = (Part(own.problem, own.backend, lambda step: 2.0), own)
    training = staged([Stage("two", parts, start_at(weights), 6)], SGD(0.1), weights, steps=1)
    training.run()
    streams = Streams.spawn(0, "run")
    batch = own.problem.train.take(streams.batches.choice(16, 4, replace=False))
    found = [
        own.problem.loss_and_gradient(weights, batch, own.backend, streams.shots) for _ in parts
    ]
    row = {name: column[0] for name, column in training.history.columns.items()}
    assert row["metric_loss"] == pytest.approx(2 * found[0].loss + found[1].loss)
    expected = math.hypot(2 * found[0].loss.std, found[1].loss.std)
    assert row["metric_loss_std"] == pytest.approx(expected)
    stds = np.hypot(2 * found[0].stds, found[1].stds)
    assert row["metric_gradient_std"] == pytest.approx(np.linalg.norm(stds))
    assert found[0].loss != found[1].loss


def test_evaluations_measure_what_is_judged(exact, model, encoding, weights):
    observed = variational_circuit(encoding, hardware_efficient(2, 1), z(2, qubit=0))
    other = Part(
        Classification(observed, encoding, exact.problem.dataset), SimulatorBackend(observed)
    )
    stages = [
        Stage("other", (other,), start_at(weights), 3, judged=exact),
        Stage("own", (exact,), go_on, 3),
    ]
    training = staged(stages, SGD(0.1), weights, evaluate_every=1)
    seen = []
    training.run(on_step=lambda one: seen.append(one.course.weights))
    rng = np.random.default_rng()
    expected = [
        exact.problem.evaluate(at, exact.problem.train, exact.backend, rng).loss for at in seen
    ]
    assert training.history.columns["metric_train_loss"] == pytest.approx(expected)


def test_only_a_stage_that_is_aimed_reaches_the_target(exact, weights):
    for aimed, steps in ((True, 1), (False, 4)):
        stages = [
            Stage("first", (exact,), start_at(weights), 3, aimed=aimed),
            Stage("last", (exact,), go_on, 3),
        ]
        training = staged(stages, SGD(0.1), weights, evaluate_every=1, target_loss=5.0)
        assert training.run().status is Status.TARGET_REACHED
        assert training.steps_done == steps


def test_the_budget_looks_at_the_stage_to_come(own, weights):
    mask = np.arange(6) < 1
    stages = [
        Stage("one", (own,), start_at(weights), 2, trainable=mask),
        Stage("all", (own,), go_on, 4),
    ]
    first, second = 10 * 4 * 3, 10 * 4 * 13
    for most, steps in ((2 * first + second, 3), (2 * first + second - 1, 2)):
        training = staged(stages, SGD(0.1), weights, max_shots=most)
        assert training.run().status is Status.BUDGET_SPENT
        assert training.steps_done == steps
        assert training.meter.cost.shots <= most


def test_what_a_start_measures_is_counted_once(own, weights, tmp_path):
    def paid(ended, rng, meter):
        meter.add(Cost(100, 1000, 1), 0.0)
        return weights + rng.normal(size=6)

    def make():
        stages = [Stage("one", (own,), paid, 2), Stage("two", (own,), paid, 4)]
        return staged(stages, SGD(0.1), weights, evaluate_every=0)

    whole = make()
    assert whole.meter.cost.circuits == 0
    whole.run()
    assert whole.history.columns["cost_circuits"] == [
        100 * (2 if step > 2 else 1) + 52 * step for step in range(1, 7)
    ]
    first = make()
    first.run(interrupted=lambda: True)
    assert first.steps_done == 0
    second = make()
    second.load_state_dict(first.state_dict())
    second.run()
    assert second.history.columns == whole.history.columns


def test_a_gradient_that_fits_no_later_stage_is_refused_at_once(own, weights):
    stages = [
        Stage("all", (own,), start_at(weights), 2),
        Stage("one", (own,), go_on, 4, trainable=np.arange(6) < 1),
    ]
    with pytest.raises(InputError, match="coordinates = 3"):
        staged(stages, SGD(0.1), weights, gradient=Coordinates(coordinates=3))


def test_what_gradients_remember_is_of_their_stage(own, weights):
    gradient = Coordinates(coordinates=2, evaluations=9, allocation="variance")
    stages = [
        Stage("all", (own,), start_at(weights), 2),
        Stage("some", (own,), go_on, 4, trainable=np.arange(6) < 4),
    ]
    training = staged(stages, SGD(0.1), weights, gradient=gradient)
    sizes = []

    def keep(one):
        (state,) = one.state_dict()["course"]["gradients"]
        sizes.append({np.size(value) for value in state.values() if np.ndim(value)})

    training.run(on_step=keep)
    assert sizes == [{6}] * 2 + [{4}] * 4


@pytest.mark.parametrize("changed", [{"parts": ()}, {"steps": 0}])
def test_a_stage_needs_parts_and_steps(changed, exact, weights):
    about = {"name": "none", "parts": (exact,), "start": start_at(weights), "steps": 1}
    with pytest.raises(InputError, match="stage none"):
        Stage(**{**about, **changed})


def test_a_training_in_stages_keeps_its_backend(own, weights):
    training = staged([Stage("all", (own,), start_at(weights), 6)], SGD(0.1), weights)
    with pytest.raises(InputError, match="keeps the backends"):
        training.backend = own.backend


def test_a_strategy_draws_the_same_for_every_optimizer():
    about = [("sgd", "layerwise"), ("nlr", "layerwise"), ("sgd", "restarts")]
    spawned = [Streams.spawn(0, run, strategy=strategy) for run, strategy in about]
    draws = [streams.strategy.integers(2**60) for streams in spawned]
    assert draws[0] == draws[1] != draws[2]
    assert draws[0] == stream("strategy", 0, "layerwise").integers(2**60)
    shots = [streams.shots.integers(2**60) for streams in spawned]
    assert shots[0] == shots[2] != shots[1]
