"""Objective, against the three objectives of qiskit-machine-learning, and by repeating."""

import numpy as np
import pytest
from qiskit.circuit.library import real_amplitudes, z_feature_map
from qiskit.quantum_info import SparsePauliOp
from qiskit_machine_learning.algorithms.objective_functions import (
    BinaryObjectiveFunction,
    MultiClassObjectiveFunction,
    ObjectiveFunction,
    OneHotObjectiveFunction,
)
from qiskit_machine_learning.neural_networks import EstimatorQNN, SamplerQNN
from qiskit_machine_learning.primitives import QMLEstimator, QMLSampler
from qiskit_machine_learning.utils.loss_functions import CrossEntropyLoss, L1Loss, L2Loss, Loss

from qnlr import BatchedEstimator, BatchedSampler, Estimate
from qnlr.errors import InputError
from qnlr.models.networks import MeasuredEstimatorQNN, MeasuredSamplerQNN
from qnlr.models.objective import Objective
from qnlr.simulator.gradients import BatchedEstimatorGradient, BatchedSamplerGradient

LOSSES = {"L1": L1Loss(), "L2": L2Loss(), "cross entropy": CrossEntropyLoss()}
X = np.random.default_rng(1).uniform(-0.5, 0.5, (5, 2))
WEIGHTS = np.array([0.3, -0.2, 0.4, 0.1])
SIGNS, CLASSES = np.array([1, -1, 1, 1, -1]), np.array([0, 1, 2, 1, 0])
ONE_HOT = np.eye(3)[CLASSES]
TARGETS = np.array([0.1, 0.7, -0.3, 0.2, 0.9])


def circuit():
    features, ansatz = z_feature_map(2, reps=1), real_amplitudes(2, reps=1)
    return {
        "circuit": features.compose(ansatz),
        "input_params": features.parameters,
        "weight_params": ansatz.parameters,
    }


def estimator(precision=0.0, seed=0, observables=None):
    own = BatchedEstimator(seed=seed)
    return MeasuredEstimatorQNN(
        **circuit(),
        observables=observables,
        estimator=own,
        gradient=BatchedEstimatorGradient(own),
        default_precision=precision,
    )


def sampler(shots=None, seed=0, outputs=3):
    own = BatchedSampler(default_shots=shots, seed=seed)
    return MeasuredSamplerQNN(
        **circuit(),
        interpret=lambda x: x % outputs,
        output_shape=outputs,
        sampler=own,
        gradient=BatchedSamplerGradient(own),
    )


def original_estimator(observables=None):
    return EstimatorQNN(
        **circuit(), observables=observables, estimator=QMLEstimator(), default_precision=0.0
    )


def original_sampler():
    return SamplerQNN(**circuit(), interpret=lambda x: x % 3, output_shape=3, sampler=QMLSampler())


POSITIVE = np.array([-1.4, 0.1, 0.1, -1.3])
"""Weights where all expectation values are well above 0, so that they have a logarithm."""
CASES = {
    "signs": (BinaryObjectiveFunction, estimator, original_estimator, SIGNS),
    "targets": (BinaryObjectiveFunction, estimator, original_estimator, TARGETS),
    "a column of targets": (
        BinaryObjectiveFunction,
        estimator,
        original_estimator,
        TARGETS[:, None],
    ),
    "one-hot": (OneHotObjectiveFunction, sampler, original_sampler, ONE_HOT),
    "classes": (MultiClassObjectiveFunction, sampler, original_sampler, CLASSES),
}


def pairs(cases):
    """Every kind of labels with every loss; integer ones have no cross-entropy in the original."""
    return [
        (case, loss)
        for case in cases
        for loss in LOSSES
        if (case, loss) != ("classes", "cross entropy")
    ]


@pytest.mark.parametrize(("case", "loss"), pairs(CASES))
def test_value_and_gradient_are_those_of_the_original(case, loss):
    kind, network, original, y = CASES[case]
    function = kind(X, y, original(), LOSSES[loss])
    for one in (
        Objective.of(kind(X, y, network(), LOSSES[loss])),
        Objective.of(function),  # a network that measures nothing of its own
    ):
        assert len(one) == 5
        value = one.objective(WEIGHTS)
        assert isinstance(value, Estimate)
        assert value.std == 0
        assert value == pytest.approx(function.objective(WEIGHTS), abs=1e-10)
        found = one.gradient(WEIGHTS)
        assert found.shape == WEIGHTS.shape
        np.testing.assert_allclose(found, function.gradient(WEIGHTS).ravel(), rtol=0, atol=1e-10)


def test_several_observables_are_one_output_each():
    observables = [SparsePauliOp("IZ"), SparsePauliOp("ZI"), SparsePauliOp("XX")]
    function = OneHotObjectiveFunction(X, ONE_HOT, original_estimator(observables), L2Loss())
    one = Objective(estimator(observables=observables), X, ONE_HOT, L2Loss())
    assert one.objective(WEIGHTS) == pytest.approx(function.objective(WEIGHTS))
    np.testing.assert_allclose(one.gradient(WEIGHTS), function.gradient(WEIGHTS), atol=1e-10)


NOISY = {
    "signs": (lambda seed: estimator(0.05, seed), SIGNS, False),
    "one-hot": (lambda seed: sampler(400, seed), ONE_HOT, False),
    "classes": (lambda seed: sampler(400, seed), CLASSES, True),
}
REPEATS = 400


@pytest.mark.parametrize(("case", "loss"), pairs(NOISY))
def test_standard_errors_are_the_spread_of_repeated_measurements(case, loss):
    network, y, by_class = NOISY[case]
    weights = WEIGHTS
    if (case, loss) == ("signs", "cross entropy"):
        y, weights = np.abs(y), POSITIVE
    made = network(3)
    losses = [
        Objective(made, X, y, LOSSES[loss], by_class).objective(weights) for _ in range(REPEATS)
    ]
    spread, told = np.std(losses, ddof=1), np.array([one.std for one in losses])
    assert told.min() > 0
    # The spread of 400 values is itself known to 3.5 %; losses are linear to about 2 % here.
    assert told.mean() == pytest.approx(spread, rel=0.15)
    exact = Objective(
        sampler() if case != "signs" else estimator(), X, y, LOSSES[loss], by_class
    ).objective(weights)
    bias = abs(np.mean(losses) - exact)
    curvature = 5 * 0.0025 if loss != "L1" else 0.0  # of a second derivative of at most 10 or so
    assert bias < 5 * spread / REPEATS**0.5 + curvature


def test_the_logarithm_that_is_clipped_has_no_error_of_its_own():
    """At outputs below 0 the loss is constant: −log 1e-10."""
    one = Objective(estimator(0.05), X, np.abs(SIGNS), CrossEntropyLoss())
    there = np.array([np.pi, 0.0, 0.0, 0.0])
    values = one.network.measure(X, there).values
    assert (values < 0).any()
    loss = one.objective(there)
    assert loss.std < 1.0


def test_a_loss_is_measured_whenever_it_is_asked_for_and_a_gradient_makes_use_of_it():
    network = estimator(0.1)
    one = Objective(network, X, SIGNS, L2Loss())
    first = one.objective(WEIGHTS)
    jobs = network.cost.jobs
    one.gradient(WEIGHTS)
    assert network.cost.jobs == jobs + 1  # the backward pass alone
    assert one.objective(WEIGHTS + 1e-9) != first
    assert one.objective(WEIGHTS) != first
    assert network.cost.jobs == jobs + 3
    one.gradient(WEIGHTS + 1.0)
    assert network.cost.jobs == jobs + 5
    trapped = BinaryObjectiveFunction(X, SIGNS, network, L2Loss())
    assert trapped.objective(WEIGHTS) == trapped.objective(WEIGHTS + 1e-9)


def test_weights_changed_in_place_are_other_weights():
    one, weights = Objective(estimator(), X, SIGNS, L2Loss()), WEIGHTS.copy()
    first = one.objective(weights)
    weights += 0.3
    assert one.objective(weights) != first


def test_the_gradient_of_a_class_loss_needs_no_forward_pass():
    network = sampler(100)
    Objective(network, X, CLASSES, L2Loss(), by_class=True).gradient(WEIGHTS)
    assert network.cost.jobs == 1


def test_taking_samples():
    one = Objective(sampler(), X, CLASSES, L2Loss(), by_class=True)
    whole = one.objective(WEIGHTS)
    parts = [one.take(rows) for rows in (np.array([0, 3]), np.array([1, 2, 4]))]
    assert [len(part) for part in parts] == [2, 3]
    values = [part.objective(WEIGHTS) for part in parts]
    assert (2 * values[0] + 3 * values[1]) / 5 == pytest.approx(whole)
    gradients = [part.gradient(WEIGHTS) for part in parts]
    np.testing.assert_allclose(
        (2 * gradients[0] + 3 * gradients[1]) / 5, one.gradient(WEIGHTS), atol=1e-12
    )
    assert one.take(np.array([2, 2])).objective(WEIGHTS) == pytest.approx(
        one.take(np.array([2])).objective(WEIGHTS)
    )


class Cubic(Loss):
    """A loss that this package does not know: the slope is what it calls its gradient."""

    def evaluate(self, predict, target):
        return np.abs(predict - target).sum(axis=1) ** 3

    def gradient(self, predict, target):
        return 3 * (predict - target) * np.abs(predict - target)


def test_a_loss_of_one_s_own():
    one = Objective(estimator(0.02, seed=4), X, SIGNS, Cubic())
    losses = []
    for _ in range(300):
        one._last = None
        losses.append(one.objective(WEIGHTS))
    told = np.mean([loss.std for loss in losses])
    assert told == pytest.approx(np.std(losses), rel=0.2)


def test_one_shot_tells_no_error():
    loss = Objective(sampler(1), X, ONE_HOT, L2Loss()).objective(WEIGHTS)
    assert np.isnan(loss.std)
    assert np.isfinite(loss)


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (X, SIGNS[:3], "5 samples and 3 targets"),
        (X[:0], SIGNS[:0], "0 samples and 0 targets"),
        (X, ONE_HOT, r"targets have shape \(5, 3\), the outputs \(5, 1\)"),
    ],
)
def test_what_does_not_fit_is_said(x, y, said):
    with pytest.raises(InputError, match=said):
        Objective(estimator(), x, y, L2Loss()).objective(WEIGHTS)


def test_a_class_loss_that_does_not_exist_is_said():
    one = Objective(sampler(), X, CLASSES, CrossEntropyLoss(), by_class=True)
    for ask in (one.objective, one.gradient):
        with pytest.raises(InputError, match="CrossEntropyLoss has no loss for each of 5 integer"):
            ask(WEIGHTS)


class Unknown(BinaryObjectiveFunction):
    """An objective that may be anything."""


def test_an_unknown_objective_is_refused():
    for kind in (Unknown, ObjectiveFunction):
        with pytest.raises(InputError, match="must be one of BinaryObjectiveFunction"):
            Objective.of(kind(X, SIGNS, estimator(), L2Loss()))
