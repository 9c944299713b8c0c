"""Closed loops in threads: each draws its own numbers, and the user's generator stays as it was."""

import threading

import numpy as np
import pytest
from qiskit_machine_learning.utils import algorithm_globals

from qnlr.optimizers import COBYLA, SPSA
from qnlr.optimizers.loop_thread import LoopThread

START = np.array([1.0, -0.7, 0.4])


@pytest.fixture(autouse=True)
def _users_seed():
    before = algorithm_globals.random_seed
    algorithm_globals.random_seed = 99
    yield
    algorithm_globals.random_seed = before


def bowl(x):
    return float(x @ x)


def test_questions_and_answers_alternate():
    heard = []

    def loop(objective):
        heard.extend(objective(np.array([x])) for x in (1.0, 2.0))

    thread = LoopThread(loop)
    assert (thread.begin(), thread.answer(0.5), thread.answer(0.25)) == (1.0, 2.0, None)
    assert heard == [0.5, 0.25]


def test_a_loop_that_is_not_waited_for_ends():
    before, went_on = threading.active_count(), []

    def loop(objective):
        went_on.append(objective(START))

    thread = LoopThread(loop)
    thread.begin()
    assert threading.active_count() == before + 1
    thread.close()
    assert threading.active_count() == before
    assert went_on == []


def test_an_error_of_the_loop_is_the_callers_and_puts_the_generator_back():
    def loop(objective):
        algorithm_globals.random.random()
        raise RuntimeError("no such luck")

    with pytest.raises(RuntimeError, match="no such luck"):
        LoopThread(loop, seed=1).begin()
    assert algorithm_globals.random.random() == np.random.default_rng(99).random()


@pytest.mark.parametrize("kind", [SPSA, COBYLA])
def test_a_seeded_loop_leaves_the_users_generator_alone(kind):
    users = np.random.default_rng(99)

    def drawing(x):
        assert algorithm_globals.random.random() == users.random()
        return bowl(x)

    result = kind(maxiter=5, seed=3).minimize(drawing, START)
    assert algorithm_globals.random_seed == 99
    assert algorithm_globals.random.random() == users.random()
    np.testing.assert_array_equal(result.x, kind(maxiter=5, seed=3).minimize(bowl, START).x)


def test_a_loop_without_a_seed_draws_from_the_users_generator():
    first = SPSA(maxiter=5).minimize(bowl, START)
    second = SPSA(maxiter=5).minimize(bowl, START)
    assert not np.array_equal(first.x, second.x)
    np.testing.assert_array_equal(first.x, SPSA(maxiter=5, seed=99).minimize(bowl, START).x)


def test_loops_do_not_disturb_one_another():
    expected = [SPSA(maxiter=30, seed=seed).minimize(bowl, START).x for seed in range(4)]
    found = {}

    def minimise(seed):
        found[seed] = SPSA(maxiter=30, seed=seed).minimize(bowl, START).x

    threads = [threading.Thread(target=minimise, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal([found[seed] for seed in range(4)], expected)


def test_a_loop_within_the_objective_of_another():
    def nested(x):
        return SPSA(maxiter=2, seed=5).minimize(lambda y: bowl(x + y), np.zeros(3)).fun

    first, second = (SPSA(maxiter=3, seed=3).minimize(nested, START).x for _ in range(2))
    np.testing.assert_array_equal(first, second)
