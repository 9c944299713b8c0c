"""Mini-batches for models of qiskit-machine-learning: fresh for every step, one for all of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit.library import real_amplitudes, z_feature_map
from qiskit_machine_learning.algorithms import (
    VQC,
    VQR,
    NeuralNetworkClassifier,
    NeuralNetworkRegressor,
)
from qiskit_machine_learning.algorithms.objective_functions import BinaryObjectiveFunction
from qiskit_machine_learning.neural_networks import EstimatorQNN
from qiskit_machine_learning.optimizers import ADAM, GradientDescent, OptimizerSupportLevel
from qiskit_machine_learning.optimizers import COBYLA as QISKIT_COBYLA
from qiskit_machine_learning.utils.loss_functions import L2Loss

from qnlr import BatchedEstimator
from qnlr.errors import InputError
from qnlr.models.accelerated import accelerate
from qnlr.models.batches import MiniBatches
from qnlr.models.objective import Objective
from qnlr.optimizers import NLR, SGD, SPSA, Adam, AnyIncrease, StandardErrors
from qnlr.simulator.gradients import BatchedEstimatorGradient

SAMPLES = np.random.default_rng(5).uniform(0, np.pi, (12, 2))
SIGNS = np.where(SAMPLES.sum(axis=1) > np.pi, 1, -1)
START = np.array([0.4, -0.3, 0.2, 0.5])


class Watched(EstimatorQNN):
    """A network that keeps the samples of every pass."""

    def __init__(self, **settings):
        features, ansatz = z_feature_map(2, reps=1), real_amplitudes(2, reps=1)
        estimator = BatchedEstimator()
        super().__init__(
            circuit=features.compose(ansatz),
            input_params=features.parameters,
            weight_params=ansatz.parameters,
            estimator=estimator,
            gradient=BatchedEstimatorGradient(estimator),
            default_precision=0.0,
        )
        self.passes = []

    def forward(self, input_data, weights):
        self.passes.append(("forward", np.array(input_data), np.array(weights)))
        return super().forward(input_data, weights)

    def backward(self, input_data, weights):
        self.passes.append(("backward", np.array(input_data), np.array(weights)))
        return super().backward(input_data, weights)


def trained(optimizer, **settings):
    network = Watched()
    kind = settings.pop("kind", NeuralNetworkClassifier)
    model = kind(network, optimizer=optimizer, initial_point=START, **settings)
    return network, model.fit(SAMPLES, SIGNS)


def rows_of(X):
    return [int(np.flatnonzero((x == SAMPLES).all(axis=1))[0]) for x in X]


@settings(max_examples=15, deadline=None)
@given(size=st.integers(1, len(SAMPLES)), seed=st.integers(0, 2**32), steps=st.integers(1, 4))
def test_a_step_sees_one_mini_batch_and_the_next_step_another(size, seed, steps):
    network, model = trained(MiniBatches(NLR(0.1, maxiter=steps), size, seed))
    *passes, last = network.passes
    assert [what for what, _, _ in passes] == ["forward", "backward", "forward"] * steps
    rng = np.random.default_rng(seed)
    for step in range(steps):
        drawn = rng.choice(len(SAMPLES), size, replace=False).tolist()
        gradient_loss, gradient, probe = passes[3 * step : 3 * step + 3]
        for _, X, _ in (gradient_loss, gradient, probe):
            assert rows_of(X) == drawn
        np.testing.assert_array_equal(gradient_loss[2], gradient[2])
        assert not np.array_equal(probe[2], gradient[2])
    assert rows_of(last[1]) == list(range(len(SAMPLES)))
    np.testing.assert_array_equal(last[2], model.weights)


def test_a_probe_close_to_where_it_comes_from_is_measured():
    network, model = trained(MiniBatches(NLR(1e-9, maxiter=2), 4, seed=0))
    assert [what for what, _, _ in network.passes[:3]] == ["forward", "backward", "forward"]
    assert model.fit_result.nit == 2


@pytest.mark.parametrize("kind", [NeuralNetworkClassifier, NeuralNetworkRegressor])
@pytest.mark.parametrize(
    "build",
    [
        lambda: NLR(0.2, maxiter=6),
        lambda: Adam(0.1, maxiter=6),
        lambda: GradientDescent(maxiter=6, learning_rate=0.2),
        lambda: SPSA(0.1, maxiter=6, seed=1),
    ],
)
def test_all_samples_are_the_full_batch(kind, build):
    _, whole = trained(WholeBatch(build()), kind=kind)
    _, batched = trained(MiniBatches(build(), len(SAMPLES), seed=3), kind=kind)
    np.testing.assert_allclose(batched.weights, whole.weights, atol=1e-10)
    np.testing.assert_allclose(batched.fit_result.fun, whole.fit_result.fun, atol=1e-10)
    assert batched.fit_result.nfev == whole.fit_result.nfev
    assert batched.fit_result.nit == whole.fit_result.nit == 6


class WholeBatch:
    """Minimises as the optimizer alone does, with gradients in the shape that all of them take."""

    def __init__(self, optimizer):
        self.optimizer = optimizer

    def minimize(self, fun, x0, jac):
        return self.optimizer.minimize(fun, x0, lambda x: np.ravel(jac(x)))


def test_it_trains_a_vqc_and_the_result_is_of_all_samples():
    records = []
    optimizer = NLR(0.3, maxiter=30, callback=records.append)
    features, ansatz = z_feature_map(2, reps=1), real_amplitudes(2, reps=1)
    model = VQC(
        feature_map=features,
        ansatz=ansatz,
        optimizer=MiniBatches(optimizer, 6, seed=0),
        initial_point=START,
    )
    labels = (SIGNS + 1) // 2
    model.fit(SAMPLES, labels)
    assert len(records) == model.fit_result.nit == 30
    assert len({record.loss for record in records}) > 20
    probabilities = model.neural_network.forward(SAMPLES, model.weights)
    expected = np.mean([-np.log2(row[k]) for row, k in zip(probabilities, labels, strict=True)])
    np.testing.assert_allclose(model.fit_result.fun, expected, rtol=1e-6)


@pytest.mark.parametrize("shots", [None, 200])
def test_accelerated_models_take_their_own_objective_with_standard_errors(shots):
    records = []
    trigger = AnyIncrease() if shots is None else StandardErrors(2.0)
    nlr = NLR(0.2, trigger=trigger, maxiter=5, callback=records.append)
    features, ansatz = z_feature_map(2, reps=1), real_amplitudes(2, reps=1)
    model = VQR(
        feature_map=features,
        ansatz=ansatz,
        optimizer=MiniBatches(nlr, 4, seed=1),
        initial_point=START,
    )
    fast = accelerate(model, shots=shots, seed=0)
    fast.fit(SAMPLES, SIGNS)
    assert len(records) == 5
    assert all((record.loss.std > 0) == (shots is not None) for record in records)
    if shots is None:
        model.fit(SAMPLES, SIGNS)
        np.testing.assert_allclose(fast.weights, model.weights, atol=1e-8)


def test_a_seed_draws_the_same_rows_for_every_minimisation_and_a_generator_goes_on():
    batches = MiniBatches(SGD(0.1, maxiter=3), 5, seed=7)
    (first, _), (second, _) = trained(batches), trained(batches)
    assert [rows_of(X) for _, X, _ in first.passes] == [rows_of(X) for _, X, _ in second.passes]
    batches = MiniBatches(SGD(0.1, maxiter=3), 5, seed=np.random.default_rng(7))
    (third, _), (fourth, _) = trained(batches), trained(batches)
    assert [rows_of(X) for _, X, _ in third.passes] == [rows_of(X) for _, X, _ in first.passes]
    assert [rows_of(X) for _, X, _ in fourth.passes] != [rows_of(X) for _, X, _ in first.passes]


def test_a_models_callback_reaches_the_optimizer():
    seen, records = [], []
    nlr = NLR(0.1, maxiter=3, callback=records.append)
    batches = MiniBatches(nlr, 5, seed=0)
    trained(batches, callback=lambda weights, loss: seen.append(loss))
    assert seen == [record.loss for record in records]
    assert batches.callback is nlr.callback is not None
    trained(batches)
    assert batches.callback is None
    assert len(seen) == 3
    assert len(records) == 6


def test_gradient_descent_calls_back_as_it_does_alone():
    seen = []
    trained(MiniBatches(GradientDescent(maxiter=3), 5), callback=lambda *told: seen.append(told))
    assert [len(told) for told in seen] == [4, 4, 4]


def test_a_callback_that_stops_stops():
    nlr = NLR(0.1, maxiter=50, callback=lambda record: record.step == 2)
    _, model = trained(MiniBatches(nlr, 5, seed=0))
    assert model.fit_result.nit == 3


@pytest.mark.parametrize("build", [NLR, SPSA])
def test_the_end_is_told_of_whatever_it_is(build):
    class Told(list):
        def __call__(self, record):
            if record.step == 1:
                raise RuntimeError("no such luck")

        def begin(self, steps):
            self.append(f"begin {steps}")

        def end(self):
            self.append("end")

    told = Told()
    with pytest.raises(RuntimeError, match="no such luck"):
        trained(MiniBatches(build(0.1, maxiter=9, callback=told), 5, seed=0))
    assert told == ["begin 9", "end"]


def test_it_is_described_by_what_is_inside():
    nlr = NLR(0.1, maxiter=8)
    batches = MiniBatches(nlr, 5, seed=2)
    assert batches.settings == {"optimizer": nlr, "size": 5, "seed": 2}
    assert MiniBatches(**batches.settings).settings == batches.settings
    assert batches.maxiter == 8
    batches.maxiter = 3
    assert nlr.maxiter == 3
    assert batches.is_gradient_required
    assert batches.is_initial_point_required
    assert batches.get_support_level()["bounds"] == OptimizerSupportLevel.ignored


@pytest.mark.parametrize("bad", [ADAM(), QISKIT_COBYLA(), NLR, "nlr", None, lambda fun, x0: None])
def test_an_optimizer_without_steps_is_refused(bad):
    words = r"cannot be driven step by step; give an object such as NLR\(\), SGD\(\)"
    with pytest.raises(InputError, match=words):
        MiniBatches(bad, 4)


@pytest.mark.parametrize("size", [0, -1, 2.5, "4", None])
def test_a_size_that_is_no_count_is_refused(size):
    with pytest.raises(InputError, match=r"size = .* is not valid; it must be an integer"):
        MiniBatches(NLR(), size)


@pytest.mark.parametrize("seed", [-1, 0.5, "seed"])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(InputError, match=r"seed = .* is not valid"):
        MiniBatches(NLR(), 4, seed)


def test_more_than_there_are_is_refused():
    with pytest.raises(InputError, match="size = 13 is not valid; the model is trained on 12"):
        trained(MiniBatches(NLR(), 13))


@pytest.mark.parametrize("jac", [None, lambda x: 2 * x, [1.0].index])
def test_a_gradient_that_is_no_models_is_refused(jac):
    with pytest.raises(InputError, match="needs the samples of a model"):
        MiniBatches(NLR(), 4).minimize(lambda x: float(x @ x), [1.0], jac)


def test_both_objectives_give_the_same_minimisation():
    function = BinaryObjectiveFunction(SAMPLES, SIGNS, Watched(), L2Loss())
    batches = MiniBatches(NLR(0.2, maxiter=5), 4, seed=0)
    first, second = (
        batches.minimize(objective.objective, START, objective.gradient)
        for objective in (function, Objective.of(function))
    )
    np.testing.assert_allclose(first.x, second.x, atol=1e-12)
    assert first.fun == pytest.approx(second.fun)
