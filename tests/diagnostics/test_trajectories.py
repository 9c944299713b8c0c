"""Optimizers in lockstep do what each does alone, and a random walk diffuses as it is known to."""

import numpy as np
import pytest

from qnlr.backends import SimulatorBackend
from qnlr.circuits import global_z, hardware_efficient, mean_z
from qnlr.diagnostics.armijo import Armijo
from qnlr.diagnostics.exits import first_time
from qnlr.diagnostics.plateau_problems import plateau
from qnlr.diagnostics.surface import Surface
from qnlr.diagnostics.trajectories import Walker, follow, random_walk
from qnlr.errors import InputError
from qnlr.optimizers import NLR, SGD, StandardErrors


def surface(shots=20, qubits=3):
    return Surface(hardware_efficient(qubits, 2), mean_z(qubits), shots)


@pytest.mark.parametrize("make", [lambda: NLR(1.5), lambda: SGD(0.3), lambda: Armijo(2.0)])
def test_exact_trajectories_are_those_of_minimize(make):
    here, rng = surface(), np.random.default_rng(1)
    starts = here.points(4, rng)
    paths = follow(here, [Walker("one", make, True, True)], starts, 8, rng)
    for number, start in enumerate(starts):
        alone = make()
        alone.maxiter = 8
        result = alone.minimize(
            lambda x: float(here.exact(x[None])[0][0]), start, lambda x: here.exact(x[None])[1][0]
        )
        np.testing.assert_allclose(paths.weights["one"][-1, number], result.x, atol=1e-10)


def test_every_recorded_step_follows_the_rule():
    here, rng = surface(), np.random.default_rng(2)
    walkers = [
        Walker("nlr", lambda: NLR(0.1, 0.3)),
        Walker("z", lambda: NLR(0.1, 0.3, StandardErrors(2.0))),
        Walker("sgd", lambda: SGD(0.1)),
    ]
    paths = follow(here, walkers, here.points(6, rng), 12, rng)
    np.testing.assert_array_equal(paths.rates["nlr"], np.where(paths.worse["nlr"], -0.3, 0.1))
    assert 0.2 < paths.worse["nlr"].mean() < 0.7
    reversed_steps = paths.rates["z"] < 0
    assert reversed_steps.sum() < paths.worse["z"].sum()
    assert not (reversed_steps & ~paths.worse["z"]).any()
    assert not paths.worse["sgd"].any()
    for name in ("nlr", "z", "sgd"):
        expected = paths.rates[name] ** 2 * paths.square_norms[name]
        np.testing.assert_allclose(paths.square_steps(name), expected, rtol=1e-9)


def test_measured_gradients_have_the_exact_mean_and_the_variance_of_shots():
    here, rng = surface(shots=50, qubits=4), np.random.default_rng(3)
    start = here.points(1, rng)
    costs, slopes = here.exact(start)
    losses, found = here.measure(np.repeat(start, 2000, axis=0), rng)
    backend = SimulatorBackend(plateau(4, 2, "mean_z", 50).truth.model, 50)
    known = backend.jacobian(start[0], np.zeros((1, 0)), rng).derivative_stds[0]
    error = found.std(axis=0) / np.sqrt(2000)
    assert np.all(np.abs(found.mean(axis=0) - slopes[0]) <= 4.5 * error + 1e-12)
    assert found.std(axis=0).mean() == pytest.approx(known.mean(), rel=0.1)
    assert np.mean(losses) == pytest.approx(costs[0], abs=4.5 * np.std(losses) / np.sqrt(2000))
    assert here.costs(start)[0] == pytest.approx(costs[0], abs=1e-12)


def test_a_gaussian_walk_has_the_diffusion_and_the_time_of_exit_that_are_known():
    d, mean_square, radius = 12, 0.01, 1.0
    path = random_walk(np.zeros((1500, d)), 400, mean_square, np.random.default_rng(4))
    coefficient = mean_square / (2 * d)
    squares = np.sum(path**2, axis=-1)
    assert squares[-1].mean() / (2 * d * 400) == pytest.approx(coefficient, rel=0.03)
    times = first_time(squares >= radius**2)
    assert np.isfinite(times).all()
    # the last step overshoots by about half of one in time
    assert times.mean() == pytest.approx(radius**2 / (2 * d * coefficient), rel=0.05)
    assert times.mean() < 0.2 * radius**2 / (2 * coefficient)  # the formula of one dimension


def test_all_exits_of_one_dimension_take_what_the_formula_says():
    mean_square = 0.01
    path = random_walk(np.zeros((2000, 1)), 1500, mean_square, np.random.default_rng(5))
    times = first_time(np.abs(path[..., 0]) >= 1.0)
    # discrete steps see a wall that is farther by 0.5826 of their spread (Siegmund 1979)
    wall = 1.0 + 0.5826 * np.sqrt(mean_square)
    assert np.nanmean(times) == pytest.approx(wall**2 / mean_square, rel=0.06)


def test_walkers_need_names_of_their_own():
    here, rng = surface(), np.random.default_rng(0)
    walker = Walker("one", SGD)
    with pytest.raises(InputError, match="same name"):
        follow(here, [walker, walker], here.points(2, rng), 1, rng)
    with pytest.raises(InputError, match="shots"):
        Surface(hardware_efficient(2, 1), global_z(2), 0)
