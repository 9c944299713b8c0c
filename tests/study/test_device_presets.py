"""The configs for hardware: valid without a network, and as cheap as they say."""

import tomllib
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qnlr.cli import app
from qnlr.study import execute, load_results, load_study
from qnlr.study.devices import device_settings, is_paid
from qnlr.study.estimate import estimate
from qnlr.study.estimate_limits import by_mode, objections

CONFIGS = Path(__file__).parents[2] / "configs"
EVALUATE = pytest.param("ibm_evaluate", marks=pytest.mark.slow)  # noise of 156 qubits takes long
NAMES = ("ibm_open_plan", "ibm_session", EVALUATE)
HALF_THE_OPEN_PLAN = 300


def rehearsed(name, **training):
    """A preset on the fake device, as a user would change it: one word in the file."""
    text = (CONFIGS / f"{name}.toml").read_text(encoding="utf-8")
    assert text.count('device = "ibm_fez"') == 1
    config = tomllib.loads(text.replace('device = "ibm_fez"', 'device = "fake_fez"'))
    config["training"] |= training
    return config


@pytest.fixture(scope="module")
def price():
    """The estimate of a preset, made once."""
    return cache(lambda name: estimate(load_study(CONFIGS / f"{name}.toml")))


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_valid_and_no_service_is_asked(name, offline):
    done = CliRunner().invoke(app, ["validate", str(CONFIGS / f"{name}.toml")])
    assert done.exit_code == 0, done.output
    assert f"is valid: study {name}" in done.output
    study = load_study(CONFIGS / f"{name}.toml")
    assert study.name == name
    assert all(is_paid(spec) for spec in study.runs)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_within_its_budget_with_room_to_spare(name, price):
    assert price(name).budget_share < 0.85
    assert {run.device for run in price(name).runs} == {"ibm_fez"}


@pytest.mark.parametrize("name", ["ibm_open_plan", EVALUATE])
def test_presets_for_the_open_plan_take_less_than_half_of_it(name, price):
    assert price(name).price.seconds < HALF_THE_OPEN_PLAN
    assert price(name).budget_seconds <= HALF_THE_OPEN_PLAN
    assert objections(price(name)) == []


def test_both_methods_are_run_with_few_circuits_on_the_open_plan(price):
    runs = load_study(CONFIGS / "ibm_open_plan.toml").runs
    assert {run.optimizer.name for run in runs} == {"sgd", "nlr"}
    assert {run.gradient.name for run in runs} == {"spsa"}
    assert {device_settings(run).mode for run in runs} == {"auto"}
    assert price("ibm_open_plan").runs[0].work.step[0].circuits == 7 * 8


def test_the_session_is_within_its_budget_by_the_clock_too(price):
    own = price("ibm_session")
    session = next(mode for mode in by_mode(own) if mode.mode == "session")
    assert own.price.seconds < session.charged_seconds < own.budget_seconds
    spec = load_study(CONFIGS / "ibm_session.toml").runs[0]
    assert device_settings(spec).mode == "session"
    assert spec.gradient.name == "parameter_shift"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_rehearsed_by_changing_one_word(name, tmp_path):
    study = load_study(rehearsed(name, steps=1), seeds=1)
    assert not any(is_paid(spec) for spec in study.runs)
    results = load_results(execute(study, tmp_path).folder)
    assert set(results["status"]) == {"finished"}
    if name == "ibm_evaluate":
        assert results["metric_device_gradient_norm"].gt(0).all()
