import copy
import math
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.errors import InputError
from qnlr.types import Cost, Estimate, Expectations, Jacobian, NoiseLevel

FINITE = st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(0, 10**9)


@given(FINITE, st.floats(0, 1e9))
def test_an_estimate_is_the_float_and_keeps_its_error(value, std):
    estimate = Estimate(value, std)
    assert isinstance(estimate, float)
    assert estimate == value
    assert estimate.std == std
    assert repr(estimate) == f"Estimate({value!r}, std={std!r})"


def test_an_estimate_without_an_error_is_exact():
    assert Estimate(0.5).std == 0.0


def test_arithmetic_gives_plain_floats():
    total = Estimate(0.5, 0.1) + Estimate(0.25, 0.1)
    assert total == 0.75
    assert type(total) is float


@pytest.mark.parametrize(
    "duplicate",
    [
        copy.copy,
        copy.deepcopy,
        *(
            lambda estimate, protocol=protocol: pickle.loads(pickle.dumps(estimate, protocol))
            for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)
def test_copies_keep_the_error(duplicate):
    twin = duplicate(Estimate(0.5, 0.02))
    assert type(twin) is Estimate
    assert (twin, twin.std) == (0.5, 0.02)


def test_the_error_is_a_plain_float():
    assert type(Estimate(0.5, np.float64(0.1)).std) is float
    assert type(Estimate(0.5, 1).std) is float


@given(st.floats(0, 1), st.integers(1, 10_000))
def test_the_noise_scaling_lies_in_0_to_1(rate, layers):
    scaling = NoiseLevel(rate, layers).scaling
    assert 0 < scaling <= 1
    assert math.isclose(scaling * (1 + rate * layers), 1, rel_tol=1e-12)


@given(st.floats(0, 1), st.integers(1, 1000))
def test_more_noise_or_depth_never_scales_less(rate, layers):
    here = NoiseLevel(rate, layers).scaling
    assert NoiseLevel(rate, layers + 1).scaling <= here
    assert NoiseLevel(min(1.0, rate + 0.1), layers).scaling <= here


def test_no_noise_is_no_scaling():
    assert NoiseLevel(0.0, 7).scaling == 1.0


@pytest.mark.parametrize("rate", [-0.01, 1.01, math.nan, math.inf, "0.1", None])
def test_a_noise_rate_outside_0_to_1_is_refused(rate):
    with pytest.raises(InputError, match=r"noise rate ν = .* must lie in \[0, 1\]"):
        NoiseLevel(rate, 5)


@pytest.mark.parametrize("layers", [0, -1, 2.5, math.nan, math.inf, None])
def test_layers_are_a_positive_count(layers):
    with pytest.raises(InputError, match=r"layers L = .* integer of at least 1"):
        NoiseLevel(0.1, layers)


@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_costs_add_up(a, b, c, d, e, f):
    assert Cost(a, b, c) + Cost(d, e, f) == Cost(a + d, b + e, c + f)
    assert Cost(a, b, c) + Cost() == Cost(a, b, c)


def test_costs_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Cost(1, 2, 3).shots = 0


def test_measurements_cost_nothing_unless_told():
    zeros = np.zeros(2)
    assert Expectations(zeros, zeros).cost == Cost(0, 0, 0)
    assert Jacobian(zeros, zeros, zeros, zeros).cost == Cost(0, 0, 0)
