"""The perceptron's losses and gradients agree with finite differences and with PyTorch."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from sklearn.neural_network import MLPClassifier

from qnlr.errors import InputError
from qnlr.optimizers import NLR, SGD, Adam
from qnlr.strategies.refinement.perceptron import Perceptron


def samples(network, count=7, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, network.widths[0]))
    if network.loss == "squared":
        return x, rng.normal(size=(count, network.widths[-1]))
    return x, np.eye(network.widths[-1])[rng.integers(network.widths[-1], size=count)]


@given(
    st.lists(st.integers(1, 4), min_size=3, max_size=5),
    st.sampled_from(["squared", "cross_entropy"]),
    st.integers(0, 1000),
)
@settings(max_examples=30, deadline=None)
def test_gradients_are_those_of_finite_differences(widths, loss, seed):
    network = Perceptron(tuple(widths), loss)
    x, y = samples(network, seed=seed)
    weights = np.random.default_rng(seed).normal(size=network.size)
    value, gradient = network.slope(weights, x, y)
    assert value == network.value(weights, x, y)
    numeric = approx_fprime(weights, lambda theta: network.value(theta, x, y), 1e-7)
    np.testing.assert_allclose(gradient, numeric, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("loss", ["squared", "cross_entropy"])
@pytest.mark.parametrize("widths", [(3, 5, 2), (2, 4, 3, 4)])
def test_losses_and_gradients_are_those_of_pytorch(widths, loss):
    network = Perceptron(widths, loss)
    x, y = samples(network)
    weights = np.random.default_rng(1).normal(size=network.size)
    value, gradient = network.slope(weights, x, y)
    tensors = [torch.tensor(part.copy(), requires_grad=True) for part in _parts(network, weights)]
    passed = torch.tensor(x)
    for at in range(0, len(tensors), 2):
        passed = passed @ tensors[at] + tensors[at + 1]
        passed = torch.tanh(passed) if at + 2 < len(tensors) else passed
    torch_loss = {"squared": torch.nn.MSELoss(), "cross_entropy": torch.nn.CrossEntropyLoss()}
    measured = torch_loss[loss](passed, torch.tensor(y))
    measured.backward()
    assert value == pytest.approx(measured.item())
    theirs = np.concatenate([tensor.grad.numpy().ravel() for tensor in tensors])
    np.testing.assert_allclose(gradient, theirs, atol=1e-12)


def _parts(network, weights):
    return [part for pair in network.layers(weights) for part in pair]


def test_outputs_are_those_of_scikit_learn():
    x = np.random.default_rng(0).normal(size=(40, 3))
    classes = np.arange(40) % 3
    model = MLPClassifier((5,), "tanh", solver="lbfgs", max_iter=15, tol=1e3).fit(x, classes)
    parts = [*model.coefs_, *model.intercepts_]
    weights = np.concatenate([parts[k].ravel() for k in (0, 2, 1, 3)])
    network = Perceptron((3, 5, 3), "cross_entropy")
    logits = network.activations(weights, x)[-1]
    np.testing.assert_allclose(torch.softmax(torch.tensor(logits), 1), model.predict_proba(x))


def test_initial_weights_are_xaviers():
    network = Perceptron((30, 50, 10))
    first, uniform = (
        network.layers(network.initial(np.random.default_rng(0), biases))
        for biases in ("zero", "uniform")
    )
    for (matrix, bias), (same, drawn) in zip(first, uniform, strict=True):
        theirs = torch.empty(matrix.shape[::-1])
        torch.nn.init.xavier_uniform_(theirs, gain=torch.nn.init.calculate_gain("tanh"))
        reach = float(theirs.abs().max())
        assert np.abs(matrix).max() == pytest.approx(reach, rel=0.02)
        assert not bias.any()
        assert (matrix == same).all()
        assert 0 < np.abs(drawn).max() <= len(matrix) ** -0.5


@pytest.mark.parametrize("optimizer", [SGD(0.1), Adam(0.02), NLR(0.1)])
def test_any_optimizer_trains_it(optimizer):
    network = Perceptron((1, 8, 1))
    x = np.linspace(-1, 1, 30)[:, None]
    start = network.initial(np.random.default_rng(0))
    found = optimizer.minimize(
        lambda theta: network.value(theta, x, x**3),
        start,
        lambda theta: network.slope(theta, x, x**3).gradient,
    )
    assert found.fun < network.value(start, x, x**3) / 5


@pytest.mark.parametrize("widths", [(3, 2), (3, 0, 2)])
def test_a_network_needs_a_hidden_layer_of_neurons(widths):
    with pytest.raises(InputError, match="width"):
        Perceptron(widths)


def test_what_does_not_fit_is_named():
    with pytest.raises(InputError, match="loss"):
        Perceptron((1, 2, 1), "hinge")
    with pytest.raises(InputError, match="7"):
        Perceptron((1, 2, 1)).layers(np.zeros(3))
    with pytest.raises(InputError, match="biases"):
        Perceptron((1, 2, 1)).initial(np.random.default_rng(0), "ones")
