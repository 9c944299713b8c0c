"""Starting, saving and loading; the round trips of every optimizer are in test_conformance.py."""

import json

import numpy as np
import pytest

from qnlr.errors import InputError
from qnlr.optimizers import NLR, SGD, Adam, Momentum


def parabola(x):
    return float(x @ x)


def slope(x):
    return 2 * x


def test_there_is_no_state_before_the_start():
    with pytest.raises(InputError, match=r"call start\(fun, x0\) first"):
        SGD().ask()


def test_starting_again_forgets_everything():
    optimizer = NLR(1.1, maxiter=4)
    first = optimizer.minimize(parabola, [1.0], slope)
    second = optimizer.minimize(parabola, [1.0], slope)
    assert vars(first) == vars(second)
    assert (second.nit, second.nfev, second.njev, second.flips) == (4, 9, 4, 4)


def test_the_start_point_is_copied():
    start = np.array([1.0, 2.0])
    SGD(0.1, maxiter=3).minimize(parabola, start, slope)
    np.testing.assert_array_equal(start, [1.0, 2.0])
    optimizer = SGD(0.1)
    optimizer.start(parabola, start, slope)
    start[:] = 9
    np.testing.assert_array_equal(optimizer.state.x, [1.0, 2.0])


def test_an_objective_that_fails_leaves_the_step_to_be_repeated():
    answers = iter([4.0, None, 1.0])

    def sometimes(x):
        answer = next(answers)
        if answer is None:
            raise ConnectionError("try again")
        return answer

    optimizer = NLR(0.25)
    optimizer.start(sometimes, [2.0], slope)
    with pytest.raises(ConnectionError):
        optimizer.step()
    optimizer.step()
    np.testing.assert_array_equal(optimizer.state.x, [1.0])
    assert optimizer.state.nit == 1


def test_a_state_of_another_version_is_refused():
    optimizer = SGD()
    optimizer.start(None, [1.0])
    plain = optimizer.state_dict()
    with pytest.raises(InputError, match="optimizer state of version 99 cannot be read"):
        SGD().load_state_dict({**plain, "version": 99})
    with pytest.raises(InputError, match="optimizer state of version None"):
        SGD().load_state_dict({})


def test_a_saved_state_does_not_move_with_the_optimizer():
    optimizer = Adam(0.1)
    optimizer.start(parabola, [1.0, 2.0], slope)
    optimizer.step()
    plain = optimizer.state_dict()
    expected = optimizer.state.x.copy()
    optimizer.step()
    twin = Adam(0.1)
    twin.load_state_dict(plain)
    np.testing.assert_array_equal(twin.state.x, expected)
    assert twin.state.nit == 1


@pytest.mark.parametrize("build", [SGD, Momentum, NLR])
def test_rates_that_are_numpy_numbers_leave_plain_data(build):
    records = []
    optimizer = build(np.float64(0.25), callback=records.append)
    optimizer.start(parabola, [1.0], slope)
    optimizer.step()
    assert type(records[0].flipped) is bool
    counters = ("nfev", "njev", "nit", "flips", "fun_best", "rng")
    plain = optimizer.state_dict()
    assert json.loads(json.dumps([plain[name] for name in counters]))[3] == 0
