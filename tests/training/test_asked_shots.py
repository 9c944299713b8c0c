"""A training with an optimizer that chooses its own shots: measured, told, counted, limited."""

import numpy as np
import pytest
from asking import Asking, growing, same, shots_of_steps, spread
from qiskit_machine_learning.optimizers import AskData

from qnlr.backends import Meter, MeteredBackend, SimulatorBackend, statevector
from qnlr.backends.gradients import Allocated, Coordinates
from qnlr.errors import InputError
from qnlr.optimizers import NLR
from qnlr.rng import stream
from qnlr.training import Status, read_checkpoint, write_checkpoint
from qnlr.types import Cost


def plain(training):
    """Return the state without the wall-clock times."""
    state = training.state_dict()
    for name in ("meter", "evaluation_meter"):
        state[name].pop("seconds")
    return state


@pytest.mark.parametrize("kind", [statevector, SimulatorBackend])
@pytest.mark.parametrize(("at_probe", "probe"), [(None, 20), (33, 33)])
def test_one_number_of_shots_is_that_of_every_circuit(at_probe, probe, kind, training, model):
    run = training(kind(model, shots=20), Asking(same, at_probe))
    assert run.run().status == Status.FINISHED
    assert shots_of_steps(run) == [4 * (13 * (11 + step) + probe) for step in range(6)]
    assert run.history.columns["cost_circuits"] == [14 * 4 * k for k in range(1, 7)]
    assert run.history.columns["cost_jobs"] == [2 * k for k in range(1, 7)]


@pytest.mark.parametrize(("kind", "jobs"), [(statevector, 3), (SimulatorBackend, 2)])
def test_an_array_of_shots_is_counted_by_weight(kind, jobs, training, model):
    run = training(kind(model, shots=20), Asking(spread, np.int64(33)))
    run.run()
    base = 5 + np.arange(6)
    assert shots_of_steps(run) == (4 * (12 * base + 2 * base + 33)).tolist()
    assert run.history.columns["cost_circuits"] == [10 * 4 * k for k in range(1, 7)]
    assert run.history.columns["cost_jobs"] == [jobs * k for k in range(1, 7)]


@pytest.mark.parametrize("shots", [29, np.array([9, 0, 40, 2, 7, 0])])
def test_loss_gradient_and_errors_are_told_as_they_were_measured(
    shots, training, model, problem, weights
):
    run = training(SimulatorBackend(model, shots=20), Asking(lambda step, size: shots), steps=1)
    run.run()
    batch = problem.train.take(stream("batches", 0).choice(16, 4, replace=False))
    backend, rng = SimulatorBackend(model, shots=29), stream("shots", 0)
    if isinstance(shots, np.ndarray):
        backend = AsAllocated(backend, shots)
    expected = problem.loss_and_gradient(weights, batch, backend, rng)
    (ask, first), (_, second) = run.optimizer.told
    np.testing.assert_array_equal(ask.x_jac, weights)
    assert (first.eval_fun, first.eval_fun.std) == (expected.loss, expected.loss.std)
    np.testing.assert_array_equal(first.eval_jac, expected.gradient)
    np.testing.assert_array_equal(first.stds, expected.stds)
    assert (first.stds > 0).tolist() == (np.broadcast_to(shots, 6) > 0).tolist()
    assert second.eval_jac is second.stds is None
    assert second.eval_fun.std > 0


class AsAllocated:
    def __init__(self, backend, shots):
        self.backend, self.gradient = backend, Allocated(shots)

    def jacobian(self, weights, angles, rng):
        return self.gradient.jacobian(self.backend, weights, angles, rng, rng, {})[0]


def test_errors_are_told_with_and_without_shots_of_ones_own(training, model):
    class Listening(NLR):
        def tell(self, ask_data, tell_data):
            assert type(ask_data) is AskData
            stds.append(tell_data.stds)
            super().tell(ask_data, tell_data)

    for shots, above in ((20, True), (None, False)):
        stds = []
        training(SimulatorBackend(model, shots=shots), Listening(0.3), steps=2).run()
        assert [one is None for one in stds] == [False, True] * 2
        assert all((one > 0).all() == above for one in stds[::2])


@pytest.mark.parametrize("shots", [None, 20])
def test_the_shots_of_the_backend_are_told_before_the_start(shots, training, model):
    optimizer = Asking(same)
    training(SimulatorBackend(model, shots=shots), optimizer)
    assert optimizer.base_shots == optimizer.base_at_start == shots
    untold = NLR(0.1)
    training(SimulatorBackend(model, shots=shots), untold)
    assert not hasattr(untold, "base_shots")


@pytest.mark.parametrize("rule", [same, spread, growing])
@pytest.mark.parametrize("budget", [1, 999, 5000, 20_000])
def test_a_budget_is_spent_but_never_passed(rule, budget, training, model):
    steps = 6 if rule is growing else 40
    whole = training(SimulatorBackend(model, shots=20), Asking(rule, 33), steps=steps)
    whole.run()
    run = training(SimulatorBackend(model, shots=20), Asking(rule, 33), steps=60, max_shots=budget)
    outcome = run.run()
    assert outcome.status == Status.BUDGET_SPENT
    spent, steps = run.meter.cost.shots, run.steps_done
    following = shots_of_steps(whole)[steps]
    assert budget - following < spent <= budget
    assert outcome.sentence.endswith(f"the next would need {following}")
    assert shots_of_steps(run) == shots_of_steps(whole)[:steps]


@pytest.mark.parametrize("rule", [same, spread])
@pytest.mark.parametrize("stop", [1, 4])
def test_resuming_continues_bit_for_bit(stop, rule, training, model, tmp_path):
    def make():
        return training(SimulatorBackend(model, shots=20), Asking(rule, 33))

    whole, first, second = make(), make(), make()
    whole.run()
    first.run(interrupted=lambda: first.steps_done == stop)
    write_checkpoint(tmp_path / "checkpoint.npz", "id", first.state_dict())
    second.load_state_dict(read_checkpoint(tmp_path / "checkpoint.npz", "id"))
    assert second.optimizer.base_shots == 20
    second.run()
    np.testing.assert_equal(plain(second), plain(whole))


@pytest.mark.parametrize(
    ("shots", "words"),
    [
        (0, "shots = 0 is not valid"),
        (10.5, "shots = 10.5 is not valid"),
        ([10] * 6, "shots = .* is not valid"),
        (np.full(5, 10), "there are 5 numbers of shots for 6 weights"),
        (np.full(1, 10), "there are 1 numbers of shots for 6 weights"),
        (np.full(6, 10.0), "must be integers of at least 0"),
        (np.full(6, -1), "must be integers of at least 0"),
    ],
)
def test_what_is_asked_must_be_valid(shots, words, training, model):
    run = training(SimulatorBackend(model, shots=20), Asking(lambda step, size: shots))
    with pytest.raises(InputError, match=words):
        run.run()


def test_a_loss_alone_has_one_number_of_shots(training, model):
    run = training(SimulatorBackend(model, shots=20), Asking(same, np.full(6, 10)))
    with pytest.raises(InputError, match=r"shots = .* is not valid; it must be an integer"):
        run.run()


@pytest.mark.parametrize(
    ("rule", "words"), [(same, "the backend's are exact"), (spread, "where values are exact")]
)
def test_exact_values_have_no_shots_to_choose(rule, words, training, model):
    with pytest.raises(InputError, match=words):
        training(SimulatorBackend(model), Asking(rule)).run()


def test_derivatives_that_are_not_measured_one_by_one_take_one_number(training, model):
    gradient = Coordinates(coordinates=2)
    run = training(SimulatorBackend(model, shots=20), Asking(same, 33), gradient=gradient)
    run.run()
    assert shots_of_steps(run) == [4 * (5 * (11 + step) + 33) for step in range(6)]
    with pytest.raises(InputError, match=r"^gradient = Coordinates\(.* the optimizer Asking: it"):
        training(SimulatorBackend(model, shots=20), Asking(spread, 33), gradient=gradient)


def test_a_meter_counts_what_other_shots_cost(model, weights):
    metered = MeteredBackend(SimulatorBackend(model, shots=20), Meter())
    for shots in (3, 5):
        metered.with_shots(shots).values(weights, np.zeros((2, 2)), np.random.default_rng(0))
    assert metered.meter.cost == Cost(4, 16, 2)
