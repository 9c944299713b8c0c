"""What every optimizer shares: ask and tell, counters, records, state."""

import math

import numpy as np
import pytest
from qiskit_machine_learning.optimizers import (
    AskData,
    OptimizerSupportLevel,
    SteppableOptimizer,
    TellData,
)

from qnlr.errors import InputError
from qnlr.optimizers import (
    COBYLA,
    NLR,
    SGD,
    SPSA,
    Adam,
    AnyIncrease,
    Constant,
    NegativeRate,
    Plain,
    Ratio,
    Reversal,
    SignedRateOptimizer,
)
from qnlr.types import Estimate


def parabola(x):
    return float(x @ x)


def slope(x):
    return 2 * x


def test_nlr_asks_twice_a_step():
    optimizer = NLR(0.1)
    optimizer.start(None, [1.0, -2.0])
    first = optimizer.ask()
    np.testing.assert_array_equal(first.x_fun, [1.0, -2.0])
    np.testing.assert_array_equal(first.x_jac, [1.0, -2.0])
    optimizer.tell(first, TellData(eval_fun=5.0, eval_jac=np.array([2.0, -4.0])))
    assert optimizer.state.nit == 0
    np.testing.assert_array_equal(optimizer.state.x, [1.0, -2.0])
    second = optimizer.ask()
    assert second.x_jac is None
    np.testing.assert_allclose(second.x_fun, [0.8, -1.6], rtol=1e-15)
    optimizer.tell(second, TellData(eval_fun=3.2))
    assert optimizer.state.nit == 1
    np.testing.assert_array_equal(optimizer.state.x, second.x_fun)
    np.testing.assert_array_equal(optimizer.ask().x_jac, second.x_fun)


def test_a_baseline_asks_once_a_step():
    optimizer = SGD(0.25)
    optimizer.start(None, [1.0])
    optimizer.tell(optimizer.ask(), TellData(eval_fun=1.0, eval_jac=[2.0]))
    assert optimizer.state.nit == 1
    np.testing.assert_array_equal(optimizer.state.x, [0.5])


def test_asking_changes_nothing():
    optimizer = NLR(0.1)
    optimizer.start(None, [1.0])
    for _ in range(3):
        np.testing.assert_array_equal(optimizer.ask().x_jac, [1.0])
    optimizer.tell(optimizer.ask(), TellData(eval_fun=1.0, eval_jac=[2.0]))
    for _ in range(3):
        np.testing.assert_array_equal(optimizer.ask().x_fun, [0.8])


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_a_loss_in_an_array_of_one_is_taken(shape):
    optimizer = NLR(0.1, maxiter=2)
    result = optimizer.minimize(lambda x: np.full(shape, x @ x), [1.0], slope)
    assert type(result.fun) is float
    np.testing.assert_allclose(result.x, [0.64], rtol=1e-14)


@pytest.mark.parametrize("cast", [int, np.float32, np.array, np.int64])
def test_the_loss_may_be_any_number_without_a_gradient(cast):
    result = SGD(0.5, maxiter=1, perturbation=1.0).minimize(lambda x: cast(3 * x[0]), [4.0])
    np.testing.assert_allclose(result.x, [2.5], rtol=1e-12)


def test_a_missing_loss_is_an_error():
    optimizer = NLR(0.1)
    optimizer.start(None, [1.0])
    with pytest.raises(InputError, match="asked for a loss"):
        optimizer.tell(optimizer.ask(), TellData(eval_jac=[2.0]))
    optimizer.tell(optimizer.ask(), TellData(eval_fun=1.0, eval_jac=[2.0]))
    with pytest.raises(InputError, match="asked for a loss"):
        optimizer.tell(optimizer.ask(), TellData())
    assert optimizer.state.nit == 0


@pytest.mark.parametrize("size", [1, 2])
def test_a_missing_gradient_is_an_error(size):
    optimizer = SGD(0.1)
    optimizer.start(None, np.ones(size))
    with pytest.raises(InputError, match="gradient"):
        optimizer.tell(optimizer.ask(), TellData(eval_fun=1.0))


def test_a_gradient_of_another_size_is_an_error():
    optimizer = Adam(0.1)
    optimizer.start(None, [1.0, 2.0])
    with pytest.raises(InputError, match=r"gradient has shape \(3,\), the weights \(2,\)"):
        optimizer.tell(optimizer.ask(), TellData(eval_fun=1.0, eval_jac=np.ones(3)))


def test_evaluating_needs_an_objective():
    optimizer = SGD()
    optimizer.start(None, [1.0])
    with pytest.raises(InputError, match="started without an objective"):
        optimizer.step()
    assert optimizer.create_result().fun is None


def test_a_single_number_is_a_start_point():
    result = SGD(0.25, maxiter=1).minimize(parabola, 2, slope)
    np.testing.assert_array_equal(result.x, [1.0])


def test_the_last_point_is_returned_and_the_best_beside_it():
    result = SGD(1.5, maxiter=3).minimize(parabola, [1.0], slope)  # x → −2x
    np.testing.assert_array_equal(result.x, [-8.0])
    assert result.fun == 64.0
    np.testing.assert_array_equal(result.x_best, [1.0])
    assert result.fun_best == 1.0


def test_a_good_probe_can_be_the_best_point():
    optimizer = NLR(0.25, maxiter=1)
    result = optimizer.minimize(parabola, [1.0], slope)
    np.testing.assert_array_equal(result.x_best, [0.5])
    assert result.fun_best == 0.25


def test_the_final_loss_is_read_anew():
    readings = iter([Estimate(1.0, 0.1), Estimate(0.5, 0.2), Estimate(0.9, 0.3)])
    result = NLR(0.25, maxiter=1).minimize(lambda x: next(readings), [1.0], slope)
    assert (result.fun, result.fun.std) == (0.9, 0.3)
    assert (result.fun_best, result.fun_best.std) == (0.5, 0.2)


def test_records_say_what_happened():
    records = []
    nlr = NLR(1.1, 0.5, maxiter=1, callback=records.append)
    nlr.minimize(lambda x: Estimate(x @ x, 0.1), [3.0, 4.0], slope)
    (record,) = records
    assert (record.step, record.loss, record.loss.std) == (0, 25.0, 0.1)
    np.testing.assert_allclose(record.probe_loss, 25 * 1.2**2, rtol=1e-12)
    assert record.probe_loss.std == 0.1
    assert (record.gradient_norm, record.rate, record.flipped) == (10.0, -0.5, True)
    np.testing.assert_array_equal(record.parameters, [3.0, 4.0])
    np.testing.assert_array_equal(record.next_parameters, [6.0, 8.0])
    assert nlr.state.record is record


def test_the_parts_can_be_combined_by_hand():
    twin = SignedRateOptimizer(Plain(), NegativeRate(1.1, 0.5), maxiter=3)
    recipe = NLR(1.1, 0.5, maxiter=3)
    np.testing.assert_array_equal(
        twin.minimize(parabola, [1.0], slope).x, recipe.minimize(parabola, [1.0], slope).x
    )
    assert twin.settings == {
        "direction": Plain(),
        "rate": NegativeRate(1.1, 0.5),
        "corrective": Reversal(),
        "average": None,
        "maxiter": 3,
        "callback": None,
        "seed": None,
        "perturbation": 0.01,
    }


def test_what_is_supported():
    optimizer = SignedRateOptimizer(Plain(), Constant(0.1))
    assert isinstance(optimizer, SteppableOptimizer)
    assert isinstance(NLR().get_support_level(), dict)
    assert optimizer.is_gradient_supported
    assert optimizer.is_initial_point_required
    assert optimizer.get_support_level()["bounds"] == OptimizerSupportLevel.ignored


def test_a_nan_loss_is_never_the_best():
    optimizer = NLR(0.1)
    optimizer.start(None, [1.0])
    optimizer.tell(AskData(), TellData(eval_fun=math.nan, eval_jac=[1.0]))
    optimizer.tell(AskData(), TellData(eval_fun=2.0))
    assert optimizer.state.fun_best == 2.0
    np.testing.assert_array_equal(optimizer.state.x_best, [0.9])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"trigger": AnyIncrease}, "trigger = AnyIncrease is not valid"),
        ({"trigger": "any_increase"}, "trigger = 'any_increase' is not valid"),
        ({"corrective": Reversal}, "corrective = Reversal is not valid"),
        ({"direction": "adam"}, "direction = 'adam' is not valid"),
        ({"negative_rate": Ratio}, "negative_rate = .* is not valid"),
        ({"negative_rate": [1]}, "negative_rate = .* is not valid"),
        ({"noise_level": 0.01}, "noise_level = 0.01 is not valid"),
        ({"seed": -1}, "seed = -1 is not valid"),
    ],
)
def test_what_is_no_part_is_refused_when_it_is_given(settings, words):
    with pytest.raises(InputError, match=words):
        NLR(0.1, **settings)


@pytest.mark.parametrize("x0", [[math.nan], [math.inf, 0.0], "here", [[1.0]], None])
@pytest.mark.parametrize("optimizer", [NLR, SPSA, COBYLA])
def test_a_start_that_is_no_list_of_finite_numbers_is_refused(optimizer, x0):
    with pytest.raises(InputError, match="x0 = "):
        optimizer().minimize(lambda x: float(x @ x), x0)
