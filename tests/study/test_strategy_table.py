"""``[strategy]``: its errors with their places, its identity, its label and its results."""

import sys

import numpy as np
import pytest

from qnlr.cli import main
from qnlr.errors import InputError
from qnlr.strategies import STRATEGIES
from qnlr.study import load_study
from qnlr.study.build import Builder, validate
from qnlr.study.results import labels, load_history, load_results, settings
from qnlr.study.run import run
from qnlr.study.spec import run_id

CONFIG = """name = "tiny"
[data]
name = "digits"
features = 4
[circuit]
qubits = 2
layers = 2
[training]
steps = 4
batch_size = 4
[optimizer]
name = "sgd"
[strategy]
"""


def checked(file):
    validate(load_study(file), Builder())


def refused(text, tmp_path):
    file = tmp_path / "tiny.toml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        checked(file)
    message = str(caught.value)
    assert message.startswith(f"{file}:")
    return message.removeprefix(f"{file}:")


@pytest.mark.parametrize(
    ("table", "line", "words"),
    [
        ('name = "layerwize"', 14, 'strategy "layerwize" is not known; did you mean "layerwise"?'),
        ('name = "layerwise"\nsteps = 3', 15, 'in [strategy]: unknown key "steps"'),
        ('name = "layerwise"\nsweep = "all"', 15, "strategy.sweep = 'all' is not valid"),
        ('name = "layerwise"\nnew = "half"', 15, "[strategy] new = 'half' is not valid"),
        ('name = "layerwise"\nsweep = 2.0', 15, "[strategy] sweep = 2"),
        ('name = "shallow"\nlayers = 3', 15, "[strategy] layers = 3 is not valid; the circuit"),
        ('name = "identity_blocks"\nlayers = 3', 15, "[strategy] layers = 3 is not valid; it must"),
        ('name = "identity_blocks"\nlayers = 1000000', 15, "[strategy] layers = 1000000 is not"),
        ('name = "warm_start"\nqubits = 3', 15, "[strategy] qubits = 3 is not valid; the circuit"),
        ('name = "warm_start"\nqubits = 1', 13, "[strategy] features d = 4 do not fit 1 qubits"),
        ('name = "two_stage"\nridge = -1.0', 15, "[strategy] ridge = -1"),
        ('name = "two_stage"\nswitch = "up"', 15, '[strategy] switch "up" is not known'),
        ("trials = 3", 13, '[strategy] needs a key "name"'),
    ],
)
def test_errors_name_file_and_line(table, line, words, tmp_path):
    message = refused(CONFIG + table + "\n", tmp_path)
    assert message.startswith(f"{line}: {words}")


@pytest.mark.parametrize("optimizer", ["spsa", "cobyla", "prodigy", "schedule_free_adam"])
def test_a_schedule_needs_a_rate(optimizer, tmp_path):
    text = CONFIG.replace('"sgd"', f'"{optimizer}"') + 'name = "cosine"\n'
    assert refused(text, tmp_path).startswith("13: [strategy] a schedule scales a learning rate")


def test_a_gradient_that_does_not_fit_a_later_stage_is_refused(tmp_path):
    text = CONFIG + 'name = "layerwise"\n[gradient]\nname = "coordinates"\ncoordinates = 7\n'
    assert "coordinates = 7" in refused(text, tmp_path)


def test_the_command_line_shows_a_sentence(tmp_path, monkeypatch, capsys):
    file = tmp_path / "tiny.toml"
    file.write_text(CONFIG + 'name = "shallow"\nlayers = 3\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["qnlr", "run", str(file)])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    shown = capsys.readouterr().err
    assert f"Error: {file}:15: [strategy] layers = 3 is not valid" in shown
    assert "Traceback" not in shown


def specs(small, strategies):
    small["strategy"] = strategies
    small["optimizer"] = "sgd"
    small["seeds"] = 1
    return load_study(small).runs


def test_no_strategy_is_no_part_of_a_run(small):
    bare = load_study(small).runs
    named = load_study({**small, "strategy": "none"}).runs
    assert [run_id(spec) for spec in bare] == [run_id(spec) for spec in named]
    others = specs(small, list(STRATEGIES))
    assert len({run_id(spec) for spec in others}) == len(STRATEGIES)


def test_labels_tell_strategies_apart(small):
    found = specs(
        small,
        [
            "none",
            {"name": "shallow", "layers": 1},
            {"name": "shallow", "layers": 2},
            "layerwise",
        ],
    )
    plain = [spec.model_dump(mode="json") for spec in found]
    assert settings(plain) == ["", "shallow layers=1", "shallow layers=2", "layerwise"]
    assert labels(plain) == ["sgd", "sgd shallow layers=1", "sgd shallow layers=2", "sgd layerwise"]


def test_results_hold_the_strategy_and_the_stages(small, tmp_path):
    small |= {"strategy": ["none", "layerwise"], "optimizer": "sgd", "seeds": 1}
    small["backend"] = {"name": "simulator", "shots": 20}
    run(small, tmp_path)
    folder = tmp_path / "small"
    frame = load_results(folder)
    assert frame["spec_strategy_name"].tolist() == ["none", "layerwise"]
    assert frame["spec_gradient_name"].tolist() == ["parameter_shift"] * 2
    history = load_history(folder)
    stages = history.groupby("run_id", sort=False)["stage"].agg(list).tolist()
    assert np.isnan(stages[0]).all()
    assert stages[1] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"strategy": "layerwise"}, "[strategy] a strategy changes circuits on the way"),
        ({"optimizer": "qng"}, "[optimizer] the metric of the natural gradient is computed"),
        ({"optimizer": "icans"}, "[optimizer] ICANS chooses its shots, and a device has those of"),
        ({"optimizer": "gcans"}, "[optimizer] GCANS chooses its shots, and a device has those of"),
        ({"optimizer": "sglbo"}, "[optimizer] SGLBO chooses its shots, and a device has those of"),
    ],
)
def test_devices_make_neither_stages_nor_metrics_nor_other_shots(changes, words):
    config = {
        "name": "hw",
        "data": {"name": "gaussian", "features": 2, "samples": 10},
        "circuit": {"qubits": 2, "layers": 1},
        "backend": {"name": "ibm", "device": "ibm_manila", "shots": 50, "transpiler_seeds": 1},
        "training": {"steps": 3, "batch_size": 4},
        "optimizer": "sgd",
    }
    builder = Builder(offline=True)
    validate(load_study(config), builder)
    study = load_study({**config, **changes})
    with pytest.raises(InputError) as caught:
        validate(study, builder)
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize("name", sorted(set(STRATEGIES) - {"none"}))
def test_every_strategy_is_refused_with_an_evaluation_on_a_device(name, small):
    small |= {"strategy": name, "optimizer": "sgd", "seeds": 1}
    small["evaluation"] = {"backend": {"name": "ibm", "device": "ibm_manila"}}
    study = load_study(small)
    with pytest.raises(InputError, match=r"leave\s+\[strategy\] out, or take another backend"):
        validate(study, Builder(offline=True))
