import numpy as np
import pytest

from qnlr.errors import InputError
from qnlr.optimizers import Equation10
from qnlr.study import load_study
from qnlr.study.build import Builder, validate
from qnlr.study.schema import OPTIMIZERS


def built(config):
    builder = Builder()
    return [builder.run(spec) for spec in load_study(config).runs]


def drawn_batches(training, steps=5):
    size = len(training.problem.train)
    return [training.streams.batches.choice(size, 4, replace=False) for _ in range(steps)]


def test_runs_on_one_seed_share_data_weights_and_batches_exactly(small):
    small["optimizer"] = [{"name": name} for name in OPTIMIZERS]
    runs = [run for run in built(small) if True]
    by_seed = [runs[0::2], runs[1::2]]
    for first, *others in by_seed:
        batches, weights = drawn_batches(first), first.optimizer.state.x
        for other in others:
            np.testing.assert_array_equal(other.problem.train.angles, first.problem.train.angles)
            np.testing.assert_array_equal(other.problem.test.labels, first.problem.test.labels)
            np.testing.assert_array_equal(other.optimizer.state.x, weights)
            np.testing.assert_array_equal(drawn_batches(other), batches)
    zero, one = by_seed[0][0], by_seed[1][0]
    assert not np.array_equal(zero.optimizer.state.x, one.optimizer.state.x)
    assert not np.array_equal(zero.problem.test.angles, one.problem.test.angles)


def test_shots_are_drawn_for_every_run_apart(small):
    draws = {int(run.streams.shots.integers(2**60)) for run in built(small)}
    assert len(draws) == 4


def test_a_circuit_is_transpiled_once_for_all_runs_that_have_it(small):
    assert len({id(run._backend) for run in built(small)}) == 1


def test_the_noise_rate_scales_the_negative_rate_without_being_told(small):
    nlr = built(small)[-1].optimizer
    assert nlr.rule.noise_level.rate == pytest.approx(0.01, rel=1e-9)
    assert nlr.rule.noise_level.layers == 1
    small["optimizer"][1]["noise_scaling"] = False
    assert built(small)[-1].optimizer.rule.noise_level is None
    del small["backend"]["noise"], small["optimizer"][1]["noise_scaling"]
    assert built(small)[-1].optimizer.rule.noise_level.rate == 0.0


def test_equation_10_takes_its_numbers_from_the_run(small):
    small["circuit"] |= {"observable": "mean_z", "layers": 3}
    small["optimizer"][1]["negative_rate"] = "equation_10"
    rule = built(small)[-1].optimizer.rule.negative_rate
    assert isinstance(rule, Equation10)
    assert (rule.layers, rule.variance) == (3, 0.5)
    assert rule.noise_rate == pytest.approx(0.01, rel=1e-9)


@pytest.mark.parametrize(
    ("table", "change", "words"),
    [
        ("data", {"features": 8}, "[circuit] features d = 8 do not fit 2 qubits"),
        ("data", {"classes": [3, 3]}, "[data] classes = [3, 3] is not valid"),
        ("data", {"features": 5}, "[data] features = 5 is not valid for pooling"),
        ("backend", {"shots": 0}, "[backend] shots = 0 is not valid"),
        ("backend", {"noise": {"name": "rate", "rate": 1.5}}, "must lie in [0, 1]"),
        ("backend", {"noise": {"name": "rate", "rate": -0.1}}, "must lie in [0, 1]"),
        ("backend", {"noise": {"name": "device", "device": "fake_manilla"}}, "fake_manila"),
        ("training", {"batch_size": 1000}, "[training] batch_size = 1000 is not valid"),
        ("training", {"steps": 0}, "[training] steps = 0 is not valid"),
        ("circuit", {"observable": {"name": "z", "qubit": 2}}, "[circuit] qubit = 2"),
        ("circuit", {"qubits": 0}, "[circuit] qubits = 0"),
        ("init", {"low": 1.0, "high": 0.0}, "init: low = 1"),
    ],
)
def test_values_are_refused_with_their_table(small, table, change, words):
    small[table] = {**small.get(table, {}), **change}
    with pytest.raises(InputError) as raised:
        validate(load_study(small).runs, Builder())
    assert words in str(raised.value)


@pytest.mark.parametrize("rate", [0.0, -0.1])
@pytest.mark.parametrize("name", sorted(set(OPTIMIZERS) - {"cobyla"}))
def test_rates_must_be_above_zero(small, name, rate):
    small["optimizer"] = {"name": name, "learning_rate": rate}
    with pytest.raises(InputError, match=r"\[optimizer\] learning_rate = .* above 0"):
        validate(load_study(small).runs, Builder())


def test_zero_and_nan_features_are_refused(small):
    small["data"] = {
        "name": "gaussian",
        "features": 2,
        "means": [[0.0, 0.0], [0.0, 0.0]],
        "covariance": 0.0,
    }
    with pytest.raises(InputError, match="zero in every feature"):
        validate(load_study(small).runs, Builder())
    small["data"]["means"] = [[float("nan"), 0.0], [0.0, 0.0]]
    with pytest.raises(InputError, match="finite"):
        load_study(small)
