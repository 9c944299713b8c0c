import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.errors import InputError
from qnlr.optimizers import TRIGGERS, AnyIncrease, StandardErrors, Tolerance
from qnlr.types import Estimate

LOSSES = st.floats(-1e6, 1e6)
ERRORS = st.floats(1e-6, 1e3)
POSITIVE = st.floats(1e-3, 1e3)


@given(LOSSES, LOSSES)
def test_any_increase_is_the_comparison(loss, probe):
    assert AnyIncrease()(loss, probe) is (probe > loss)


@given(LOSSES)
def test_no_trigger_fires_at_an_equal_loss(loss):
    assert not AnyIncrease()(loss, loss)
    assert not Tolerance(1e-9)(loss, loss)
    assert not StandardErrors(1e-9)(Estimate(loss, 0.0), Estimate(loss, 0.0))


@given(LOSSES, LOSSES, POSITIVE)
def test_tolerance_asks_for_more_than_tau(loss, probe, tau):
    assert Tolerance(tau)(loss, probe) is (probe - loss > tau)


def test_the_tolerance_itself_is_tolerated():
    assert not Tolerance(0.25)(0.5, 0.75)
    assert Tolerance(0.25)(0.5, math.nextafter(0.75, 1))


@given(LOSSES, LOSSES, ERRORS, ERRORS, POSITIVE)
def test_standard_errors_add_in_quadrature(loss, probe, error, probe_error, z):
    limit = z * math.hypot(error, probe_error)
    if not math.isclose(probe - loss, limit, rel_tol=1e-9):
        fired = StandardErrors(z)(Estimate(loss, error), Estimate(probe, probe_error))
        assert fired is (probe - loss > limit)


def test_standard_errors_at_a_known_limit():
    trigger = StandardErrors(2.0)
    assert not trigger(Estimate(0.0, 3.0), Estimate(10.0, 4.0))
    assert trigger(Estimate(0.0, 3.0), Estimate(10.001, 4.0))


def test_exact_estimates_make_it_any_increase():
    assert StandardErrors(2.0)(Estimate(0.5), Estimate(math.nextafter(0.5, 1)))


@pytest.mark.parametrize("z", [1.0, 2.0])
def test_false_alarms_are_as_rare_as_z_says(z):
    rng = np.random.default_rng(5)
    trigger, error, trials = StandardErrors(z), 0.1, 20_000
    readings = 0.5 + error * rng.standard_normal((trials, 2))
    fired = sum(trigger(Estimate(a, error), Estimate(b, error)) for a, b in readings)
    expected = 0.5 * math.erfc(z / math.sqrt(2))
    spread = math.sqrt(expected * (1 - expected) / trials)
    assert abs(fired / trials - expected) < 4 * spread


NO_ERROR = [
    0.5,
    np.float64(0.5),
    Estimate(0.5, math.nan),
    Estimate(0.5, math.inf),
]


@pytest.mark.parametrize("loss", NO_ERROR)
def test_standard_errors_need_errors(loss):
    what = "a single shot has none" if isinstance(loss, Estimate) else "return qnlr.Estimate"
    message = f"needs a loss with a standard error.*{what}.*AnyIncrease"
    for arguments in ((loss, Estimate(0.6, 0.1)), (Estimate(0.4, 0.1), loss)):
        with pytest.raises(InputError, match=message):
            StandardErrors()(*arguments)


@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf, "2", None])
def test_bad_thresholds_are_refused(value):
    with pytest.raises(InputError, match=r"^tau = "):
        Tolerance(value)
    with pytest.raises(InputError, match=r"^z = "):
        StandardErrors(value)


def test_every_trigger_has_a_name_and_defaults():
    assert {type(trigger()) for trigger in TRIGGERS.values()} == {
        AnyIncrease,
        Tolerance,
        StandardErrors,
    }
    assert Tolerance().tau == 0.1
    assert StandardErrors().z == 2.0
