"""A callback that returns True ends the minimisation, and changes nothing else."""

import copy
import threading

import numpy as np
import pytest
from qiskit_machine_learning.optimizers import TellData

from qnlr.errors import InputError
from qnlr.optimizers import COBYLA, NLR, SGD, SPSA, Adam, Prodigy, ScheduleFreeAdam

X0 = np.array([1.0, -0.7, 0.4])
KINDS = {
    "nlr": lambda **common: NLR(0.1, seed=3, **common),
    "sgd": lambda **common: SGD(0.1, seed=3, **common),
    "adam": lambda **common: Adam(0.1, seed=3, **common),
    "prodigy": lambda **common: Prodigy(0.01, seed=3, **common),
    "schedule_free_adam": lambda **common: ScheduleFreeAdam(0.1, seed=3, **common),
    "spsa": lambda **common: SPSA(0.05, seed=3, **common),
    "cobyla": lambda **common: COBYLA(**common),
}


@pytest.fixture(params=KINDS)
def build(request):
    return KINDS[request.param]


def bowl(x):
    return float(np.sum((x - 0.2) ** 2 * [1.0, 2.0, 3.0]))


def slope(x):
    return 2 * (x - 0.2) * [1.0, 2.0, 3.0]


def drive(optimizer, steps):
    """Drive by ask and tell until the optimizer has ended, or for so many steps."""
    while optimizer.state.nit < steps and not optimizer.ended:
        ask = optimizer.ask()
        gradient = None if ask.x_jac is None else slope(ask.x_jac)
        optimizer.tell(ask, TellData(eval_fun=bowl(ask.x_fun), eval_jac=gradient))


def test_true_ends_the_minimisation_with_the_usual_result(build):
    before = threading.active_count()
    seen = []
    stopped = build(maxiter=9, callback=lambda record: seen.append(record) or record.step == 3)
    result = stopped.minimize(bowl, X0, slope)
    shorter = build(maxiter=9)
    shorter.start(bowl, X0, slope)
    drive(shorter, 4)
    expected = shorter.create_result()
    assert [record.step for record in seen] == [0, 1, 2, 3]
    assert stopped.ended
    assert result.nit == expected.nit == 4
    np.testing.assert_array_equal(result.x, expected.x)
    assert result.fun == expected.fun == bowl(result.x)
    assert threading.active_count() == before


def test_asked_and_told_it_says_that_it_has_ended(build):
    optimizer = build(callback=lambda record: record.step == 2)
    optimizer.start(None, X0)
    assert not optimizer.ended
    drive(optimizer, 20)
    assert optimizer.ended
    assert optimizer.state.nit == 3
    optimizer.close()


@pytest.mark.parametrize("answer", [1, "stop", [0], np.array([True]), None, False, 1.0])
def test_nothing_but_true_ends_it(answer):
    assert SGD(0.1, maxiter=5, callback=lambda _: answer).minimize(bowl, X0, slope).nit == 5


def test_the_true_of_numpy_is_true():
    assert SGD(0.1, maxiter=5, callback=lambda _: np.bool_(True)).minimize(bowl, X0, slope).nit == 1


def test_the_next_minimisation_starts_anew(build):
    optimizer = build(maxiter=9, callback=lambda record: record.step == 1)
    first, second = (optimizer.minimize(bowl, X0, slope) for _ in range(2))
    assert first.nit == second.nit == 2
    optimizer.start(None, X0)
    assert not optimizer.ended
    optimizer.close()


def test_the_state_of_a_stopped_minimisation_is_that_of_any_other(build):
    stopped, plain = build(callback=lambda record: record.step == 2), build()
    for optimizer in (stopped, plain):
        optimizer.start(None, X0)
        drive(optimizer, 3)
    state = stopped.state_dict()
    np.testing.assert_equal(state, plain.state_dict())
    seen = []
    resumed = build(callback=seen.append)
    resumed.load_state_dict(state)
    assert not resumed.ended
    drive(resumed, 5)
    drive(plain, 5)
    assert [record.step for record in seen] == [3, 4]  # steps told again are not recorded again
    np.testing.assert_array_equal(resumed.state.x, plain.state.x)
    for optimizer in (stopped, plain, resumed):
        optimizer.close()


def test_settings_carry_the_callback(build):
    settings = build(maxiter=9, callback=print).settings
    assert settings["callback"] is print
    optimizer = build()
    assert type(optimizer)(**settings).settings == settings


def test_a_models_callback_is_told_weights_and_loss_and_cannot_stop(build):
    seen, records = [], []
    optimizer = build(maxiter=3, callback=records.append)
    optimizer.callback = lambda weights, loss: seen.append((weights, loss)) or True
    assert optimizer.minimize(bowl, X0, slope).nit == 3
    for (weights, loss), record in zip(seen, records, strict=True):
        np.testing.assert_array_equal(weights, record.parameters)
        assert loss == record.loss


class Diary(list):
    """Writes down what it is told."""

    def __call__(self, *seen):
        self.append(seen[0].step if len(seen) == 1 else "step")

    def begin(self, steps):
        self.append(f"begin {steps}")

    def end(self):
        self.append("end")


def test_who_wants_to_know_is_told_of_begin_and_end(build):
    diary = Diary()
    optimizer = build(maxiter=2, callback=diary)
    optimizer.minimize(bowl, X0, slope)
    assert diary == ["begin 2", 0, 1, "end"]
    diary.clear()
    optimizer.start(None, X0)
    assert diary == ["begin None"]
    optimizer.close()
    optimizer.close()
    assert diary == ["begin None", "end"]
    optimizer.start(bowl, X0, slope)
    optimizer.start(bowl, X0, slope)
    assert diary[2:] == ["begin 2", "end", "begin 2"]
    optimizer.close()


def test_a_result_on_the_way_is_an_end_each_time():
    diary = Diary()
    optimizer = SGD(0.1, callback=diary)
    optimizer.start(bowl, X0, slope)
    for _ in range(2):
        optimizer.step()
        optimizer.create_result()
    assert diary == ["begin 100", 0, "end", 1, "end"]


@pytest.mark.parametrize("kind", [SPSA, COBYLA])
def test_a_closed_loop_does_not_go_on_behind_its_result(kind):
    optimizer = kind()
    optimizer.start(bowl, X0)
    optimizer.step()
    optimizer.create_result()
    with pytest.raises(InputError, match="has been closed after 1 steps; call start"):
        optimizer.step()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_the_end_is_told_of_whatever_it_is(build, error):
    before = threading.active_count()

    def broken(x):
        if len(diary) == 3:
            raise error("no such luck")
        return bowl(x)

    diary, models = Diary(), Diary()
    optimizer = build(maxiter=9, callback=diary)
    optimizer.callback = models
    for _ in range(2):
        with pytest.raises(error, match="no such luck"):
            optimizer.minimize(broken, X0, slope)
        assert diary == ["begin 9", 0, 1, "end"]
        assert models == ["begin 9", "step", "step", "end"]
        diary.clear()
        models.clear()
    assert threading.active_count() == before


def test_copies_tell_the_one_that_is_shared_of_what_they_do_only(build):
    class Held(Diary):
        def __deepcopy__(self, memo):
            return self

    diary = Held()
    optimizer = build(maxiter=9, callback=diary)
    optimizer.start(None, X0)
    drive(optimizer, 2)
    assert diary == ["begin None", 0, 1]
    twin = copy.deepcopy(optimizer)
    assert diary == ["begin None", 0, 1]
    drive(twin, 3)
    assert diary == ["begin None", 0, 1, 2]
    for one in (optimizer, twin):
        one.close()


@pytest.mark.parametrize("kind", [SPSA, COBYLA])
def test_a_callback_that_cannot_be_called_is_refused(kind):
    with pytest.raises(InputError, match="callback = 'stop' is not valid"):
        kind(callback="stop")
