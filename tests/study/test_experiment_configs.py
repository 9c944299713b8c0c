"""The studies of energies, cuts and strategies: their configs, and what they are to reach."""

import tomllib
from pathlib import Path

import pytest

from qnlr.strategies import STRATEGIES
from qnlr.study import load_results
from qnlr.study.build import Builder, validate
from qnlr.study.run import run
from qnlr.study.spec import load_study

CONFIGS = Path(__file__).parents[2] / "configs"
STUDIES = (
    *("vqe_transverse_ising", "vqe_heisenberg", "vqe_molecules", "qaoa_maxcut"),
    *("two_stage_energy", "two_stage_classification", "strategies"),
)


def content(name):
    return tomllib.loads((CONFIGS / f"{name}.toml").read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_every_run_can_be_built(name):
    study = load_study(CONFIGS / f"{name}.toml", seeds=1)
    assert study.name == name
    validate(study, Builder(CONFIGS))


def test_the_study_of_strategies_has_all_of_them_with_every_optimizer():
    runs = load_study(CONFIGS / "strategies.toml", seeds=1).runs
    assert {spec.strategy.name for spec in runs} == set(STRATEGIES)
    assert len(runs) == 4 * len(STRATEGIES)


@pytest.mark.slow
def test_the_ising_chain_is_solved_to_a_thousandth_on_every_seed(tmp_path):
    config = content("vqe_transverse_ising")
    config["optimizer"] = [one for one in config["optimizer"] if one["name"] == "adam"]
    run(config, results=tmp_path, seeds=3)
    errors = load_results(tmp_path / "vqe_transverse_ising")["metric_energy_error"]
    assert len(errors) == 3
    assert errors.between(-1e-9, 1e-3).all()


@pytest.mark.slow
def test_qaoa_beats_tossing_coins_and_more_layers_do_more(tmp_path):
    config = content("qaoa_maxcut")
    config["optimizer"] = [one for one in config["optimizer"] if one["name"] == "adam"]
    config["backend"] = [one for one in config["backend"] if "shots" not in one]
    config["grid"]["circuit.layers"] = [1, 3]
    run(config, results=tmp_path, seeds=2)
    found = load_results(tmp_path / "qaoa_maxcut")
    ratios = found.groupby("spec_circuit_layers")["metric_cut_ratio"]
    assert ratios.min()[1] > found["metric_random_ratio"].max() + 0.1
    assert ratios.min()[3] > ratios.max()[1]
    assert found["metric_cut_ratio"].max() <= 1.0
