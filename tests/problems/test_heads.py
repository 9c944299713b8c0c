import numpy as np
import pytest
from scipy.special import expit

from qnlr.backends import statevector
from qnlr.data import Dataset, Samples
from qnlr.problems import HEADS, LOSSES, Bare, Classification, Logistic, ScaleBias
from qnlr.study.build import Builder, validate
from qnlr.study.spec import load_study

WEIGHTS = np.array([0.4, 0.7, -0.2, 1.3, -0.4, 0.9])


@pytest.fixture(scope="module")
def problems(model, encoding):
    rng = np.random.default_rng(0)
    samples = Samples(rng.uniform(0, 3, (6, 2)), np.array([1.0, -1.0] * 3))
    data = Dataset("made up", samples, samples, ("a", "b"), "made up")
    return lambda loss, head: Classification(model, encoding, data, LOSSES[loss](), head)


def test_a_bare_head_changes_nothing(problems):
    bare, none = problems("squared_error", Bare()), problems("squared_error", None)
    backend, rng = statevector(bare.model), np.random.default_rng(0)
    first, second = (
        problem.loss_and_gradient(WEIGHTS, problem.train, backend, rng) for problem in (bare, none)
    )
    assert bare.num_weights == bare.num_circuit_weights == 6
    np.testing.assert_array_equal(first.gradient, second.gradient)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("head", HEADS)
def test_gradients_are_finite_differences(problems, loss, head):
    problem = problems(loss, HEADS[head]())
    backend, rng = statevector(problem.model), np.random.default_rng(0)
    weights = np.append(WEIGHTS, [0.8, 0.1][: problem.head.num_weights])
    found = problem.loss_and_gradient(weights, problem.train, backend, rng)
    assert found.gradient.shape == found.stds.shape == weights.shape
    for k, derivative in enumerate(found.gradient):
        step = 1e-5 * np.eye(len(weights))[k]
        plus, minus = (
            problem.loss(weights + s, problem.train, backend, rng) for s in (step, -step)
        )
        assert derivative == pytest.approx((plus - minus) / 2e-5, abs=1e-7)
    assert found.loss == problem.evaluate(weights, problem.train, backend, rng).loss


@pytest.mark.parametrize("loss", ["squared_error", "logistic"])
def test_stds_agree_with_the_spread_of_repeated_measurements(problems, loss):
    problem = problems(loss, ScaleBias())
    backend, rng = statevector(problem.model, shots=300), np.random.default_rng(1)
    weights = np.append(WEIGHTS, [2.0, 0.3])
    found = [problem.loss_and_gradient(weights, problem.train, backend, rng) for _ in range(300)]
    losses, gradients = np.array([f.loss for f in found]), np.array([f.gradient for f in found])
    claimed = np.mean([f.loss.std**2 for f in found])
    assert losses.var(ddof=1) == pytest.approx(claimed, rel=0.35)
    claimed = np.mean([f.stds**2 for f in found], axis=0)
    assert gradients.var(axis=0, ddof=1) == pytest.approx(claimed, rel=0.35)


def test_the_sign_of_the_output_is_predicted(problems):
    problem = problems("logistic", ScaleBias())
    backend, rng = statevector(problem.model), np.random.default_rng(0)
    values = backend.values(WEIGHTS, problem.train.angles, rng).values
    for scale, bias in ((1.0, 0.0), (-1.0, 0.0), (1.0, 5.0)):
        right = np.where(scale * values + bias >= 0, 1.0, -1.0) == problem.train.labels
        weights = np.append(WEIGHTS, [scale, bias])
        assert problem.evaluate(weights, problem.train, backend, rng).accuracy == right.mean()


def test_logistic_is_the_cross_entropy_of_a_logit():
    outputs, labels = np.linspace(-30, 30, 13), np.array([1.0, -1.0] * 6 + [1.0])
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(
            Logistic().value(outputs, labels), -np.log(expit(labels * outputs)), atol=1e-12
        )


def test_a_head_is_part_of_a_run_and_drawn_from_its_seed():
    config = {
        "name": "headed",
        "seeds": 2,
        "data": {"name": "digits", "features": 4},
        "circuit": {"qubits": 2, "layers": 1},
        "problem": {"loss": "logistic", "head": "scale_bias"},
        "backend": {"shots": 10, "name": "simulator"},
        "training": {"steps": 2, "batch_size": 4, "max_shots": 10 * 4 * 13},
        "optimizer": [{"name": "sgd"}, {"name": "adam"}],
    }
    study, builder = load_study(config), Builder()
    validate(study, builder)
    sgd, other, adam, _ = (builder.run(spec) for spec in study.runs)
    assert sgd.optimizer.state.x.shape == (6 + 2,)
    np.testing.assert_array_equal(sgd.optimizer.state.x, adam.optimizer.state.x)
    assert sgd.optimizer.state.x[6] != other.optimizer.state.x[6]
    assert abs(sgd.optimizer.state.x[6]) <= np.sqrt(3)
    assert sgd.optimizer.state.x[7] == 0
    sgd.run()
    assert sgd.steps_done == 1  # the shifts of the circuit's weights alone cost shots
