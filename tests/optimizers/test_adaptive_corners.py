"""AdaptiveNLR where there is nothing to go by: no finite loss, or no direction."""

import math

import numpy as np
import pytest

from qnlr import AdaptiveNLR
from qnlr.optimizers import AdaptiveRate, LastPoint, Plain, SignedRateOptimizer


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
