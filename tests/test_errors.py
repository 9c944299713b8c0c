import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.errors import (
    CheckpointError,
    InputError,
    QnlrError,
    nearest,
    require_count,
    require_positive,
    require_within,
    unknown_name,
)


def test_input_errors_are_value_errors_too():
    assert issubclass(InputError, QnlrError)
    assert issubclass(InputError, ValueError)
    assert issubclass(CheckpointError, QnlrError)
    assert not issubclass(CheckpointError, ValueError)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("learning_rat", "learning_rate"), ("shot", "shots"), ("zzz", None), ("", None)],
)
def test_nearest(name, expected):
    assert nearest(name, iter(["shots", "learning_rate"])) == expected


def test_unknown_name_lists_the_valid_names_in_order():
    error = unknown_name("optimizer", "adm", iter(["sgd", "nlr", "adam"]))
    assert isinstance(error, InputError)
    assert str(error) == (
        'optimizer "adm" is not known; did you mean "adam"? valid: adam, nlr, sgd'
    )


def test_unknown_name_does_not_guess_wildly():
    message = str(unknown_name("trigger", "qqqq", ["any_increase"]))
    assert message == 'trigger "qqqq" is not known; valid: any_increase'


@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf, -math.inf, "1", None, [1.0], 1j])
def test_require_positive_refuses(value):
    with pytest.raises(InputError, match=r"^rate = .* is not valid; it must be a finite number"):
        require_positive("rate", value)


@given(st.floats(min_value=0, exclude_min=True, allow_infinity=False))
def test_require_positive_returns_the_value(value):
    assert require_positive("rate", value) == value


def test_require_positive_returns_a_float():
    assert type(require_positive("rate", 2)) is float


@pytest.mark.parametrize("value", [-1e-300, 1.0000001, math.nan, math.inf, "0.5", None])
def test_require_within_refuses(value):
    with pytest.raises(InputError, match=r"^share = .* is not valid; it must lie in \[0, 1\]$"):
        require_within("share", value, 0.0, 1.0)


@pytest.mark.parametrize("value", [0, 1, 0.0, 1.0, 0.5])
def test_require_within_includes_its_ends(value):
    found = require_within("share", value, 0.0, 1.0)
    assert found == value
    assert type(found) is float


@pytest.mark.parametrize("value", [0, -3, 1.5, math.nan, math.inf, "two", None, True, [1]])
def test_require_count_refuses(value):
    with pytest.raises(InputError, match=r"^shots = .*must be an integer of at least 1$"):
        require_count("shots", value)


@pytest.mark.parametrize(("value", "low"), [(1, 1), (1000, 1), (0, 0), (4.0, 2)])
def test_require_count_returns_an_int(value, low):
    found = require_count("shots", value, low)
    assert found == value
    assert type(found) is int


def test_require_count_names_its_own_lower_end():
    with pytest.raises(InputError, match=r"qubits = 1 .* at least 2$"):
        require_count("qubits", 1, low=2)


def test_a_count_written_as_text_is_refused():
    with pytest.raises(InputError, match=r"^shots = '3' is not valid"):
        require_count("shots", "3")


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64])
def test_numpy_numbers_are_numbers(kind):
    assert require_positive("rate", kind(2)) == 2.0
    assert require_within("share", kind(1), 0.0, 1.0) == 1.0
    assert require_count("shots", kind(3)) == 3
