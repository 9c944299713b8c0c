"""An optimizer from a file: it runs as any other, and what is wrong with it is said."""

import copy
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from board_configs import RAISES, tiny

from qnlr.errors import InputError
from qnlr.optimizers import SGD
from qnlr.study import load_study
from qnlr.study.execute import execute
from qnlr.study.leaderboard import load_board
from qnlr.study.optimizer_file import optimizer_class, optimizer_from_file
from qnlr.study.repeat import repeat
from qnlr.study.results import load_history, load_results
from qnlr.study.spec import run_id

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "experiments" / "my_optimizer.py"
PLAIN = """\
from qnlr.optimizers import SGD


class Mine(SGD):
    pass
"""
CONFIG = {
    "name": "own",
    "seeds": 1,
    "data": {"name": "digits", "features": 4},
    "circuit": {"qubits": 2, "layers": 1},
    "backend": {"name": "simulator", "shots": 50},
    "training": {"steps": 4, "batch_size": 4, "checkpoint_every": 2},
    "optimizer": {"name": "file", "path": "mine.py", "learning_rate": 0.1},
}


@pytest.fixture
def mine(tmp_path):
    def write(text, name="mine.py"):
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        return file

    return write


def config_file(tmp_path, optimizer):
    lines = [
        'name = "own"',
        "[data]\nname = 'digits'\nfeatures = 4",
        "[circuit]\nqubits = 2\nlayers = 1",
        "[backend]\nname = 'simulator'\nshots = 50",
        "[training]\nsteps = 4\nbatch_size = 4",
        f"[optimizer]\n{optimizer}",
    ]
    file = tmp_path / "own.toml"
    file.write_text("\n".join(lines))
    return file


def test_it_does_what_the_same_class_of_the_package_does(mine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mine(PLAIN)
    config = config_file(tmp_path, 'name = "file"\npath = "mine.py"\nlearning_rate = 0.3')
    study = load_study(config)
    assert study.runs[0].optimizer.sha256 is not None
    report = execute(study, tmp_path / "results")
    found = load_results(report.folder)
    assert found["status"].tolist() == ["finished"]
    history = load_history(report.folder)
    assert (history["metric_rate"] == 0.3).all()
    assert repeat(run_id(study.runs[0]), tmp_path / "results").identical


def test_its_code_is_part_of_what_a_run_is(mine, tmp_path):
    file = mine(PLAIN)
    config = config_file(tmp_path, 'name = "file"\npath = "mine.py"')
    before = load_study(config).runs[0]
    file.write_text(PLAIN + "\n# another\n")
    after = load_study(config).runs[0]
    assert run_id(before) != run_id(after)
    study = load_study(config)
    file.write_text(PLAIN)
    with pytest.raises(InputError, match=r"mine\.py has changed: its SHA-256 is not"):
        execute(study, tmp_path / "results")


def test_settings_seed_and_steps_are_given(mine):
    mine_too = "class Mine(SGD):\n    def __init__(self, scale=1.0, **common):\n"
    text = PLAIN.replace("class Mine(SGD):\n    pass\n", mine_too)
    text += "        super().__init__(0.1 * scale, **common)\n"
    file = mine(text)
    found = optimizer_from_file(file, None, {"scale": 3.0}, maxiter=7, seed=5)
    assert isinstance(found, SGD)
    assert (found.learning_rate, found.maxiter, found.seed) == (pytest.approx(0.3), 7, 5)


@pytest.mark.parametrize("steps", [30, 200])
def test_the_example_minimises(steps):
    found = optimizer_from_file(EXAMPLE, maxiter=steps, learning_rate=0.2)
    result = found.minimize(lambda x: float(x @ x), np.array([1.0, -2.0]), lambda x: 2 * x)
    assert result.fun < 0.05
    assert "executed" in runpy.run_path(str(EXAMPLE))["__doc__"]


def test_class_may_be_named_and_must_be_where_there_are_two(mine):
    file = mine(PLAIN + "\n\nclass Other(SGD):\n    pass\n")
    assert optimizer_class(file, "Other").__name__ == "Other"
    with pytest.raises(InputError, match="has 2 optimizers: Mine, Other; say which with class"):
        optimizer_class(file)


def test_one_of_two_classes_takes_part_by_its_name(mine):
    file = mine(PLAIN + "\n\nclass Other(SGD):\n    pass\n")
    board = load_board(tiny(), [f"{file}:Other", f"{file}:Mine"])
    own = {entry.name: entry.tables["optimizer"] for entry in board.entries[-2:]}
    assert {name: table["class"] for name, table in own.items()} == {
        "Other": "Other",
        "Mine": "Mine",
    }
    assert {Path(table["path"]).name for table in own.values()} == {"mine.py"}
    with pytest.raises(InputError, match=r"with .*mine\.py:Mine on the command line"):
        load_board(tiny(), [file])
    with pytest.raises(InputError, match=r'class "Othr" is not known; did you mean "Other"'):
        load_board(tiny(), [f"{file}:Othr"])


BROKEN = {
    "import (": r"cannot be executed: SyntaxError: .*\(line 1\)",
    "x = 1\n1 / 0": r"cannot be executed: ZeroDivisionError: division by zero \(line 2\)",
    "import no_such_library": "cannot be executed: ModuleNotFoundError: .*no_such_library",
    "import sys\nsys.exit(3)": r"cannot be executed: SystemExit: 3 \(line 2\)",
    "x = 1": "has no optimizer: no class in it has the methods ask and tell",
    "class A:\n    ask = tell = print": "A is no optimizer: it lacks start, state_dict, load_state",
    PLAIN.replace("pass", "def __init__(self, a): pass"): "Mine cannot be used: TypeError: .*'a'",
    PLAIN.replace("pass", "def start(self, *a): 1 / 0"): r"ZeroDivisionError: .*\(line 5\)",
}


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_wrong_with_a_file_is_said_with_its_name(mine, text):
    file = mine(text)
    with pytest.raises(InputError, match=rf"{file.name}.*{BROKEN[text]}"):
        optimizer_from_file(file)


def test_a_setting_that_is_not_known_is_named(mine):
    text = PLAIN.replace("pass", "def __init__(self, scale=1.0): super().__init__(scale)")
    with pytest.raises(InputError, match=r'setting of Mine "scal" is not known; did you mean "sca'):
        optimizer_from_file(mine(text), settings={"scal": 1.0})


def test_a_setting_that_is_handed_on_is_looked_for_in_the_bases(mine):
    text = PLAIN.replace(
        "pass", "def __init__(self, scale=1.0, **common): super().__init__(scale, **common)"
    )
    wanted = (
        r'setting of Mine "perturbatio" is not known; did you mean "perturbation"\? valid: .*scale'
    )
    with pytest.raises(InputError, match=wanted):
        optimizer_from_file(mine(text), settings={"perturbatio": 1.0})
    assert optimizer_from_file(mine(text), settings={"perturbation": 0.3}).perturbation == 0.3
    takes = text.replace(": super", ": common.pop('extra', 0); super")
    assert isinstance(optimizer_from_file(mine(takes), settings={"extra": 1.0}), SGD)


def test_a_file_that_is_not_there_is_named_with_its_place(tmp_path):
    config = config_file(tmp_path, 'name = "file"\npath = "none.py"')
    with pytest.raises(InputError, match=r"own\.toml:16: optimizer file .*none\.py cannot be read"):
        load_study(config)


def test_a_class_that_is_not_there_is_named_with_its_place(mine, tmp_path):
    mine(PLAIN)
    config = config_file(tmp_path, 'name = "file"\npath = "mine.py"\nclass = "Min"')
    with pytest.raises(InputError, match=r'\[optimizer\] .*class "Min" is not known; .*"Mine"'):
        execute(load_study(config), tmp_path / "results")


def test_one_that_raises_ends_its_runs_as_failed_and_no_more(mine, tmp_path):
    mine(RAISES)
    config = config_file(tmp_path, 'name = "file"\npath = "mine.py"')
    report = execute(load_study(config), tmp_path / "results")
    found = load_results(report.folder)
    assert report.failed == 1
    assert found["status"].tolist() == ["failed"]
    assert "by zero, in my own code" in found["sentence"][0]


def test_it_can_be_a_dict_as_any_config(mine, tmp_path, monkeypatch):
    mine(PLAIN)
    monkeypatch.chdir(tmp_path)
    study = load_study(copy.deepcopy(CONFIG))
    execute(study, "results")
    assert isinstance(load_results("results/own"), pd.DataFrame)
    assert load_results("results/own")["status"].tolist() == ["finished"]
