"""Every cell of every table has its runs: one for each seed in each evaluation mode."""

import functools
import json
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from qnlr.paper.evidence import MODES, Evidence, measured
from qnlr.paper.reproduce import default_configs, study_names
from qnlr.paper.tables import tables
from qnlr.study import load_study
from qnlr.study.spec import run_id

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"
NOISY = ("table_05_noise", "mitigation")
NOISELESS = {"table_02_epochs": {"noise"}}
"""Tables whose studies have no run without noise."""


@functools.cache
def study(name):
    return load_study(CONFIGS / f"{name}.toml")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Write studies as if they were about to be run, and load a table's evidence from them."""
    folder = tmp_path_factory.mktemp("results")

    def evidence(table):
        for name in table.studies:
            runs = {run_id(spec): spec.model_dump(mode="json") for spec in study(name).runs}
            (folder / name).mkdir(exist_ok=True)
            text = json.dumps({"name": name, "config": None, "runs": runs})
            (folder / name / "study.json").write_text(text)
        return Evidence.joined([Evidence.load(folder / name) for name in table.studies])

    return evidence


def test_the_folder_of_the_configs_is_found():
    assert default_configs().resolve() == CONFIGS


@pytest.mark.parametrize("name", study_names())
def test_every_study_has_a_config_of_its_name(name):
    assert (CONFIGS / f"{name}.toml").is_file()
    assert study(name).name == name
    seeds = {spec.seed for spec in study(name).runs}
    assert len(seeds) >= 5
    assert seeds == set(range(len(seeds)))


@pytest.mark.parametrize("name", tables())
def test_every_cell_has_one_run_for_each_seed_in_each_mode(name, results):
    table = tables()[name]
    found = measured(table, results(table))
    seeds = {name: sorted({spec.seed for spec in study(name).runs}) for name in table.studies}
    modes = {"noise"} if name in NOISY else set(MODES) - NOISELESS.get(name, set())
    cells = {
        (setting, method, mode): rows
        for (setting, method, mode), rows in found.groupby(["setting", "method", "mode"])
    }
    assert set(cells) == {
        (setting.label, method.label, mode)
        for setting in table.settings
        for method in table.methods
        for mode in (modes if method.where.get("optimizer.noise_scaling", True) else {"noise"})
    }
    for cell, rows in cells.items():
        (of,) = set(rows["study"])
        assert sorted(rows["spec_seed"]) == seeds[of], cell


@pytest.mark.parametrize("name", tables())
def test_no_run_is_in_two_cells_but_those_of_two_lengths(name, results):
    table = tables()[name]
    found = measured(table, results(table))
    lengths = len({setting.step for setting in table.settings})
    assert set(found["run_id"].value_counts()) == {lengths}


@pytest.mark.parametrize("name", tables())
def test_runs_of_a_cell_differ_in_their_seed_alone(name, results):
    table = tables()[name]
    evidence = results(table)
    runs = measured(table, evidence).merge(
        evidence.runs.drop(columns=["status", "sentence", "study", "mode", "setting"]), on="run_id"
    )
    spec = [c for c in runs if c.startswith("spec_") and not c.startswith("spec_seed")]
    text = runs[spec].map(repr)
    text[["setting", "method", "mode"]] = runs[["setting", "method", "mode"]]
    counts = text.groupby(["setting", "method", "mode"])[spec].nunique()
    assert (counts == 1).all(axis=None)


@pytest.mark.parametrize("name", tables())
def test_methods_of_a_setting_share_all_but_the_optimizer(name, results):
    """Else a comparison within the table would not be one of methods."""
    table = tables()[name]
    evidence = results(table)
    runs = measured(table, evidence).merge(
        evidence.runs.drop(columns=["status", "sentence", "study", "mode", "setting"]), on="run_id"
    )
    ours = ("spec_optimizer", "spec_strategy")
    if name == "table_11_strategies":  # a shallow circuit is also read elsewhere
        ours = (*ours, "spec_circuit_observable")
    spec = [c for c in runs if c.startswith("spec_") and not c.startswith(ours)]
    text = runs[[c for c in spec if not c.startswith("spec_seed")]].map(repr)
    counts = text.groupby([runs["setting"], runs["mode"]]).nunique()
    assert (counts == 1).all(axis=None)


@pytest.mark.parametrize(
    "name", [n for n, t in tables().items() if any(s.step for s in t.settings)]
)
def test_lengths_are_evaluated_where_the_table_looks(name):
    table = tables()[name]
    longest = max(setting.step for setting in table.settings)
    for spec in study(table.studies[0]).runs:
        training = spec.training
        batches = round(0.8 * spec.data.samples) // training.batch_size
        assert longest == (training.steps or training.passes * batches)
        assert all(setting.step % training.evaluate_every == 0 for setting in table.settings)


@pytest.mark.parametrize("name", study_names())
def test_every_study_extends_the_setup_of_the_paper(name):
    if not name.startswith("tuned_"):
        assert tomllib.loads((CONFIGS / f"{name}.toml").read_text())["extends"] == "paper.toml"
    first = study(name).runs[0]
    if name != "mitigation":
        assert (first.circuit.qubits, first.training.batch_size) == (6, 32)
    spent = pd.Series([spec.backend.shots for spec in study(name).runs]).dropna()
    assert set(spent) == {1000}
