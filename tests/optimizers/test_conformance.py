"""What every optimizer of the package must do, whatever its parts."""

import json

import numpy as np
import pytest
from qiskit_machine_learning.optimizers import OptimizerResult, SteppableOptimizer, TellData

from qnlr.optimizers import (
    DIRECTIONS,
    NLR,
    SGD,
    Adam,
    AdaptiveMoments,
    AdaptiveNLR,
    DAdaptation,
    DoG,
    Equation10,
    GaussianNoise,
    HeavyBall,
    LastPoint,
    Momentum,
    NaturalGradient,
    PerturbedReversal,
    PolynomialAverage,
    Prodigy,
    RandomReinitialisation,
    RMSProp,
    ScheduleFreeAdam,
    StandardErrors,
    StepRecord,
    Tolerance,
    UniformNoise,
)
from qnlr.training import read_checkpoint, write_checkpoint
from qnlr.types import Estimate, NoiseLevel

BUILDERS = {
    "sgd": lambda **common: SGD(0.05, **common),
    "momentum": lambda **common: Momentum(0.02, 0.8, **common),
    "rmsprop": lambda **common: RMSProp(0.05, 0.8, 1e-6, **common),
    "adam": lambda **common: Adam(0.1, 0.8, 0.99, 1e-6, **common),
    "amsgrad": lambda **common: Adam(0.1, amsgrad=True, **common),
    "adaptive_nlr": lambda **common: AdaptiveNLR(**common),
    "adaptive_nlr_plain": lambda **common: AdaptiveNLR(
        1.0, 0.1, HeavyBall(0.5), LastPoint(), **common
    ),
    "dog": lambda **common: DoG(0.01, **common),
    "prodigy": lambda **common: Prodigy(1e-4, 0.8, 0.99, **common),
    "d_adaptation": lambda **common: DAdaptation(1e-4, 0.8, 0.99, **common),
    "schedule_free_adam": lambda **common: ScheduleFreeAdam(0.1, 0.8, 0.99, 3, **common),
    **{
        f"nlr_{name}": lambda kind=kind, **common: NLR(0.05, direction=kind(), **common)
        for name, kind in DIRECTIONS.items()
        if name != "natural"
    },
    "nlr_natural": lambda **common: NLR(
        0.05, direction=NaturalGradient(0.1, metric=lambda x: np.eye(len(x))), **common
    ),
    "nlr_amsgrad": lambda **common: NLR(0.1, direction=AdaptiveMoments(amsgrad=True), **common),
    "nlr_tolerance": lambda **common: NLR(0.05, 0.02, Tolerance(0.05), **common),
    "nlr_standard_errors": lambda **common: NLR(
        0.05, Equation10(0.1, 3), StandardErrors(0.5), PerturbedReversal(0.01), **common
    ),
    "nlr_gaussian": lambda **common: NLR(
        0.05, corrective=GaussianNoise(), noise_level=NoiseLevel(0.1, 3), **common
    ),
    "nlr_uniform": lambda **common: NLR(0.05, corrective=UniformNoise(), **common),
    "nlr_restart": lambda **common: NLR(
        0.05, corrective=RandomReinitialisation(-1.0, 1.0), **common
    ),
}
NLRS = [name for name in BUILDERS if name.startswith("nlr")]
START = np.array([1.5, -1.0, 0.5])
STEPS = 12


@pytest.fixture(params=BUILDERS)
def build(request):
    return BUILDERS[request.param]


class Objective:
    """A parabola read with seeded noise that depends on the point alone; calls are counted."""

    def __init__(self, error=0.3):
        self.error, self.loss_calls, self.gradient_calls = error, 0, 0

    def __call__(self, x):
        self.loss_calls += 1
        noise = np.random.default_rng(x.view(np.uint64)).normal()
        return Estimate(x @ x + self.error * noise, self.error)

    def gradient(self, x):
        self.gradient_calls += 1
        return 2 * x


def run(optimizer, objective=None):
    objective = Objective() if objective is None else objective
    return optimizer.minimize(objective, START, objective.gradient)


def test_it_is_a_steppable_optimizer(build):
    assert isinstance(build(), SteppableOptimizer)
    assert isinstance(run(build(maxiter=2)), OptimizerResult)


def test_it_minimises_a_parabola(build):
    result = run(build(maxiter=200, seed=0), Objective(error=0.0))
    assert result.fun < 0.02
    assert result.fun_best < 0.02
    assert result.nit == 200


@pytest.mark.parametrize("name", NLRS)
def test_the_noise_of_this_file_makes_every_nlr_both_flip_and_descend(name):
    assert 0 < run(BUILDERS[name](maxiter=STEPS, seed=4)).flips < STEPS


def test_its_settings_rebuild_it(build):
    original = build(maxiter=STEPS, seed=4, callback=print, perturbation=0.02)
    rebuilt = type(original)(**original.settings)
    assert rebuilt.settings == original.settings
    assert original.settings["maxiter"] == STEPS
    silent = {"callback": None}
    first = run(type(original)(**{**original.settings, **silent}))
    second = run(type(original)(**{**rebuilt.settings, **silent}))
    expected = run(build(maxiter=STEPS, seed=4, perturbation=0.02))
    np.testing.assert_array_equal(first.x, expected.x)
    np.testing.assert_array_equal(second.x, expected.x)


def test_one_seed_is_one_trajectory(build):
    records = [[], []]
    for seen in records:
        run(build(maxiter=STEPS, seed=4, callback=seen.append))
    for first, second in zip(*records, strict=True):
        np.testing.assert_equal(vars(first), vars(second))


@pytest.mark.parametrize(
    "name", ["nlr_standard_errors", "nlr_gaussian", "nlr_uniform", "nlr_restart"]
)
def test_another_seed_is_another_trajectory(name):
    first, second = (run(BUILDERS[name](maxiter=STEPS, seed=seed)).x for seed in (4, 5))
    assert np.all(first != second)


def through_json(plain, folder):
    text = json.dumps(plain, default=lambda array: {"array": array.tolist()})
    return json.loads(text, object_hook=lambda d: np.array(d["array"]) if "array" in d else d)


def through_a_checkpoint(plain, folder):
    write_checkpoint(folder / "checkpoint.npz", "run", plain)
    return read_checkpoint(folder / "checkpoint.npz", "run")


def phase(optimizer):
    ask_data = optimizer.ask()
    optimizer.tell(ask_data, optimizer.evaluate(ask_data))


@pytest.mark.parametrize("through", [through_json, through_a_checkpoint])
@pytest.mark.parametrize("phases", [0, 1, 2, 5, 8])
def test_a_resumed_run_goes_on_bit_for_bit(build, phases, through, tmp_path):
    """NLR stands in the middle of a step after an odd number of phases."""
    objective, whole, resumed = Objective(), [], []
    first = build(seed=4, callback=whole.append)
    first.start(objective, START, objective.gradient)
    for _ in range(phases):
        phase(first)
    done = len(whole)
    if not isinstance(first, AdaptiveNLR):  # whose probes are as many as it needs
        assert (first.state.pending is not None) is (isinstance(first, NLR) and phases % 2 == 1)

    second = build(seed=99, callback=resumed.append)
    second.start(objective, np.zeros(3), objective.gradient)
    second.load_state_dict(through(first.state_dict(), tmp_path))
    np.testing.assert_equal(second.state_dict(), first.state_dict())
    while first.state.nit < STEPS:
        phase(first)
    while second.state.nit < STEPS:
        phase(second)
    for before, after in zip(whole[done:], resumed, strict=True):
        np.testing.assert_equal(vars(after), vars(before))
    np.testing.assert_equal(second.state_dict(), first.state_dict())
    np.testing.assert_equal(vars(second.create_result()), vars(first.create_result()))


def test_a_job_queue_can_load_without_an_objective(build):
    objective = Objective()
    local, expected = build(seed=4), build(seed=4, maxiter=STEPS)
    local.start(None, START)
    while local.state.nit < STEPS:
        queued = build(seed=77)
        queued.load_state_dict(local.state_dict())
        asked = queued.ask()
        jac = None if asked.x_jac is None else objective.gradient(asked.x_jac)
        queued.tell(asked, TellData(eval_fun=objective(asked.x_fun), eval_jac=jac))
        local = queued
    np.testing.assert_array_equal(local.state.x, run(expected).x)


def test_steps_equal_minimize(build):
    objective, optimizer = Objective(), build(seed=4, maxiter=STEPS)
    optimizer.start(objective, START, objective.gradient)
    while optimizer.continue_condition():
        optimizer.step()
    expected = run(build(seed=4, maxiter=STEPS))
    np.testing.assert_equal(vars(optimizer.create_result()), vars(expected))
    assert expected.nit == STEPS


@pytest.mark.parametrize("with_gradient", [True, False])
def test_calls_are_counted_as_they_are_made(build, with_gradient):
    objective, optimizer = Objective(), build(maxiter=STEPS, seed=4)
    result = optimizer.minimize(objective, START, objective.gradient if with_gradient else None)
    assert result.nfev == objective.loss_calls
    assert result.njev == objective.gradient_calls == (STEPS if with_gradient else 0)
    a_step = 1 + isinstance(optimizer, NLR) + (0 if with_gradient else START.size)
    if isinstance(optimizer, AdaptiveNLR):
        assert STEPS * (a_step + 1) < result.nfev <= STEPS * (a_step + 8) + 1
    else:
        assert result.nfev == STEPS * a_step + 1


def test_without_a_gradient_it_takes_forward_differences(build):
    def plane(x):
        return Estimate(2 * x.sum(), 0.1)

    result = build(maxiter=STEPS, perturbation=1e-3).minimize(plane, START)
    expected = build(maxiter=STEPS).minimize(plane, START, lambda x: np.full(3, 2.0))
    np.testing.assert_allclose(result.x, expected.x, atol=1e-9)
    assert np.all(result.x < START)


def test_a_plateau_is_no_convergence(build):
    """The gradient is zero for five steps, and the optimizer walks on behind them."""
    calls = []

    def gradient(x):
        calls.append(x)
        return np.zeros(3) if len(calls) <= 5 else np.ones(3)

    records = []
    optimizer = build(maxiter=10, callback=records.append)
    optimizer.minimize(lambda x: Estimate(x.sum(), 0.1), START, gradient)
    assert len(calls) == len(records) == 10
    for record in records[:5]:
        np.testing.assert_array_equal(record.next_parameters, START)
        assert (record.gradient_norm, record.flipped) == (0.0, False)
    assert np.all(records[-1].next_parameters < START)


def test_there_is_one_record_a_step(build):
    objective, records = Objective(), []
    optimizer = build(maxiter=STEPS, seed=4, callback=records.append)
    result = run(optimizer, objective)
    assert [record.step for record in records] == list(range(STEPS))
    following = [*records[1:], None]
    average = getattr(optimizer, "average", None)  # measured beside the weights that are found
    averages = isinstance(optimizer, ScheduleFreeAdam) or isinstance(average, PolynomialAverage)
    for record, after in zip(records, following, strict=True):
        assert type(record) is StepRecord
        expected = result.x if after is None else after.parameters
        if after is None or not averages:
            np.testing.assert_array_equal(record.next_parameters, expected)
        assert record.loss == objective(record.parameters)
        assert record.loss.std == 0.3
        assert record.gradient_norm == np.linalg.norm(2 * record.parameters)
        assert (record.probe_loss is not None) is isinstance(optimizer, (NLR, AdaptiveNLR))
        assert record.flipped is (record.rate < 0)
    np.testing.assert_array_equal(records[0].parameters, START)
    assert result.flips == sum(record.flipped for record in records)
