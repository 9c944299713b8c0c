import math

import numpy as np
import pytest
from qiskit.quantum_info import Statevector

from qnlr.backends import AerBackend, statevector
from qnlr.circuits import amplitude, angle, hardware_efficient, variational_circuit, z
from qnlr.data import Dataset, Samples, gaussian
from qnlr.errors import InputError
from qnlr.noise import from_rate
from qnlr.problems import LOSSES, Batch, Classification, CrossEntropy

BACKENDS = {
    "statevector": statevector,
    "aer": AerBackend,
    "aer-noisy": lambda model, shots=None: AerBackend(model, shots, from_rate(0.03)),
}


def dataset(features, labels):
    samples = Samples(np.array(features, dtype=float), np.array(labels, dtype=float))
    return Dataset("mine", samples, samples, ("minus", "plus"), "written by hand")


FORMULAS = {
    "squared_error": lambda f, y: (f - y) ** 2,
    "cross_entropy": lambda f, y: -math.log((1 + y * f) / 2),
    "logistic": lambda f, y: math.log(1 + math.exp(-y * f)),
}


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def tiny():
    """One qubit, three weights: RX RY RZ after RY(x)."""
    encoding = angle(1, 1)
    model = variational_circuit(encoding, hardware_efficient(1, 1), z(1))
    data = dataset([[0.3], [1.2], [2.0]], [1, -1, -1])
    return lambda loss: Classification(model, encoding, data, loss)


@pytest.mark.parametrize("loss", LOSSES)
def test_loss_is_the_mean_over_the_batch(loss, model, encoding, weights):
    data = gaussian(rng(0), rng(1), features=2, samples=20)
    problem = Classification(model, encoding, data, LOSSES[loss]())
    batch = problem.train.take(np.array([3, 0, 7]))
    assert len(batch) == 3
    assert problem.num_weights == 6
    total = 0.0
    for row in (3, 0, 7):
        x, y = data.train.features[row], data.train.labels[row]
        binding = dict(zip(model.parameters, [*x, *weights], strict=True))
        f = Statevector(model.circuit.assign_parameters(binding)).expectation_value(
            model.observable
        )
        total += FORMULAS[loss](f.real, y)
    found = problem.loss(weights, batch, statevector(model), rng())
    assert found == pytest.approx(total / 3)
    assert found.std == 0


@pytest.mark.parametrize("make", BACKENDS.values(), ids=BACKENDS)
@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_equals_finite_differences(make, loss, model, encoding, problem):
    problem = Classification(model, encoding, problem.dataset, LOSSES[loss]())
    weights, backend = rng(2).uniform(-3, 3, 6), make(model)
    batch = problem.train.take(np.arange(5))
    found = problem.loss_and_gradient(weights, batch, backend, rng())
    for k, derivative in enumerate(found.gradient):
        step = 1e-4 * np.eye(6)[k]
        plus, minus = (problem.loss(weights + s, batch, backend, rng()) for s in (step, -step))
        assert derivative == pytest.approx((plus - minus) / 2e-4, abs=1e-6)
    assert np.abs(found.gradient).max() > 0.05
    assert found.loss == problem.loss(weights, batch, backend, rng())
    assert found.loss.std == 0
    assert not found.stds.any()


@pytest.mark.parametrize("make", [statevector, AerBackend])
@pytest.mark.parametrize("loss", LOSSES)
def test_stds_agree_with_the_spread_of_repeated_measurements(make, loss, tiny):
    problem, weights = tiny(LOSSES[loss]()), np.array([0.4, 0.7, -0.2])
    backend, noise = make(problem.model, shots=400), rng(7)
    found = [problem.loss_and_gradient(weights, problem.train, backend, noise) for _ in range(200)]
    losses, gradients = np.array([f.loss for f in found]), np.array([f.gradient for f in found])
    claimed = np.mean([f.loss.std**2 for f in found])
    assert losses.var(ddof=1) == pytest.approx(claimed, rel=0.3)
    claimed = np.mean([f.stds**2 for f in found], axis=0)
    assert gradients.var(axis=0, ddof=1) == pytest.approx(claimed, rel=0.3)

    exact = problem.loss_and_gradient(weights, problem.train, make(problem.model), rng())
    errors = np.abs(gradients.mean(axis=0) - exact.gradient)
    assert (errors < 4 * np.sqrt(claimed / 200) + 0.02 * np.abs(exact.gradient)).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_std_of_the_loss_alone_and_in_an_evaluation(loss, tiny):
    problem, weights = tiny(LOSSES[loss]()), np.array([0.4, 0.7, -0.2])
    backend, noise = AerBackend(problem.model, shots=400), rng(8)
    for measure in (problem.loss, lambda *args: problem.evaluate(*args).loss):
        found = [measure(weights, problem.train, backend, noise) for _ in range(400)]
        claimed = np.mean([estimate.std**2 for estimate in found])
        assert np.var(found, ddof=1) == pytest.approx(claimed, rel=0.3)


def test_stds_shrink_with_the_batch(model, problem, weights):
    backend = statevector(model, shots=200)
    one = Batch(problem.train.angles[:1], problem.train.labels[:1])
    many = one.take(np.zeros(16, dtype=int))
    single = problem.loss_and_gradient(weights, one, backend, rng())
    found = problem.loss_and_gradient(weights, many, backend, rng())
    assert found.loss.std == pytest.approx(single.loss.std / 4, rel=0.25)
    assert found.stds[0] == pytest.approx(single.stds[0] / 4, rel=0.25)


def test_one_shot_gives_no_standard_error(model, problem, weights):
    found = problem.loss_and_gradient(weights, problem.train, statevector(model, shots=1), rng())
    assert math.isfinite(found.loss)
    assert math.isnan(found.loss.std)
    assert np.isfinite(found.gradient).all()
    assert np.isnan(found.stds).all()


def test_cross_entropy_stays_finite_when_no_shot_reads_the_label(tiny):
    problem = tiny(CrossEntropy())
    batch = Batch(np.array([[math.pi]]), np.array([1.0]))
    found = problem.loss_and_gradient(
        np.zeros(3), batch, statevector(problem.model, shots=20), rng()
    )
    assert found.loss == pytest.approx(-math.log(1e-3))
    assert np.isfinite(found.gradient).all()
    assert np.isfinite(found.stds).all()


def test_accuracy_by_hand():
    encoding = angle(1, 1)
    model = variational_circuit(encoding, hardware_efficient(1, 1), z(1))
    data = dataset([[0.0], [0.5], [3.0], [1.0], [2.0]], [1, -1, -1, 1, 1])
    problem = Classification(model, encoding, data)
    found = problem.evaluate(np.zeros(3), problem.test, statevector(model), rng())
    assert found.accuracy == pytest.approx(3 / 5)
    expected = np.mean((np.cos([0.0, 0.5, 3.0, 1.0, 2.0]) - [1, -1, -1, 1, 1]) ** 2)
    assert found.loss == pytest.approx(expected)


def test_a_value_of_exactly_0_counts_as_plus_1(tiny):
    problem = tiny(None)
    backend = statevector(problem.model, shots=2)
    batch = Batch(np.full((40, 1), math.pi / 2), np.ones(40))
    values = backend.values(np.zeros(3), batch.angles, rng(3)).values
    found = problem.evaluate(np.zeros(3), batch, backend, rng(3)).accuracy
    assert (values == 0).sum() > 5
    assert found == np.mean(values > -1)


def test_training_and_test_samples_are_encoded_apart():
    encoding = amplitude(features=2, qubits=1)
    model = variational_circuit(encoding, hardware_efficient(1, 1), z(1))
    train = Samples(np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([1.0, -1.0]))
    test = Samples(np.array([[0.0, 1.0], [3.0, 0.0], [1.0, 0.0]]), np.array([1.0, 1.0, -1.0]))
    problem = Classification(model, encoding, Dataset("mine", train, test, ("-", "+"), "by hand"))
    for batch, accuracy in ((problem.train, 1.0), (problem.test, 1 / 3)):
        found = problem.evaluate(np.zeros(3), batch, statevector(model), rng())
        assert found.accuracy == pytest.approx(accuracy)


def test_features_must_fit_the_encoding(model, encoding):
    with pytest.raises(InputError, match="3 features, the encoding takes 2"):
        Classification(model, encoding, dataset([[0, 1, 2], [1, 2, 3]], [1, -1]))


@pytest.mark.parametrize("which", ["training", "test"])
def test_a_zero_row_is_named(which):
    encoding = amplitude(features=2, qubits=2)
    model = variational_circuit(encoding, hardware_efficient(2, 1), z(2))
    good = Samples(np.ones((3, 2)), np.array([1.0, -1.0, 1.0]))
    bad = Samples(np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 0.0]]), good.labels)
    parts = (bad, good) if which == "training" else (good, bad)
    with pytest.raises(InputError, match=f"mine, {which} samples: sample row 2 is zero"):
        Classification(model, encoding, Dataset("mine", *parts, ("-", "+"), "by hand"))


@pytest.mark.parametrize(
    ("labels", "words"), [([1.0, 1.0], "only label"), ([0.0, 1.0], "label 0 is not valid")]
)
def test_labels_of_a_dataset_made_by_hand_are_checked(labels, words):
    encoding = angle(2, 2)
    model = variational_circuit(encoding, hardware_efficient(2, 1), z(2))
    good = Samples(np.ones((2, 2)), np.array([-1.0, 1.0]))
    dataset = Dataset("mine", Samples(np.ones((2, 2)), np.array(labels)), good, ("a", "b"), "here")
    with pytest.raises(InputError, match=f"mine, training samples: {words}"):
        Classification(model, encoding, dataset)
