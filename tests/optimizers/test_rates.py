import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.errors import InputError
from qnlr.optimizers import (
    NEGATIVE_RATES,
    Constant,
    Equation10,
    Feedback,
    NegativeRate,
    Ratio,
    StandardErrors,
    Tolerance,
)
from qnlr.types import Estimate, NoiseLevel

RATES = st.floats(1e-6, 1e3)
LOSSES = st.floats(-1e3, 1e3)
BAD_RATES = [0, 0.0, -0.01, math.nan, math.inf, -math.inf, "0.1"]
BETTER = Feedback(step=3, loss=0.5, probe_loss=0.4, gradient_norm=2.0)
WORSE = Feedback(step=3, loss=0.5, probe_loss=0.75, gradient_norm=2.0)


def signed(rule, feedback):
    rate, state = rule(feedback, rule.initial_state())
    assert state == {}
    return rate


@given(RATES, LOSSES)
def test_a_constant_rate_is_constant_and_needs_no_probe(rate, loss):
    rule = Constant(rate)
    assert rule.probe_rate(rule.initial_state()) is None
    assert signed(rule, Feedback(0, loss, None, 1.0)) == rate


@given(RATES, RATES)
def test_a_ratio_multiplies(kappa, rate):
    assert Ratio(kappa).negative_rate(rate) == kappa * rate


@given(st.floats(0, 1), st.integers(1, 100), RATES, RATES)
def test_equation_10(noise_rate, layers, variance, rate):
    rule = Equation10(noise_rate, layers, variance)
    expected = rate * (1 + math.log(1 + noise_rate * layers)) * (variance / layers) ** 0.5
    assert math.isclose(rule.negative_rate(rate), expected, rel_tol=1e-12)


def test_equation_10_without_noise_on_one_layer_is_the_learning_rate():
    assert Equation10(noise_rate=0.0, layers=1).negative_rate(0.03) == 0.03


NEGATIVE = {
    "number": (0.3, 0.3),
    "ratio": (Ratio(1.5), 0.15),
    "equation_10": (Equation10(0.02, 4, 9.0), 0.1 * (1 + math.log(1.08)) * 1.5),
    "callable": (
        lambda seen: seen.gradient_norm * (seen.probe_loss - seen.loss) / (seen.step + 1),
        2.0 * 0.25 / 4,
    ),
}


@pytest.mark.parametrize("name", NEGATIVE)
def test_every_negative_rate_with_and_without_the_noise_scaling(name):
    negative, expected = NEGATIVE[name]
    assert signed(NegativeRate(0.1, negative), BETTER) == 0.1
    assert math.isclose(signed(NegativeRate(0.1, negative), WORSE), -expected, rel_tol=1e-12)
    noisy = NegativeRate(0.1, negative, noise_level=NoiseLevel(0.05, 5))
    assert signed(noisy, BETTER) == 0.1
    assert math.isclose(signed(noisy, WORSE), -expected / 1.25, rel_tol=1e-12)


def test_the_default_is_twice_the_learning_rate_at_any_increase():
    assert NegativeRate(0.1) == NegativeRate(0.1, Ratio(2.0))
    assert signed(NegativeRate(0.1), Feedback(0, 0.5, math.nextafter(0.5, 1), 1.0)) == -0.2


@given(RATES, RATES, LOSSES, LOSSES)
def test_the_rate_is_negative_if_and_only_if_the_probe_is_worse(rate, negative, loss, probe):
    found = signed(NegativeRate(rate, negative), Feedback(0, loss, probe, 1.0))
    assert found == (-negative if probe > loss else rate)
    assert (found < 0) is (probe > loss)


@given(RATES)
def test_the_probe_is_the_descent_step(rate):
    assert NegativeRate(rate, 1.0).probe_rate({}) == rate


def test_the_trigger_decides():
    assert signed(NegativeRate(0.1, trigger=Tolerance(0.3)), WORSE) == 0.1
    assert signed(NegativeRate(0.1, trigger=Tolerance(0.2)), WORSE) == -0.2
    measured = Feedback(0, Estimate(0.5, 0.1), Estimate(0.75, 0.1), 1.0)
    assert signed(NegativeRate(0.1, trigger=StandardErrors(2.0)), measured) == 0.1
    assert signed(NegativeRate(0.1, trigger=StandardErrors(1.5)), measured) == -0.2


def test_a_missing_probe_is_an_error():
    with pytest.raises(InputError, match="needs the loss at its probe"):
        signed(NegativeRate(0.1), Feedback(0, 0.5, None, 1.0))


@pytest.mark.parametrize("value", BAD_RATES)
def test_bad_rates_are_refused(value):
    with pytest.raises(InputError, match=r"^learning_rate = .* above 0$"):
        Constant(value)
    with pytest.raises(InputError, match=r"^learning_rate = .* above 0$"):
        NegativeRate(value)
    with pytest.raises(InputError, match=r"^negative_rate = .* above 0"):
        NegativeRate(0.1, value)
    with pytest.raises(InputError, match=r"^kappa = .* above 0$"):
        Ratio(value)
    with pytest.raises(InputError, match=r"^variance = .* above 0$"):
        Equation10(0.1, 5, value)


@pytest.mark.parametrize("value", [0, 0.0, -0.01, math.nan, math.inf, "0.1", None])
def test_a_callable_must_return_a_rate_above_0(value):
    rule = NegativeRate(0.1, lambda feedback: value)
    assert signed(rule, BETTER) == 0.1
    with pytest.raises(InputError, match="returned by the callable"):
        signed(rule, WORSE)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, "0"])
def test_equation_10_refuses_a_bad_noise_rate(value):
    with pytest.raises(InputError, match=r"^noise_rate = .* \[0, 1\]$"):
        Equation10(value, 5)


@pytest.mark.parametrize("value", [0, -1, 1.5, math.nan])
def test_equation_10_refuses_bad_layers(value):
    with pytest.raises(InputError, match=r"^layers = .* at least 1$"):
        Equation10(0.1, value)


@pytest.mark.parametrize("negative", [np.float64(0.3), 1])
def test_numbers_of_other_types_are_taken(negative):
    assert signed(NegativeRate(np.float64(0.1), negative), WORSE) == -negative


def test_every_rule_has_a_name():
    assert sorted(NEGATIVE_RATES.items()) == [("equation_10", Equation10), ("ratio", Ratio)]
