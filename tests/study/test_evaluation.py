import numpy as np
import pytest

import qnlr
from qnlr.errors import InputError
from qnlr.study.build import Builder
from qnlr.study.execute import execute
from qnlr.study.kept import kept_study
from qnlr.study.results import load_results
from qnlr.study.spec import load_study, run_id
from qnlr.study.store import RunFolder
from qnlr.training import read_checkpoint

PLAIN = {
    "name": "evaluated",
    "data": {"name": "digits", "features": 4},
    "circuit": {"qubits": 3, "layers": 1},
    "backend": {"name": "simulator", "shots": 200},
    "training": {"steps": 4, "batch_size": 4},
    "optimizer": {"name": "nlr"},
}


def study(device="fake_manila", samples=3, **changes):
    backend = {"name": "ibm", "device": device, "shots": 300, **changes}
    return {**PLAIN, "evaluation": {"backend": backend, "gradient_samples": samples}}


def test_weights_trained_elsewhere_are_measured_on_a_device_beside_the_prediction(tmp_path):
    row = qnlr.run(study(), tmp_path).iloc[0]
    spec = load_study(study()).runs[0]
    folder = tmp_path / "evaluated" / row["run_id"]
    builder = Builder()
    training = builder.run(spec, folder)
    training.load_state_dict(read_checkpoint(folder / "checkpoint.npz", row["run_id"]))
    device = builder.device(spec, training, folder)
    weights, problem = training.optimizer.state.x, training.problem
    rng = training.streams.evaluation(-1)
    test = problem.evaluate(weights, problem.test, device, rng)
    batch = problem.train.take(np.arange(3))
    there = problem.loss_and_gradient(weights, batch, device, rng)
    assert row["metric_device_test_loss"] == test.loss
    assert row["metric_device_test_accuracy"] == test.accuracy
    assert row["metric_device_gradient_norm"] == np.linalg.norm(there.gradient)
    here = problem.loss_and_gradient(
        weights, batch, training.backend, training.streams.evaluation(-2)
    )
    assert row["metric_predicted_gradient_norm"] == np.linalg.norm(here.gradient)
    assert row["metric_predicted_gradient_std"] == np.linalg.norm(here.stds)


def test_training_is_that_of_the_same_run_without_a_device(tmp_path):
    with_device = qnlr.run(study(samples=0), tmp_path).iloc[0]
    without = qnlr.run({**PLAIN, "name": "plain"}, tmp_path).iloc[0]
    assert with_device["run_id"] != without["run_id"]
    assert with_device["metric_train_loss"] == without["metric_train_loss"]
    assert "metric_device_gradient_norm" not in with_device


def test_how_an_evaluation_is_paid_for_is_no_part_of_what_a_run_is():
    ids = {
        run_id(load_study(study(**paid)).runs[0])
        for paid in ({}, {"budget_seconds": 5.0}, {"mode": "job", "max_jobs": 3})
    }
    assert len(ids) == 1
    assert run_id(load_study(study("fake_lagos")).runs[0]) not in ids


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"backend": {"name": "ibm", "device": "fake_manila"}}, "evaluated there; leave"),
        ({"evaluation": {"backend": {"name": "aer", "shots": 10}}}, '"aer" is not a device'),
        (
            {"evaluation": {**study()["evaluation"], "gradient_samples": 10_000}},
            "gradient_samples = 10000 is not valid; there are",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(tmp_path, changes, said):
    with pytest.raises(InputError, match=said):
        qnlr.run({**study(), **changes}, tmp_path)
    assert list(tmp_path.rglob("spec.json")) == []


def test_only_the_evaluation_is_paid_for_and_training_is_not_repeated(loopback, tmp_path):
    config = study("ibm_manila", max_jobs=1)
    execute(load_study(config), tmp_path)
    folder = tmp_path / "evaluated"
    row = load_results(folder).iloc[0]
    assert row["status"] == "budget_spent"
    assert "1 of 1 jobs submitted" in row["sentence"]
    assert len(loopback.jobs) == 1

    execute(kept_study(folder, {"max_jobs": 2}), tmp_path)
    row = load_results(folder).iloc[0]
    assert row["status"] == "finished"
    assert len(loopback.jobs) == 2
    assert row["cost_qpu_seconds"] == pytest.approx(loopback.charged)
    assert row["cost_jobs"] == 8  # those of the simulator

    execute(kept_study(folder, {"max_jobs": 9}), tmp_path)
    assert len(loopback.jobs) == 2
    assert RunFolder(folder / row["run_id"]).is_done
