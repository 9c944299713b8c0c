"""The table ``[gradient]``: every gradient with every optimizer, and old runs as they were."""

import json
from pathlib import Path

import numpy as np
import pytest

from qnlr.backends import GRADIENTS
from qnlr.errors import InputError
from qnlr.study import execute, load_results, load_study, run_id
from qnlr.study.build import Builder, validate
from qnlr.study.repeat import repeat
from qnlr.study.results import labels
from qnlr.study.schema import OPTIMIZERS, RunSpec

CONFIGS = Path(__file__).parents[2] / "configs"
TABLES = {
    "parameter_shift": {"name": "parameter_shift"},
    "spsa": {"name": "spsa", "directions": 2},
    "coordinates": {"name": "coordinates", "coordinates": 2},
    "variance": {
        "name": "coordinates",
        "coordinates": 4,
        "allocation": "variance",
        "evaluations": 6,
        "unbiased": True,
    },
}
ROWS = {"parameter_shift": 13, "spsa": 5, "coordinates": 5, "variance": 13}
OWN_SHOTS = ("icans", "gcans")  # of each shift of every weight: they take the shift rule alone
MY_OPTIMIZER = CONFIGS.parent / "experiments" / "my_optimizer.py"
FEWEST = 10  # shots of a circuit in the first gradient of those that choose them


def first_of(config):
    return load_study(config).runs[0]


def test_a_run_of_before_has_the_identity_it_had():
    runs = load_study(CONFIGS / "quickstart.toml").runs
    assert run_id(runs[0]) == "c1cdb38c5044"
    training = Builder().run(runs[0])
    assert training.streams.shots.bit_generator.state["state"] == {
        "state": 191492975204899693282392737795325341002,
        "inc": 98977890870526371411223127674918972667,
    }


@pytest.mark.parametrize("given", ["parameter_shift", {"name": "parameter_shift"}])
def test_the_default_written_out_is_the_same_run(small, given):
    before, trained = first_of(small), Builder().run(first_of(small))
    after = first_of({**small, "gradient": given})
    assert run_id(after) == run_id(before)
    assert after.model_dump(mode="json") == before.model_dump(mode="json")
    assert "gradient" not in before.model_dump(mode="json")
    again = Builder().run(after)
    for name in ("batches", "shots", "gradient"):
        one, other = (getattr(run.streams, name) for run in (trained, again))
        assert one.bit_generator.state == other.bit_generator.state


@pytest.mark.parametrize("name", ["spsa", "coordinates", "variance"])
def test_another_gradient_is_another_run_with_draws_of_its_own(small, name):
    before, after = first_of(small), first_of({**small, "gradient": TABLES[name]})
    assert run_id(after) != run_id(before)
    assert after.model_dump(mode="json")["gradient"].items() >= TABLES[name].items()
    assert run_id(RunSpec.model_validate(after.model_dump(mode="json"))) == run_id(after)
    one, other = Builder().run(before), Builder().run(after)
    np.testing.assert_array_equal(one.optimizer.state.x, other.optimizer.state.x)
    assert one.streams.batches.bit_generator.state == other.streams.batches.bit_generator.state
    assert one.streams.shots.bit_generator.state != other.streams.shots.bit_generator.state


FITTING = [
    (optimizer, gradient)
    for optimizer in OPTIMIZERS
    for gradient in TABLES
    if optimizer not in OWN_SHOTS or gradient == "parameter_shift"
]


@pytest.mark.parametrize("gradient", sorted(set(TABLES) - {"parameter_shift"}))
@pytest.mark.parametrize("optimizer", OWN_SHOTS)
def test_shots_of_every_derivative_are_chosen_of_the_shift_rule_alone(optimizer, gradient, small):
    small |= {"optimizer": {"name": optimizer}, "gradient": TABLES[gradient]}
    small["backend"]["name"] = "simulator"
    message = rf"^\[gradient\] .* with the optimizer {optimizer.upper()}: .*parameter_shift"
    with pytest.raises(InputError, match=message):
        validate(load_study(small), Builder())
    small["optimizer"]["name"] = "sglbo"  # it chooses one number of shots for all
    validate(load_study(small), Builder())


@pytest.mark.parametrize(("optimizer", "gradient"), FITTING)
@pytest.mark.parametrize("head", ["bare", "scale_bias"])
def test_every_optimizer_makes_a_step_with_every_gradient(optimizer, gradient, head, small):
    small |= {
        "optimizer": {"name": optimizer},
        "gradient": TABLES[gradient],
        "problem": {"head": head},
    }
    if optimizer == "file":
        small["optimizer"]["path"] = str(MY_OPTIMIZER)
    small["backend"]["name"] = "simulator"
    training = Builder().run(first_of(small))
    weights = training.optimizer.state.x
    try:
        training.step()
    finally:
        training.optimizer.close()
    assert training.steps_done == 1
    assert training.optimizer.state.x.shape == weights.shape
    assert np.isfinite(training.optimizer.state.x).all()
    gradients, losses = training.optimizer.evaluations_per_step
    spent = training.meter.cost
    metric = 6 * 7 // 2 if optimizer == "qng" else 0  # a circuit for each pair of weights
    if optimizer in ("armijo", "adaptive_nlr"):  # which try no more rates than they need
        assert 1 <= spent.jobs - gradients <= losses
        losses = spent.jobs - gradients
    shots = FEWEST if optimizer in (*OWN_SHOTS, "sglbo") else 50
    rows = gradients * ROWS[gradient]
    assert spent.shots == 4 * (shots * rows + 50 * (losses + metric))
    assert spent.jobs == gradients + losses + bool(metric)
    moved = training.optimizer.state.x != weights
    if gradient == "coordinates" and optimizer in ("nlr", "sgd", "momentum"):
        assert moved[:6].sum() <= 2
        assert moved[6:].all()


def test_every_registered_gradient_is_here():
    assert {table["name"] for table in TABLES.values()} == set(GRADIENTS)


def test_gradients_are_an_axis_named_in_labels(small):
    small |= {"seeds": 1, "gradient": [TABLES["parameter_shift"], TABLES["spsa"]]}
    study = load_study(small)
    plain = [spec.model_dump(mode="json") for spec in study.runs]
    assert labels(plain) == [
        "sgd parameter_shift",
        "sgd spsa directions=2 shift=0.1",
        "nlr parameter_shift",
        "nlr spsa directions=2 shift=0.1",
    ]
    alone = [
        spec.model_dump(mode="json") for spec in load_study({**small, "gradient": "spsa"}).runs
    ]
    assert labels(alone) == ["sgd", "nlr"]


def test_grid_variants_and_skips_know_the_table(small):
    small |= {
        "seeds": 1,
        "optimizer": {"name": "sgd"},
        "grid": {"gradient": ["parameter_shift", "spsa", "coordinates"]},
        "skip": [{"gradient": "parameter_shift"}],
    }
    assert [spec.gradient.name for spec in load_study(small).runs] == ["spsa", "coordinates"]
    del small["skip"]
    small |= {"gradient": TABLES["spsa"], "grid": {"gradient.directions": [1, 3]}}
    assert [spec.gradient.directions for spec in load_study(small).runs] == [1, 3]
    del small["grid"]
    small["variant"] = [{"gradient": {"shift": 0.2}}, {"gradient": TABLES["coordinates"]}]
    assert [spec.gradient.name for spec in load_study(small).runs] == ["spsa", "coordinates"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"name": "coordinates", "coordinates": 7}, "[gradient] coordinates = 7 is not valid"),
        ({"name": "coordinates", "coordinates": 0}, "[gradient] coordinates = 0 is not valid"),
        ({"name": "coordinates", "evaluations": 5}, "[gradient] evaluations = 5 is not valid"),
        ({"name": "coordinates", "allocation": "variance"}, "[gradient] allocation = "),
        ({"name": "coordinates", "decay": 1.0}, "[gradient] decay = 1.0 is not valid"),
        ({"name": "coordinates", "allocation": "even"}, "gradient.allocation = 'even' is not"),
        ({"name": "spsa", "directions": 0}, "[gradient] directions = 0 is not valid"),
        ({"name": "spsa", "shift": 2.0}, "[gradient] shift = 2.0 is not valid"),
        ({"name": "spsa", "direction": 2}, 'did you mean "directions"?'),
        ({"name": "spas"}, 'did you mean "spsa"?'),
    ],
)
def test_what_is_not_valid_is_refused_with_its_key(small, table, words):
    with pytest.raises(InputError) as raised:
        validate(load_study({**small, "gradient": table}), Builder())
    assert words in str(raised.value)


def test_a_study_is_executed_loaded_resumed_and_repeated(small, tmp_path):
    small |= {
        "seeds": 1,
        "optimizer": {"name": "nlr", "learning_rate": 0.3},
        "gradient": list(TABLES.values()),
    }
    small["backend"]["name"] = "simulator"
    study = load_study(small)
    execute(study, tmp_path)
    results = load_results(tmp_path / "small")
    assert set(results["status"]) == {"finished"}
    assert results["spec_gradient_name"].tolist() == [
        "parameter_shift", "spsa", "coordinates", "coordinates",
    ]  # fmt: skip
    kept = [
        json.loads((tmp_path / "small" / run / "spec.json").read_text())
        for run in results["run_id"]
    ]
    assert ["gradient" in spec for spec in kept] == [False, True, True, True]
    assert all(repeat(run, tmp_path).identical for run in results["run_id"])
