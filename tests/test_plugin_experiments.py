"""The scripts that a newcomer copies run, on a small scale, and say what they should."""

import runpy
from pathlib import Path

import numpy as np
import pytest

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
SCRIPTS = ["plugin_vqc", "plugin_estimator_qnn", "plugin_vqe", "plugin_torch"]


def run(name, **sizes):
    return runpy.run_path(str(EXPERIMENTS / f"{name}.py"))["main"](**sizes)


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_is_short_enough_to_be_copied(name):
    lines = (EXPERIMENTS / f"{name}.py").read_text().splitlines()
    assert sum(bool(line.strip()) for line in lines) < 40


@pytest.mark.slow
def test_vqc():
    table = run("plugin_vqc", steps=20, samples=60, shots=500).set_index("optimizer")
    assert [*table.index] == ["NLR", "NLR, Adam's direction", "ADAM", "COBYLA"]
    assert np.all(table.loss < np.log2(3))  # what guessing costs
    assert table.accuracy["NLR, Adam's direction"] > 0.5
    # A gradient is 24 shifts of every sample, and the probe is the loss of the next step.
    assert table.circuits["ADAM"] == 60 * (20 * 25 + 1)
    assert 60 * (20 * 25 + 1) <= table.circuits["NLR"] <= 60 * (20 * 26 + 1)
    assert np.all(table.seconds > 0)


@pytest.mark.slow
def test_estimator_qnn():
    table = run("plugin_estimator_qnn", steps=20, samples=40, shots=100)
    assert [*table.optimizer] == ["SGD", "NLR, any increase", "NLR, two standard errors"]
    assert np.all(table.error > 0)
    sgd, any_increase, measured = table.flips
    assert sgd == 0
    assert 0 <= measured < any_increase
    assert table.accuracy.between(0.5, 1.0).all()


@pytest.mark.slow
def test_vqe():
    table = run("plugin_vqe", steps=60, starts=2)
    assert len(table) == 6
    np.testing.assert_allclose(table.exact, -1.857275, atol=1e-6)
    assert np.all(table.energy >= table.exact - 1e-12)
    assert [*table.energies] == [121, 61, 61] * 2  # with the last point's
    assert [*table.gradients] == [60, 60, 0] * 2
    found = table.groupby("optimizer").energy.max() - table.exact[0]
    assert found["NLR"] < 1.6e-3  # chemical accuracy
    exact_losses_never_trigger = table.pivot(index="start", columns="optimizer", values="energy")
    np.testing.assert_array_equal(
        exact_losses_never_trigger["NLR"], exact_losses_never_trigger["SGD"]
    )


@pytest.mark.slow
def test_torch():
    table = run("plugin_torch", epochs=3, samples=100)
    assert [*table.epoch] == [0, 1, 2]
    assert table.loss.is_monotonic_decreasing
    assert table.loss[2] < 0.6 < np.log(2)
    assert table.accuracy[2] > 0.85
