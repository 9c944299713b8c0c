"""NLR as the optimizer of qiskit-machine-learning's own classifiers, with nothing else changed."""

import numpy as np
import pytest
from qiskit.circuit.library import real_amplitudes, z_feature_map
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit_machine_learning.algorithms import VQC, NeuralNetworkClassifier
from qiskit_machine_learning.gradients import ParamShiftEstimatorGradient
from qiskit_machine_learning.neural_networks import EstimatorQNN

from qnlr.errors import InputError
from qnlr.optimizers import COBYLA, NLR, SPSA, AnyIncrease

SAMPLES = np.array([[0.2, 0.4], [0.3, 0.1], [1.4, 1.6], [1.5, 1.3]])
START = np.array([0.4, -0.3, 0.2, 0.5])


def estimator_classifier(optimizer, callback=None):
    features, ansatz = z_feature_map(2, reps=1), real_amplitudes(2, reps=1)
    estimator = StatevectorEstimator(seed=1)
    network = EstimatorQNN(
        circuit=features.compose(ansatz),
        input_params=features.parameters,
        weight_params=ansatz.parameters,
        estimator=estimator,
        gradient=ParamShiftEstimatorGradient(estimator),
        default_precision=0.0,
    )
    return NeuralNetworkClassifier(
        network, optimizer=optimizer, initial_point=START, callback=callback
    )


def sampler_classifier(optimizer, callback=None):
    return VQC(
        feature_map=z_feature_map(2, reps=1),
        ansatz=real_amplitudes(2, reps=1),
        optimizer=optimizer,
        initial_point=START,
        callback=callback,
        sampler=StatevectorSampler(seed=1, default_shots=200),
    )


CLASSIFIERS = {
    "NeuralNetworkClassifier": (estimator_classifier, np.array([1, 1, -1, -1])),
    "VQC": (sampler_classifier, np.array([0, 0, 1, 1])),
}


@pytest.fixture(params=CLASSIFIERS)
def classifier(request):
    return CLASSIFIERS[request.param]


def test_it_trains_and_a_callback_on_the_optimizer_survives(classifier):
    build, labels = classifier
    records = []
    model = build(NLR(learning_rate=0.2, maxiter=4, callback=records.append))
    model.fit(SAMPLES, labels)
    assert [record.step for record in records] == [0, 1, 2, 3]
    np.testing.assert_array_equal(records[0].parameters, START)
    np.testing.assert_array_equal(records[-1].next_parameters, model.weights)
    for record in records:
        assert record.rate == (-0.4 if record.probe_loss > record.loss else 0.2)
    assert model.fit_result.nit == 4
    assert model.fit_result.nfev == 4 * 2 + 1
    assert model.fit_result.njev == 4
    assert set(model.predict(SAMPLES).ravel()) <= set(labels)


def test_a_callback_given_to_the_model_is_called_with_weights_and_loss(classifier):
    build, labels = classifier
    seen, records = [], []
    optimizer = NLR(learning_rate=0.2, maxiter=3, callback=records.append)
    model = build(optimizer, callback=lambda weights, loss: seen.append((weights, loss)))
    model.fit(SAMPLES, labels)
    assert len(records) == 3
    assert len(seen) == 3
    for (weights, loss), record in zip(seen, records, strict=True):
        np.testing.assert_array_equal(weights, record.parameters)
        assert loss == record.loss


def test_exact_training_goes_down_and_equals_algorithm_1():
    records = []
    optimizer = NLR(0.2, 0.3, AnyIncrease(), maxiter=6, callback=records.append)
    model = estimator_classifier(optimizer)
    labels = np.array([1, 1, -1, -1])
    model.fit(SAMPLES, labels)

    network, weights = model.neural_network, START

    def loss(at):
        return np.mean((network.forward(SAMPLES, at)[:, 0] - labels) ** 2)

    for record in records:
        residuals = network.forward(SAMPLES, weights)[:, 0] - labels
        gradient = 2 * residuals @ network.backward(SAMPLES, weights)[1][:, 0] / len(labels)
        np.testing.assert_allclose(record.loss, np.mean(residuals**2), rtol=1e-10)
        probe = weights - 0.2 * gradient
        weights = weights + 0.3 * gradient if loss(probe) > record.loss else probe
        np.testing.assert_allclose(record.next_parameters, weights, rtol=1e-10)
    assert records[-1].loss < records[0].loss


def test_one_optimizer_serves_two_models_in_a_row():
    optimizer = NLR(0.2, maxiter=2)
    labels = np.array([1, 1, -1, -1])
    first = estimator_classifier(optimizer).fit(SAMPLES, labels)
    second = estimator_classifier(optimizer).fit(SAMPLES, labels)
    np.testing.assert_array_equal(first.weights, second.weights)
    assert second.fit_result.nit == 2


@pytest.mark.parametrize("form", [np.array, np.float32, complex, lambda value: np.array([value])])
@pytest.mark.parametrize("kind", [NLR, SPSA, COBYLA])
def test_a_loss_may_come_as_any_number(kind, form):
    def loss(x):
        return form(float(x @ x))

    result = kind(maxiter=2, seed=0).minimize(loss, [1.0, -2.0], lambda x: 2 * x)
    assert type(result.fun) is float
    assert result.fun == pytest.approx(result.x @ result.x)


def test_a_loss_that_is_not_real_is_refused():
    with pytest.raises(InputError, match=r"5\+1j.*must give a number"):
        NLR(maxiter=1).minimize(lambda x: x @ x + 1j, [1.0, -2.0], lambda x: 2 * x)
