"""One job on a real device, of five seconds at most: only where QNLR_HARDWARE=1 asks for it.

The device is the least busy one, or that which QNLR_HARDWARE_DEVICE names; the account is that of
whoever asks.
"""

import os

import pytest
from device_studies import carry_out, journal

from qnlr.backends.ibm.orders import Patience
from qnlr.study import load_study
from qnlr.study.estimate import estimate

SECONDS = 5
ASKED = os.environ.get("QNLR_HARDWARE") == "1"


def smoke(device):
    """A study of one phase on a device: two test samples of weights trained on the simulator."""
    return {
        "name": "smoke",
        "data": {"name": "gaussian", "features": 2, "samples": 10},
        "circuit": {"qubits": 2, "layers": 1},
        "backend": {"name": "simulator", "shots": 100},
        "evaluation": {
            "backend": {
                "name": "ibm",
                "device": device,
                "shots": 100,
                "mode": "job",
                "budget_seconds": SECONDS,
                "max_jobs": 1,
                "max_execution_time": SECONDS,
            },
        },
        "training": {"steps": 1, "batch_size": 4},
        "optimizer": {"name": "sgd"},
    }


def check(device, results, patience):
    """Run it, and check that one job was submitted, answered and charged within its cap."""
    rows = carry_out(smoke(device), results, patience=patience)
    row = rows.iloc[0]
    assert row["status"] == "finished", row["sentence"]
    (job,) = journal(results / "smoke").jobs.values()
    assert (job.state, job.collected) == ("done", True)
    assert 0 <= row["metric_device_test_accuracy"] <= 1
    assert 0 < row["cost_qpu_seconds"] <= SECONDS
    return row, job


@pytest.mark.hardware
@pytest.mark.skipif(
    not ASKED, reason="needs an account, and QPU time: asked for by QNLR_HARDWARE=1"
)
@pytest.mark.filterwarnings("default")
def test_one_job_on_a_real_device(tmp_path):
    device = os.environ.get("QNLR_HARDWARE_DEVICE", "least_busy")
    check(device, tmp_path, Patience(give_up=3600.0))


@pytest.mark.parametrize("device", ["ibm_fez", "ibm_kingston", "ibm_marrakesh"])
def test_it_costs_little_on_every_device_of_the_open_plan(device):
    price = estimate(load_study(smoke(device))).price
    assert (price.jobs, price.executions) == (1, 200)
    assert price.seconds < SECONDS / 2


@pytest.mark.skipif(ASKED, reason="the account of the user is in use")
@pytest.mark.parametrize("device", ["ibm_manila", "least_busy"])
def test_it_passes_on_the_loopback_service(loopback, tmp_path, device):
    row, job = check(device, tmp_path, Patience(first=0.01, most=0.05))
    assert [one.id for one in loopback.jobs] == [job.job_id]
    assert loopback.jobs[0].limit == SECONDS
    assert row["cost_qpu_seconds"] == pytest.approx(loopback.charged)
