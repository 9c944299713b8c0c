"""AdaptiveNLR where there is nothing to go by: no finite loss, or no direction."""

import math

import numpy as np
import pytest

from qnlr import AdaptiveNLR
from qnlr.optimizers import AdaptiveRate, Feedback, LastPoint, Plain, Probe, SignedRateOptimizer
from qnlr.types import Estimate


def test_it_does_not_step_to_where_the_loss_is_not_a_number():
    optimizer = AdaptiveNLR(maxiter=20, average=LastPoint())
    found = optimizer.minimize(
        lambda x: float(x[0]) if x[0] > 0.45 else math.nan, [0.5], lambda x: np.ones(1)
    )
    assert 0.45 < found.x[0] < 0.5
    assert math.isfinite(found.fun)
    rates = {key: value for key, value in optimizer.state.rate.items() if key != "watch"}
    assert all(map(math.isfinite, rates.values()))


@pytest.mark.parametrize("searched", [False, True])
def test_a_gradient_of_zero_says_nothing_of_the_rate(searched):
    optimizer = AdaptiveNLR(average=LastPoint())
    optimizer.start(lambda x: 1.0 + x @ x, [0.0, 0.0], lambda x: 2 * x)
    optimizer.state.rate["searching"] = not searched
    for _ in range(30):
        optimizer.step()
    assert optimizer.state.rate["rate"] == 0.1
    assert not optimizer.state.x.any()
    assert optimizer.state.nfev == 60  # a loss at θ and a probe in every step


def test_a_rate_that_is_far_too_small_is_found_again():
    def reached(search):
        optimizer = SignedRateOptimizer(Plain(), AdaptiveRate(1e-5, search=search), maxiter=80)
        optimizer.start(lambda x: float(x @ x), [1.0, -2.0], lambda x: 2 * x)
        optimizer.state.rate["searching"] = False  # as if the first step had found it
        while optimizer.state.nit < 80:
            optimizer.step()
        return float(optimizer.state.x @ optimizer.state.x)

    assert reached(search=8) < 1e-12
    assert reached(search=1) > 1e-3


def test_a_search_goes_on_after_many_losses_that_are_not_numbers():
    told = []

    def loss(x):
        told.append(x)
        return math.nan if len(told) < 60 else float(x @ x)

    optimizer = AdaptiveNLR(maxiter=200, average=LastPoint())
    assert optimizer.minimize(loss, [1.0, -1.0], lambda x: 2 * x).fun < 1e-6


def step(loss, probe, slope=1.0, rate=0.1, state=None):
    """Return the signed rate and the next state of one step with one probe."""
    rule = AdaptiveRate(search=1)
    told = {"gradient_norm": 1.0, "slope": slope, "direction_norm": 1.0}
    feedback = Feedback(1, loss, probe, probes=(Probe(rate, probe),), **told)
    return rule(feedback, rule.initial_state() if state is None else state)


@pytest.mark.parametrize("loss", [math.inf, -math.inf])
@pytest.mark.parametrize("where", ["here", "at the probe"])
def test_one_infinite_loss_is_soon_forgotten(loss, where):
    pair = (loss, 0.5) if where == "here" else (0.5, loss)
    _, state = step(*(Estimate(one, std=0.01) for one in pair))
    assert state["measured"] == 0.0
    for _ in range(40):  # hidden by noise, and uphill: the rate has no reason to grow
        _, state = step(Estimate(0.5, std=0.1), Estimate(0.55, std=0.1), rate=0.1, state=state)
    assert state["rate"] <= 0.1


@pytest.mark.parametrize("std", [math.nan, math.inf])
def test_an_unknown_standard_error_decides_nothing(std):
    low, high = Estimate(0.0, std=std), Estimate(1.0, std=std)
    rate, state = step(high, low, slope=-1.0, rate=-0.1)
    assert rate == 0.0  # no reversal, however low it reads
    assert state["variance"] == 0.0
    assert step(low, high)[0] == 0.1  # and no refusal, however high
