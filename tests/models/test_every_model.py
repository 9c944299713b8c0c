"""Every optimizer in every class that takes one, with nothing else changed."""

from functools import partial

import numpy as np
import pytest
from model_zoo import ANSATZES, ISING, MODELS, PRIMITIVES, vqc, vqe
from qiskit_algorithms import VQE
from qiskit_algorithms import gradients as algorithms
from qiskit_machine_learning.optimizers import OptimizerResult, TellData
from qiskit_machine_learning.primitives import QMLSampler

from qnlr import NLR, AdaptiveNLR, BatchedEstimator
from qnlr.circuits import hardware_efficient
from qnlr.errors import InputError
from qnlr.models.accelerated import accelerate
from qnlr.models.broadcasting.gradients import BroadcastEstimatorGradient
from qnlr.optimizers import CORRECTIVES, DIRECTIONS, NEGATIVE_RATES, TRIGGERS, StandardErrors
from qnlr.simulator.gradients import BatchedEstimatorGradient
from qnlr.study import schema

STEPS = 3
DESCENT = {"d_adaptation": 10}
"""Steps in which an exact loss goes down, where they are not 12: that one then overshoots once."""
qaoa_is_built_of_deprecated_classes = pytest.mark.filterwarnings(
    "ignore:The class ``qiskit.circuit.library:DeprecationWarning"
)
scipy_converts = pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
reversal_drops_zeros = pytest.mark.filterwarnings("ignore:Casting complex values to real")
pytestmark = [pytest.mark.slow, qaoa_is_built_of_deprecated_classes]
TOLD_MORE = ("qng", "icans", "gcans")
OPTIMIZERS = {
    name: kind for name, kind in schema.OPTIMIZERS.items() if name not in (*TOLD_MORE, "file")
} | {"adaptive_nlr": AdaptiveNLR}
"""All but the natural gradient, for which these models have no metric, those that choose shots by
the standard errors of derivatives, which these models do not tell, and those of a file."""
NEEDED = {"equation_10": (0.1, 3)}
PARTS = {
    "direction": {name: kind() for name, kind in DIRECTIONS.items() if name != "natural"},
    "trigger": {name: kind() for name, kind in TRIGGERS.items()},
    "corrective": {name: kind() for name, kind in CORRECTIVES.items()},
    "negative_rate": {
        "number": 0.05,
        **{name: kind(*NEEDED.get(name, ())) for name, kind in NEGATIVE_RATES.items()},
    },
}
METHODS = {
    "nlr": NLR,
    **{name: kind for name, kind in OPTIMIZERS.items() if name != "nlr"},
    **{
        f"nlr_{name}": partial(NLR, 2.0, **{setting: part})
        for setting, parts in PARTS.items()
        for name, part in parts.items()
    },
}
PARTS_OF_NLR = [
    name for name in METHODS if name not in OPTIMIZERS and name != "nlr_standard_errors"
]
TRAINABLE = [name for name in MODELS if MODELS[name].trainable]


def by_hand(optimizer):
    """Return a ``Minimizer`` that asks the optimizer and tells it what it asked for."""

    def minimise(fun, x0, jac=None, bounds=None):
        calls = []

        def loss(point):
            calls.append(point)
            return fun(point)

        optimizer.start(None, x0)
        while optimizer.state.nit < STEPS and not optimizer.ended:
            asked = optimizer.ask()
            told = TellData(eval_fun=loss(asked.x_fun))
            if asked.x_jac is not None and jac is not None:
                told.eval_jac = jac(asked.x_jac)
            elif asked.x_jac is not None:
                step = optimizer.perturbation
                points = asked.x_jac + step * np.eye(asked.x_jac.size)
                told.eval_jac = [(loss(point) - told.eval_fun) / step for point in points]
            optimizer.tell(asked, told)
        result = OptimizerResult()
        result.x, result.fun = optimizer.state.x, loss(optimizer.state.x)
        result.nfev = len(calls)
        optimizer.close()
        return result

    return minimise


def untrained(fun, x0, jac=None, bounds=None):
    """Return the initial point as the result: a ``Minimizer`` that does nothing."""
    result = OptimizerResult()
    result.x, result.fun, result.nfev = np.asarray(x0), fun(np.asarray(x0)), 1
    return result


def train(model, optimizer, ansatz="hardware_efficient", primitives="batched", **change):
    """Train with fresh primitives, of one seed."""
    primitive = PRIMITIVES[primitives][MODELS[model].kind]()
    return MODELS[model].train(optimizer, ANSATZES[ansatz](), primitive, **change)


def assert_as_by_hand(method, model, *parts, **change):
    optimizer = METHODS[method](maxiter=STEPS, seed=4)
    trained = train(model, optimizer, *parts, **change)
    assert optimizer.state.nit == STEPS
    told = METHODS[method](maxiter=STEPS, seed=4)
    expected = train(model, by_hand(told), *parts, **change)
    np.testing.assert_array_equal(trained.point, expected.point)
    assert trained.value == expected.value
    assert trained.evaluations == expected.evaluations


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("ansatz", ANSATZES)
@pytest.mark.parametrize("method", OPTIMIZERS)
def test_every_optimizer_trains_every_model_as_asking_and_telling_does(method, ansatz, model):
    assert_as_by_hand(method, model, ansatz)


@scipy_converts
@pytest.mark.parametrize("model", MODELS)
def test_on_the_reference_primitives_too(model):
    assert_as_by_hand("nlr", model, "hardware_efficient", "reference")


@pytest.mark.parametrize("model", ["sampler_classifier", "vqe_gradient"])
@pytest.mark.parametrize("method", PARTS_OF_NLR)
def test_every_part_of_nlr_does(method, model):
    assert_as_by_hand(method, model)


@pytest.mark.parametrize("corrective", PARTS["corrective"])
def test_the_rate_of_this_file_makes_every_corrective_step_happen(corrective):
    optimizer = METHODS[f"nlr_{corrective}"](maxiter=STEPS, seed=4)
    train("vqe_gradient", optimizer)
    assert 0 < optimizer.state.flips < STEPS


@pytest.mark.parametrize("model", [name for name in MODELS if MODELS[name].exact])
@pytest.mark.parametrize("method", OPTIMIZERS)
def test_an_exact_loss_goes_down(method, model):
    """COBYLA's first steps, one a weight, only look around."""
    trained = train(model, METHODS[method](maxiter=DESCENT.get(method, 12), seed=4))
    assert trained.value < train(model, untrained).value


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("method", ["nlr", "spsa"])
def test_minimize_is_a_minimizer(method, model):
    """Qiskit's algorithms take a function where they take an optimizer."""
    trained = train(model, METHODS[method](maxiter=STEPS, seed=4))
    optimizer = METHODS[method](maxiter=STEPS, seed=4)
    for minimiser in (optimizer.minimize, partial(optimizer.minimize)):
        again = train(model, minimiser)
        np.testing.assert_array_equal(again.point, trained.point)
        assert again[1:] == trained[1:]


@pytest.mark.parametrize("model", MODELS)
def test_a_gradient_is_used_where_there_is_one(model):
    """Elsewhere one costs a loss for every weight, besides the one that is measured anyway."""
    gradient = {"kernel", "statevector_kernel", "vqe", "sampling_vqe", "qaoa"}.isdisjoint([model])
    weights = 2 if model == "qaoa" else ANSATZES["real_amplitudes"]().num_parameters
    trained = train(model, NLR(maxiter=STEPS), "real_amplitudes")
    assert trained.evaluations == STEPS * (2 if gradient else 2 + weights) + 1


@reversal_drops_zeros
@pytest.mark.parametrize("gradient", ["ParamShift", "LinComb", "Reverse"])
def test_vqe_takes_every_exact_gradient_of_qiskit_algorithms(gradient):
    kind = getattr(algorithms, f"{gradient}EstimatorGradient")
    method = NLR(0.1, maxiter=STEPS)
    found = vqe(method, ANSATZES["real_amplitudes"](), BatchedEstimator(), kind)
    expected = train("vqe_gradient", method, "real_amplitudes", "reference")
    np.testing.assert_allclose(found.point, expected.point, atol=1e-10)
    assert found.evaluations == 2 * STEPS + 1


@pytest.mark.parametrize("gradient", [BatchedEstimatorGradient, BroadcastEstimatorGradient])
def test_vqe_takes_the_gradients_of_this_package(gradient):
    method = NLR(0.1, maxiter=STEPS)
    found = vqe(method, hardware_efficient(2, 1), BatchedEstimator(), gradient)
    expected = train("vqe_gradient", method)
    np.testing.assert_allclose(found.point, expected.point, atol=1e-10)


def test_vqe_calls_its_own_callback_at_every_energy():
    seen, ansatz = [], hardware_efficient(2, 1)
    optimizer, called = NLR(maxiter=STEPS), lambda *about: seen.append(about)
    algorithm = VQE(BatchedEstimator(), ansatz, optimizer, callback=called)
    result = algorithm.compute_minimum_eigenvalue(ISING)
    assert {count for count, *_ in seen} == set(range(1, result.cost_function_evals + 1))
    assert seen[-1][2] == result.eigenvalue


def test_a_vqc_without_shot_noise_goes_down():
    def run(method):
        return vqc(method, ANSATZES["hardware_efficient"](), QMLSampler())

    assert run(NLR(0.1, maxiter=10)).value < run(untrained).value


@pytest.mark.parametrize("model", MODELS)
def test_a_trigger_that_needs_standard_errors_says_so_where_there_are_none(model):
    with pytest.raises(InputError, match=r"needs a loss with a standard error.* AnyIncrease"):
        train(model, NLR(trigger=StandardErrors(2.0), maxiter=STEPS))


@pytest.mark.parametrize("shots", [None, 50])
@pytest.mark.parametrize("model", TRAINABLE)
@pytest.mark.parametrize("method", [*OPTIMIZERS, "nlr_standard_errors"])
def test_an_accelerated_model_takes_every_optimizer(method, model, shots):
    def change(one):
        return accelerate(one, shots=shots, seed=2)

    assert_as_by_hand(method, model, change=change)
    if shots is None:
        trained = train(
            model, METHODS[method](maxiter=DESCENT.get(method, 12), seed=4), change=change
        )
        assert trained.value < train(model, untrained, change=change).value
