"""Trainings on devices of 7, 27 and 156 qubits that are simulated here."""

import json

import numpy as np
import pytest
from device_reference import exact_values

import qnlr
from qnlr.backends import SimulatorBackend
from qnlr.backends.ibm.devices import local_device
from qnlr.backends.ibm.journal import Journal
from qnlr.noise import noise_rate
from qnlr.study import load_study
from qnlr.study.build import Builder
from qnlr.study.spec import run_id

DEVICES = ["fake_lagos", "fake_kolkata", "fake_fez"]


def config(device, steps=3):
    return {
        "name": "noisy",
        "data": {"name": "gaussian", "features": 2, "samples": 10},
        "circuit": {"qubits": 2, "layers": 1},
        "backend": {"name": "ibm", "device": device, "shots": 400, "transpiler_seeds": 2},
        "training": {"steps": steps, "batch_size": 4, "checkpoint_every": 1},
        "optimizer": [{"name": "nlr", "learning_rate": 0.3}],
    }


def rebuilt(device, results):
    """A run as it would go on from its folder, and the folder."""
    (spec,) = load_study(config(device)).runs
    folder = results / "noisy" / run_id(spec)
    return Builder().run(spec, folder), folder


@pytest.mark.slow
@pytest.mark.parametrize("device", DEVICES)
def test_all_that_a_training_measures_agrees_with_the_fast_simulator(
    device, tmp_path, fits_variance
):
    frame = qnlr.run(config(device), tmp_path)
    assert frame["status"].tolist() == ["finished"]
    training, folder = rebuilt(device, tmp_path)
    journal, backend = Journal(folder, folder.name), training.backend
    ideal, rng = SimulatorBackend(backend.model), np.random.default_rng(0)
    deviations, variances, from_ideal = [], [], []
    for key in journal.phases:
        inputs = journal.kept(key)
        weights, angles = inputs["weights"], inputs["angles"]
        expected = exact_values(backend, weights, angles).ravel()
        (job,) = journal.attempts(key, 0)
        measured, _ = backend._program.expectations(journal.kept(job.tag))
        deviations.append(measured - expected)
        variances.append((1 - expected**2) / 400)
        from_ideal.append(measured - ideal.values(weights, angles, rng).values.ravel())
    assert len(deviations) == 8
    deviations, variances = np.concatenate(deviations), np.concatenate(variances)
    assert fits_variance(deviations, variances)
    assert np.sum(np.concatenate(from_ideal) ** 2 / variances) > np.sum(deviations**2 / variances)
    assert _final_loss(frame, training, journal) < 4.5


def _final_loss(frame, training, journal):
    """How many standard errors the final training loss is from that of the simulator."""
    problem = training.problem
    *_, weights = [journal.kept(key)["weights"] for key in journal.phases]
    exact = exact_values(training.backend, weights, problem.train.angles)
    curvature = problem.sample_loss.curvature(exact, problem.train.labels)
    by_noise = np.mean(curvature * (1 - exact**2) / 400 / 2)  # a square is larger by its variance
    expected = problem.sample_loss.value(exact, problem.train.labels).mean() + by_noise
    (loss,), (std,) = frame["metric_train_loss"], frame["metric_train_loss_std"]
    return abs(loss - expected) / std


@pytest.mark.parametrize("device", DEVICES)
def test_the_negative_rate_is_scaled_by_the_noise_rate_of_the_device(device):
    (spec,) = load_study(config(device)).runs
    training = Builder().run(spec)
    level = training.optimizer.rule.noise_level
    assert level.rate == training.backend.noise_rate == noise_rate(local_device(device)) > 0
    assert level.layers == 1
    assert level.scaling == pytest.approx(1 / (1 + level.rate))


def test_the_noise_rate_and_circuit_of_a_run_are_those_it_began_with(tmp_path):
    qnlr.run(config("fake_lagos", steps=3), tmp_path)
    training, folder = rebuilt("fake_lagos", tmp_path)
    begun = json.loads((folder / "device.json").read_text())
    assert begun["calibration"]["noise_rate"] == training.backend.noise_rate
    assert begun["circuit"] == training.backend.isa.digest
    begun["calibration"]["noise_rate"] = 0.123
    (folder / "device.json").write_text(json.dumps(begun))
    later, _ = rebuilt("fake_lagos", tmp_path)
    assert later.backend.noise_rate == 0.123
    assert later.optimizer.rule.noise_level.rate == 0.123


@pytest.mark.slow
def test_a_training_is_repeated_bit_for_bit(tmp_path):
    frames = [qnlr.run(config("fake_lagos"), tmp_path / name) for name in "ab"]
    columns = [name for name in frames[0] if name.startswith("metric_")]
    assert frames[0][columns].equals(frames[1][columns])
    assert frames[0]["metric_train_loss"].notna().all()


def test_a_finished_run_is_not_measured_again(tmp_path):
    first = qnlr.run(config("fake_lagos"), tmp_path)
    (journal,) = tmp_path.glob("noisy/*/journal.jsonl")
    before = journal.read_bytes()
    again = qnlr.run(config("fake_lagos"), tmp_path)
    assert journal.read_bytes() == before
    assert first["metric_train_loss"].equals(again["metric_train_loss"])
