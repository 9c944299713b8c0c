"""The training loop with gradients of every kind: their state, their cost, their budget."""

import numpy as np
import pytest

from qnlr.backends import statevector
from qnlr.backends.gradients import Coordinates, ParameterShift, SimultaneousPerturbation
from qnlr.errors import InputError, Suspended
from qnlr.optimizers import NLR, SGD, Adam
from qnlr.rng import stream
from qnlr.training import Status, read_checkpoint, write_checkpoint

GRADIENTS = {
    "parameter_shift": ParameterShift(),
    "spsa": SimultaneousPerturbation(directions=2),
    "coordinates": Coordinates(coordinates=2, unbiased=True),
    "repeated": Coordinates(coordinates=2, evaluations=5),
    "variance": Coordinates(coordinates=4, evaluations=9, allocation="variance"),
}
each_gradient = pytest.mark.parametrize("gradient", GRADIENTS.values(), ids=GRADIENTS)


def plain(training):
    """Return the state without the wall-clock times."""
    state = training.state_dict()
    for name in ("meter", "evaluation_meter"):
        state[name].pop("seconds")
    return state


@each_gradient
def test_cost_adds_up(gradient, training, model):
    run = training(statevector(model, shots=10), NLR(0.3), gradient=gradient)
    run.run()
    a_step = (gradient.rows(6) + 1) * 4
    assert run.history.columns["cost_circuits"] == [a_step * k for k in range(1, 7)]
    assert run.history.columns["cost_shots"] == [10 * a_step * k for k in range(1, 7)]
    assert run.history.columns["cost_jobs"] == [2 * k for k in range(1, 7)]


@each_gradient
@pytest.mark.parametrize("stop", [1, 4])
@pytest.mark.parametrize("optimizer", [lambda: NLR(0.3, seed=1), lambda: Adam(0.1, seed=2)])
def test_resuming_continues_bit_for_bit(optimizer, stop, gradient, training, model, tmp_path):
    def make():
        return training(statevector(model, shots=10), optimizer(), gradient=gradient)

    whole, first, second = make(), make(), make()
    whole.run()
    first.run(interrupted=lambda: first.steps_done == stop)
    write_checkpoint(tmp_path / "checkpoint.npz", "id", first.state_dict())
    second.load_state_dict(read_checkpoint(tmp_path / "checkpoint.npz", "id"))
    np.testing.assert_equal(plain(second), plain(first))
    second.run()
    np.testing.assert_equal(plain(second), plain(whole))


def test_a_saved_state_does_not_change_with_the_run(training, model):
    run = training(statevector(model, shots=10), SGD(0.1), gradient=GRADIENTS["variance"])
    run.step()
    state = run.state_dict()
    assert state["gradient"]["state"]["shares"].any()
    before = repr(state)
    run.step()
    assert repr(state) == before


def test_a_checkpoint_without_a_gradient_is_one_of_the_shift_rule(training, model):
    whole, first, second = (
        training(statevector(model, shots=10), NLR(0.3, seed=1)) for _ in range(3)
    )
    whole.run()
    first.run(interrupted=lambda: first.steps_done == 3)
    state = first.state_dict()
    del state["gradient"]
    second.load_state_dict(state)
    second.run()
    np.testing.assert_equal(plain(second), plain(whole))
    other = training(statevector(model, shots=10), NLR(0.3), gradient=GRADIENTS["spsa"])
    with pytest.raises(KeyError, match="gradient"):
        other.load_state_dict(state)


def test_the_shift_rule_leaves_its_stream_alone_and_the_others_draw_once_a_gradient(
    training, model
):
    untouched = training(statevector(model, shots=10), NLR(0.3))
    untouched.run()
    fresh = stream("gradient", 0)
    assert untouched.streams.gradient.bit_generator.state == fresh.bit_generator.state
    drawn = training(statevector(model, shots=10), NLR(0.3), gradient=GRADIENTS["coordinates"])
    drawn.run()
    for _ in range(6):
        fresh.permutation(6)
    assert drawn.streams.gradient.bit_generator.state == fresh.bit_generator.state


@pytest.mark.parametrize("optimizer", [SGD, NLR])
@pytest.mark.parametrize("budget", [1, 479, 1000, 2000])
@each_gradient
def test_budget_spent_but_never_passed(gradient, budget, optimizer, training, model):
    backend = statevector(model, shots=10)
    run = training(backend, optimizer(0.1), gradient=gradient, steps=50, max_shots=budget)
    assert run.run().status == Status.BUDGET_SPENT
    a_step = 10 * 4 * (gradient.rows(6) + (optimizer is NLR))
    assert run.meter.cost.shots == a_step * run.steps_done
    assert budget - a_step < run.meter.cost.shots <= budget


class Suspending:
    """A backend that suspends the run in every third call, once the choices are drawn."""

    suspends = True

    def __init__(self, backend):
        self.backend, self.calls = backend, 0
        self.shots, self.circuits_per_value = backend.shots, backend.circuits_per_value

    def values(self, weights, angles, rng):
        return self._unless_suspended(self.backend.values(weights, angles, rng))

    def jacobian(self, weights, angles, rng):
        return self._unless_suspended(self.backend.jacobian(weights, angles, rng))

    def _unless_suspended(self, measured):
        self.calls += 1
        if self.calls % 3 == 0:
            raise Suspended("interrupted", "in the queue")
        return measured


@each_gradient
def test_a_suspended_step_chooses_again_what_it_had_chosen(gradient, training, model):
    backends = statevector(model, shots=10), Suspending(statevector(model, shots=10))
    whole, often = (training(one, NLR(0.3, seed=1), gradient=gradient) for one in backends)
    whole.run()
    suspended = 0
    while often.run().status == Status.INTERRUPTED:
        suspended += 1
    assert suspended > 2
    np.testing.assert_equal(plain(often), plain(whole))


def test_a_gradient_must_fit(training, model):
    with pytest.raises(InputError, match="coordinates = 7 is not valid"):
        training(statevector(model), SGD(), gradient=Coordinates(coordinates=7))
    with pytest.raises(InputError, match="evaluations = 9 is not valid for exact values"):
        training(statevector(model), SGD(), gradient=GRADIENTS["variance"])


def test_spsa_with_few_circuits_still_learns(training, model):
    gradient = SimultaneousPerturbation(directions=2)
    run = training(
        statevector(model),
        SGD(0.1),
        gradient=gradient,
        steps=150,
        batch_size=16,
        evaluate_every=150,
    )
    before = run.evaluations()["train"].loss
    run.run()
    assert run.history.columns["metric_train_loss"][-1] < 0.7 * before
    assert run.history.columns["cost_circuits"][-1] == 150 * 5 * 16
