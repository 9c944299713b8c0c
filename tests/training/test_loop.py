import numpy as np
import pytest

from qnlr.backends import AerBackend, statevector
from qnlr.errors import InputError
from qnlr.noise import from_rate
from qnlr.optimizers import (
    NLR,
    SGD,
    Adam,
    AdaptiveMoments,
    PerturbedReversal,
    RandomReinitialisation,
    RMSProp,
    StandardErrors,
)
from qnlr.rng import stream
from qnlr.training import COLUMNS, read_checkpoint, write_checkpoint

OPTIMIZERS = {
    "nlr": lambda: NLR(0.3, corrective=PerturbedReversal(0.2), seed=1),
    "nlr-restarts": lambda: NLR(0.3, corrective=RandomReinitialisation(), seed=2),
    "nlr-adam": lambda: NLR(0.3, direction=AdaptiveMoments(), trigger=StandardErrors(0.5), seed=3),
    "adam": lambda: Adam(0.1, amsgrad=True, seed=4),
    "rmsprop": lambda: RMSProp(0.05, seed=5),
}


class Watched:
    """A backend that writes down what it is asked for."""

    def __init__(self, backend):
        self.backend = backend
        self.asked = []

    @property
    def shots(self):
        return self.backend.shots

    def values(self, weights, angles, rng):
        self.asked.append(("values", weights, angles))
        return self.backend.values(weights, angles, rng)

    def jacobian(self, weights, angles, rng):
        self.asked.append(("jacobian", weights, angles))
        return self.backend.jacobian(weights, angles, rng)


def plain(training):
    """Return the state without the wall-clock times."""
    state = training.state_dict()
    for name in ("meter", "evaluation_meter"):
        state[name].pop("seconds")
    return state


def test_two_optimizers_see_the_same_weights_and_batches(training, model, weights):
    batches = []
    for optimizer in (SGD(0.1), NLR(0.3), Adam(0.1)):
        backend = Watched(statevector(model, shots=20))
        training(backend, optimizer).run()
        gradients = [asked for asked in backend.asked if asked[0] == "jacobian"]
        assert np.array_equal(gradients[0][1], weights)
        batches.append([angles for _, _, angles in gradients])
    assert len(batches[0]) == 6
    for others in batches[1:]:
        np.testing.assert_array_equal(batches[0], others)
    assert not np.array_equal(batches[0][0], batches[0][1])


def test_another_seed_gives_other_batches(training, model):
    backends = [Watched(statevector(model)) for _ in range(2)]
    for seed, backend in enumerate(backends):
        training(backend, SGD(0.1), seed=seed).run()
    assert not np.array_equal(backends[0].asked[0][2], backends[1].asked[0][2])


def test_a_batch_holds_a_training_sample_once(training, model, problem):
    backend = Watched(statevector(model))
    training(backend, SGD(0.1), batch_size=16, steps=2).run()
    for _, _, angles in backend.asked:
        assert sorted(angles.tolist()) == sorted(problem.train.angles.tolist())


def test_the_probe_sees_the_batch_of_its_gradient(training, model):
    backend = Watched(statevector(model, shots=20))
    run = training(backend, NLR(0.3))
    run.run()
    assert [name for name, _, _ in backend.asked] == ["jacobian", "values"] * 6
    for gradient, probe in zip(backend.asked[::2], backend.asked[1::2], strict=True):
        assert np.array_equal(gradient[2], probe[2])
        assert not np.array_equal(gradient[1], probe[1])


def test_a_step_is_the_gradient_step(training, model, problem, weights):
    backend = Watched(statevector(model))
    run = training(backend, SGD(0.2), steps=1)
    run.run()
    indices = stream("batches", 0).choice(16, 4, replace=False)
    found = problem.loss_and_gradient(
        weights, problem.train.take(indices), statevector(model), np.random.default_rng()
    )
    assert np.allclose(run.optimizer.state.x, weights - 0.2 * found.gradient)
    row = {name: column[0] for name, column in run.history.columns.items()}
    assert row["metric_loss"] == pytest.approx(found.loss)
    assert row["metric_gradient_norm"] == pytest.approx(np.linalg.norm(found.gradient))
    assert row["metric_gradient_std"] == 0


def test_gradient_std_is_the_norm_of_the_stds(training, model, problem, weights):
    run = training(statevector(model, shots=30), SGD(0.2), steps=1)
    run.run()
    batch = problem.train.take(stream("batches", 0).choice(16, 4, replace=False))
    backend = statevector(model, shots=30)
    found = problem.loss_and_gradient(weights, batch, backend, stream("shots", 0))
    assert run.history.columns["metric_gradient_std"] == [pytest.approx(np.linalg.norm(found.stds))]
    assert run.history.columns["metric_loss_std"] == [found.loss.std]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("stop", range(1, 6))
def test_resuming_continues_bit_for_bit(optimizer, stop, training, model, tmp_path):
    def make():
        backend = statevector(model, shots=10)
        return training(backend, OPTIMIZERS[optimizer](), evaluate_every=2)

    whole = make()
    whole.run()
    first = make()
    first.run(interrupted=lambda: first.steps_done == stop)
    assert first.steps_done == stop
    write_checkpoint(tmp_path / "checkpoint.npz", "id", first.state_dict())
    second = make()
    second.load_state_dict(read_checkpoint(tmp_path / "checkpoint.npz", "id"))
    assert second.steps_done == stop
    second.run()
    np.testing.assert_equal(plain(second), plain(whole))
    if optimizer.startswith("nlr"):
        assert 0 < sum(whole.history.columns["metric_flipped"]) < 6


def test_resuming_on_aer_with_noise(training, model):
    def make():
        return training(AerBackend(model, 20, from_rate(0.02)), OPTIMIZERS["nlr"]())

    whole, first, second = make(), make(), make()
    whole.run()
    first.run(interrupted=lambda: first.steps_done == 3)
    second.load_state_dict(first.state_dict())
    second.run()
    np.testing.assert_equal(plain(second), plain(whole))


def test_a_saved_state_does_not_change_with_the_run(training, model):
    run = training(statevector(model, shots=10), OPTIMIZERS["nlr"]())
    run.step()
    state = run.state_dict()
    before = repr(state)
    run.step()
    assert repr(state) == before


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_evaluating_does_not_change_the_training(optimizer, training, model):
    runs = [
        training(statevector(model, shots=10), OPTIMIZERS[optimizer](), evaluate_every=every)
        for every in (0, 1, 4)
    ]
    for run in runs:
        run.run()
    measured = [name for name in COLUMNS if "_train_" not in name and "_test_" not in name]
    for run in runs[1:]:
        for name in measured:
            np.testing.assert_equal(run.history.columns[name], runs[0].history.columns[name])
        assert np.array_equal(run.optimizer.state.x, runs[0].optimizer.state.x)
        assert run.meter.cost == runs[0].meter.cost
    assert [run.evaluation_meter.cost.shots for run in runs] == [0, 6 * 200, 200]


def test_evaluations_are_of_the_weights_after_the_step(training, model, problem):
    run = training(statevector(model, shots=10), SGD(0.3), evaluate_every=3)
    kept = {}
    run.run(on_step=lambda run: kept.update({run.steps_done: run.optimizer.state.x}))
    columns = run.history.columns
    assert np.isfinite(columns["metric_train_loss"]).tolist() == [False, False, True] * 2
    for step in (3, 6):
        rng, backend = stream("evaluation", 0, step), statevector(model, shots=10)
        for which, batch in (("train", problem.train), ("test", problem.test)):
            found = problem.evaluate(kept[step], batch, backend, rng)
            assert columns[f"metric_{which}_loss"][step - 1] == found.loss
            assert columns[f"metric_{which}_loss_std"][step - 1] == found.loss.std
            assert columns[f"metric_{which}_accuracy"][step - 1] == found.accuracy


def test_the_same_weights_are_evaluated_once(training, model):
    run = training(statevector(model, shots=10), SGD(0.3), evaluate_every=3)
    run.run()
    spent, trained = run.evaluation_meter.cost, run.meter.cost
    found = run.evaluations()
    assert found["test"].loss == run.history.columns["metric_test_loss"][-1]
    assert run.evaluation_meter.cost == spent
    assert run.meter.cost == trained
    assert (spent.jobs, spent.shots) == (4, 2 * 20 * 10)


def test_evaluations_after_loading_are_of_the_loaded_weights(training, model):
    runs = [training(statevector(model), SGD(rate), steps=2) for rate in (0.1, 0.5)]
    for run in runs:
        run.run()
    expected = runs[1].evaluations()
    assert runs[0].evaluations() != expected
    runs[0].load_state_dict(runs[1].state_dict())
    assert runs[0].evaluations() == expected


def test_cost_adds_up(training, model):
    run = training(statevector(model, shots=10), NLR(0.3))
    run.run()
    a_step = (2 * 6 + 2) * 4
    assert run.history.columns["cost_circuits"] == [a_step * k for k in range(1, 7)]
    assert run.history.columns["cost_shots"] == [10 * a_step * k for k in range(1, 7)]
    assert run.history.columns["cost_jobs"] == [2 * k for k in range(1, 7)]
    assert run.meter.seconds > 0


def test_when_the_hooks_are_called(training, model):
    run = training(statevector(model), SGD(0.1), steps=7, checkpoint_every=3)
    steps, checkpoints = [], []
    run.run(
        on_step=lambda run: steps.append(run.steps_done),
        on_checkpoint=lambda run: checkpoints.append(run.steps_done),
    )
    assert steps == list(range(1, 8))
    assert checkpoints == [3, 6, 7]


def test_batch_must_not_be_larger_than_the_data(training, model):
    training(statevector(model), SGD(), batch_size=16)
    with pytest.raises(InputError, match="there are 16 training samples"):
        training(statevector(model), SGD(), batch_size=17)


def test_shot_budget_needs_shots(training, model):
    with pytest.raises(InputError, match="no shots"):
        training(statevector(model), SGD(), max_shots=1000)
