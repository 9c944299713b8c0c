import numpy as np
import pandas as pd
import pytest

from qnlr.errors import InputError
from qnlr.study import execute, load_history, load_study
from qnlr.study.build import Builder
from qnlr.study.replay import POINTS, beginning, replay, strays
from qnlr.study.store import RunFolder, write_json

CONFIG = """\
name = "small"
[data]
name = "digits"
features = 4
[circuit]
qubits = 2
layers = 1
[backend]
{backend}
[training]
steps = {steps}
batch_size = 4
[optimizer]
name = "nlr"
learning_rate = 0.3
"""


@pytest.fixture
def done(small, tmp_path):
    study = load_study({**small, "seeds": 1})
    execute(study, tmp_path)
    return tmp_path


def folders(results):
    return [RunFolder(file.parent) for file in sorted(results.glob("small/*/spec.json"))]


def test_a_replay_is_the_run_step_by_step(done):
    history = load_history(done / "small")
    for kept in folders(done):
        told = []
        found = replay(kept.run_id, done, told=lambda *progress: told.append(progress))  # noqa: B023
        assert found.steps == (0, 1, 2, 3, 4)
        assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
        state = kept.load_checkpoint()
        np.testing.assert_array_equal(found.weights[-1], state["optimizer"]["x"])
        before = pd.read_parquet(kept.path / "history.parquet")
        pd.testing.assert_frame_equal(found.history, before)
        assert set(history["run_id"]) >= {kept.run_id}
        assert strays(found, kept.run_id, done) == ""
        assert found.name.endswith("seed 0")


def test_the_first_weights_are_the_initial_ones_and_the_last_are_always_kept(done):
    run = folders(done)[0].run_id
    found = replay(run, done, every=3)
    assert found.steps == (0, 3, 4)
    whole = replay(run, done, every=1)
    np.testing.assert_array_equal(found.weights, whole.weights[[0, 3, 4]])
    assert found.weights.shape == (3, found.training.problem.num_weights)
    with pytest.raises(InputError, match="every = 0 is not valid"):
        replay(run, done, every=0)


def test_a_long_run_is_kept_in_about_a_hundred_points(small, tmp_path):
    small["training"] = {"steps": 250, "batch_size": 4}
    small["backend"] = {"name": "statevector"}
    execute(load_study({**small, "seeds": 1, "optimizer": "sgd"}), tmp_path)
    found = replay(folders(tmp_path)[0].run_id, tmp_path)
    assert len(found.steps) <= POINTS + 2
    assert found.steps[:2] == (0, 3)
    assert found.steps[-1] == 250
    assert len(found.history) == 250


def test_another_history_strays(done):
    kept = folders(done)[0]
    found = replay(kept.run_id, done)
    for changed in (
        found.history.assign(metric_loss=found.history["metric_loss"] + 1e-6),
        found.history.iloc[:-1],
        pd.concat([found.history, found.history]),
    ):
        changed.to_parquet(kept.path / "history.parquet", index=False)
        expected = len(changed) < len(found.history)
        said = strays(found, kept.run_id, done)
        assert (said == "") == expected  # an interrupted run is the beginning of the whole one
        assert expected or kept.run_id in said


def test_the_beginning_of_a_config_has_made_no_step(tmp_path):
    file = tmp_path / "small.toml"
    file.write_text(CONFIG.format(backend='name = "aer"\nshots = 50', steps=3))
    found = beginning(file)
    assert found.steps == (0,)
    assert len(found.history) == 0
    assert "metric_gradient_norm" in found.history
    study = load_study(file)
    first = Builder(study.folder).run(study.runs[0]).optimizer.state.x
    np.testing.assert_array_equal(found.weights, [first])
    assert len(found.samples) == len(found.training.problem.train)


def test_nothing_is_paid_for_again(done, tmp_path):
    file = tmp_path / "paid.toml"
    file.write_text(CONFIG.format(backend='name = "ibm"\ndevice = "ibm_brisbane"', steps=3))
    with pytest.raises(InputError, match="would have to be paid for"):
        beginning(file)
    folder = tmp_path / "small" / "0123456789ab"
    folder.mkdir()
    write_json(folder / "spec.json", load_study(file).runs[0].model_dump(mode="json"))
    with pytest.raises(InputError, match="run 0123456789ab is on a device"):
        replay("0123456789ab", tmp_path)


def test_a_beginning_that_cannot_be_built_names_the_place(tmp_path):
    file = tmp_path / "small.toml"
    file.write_text(
        CONFIG.format(backend='name = "statevector"', steps=3).replace("qubits = 2", "qubits = 1")
    )
    with pytest.raises(InputError, match=r"small\.toml:5: \[circuit"):
        beginning(file)
