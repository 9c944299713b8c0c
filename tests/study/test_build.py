from pathlib import Path

import numpy as np
import pytest

from qnlr.errors import InputError
from qnlr.optimizers import Equation10
from qnlr.study import load_study
from qnlr.study.build import Builder, validate
from qnlr.study.observer import RunProgress
from qnlr.study.schema import OPTIMIZERS

MY_OPTIMIZER = Path(__file__).parents[2] / "experiments" / "my_optimizer.py"
NEEDED = {"file": {"path": str(MY_OPTIMIZER)}}


def built(config):
    builder = Builder()
    return [builder.run(spec) for spec in load_study(config).runs]


def drawn_batches(training, steps=5):
    size = len(training.problem.train)
    return [training.streams.batches.choice(size, 4, replace=False) for _ in range(steps)]


def test_runs_on_one_seed_share_data_weights_and_batches_exactly(small):
    small["optimizer"] = [{"name": name, **NEEDED.get(name, {})} for name in OPTIMIZERS]
    runs = built(small)
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
        ("data", {"features": 8}, "[circuit.encoding] features d = 8 do not fit 2 qubits"),
        ("data", {"classes": [3, 3]}, "[data] classes = [3, 3] is not valid"),
        ("data", {"features": 5}, "[data] features = 5 is not valid for pooling"),
        ("backend", {"shots": 0}, "[backend] shots = 0 is not valid"),
        ("backend", {"noise": {"name": "rate", "rate": 1.5}}, "must lie in [0, 1]"),
        ("backend", {"noise": {"name": "rate", "rate": -0.1}}, "must lie in [0, 1]"),
        ("backend", {"noise": {"name": "device", "device": "fake_manilla"}}, "fake_manila"),
        ("training", {"batch_size": 1000}, "[training] batch_size = 1000 is not valid"),
        ("training", {"steps": 0}, "[training] steps = 0 is not valid"),
        ("circuit", {"observable": {"name": "z", "qubit": 2}}, "[circuit.observable] qubit = 2"),
        ("circuit", {"qubits": 0}, "[circuit] qubits = 0"),
        ("backend", {"shots": 2**31}, "[backend] shots = 2147483648 is not valid"),
        ("backend", {"noise": {"name": "rate", "rate": 0.4}}, "above 0.35"),
        ("circuit", {"qubits": 20}, "20 qubits do not fit this machine's memory"),
        ("circuit", {"qubits": 10**23}, "[circuit] qubits = 1"),
        ("circuit", {"layers": 10**9}, "[circuit] layers = 1000000000 is not valid"),
        ("data", {"name": "gaussian", "features": 10**6}, "[data] features = 1000000 is not"),
        ("data", {"name": "gaussian", "samples": 10**9}, "[data] samples = 1000000000 is not"),
        ("init", {"low": 1.0, "high": 0.0}, "[init] low = 1"),
    ],
)
def test_values_are_refused_with_their_table(small, table, change, words):
    if "name" in change:
        small[table] = {}
    small[table] = {**small.get(table, {}), **change}
    with pytest.raises(InputError) as raised:
        validate(load_study(small), Builder())
    assert words in str(raised.value)


def test_a_device_must_have_the_qubits(small):
    small["circuit"] = {"qubits": 6, "layers": 1}
    small["backend"]["noise"] = {"name": "device", "device": "fake_manila"}
    with pytest.raises(InputError, match=r"6 qubits do not fit the device fake_manila, .* has 5"):
        validate(load_study(small), Builder())


def test_one_shot_has_no_standard_error(small):
    small["backend"]["shots"] = 1
    small["optimizer"][1]["trigger"] = "standard_errors"
    with pytest.raises(InputError, match=r"\[optimizer\[1\]\] the trigger standard_errors needs"):
        validate(load_study(small), Builder())


def test_what_a_library_refuses_is_a_sentence_too(small, monkeypatch):
    def refuse(*args, **kwargs):
        raise MemoryError("no room")

    monkeypatch.setattr("qnlr.study.instances.Classification", refuse)
    with pytest.raises(InputError, match=r"\[data\] it could not be built: MemoryError: no room"):
        validate(load_study(small), Builder())


def test_looking_closer_at_a_run_does_not_change_its_shots(small):
    small["seeds"] = 1
    plain = built(small)
    small["training"] |= {
        "steps": 9,
        "checkpoint_every": 1,
        "evaluate_every": 2,
        "target_loss": 0.1,
    }
    for one, other in zip(plain, built(small), strict=True):
        assert one.streams.shots.integers(2**60) == other.streams.shots.integers(2**60)
        assert one.optimizer.seed == other.optimizer.seed
    small["training"]["batch_size"] = 5
    changed = built(small)
    assert plain[0].streams.shots.integers(2**60) != changed[0].streams.shots.integers(2**60)


def test_passes_are_resolved_to_steps_and_draw_the_same(small):
    small["seeds"] = 1
    small["optimizer"] = [{"name": "sgd"}, {"name": "cobyla"}]
    del small["training"]["steps"]
    plain = built(small)
    assert {run.total_steps for run in plain} == {100}
    small["training"]["passes"] = 3
    for one, other in zip(plain, built(small), strict=True):
        steps = 3 * -(-len(other.problem.train) // 4)
        assert other.total_steps == RunProgress.of("", "", 0, other).steps == steps
        assert one.streams.shots.integers(2**60) == other.streams.shots.integers(2**60)
        np.testing.assert_array_equal(drawn_batches(one), drawn_batches(other))
    assert other.optimizer.maxiter == steps


def test_a_config_with_steps_and_passes_is_refused(small):
    small["training"]["passes"] = 3
    with pytest.raises(InputError, match=r"\[training\] passes = 3 is not valid together with"):
        validate(load_study(small), Builder())


def test_naming_the_place_of_the_same_images_changes_no_draw(small):
    small |= {"seeds": 1, "data": {"name": "mnist", "features": 4, "samples": 20}}
    found = built(small)
    small["data"]["source"] = "installed"
    for one, other in zip(found, built(small), strict=True):
        np.testing.assert_array_equal(one.problem.train.angles, other.problem.train.angles)
        np.testing.assert_array_equal(drawn_batches(one), drawn_batches(other))
        assert one.streams.shots.integers(2**60) == other.streams.shots.integers(2**60)


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("circuit", {"observable": "mean_z"}),
        ("circuit", {"encoding": {"name": "amplitude", "data_qubits": [1, 0]}}),
        ("data", {"scaling": "standard"}),
        ("data", {"reduction": "pca"}),
        ("backend", {"shots": 60}),
        ("problem", {"loss": "cross_entropy"}),
    ],
)
def test_weights_split_and_batches_are_shared_across_what_does_not_draw_them(small, table, change):
    small["optimizer"] = {"name": "sgd"}
    before = built(small)
    small[table] = {**small.get(table, {}), **change}
    for one, other in zip(before, built(small), strict=True):
        np.testing.assert_array_equal(one.optimizer.state.x, other.optimizer.state.x)
        np.testing.assert_array_equal(one.problem.test.labels, other.problem.test.labels)
        np.testing.assert_array_equal(drawn_batches(one), drawn_batches(other))


WITHOUT_RATE = {"cobyla", "dog", "prodigy", "d_adaptation"}
OWN_RATE = {"adaptive_nlr", "file"}  # whose rate has another name, or is their own affair


@pytest.mark.parametrize("rate", [0.0, -0.1])
@pytest.mark.parametrize("name", sorted(set(OPTIMIZERS) - WITHOUT_RATE - OWN_RATE))
def test_rates_must_be_above_zero(small, name, rate):
    small["optimizer"] = {"name": name, "learning_rate": rate}
    with pytest.raises(InputError, match=r"\[optimizer\] learning_rate = .* above 0"):
        validate(load_study(small), Builder())


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("initial_rate", 0.0, r"\[optimizer\] initial_rate = 0.* above 0"),
        ("level", 0.6, r"\[optimizer\] level = 0.6 is not valid; it must lie in \(0, 0.5\]"),
        ("learning_rate", 0.1, r'unknown key "learning_rate"'),
    ],
)
def test_settings_of_the_adaptive_rate_must_be_valid(small, setting, value, message):
    small["optimizer"] = {"name": "adaptive_nlr", setting: value}
    with pytest.raises(InputError, match=message):
        validate(load_study(small), Builder())


def test_zero_and_nan_features_are_refused(small):
    small["data"] = {
        "name": "gaussian",
        "features": 2,
        "means": [[0.0, 0.0], [0.0, 0.0]],
        "covariance": 0.0,
    }
    with pytest.raises(InputError, match="zero in every feature"):
        validate(load_study(small), Builder())
    small["data"]["means"] = [[float("nan"), 0.0], [0.0, 0.0]]
    with pytest.raises(InputError, match="finite"):
        load_study(small)
