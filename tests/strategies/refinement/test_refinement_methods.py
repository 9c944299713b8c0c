"""Methods differ in what they say they differ in, and in nothing else."""

import numpy as np
import pytest

from qnlr.rng import stream
from qnlr.strategies.refinement.benchmarks import curve, mnist
from qnlr.strategies.refinement.convex import ridge_start
from qnlr.strategies.refinement.methods import METHODS, PLAIN, TWO_STAGE, Training, trained
from qnlr.strategies.refinement.schedule import Refinement

SHORT = Training(steps=30, every=1, refinement=Refinement(switch="steps", most_steps=10))


def test_plain_training_is_descent_of_the_loss_on_the_batches():
    task = curve()
    weights = task.network.initial(stream("init", 5, {"task": "curve"}))
    batches = iter(task.batches(30, 5))
    losses = [task.network.value(weights, task.inputs, task.targets)]
    for rows in batches:
        x, y = task.inputs[rows], task.targets[rows]
        weights = weights - 0.01 * task.network.slope(weights, x, y).gradient
        losses.append(task.network.value(weights, task.inputs, task.targets))
    found = trained(task, METHODS[PLAIN], "sgd", 0.01, 5, SHORT)
    np.testing.assert_allclose(found.training, losses, rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_methods_start_alike_but_for_the_ridge(method):
    task = curve()
    start = task.network.initial(stream("init", 0, {"task": "curve"}))
    if METHODS[method].ridge:
        start = ridge_start(task.network, start, task.inputs, task.targets)
    found = trained(task, METHODS[method], "adam", 0.01, 0, SHORT)
    assert found.training[0] == task.network.value(start, task.inputs, task.targets)
    assert found.stage_1 == (10 if METHODS[method].stage_1 else 0)
    assert np.isfinite(found.validation).all()


def test_without_oscillation_and_surrogate_stage_2_is_plain_training():
    still = Refinement(convex_weight=0.0, oscillation_weight=0.0)
    settings = Training(steps=20, every=20, refinement=still)
    task = curve()
    blend = trained(task, METHODS["stage 2 alone"], "adam", 0.01, 0, settings)
    plain = trained(task, METHODS[PLAIN], "adam", 0.01, 0, settings)
    np.testing.assert_allclose(blend.training, plain.training, rtol=1e-10)


def test_above_skips_stage_1_and_below_stays_in_it():
    task, ends = curve(), {}
    for switch in ("above", "below"):
        refinement = Refinement(switch=switch, threshold=1e-6, most_steps=10)
        settings = Training(steps=20, every=20, refinement=refinement)
        ends[switch] = trained(task, METHODS[TWO_STAGE], "sgd", 0.01, 0, settings).stage_1
    assert ends == {"above": 0, "below": 10}


def test_stage_1_moves_the_last_layer_alone():
    """On classes the surrogate lowers the squared distance, and leaves the hidden layer."""
    task = mnist(0, "digits")
    whole = Training(steps=20, every=20, refinement=Refinement(switch="steps", most_steps=20))
    found = trained(task, METHODS[TWO_STAGE], "sgd", 0.1, 0, whole)
    weights = task.network.initial(stream("init", 0, {"task": "mnist"}))
    last = task.network.last
    for rows in task.batches(20, 0):
        hidden = task.network.activations(weights, task.inputs[rows])[-2]
        design = np.column_stack([hidden, np.ones(len(hidden))])
        matrix = weights[last].reshape(-1, 10)
        slope = 2 * design.T @ (design @ matrix - task.targets[rows]) / task.targets[rows].size
        slope[:-1] += 2e-4 * matrix[:-1]
        weights[last] -= 0.1 * slope.ravel()
    assert found.training[-1] == pytest.approx(
        task.network.value(weights, task.inputs, task.targets)
    )


def test_a_run_that_diverges_ends_at_infinity():
    found = trained(curve(), METHODS[PLAIN], "sgd", 1e6, 0, Training(steps=200, every=100))
    assert np.isinf(found.training[-1])


def test_nlr_is_sgd_where_no_probe_fails():
    task = curve()
    nlr = trained(task, METHODS[TWO_STAGE], "nlr", 1e-4, 0, SHORT)
    sgd = trained(task, METHODS[TWO_STAGE], "sgd", 1e-4, 0, SHORT)
    np.testing.assert_allclose(nlr.training, sgd.training)
