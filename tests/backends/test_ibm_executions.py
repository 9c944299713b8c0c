"""What is counted before equals what was submitted, execution by execution."""

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp

import qnlr
from qnlr.backends import DeviceSettings, IBMBackend
from qnlr.backends.ibm.journal import Journal
from qnlr.backends.ibm.target import local_target
from qnlr.circuits import angle, hardware_efficient, variational_circuit
from qnlr.study import load_study
from qnlr.study.build import Builder
from qnlr.study.estimate import estimate

MODEL = variational_circuit(
    angle(2, 2), hardware_efficient(2, 1), SparsePauliOp(["ZZ", "IX"], [0.5, 1.0])
)
TWIRLED = {"twirling": {"enable_gates": True, "enable_measure": True}}
ZNE = {"zne_mitigation": True, "zne": {"noise_factors": [1, 2]}}
WAYS = {
    "sampler": {},
    "twirled": {"options": TWIRLED},
    "corrected": {"readout_correction": True},
    "twirled and corrected": {"options": TWIRLED, "readout_correction": True},
    **{
        f"level {level}": {"primitive": "estimator", "options": {"resilience_level": level}}
        for level in (0, 1, 2)
    },
    "ZNE": {"primitive": "estimator", "options": {"resilience": ZNE}},
}
CONFIG = {
    "name": "counted",
    "data": {"name": "gaussian", "features": 2, "samples": 10},
    "circuit": {"qubits": 2, "layers": 1},
    "training": {"steps": 2, "batch_size": 3, "evaluate_every": 1},
    "optimizer": [{"name": "nlr"}],
}


@pytest.fixture(scope="module")
def target():
    return local_target(MODEL, DeviceSettings("fake_manila", transpiler_seeds=1))


def submitted(journal):
    """Executions of the programs that were really submitted."""
    return [job.about["executions"] for job in journal.jobs.values()]


@pytest.mark.parametrize("shots", [30, 700])
@pytest.mark.parametrize("way", WAYS)
def test_the_price_counts_what_is_submitted(target, way, shots):
    settings = DeviceSettings("fake_manila", shots=shots, transpiler_seeds=1, **WAYS[way])
    backend = IBMBackend(MODEL, settings, target)
    for rows in (1, 3):
        backend.values(np.zeros(6), np.zeros((rows, 2)), np.random.default_rng(rows))
        *_, last = submitted(backend.journal)
        *_, phase = backend.journal.phases.values()
        price = backend.price(rows)
        assert price.executions == last == sum(phase["executions"])
        assert price.executions >= rows * shots


@pytest.mark.parametrize("way", ["sampler", "corrected", "level 1"])
def test_the_jobs_of_a_split_phase_are_counted_one_by_one(target, way):
    settings = DeviceSettings("fake_manila", shots=500, max_execution_time=9, **WAYS[way])
    backend = IBMBackend(MODEL, settings, target)
    rows = 2 * backend.rows_per_job + 1
    found = backend.values(np.zeros(6), np.zeros((rows, 2)), np.random.default_rng(0))
    (phase,) = backend.journal.phases.values()
    assert len(phase["parts"]) == 3
    assert submitted(backend.journal) == phase["executions"]
    assert sum(phase["executions"]) == backend.price(rows).executions == found.cost.shots


@pytest.mark.parametrize("way", ["sampler", "twirled", "corrected", "level 0", "level 1"])
def test_an_estimate_counts_what_a_run_submits(way, tmp_path):
    backend = {"name": "ibm", "device": "fake_manila", "shots": 400, "transpiler_seeds": 1}
    config = {**CONFIG, "backend": {**backend, **WAYS[way]}}
    expected = estimate(load_study(config), builder=Builder(offline=True))
    frame = qnlr.run(config, tmp_path)
    (file,) = tmp_path.glob("counted/*/journal.jsonl")
    journal = Journal(file.parent, file.parent.name)
    assert sum(submitted(journal)) == expected.price.executions
    assert len(journal.jobs) == expected.price.jobs == expected.phases
    shots = frame["cost_shots"] + frame["cost_evaluation_shots"]
    assert shots.tolist() == [expected.price.executions]
