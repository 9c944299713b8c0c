"""PyTorch's connector on this package's gradients."""

import numpy as np
import pytest
import torch
from qiskit.circuit.library import real_amplitudes, zz_feature_map
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import SparsePauliOp
from qiskit_machine_learning.connectors import TorchConnector
from qiskit_machine_learning.gradients import ParamShiftEstimatorGradient
from qiskit_machine_learning.neural_networks import EstimatorQNN, SamplerQNN
from torch import nn

from qnlr.circuits import hardware_efficient
from qnlr.models.accelerated import accelerate

BATCH = [[0.3, -0.4], [1.1, 0.2], [-0.7, 2.0]]


def parity(outcome):
    return outcome.bit_count() % 2


def parts(ansatz):
    features = zz_feature_map(2, reps=1)
    return {
        "circuit": features.compose(ansatz),
        "input_params": features.parameters,
        "weight_params": ansatz.parameters,
        "input_gradients": True,
    }


def estimator_network(ansatz):
    estimator = StatevectorEstimator()
    return EstimatorQNN(
        **parts(ansatz),
        estimator=estimator,
        observables=[SparsePauliOp("ZI"), SparsePauliOp(["XX", "IZ"], [0.5, 0.3])],
        gradient=ParamShiftEstimatorGradient(estimator),
        default_precision=0.0,
    )


def sampler_network(ansatz):
    return SamplerQNN(**parts(ansatz), interpret=parity, output_shape=2)  # its sampler is exact


NETWORKS = {
    f"{kind.__name__}-{name}": (kind, ansatz)
    for kind in (estimator_network, sampler_network)
    for name, ansatz in {
        "hardware_efficient": hardware_efficient(2, 1),
        "real_amplitudes": real_amplitudes(2, reps=1),
    }.items()
}


@pytest.fixture(params=NETWORKS)
def network(request):
    kind, ansatz = NETWORKS[request.param]
    return kind(ansatz)


@pytest.fixture
def weights(network):
    return np.linspace(0.3, 1.7, network.num_weights)


def passed(network, weights, batch):
    """Outputs of a layer, and the derivatives of a function of them by inputs and weights."""
    layer = TorchConnector(network, initial_weights=weights)
    inputs = torch.tensor(batch, requires_grad=True)
    outputs = layer(inputs)
    (outputs * torch.arange(1.0, 3.0)).sin().sum().backward()
    return outputs.detach(), inputs.grad, layer.weight.grad


@pytest.mark.parametrize("batch", [BATCH, BATCH[:1], BATCH[0]], ids=["(3, 2)", "(1, 2)", "(2,)"])
def test_passes_equal_those_of_the_network_itself(network, weights, batch):
    outputs, by_inputs, by_weights = passed(accelerate(network), weights, batch)
    assert outputs.shape == (*np.shape(batch)[:-1], 2)
    assert by_inputs.shape == np.shape(batch)
    expected = passed(network, weights, batch)
    for ours, theirs in zip((outputs, by_inputs, by_weights), expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=2e-6, rtol=1e-5)
    assert min(by_inputs.abs().max(), by_weights.abs().max()) > 0.01


def test_derivatives_are_those_of_finite_differences(network, weights):
    fast, step = accelerate(network), 1e-2

    def value(at):
        outputs = fast.forward(BATCH, at) * np.array([1.0, 2.0])
        return np.sin(outputs).sum()

    _, _, by_weights = passed(fast, weights, BATCH)
    ends = [(value(weights + d), value(weights - d)) for d in step * np.eye(weights.size)]
    expected = [(high - low) / (2 * step) for high, low in ends]
    np.testing.assert_allclose(by_weights, expected, atol=1e-3)


def test_shots_reach_the_backward_pass_too(network, weights):
    exact = passed(accelerate(network), weights, BATCH)
    few = passed(accelerate(network, shots=100, seed=0), weights, BATCH)
    for sampled, true in zip(few, exact, strict=True):
        assert not torch.equal(sampled, true)
        assert (sampled - true).abs().max() < 2.0
    again = passed(accelerate(network, shots=100, seed=0), weights, BATCH)
    assert all(torch.equal(one, other) for one, other in zip(few, again, strict=True))


def test_layers_before_and_behind_learn_with_it(network, weights):
    torch.manual_seed(0)
    quantum = TorchConnector(accelerate(network), initial_weights=weights)
    model = nn.Sequential(nn.Linear(3, 2), quantum, nn.Linear(2, 1))
    X, y = torch.randn(12, 3), torch.randn(12, 1).sign()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    optimizer, losses = torch.optim.Adam(model.parameters(), lr=0.05), []
    for _ in range(30):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(X), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    for parameter, start in zip(model.parameters(), before, strict=True):
        assert (parameter - start).abs().max() > 0.01


def test_without_gradients_by_inputs_only_the_weights_are_reached():
    ansatz = hardware_efficient(2, 1)
    settings = {**parts(ansatz), "input_gradients": False}
    fast = accelerate(EstimatorQNN(**settings, estimator=StatevectorEstimator()))
    layer = TorchConnector(fast, initial_weights=np.linspace(-1.0, 1.0, 6))
    inputs = torch.tensor(BATCH, requires_grad=True)
    layer(inputs).sum().backward()
    assert inputs.grad is None
    assert layer.weight.grad.abs().max() > 0.1
