"""The service's own estimate, from a service on this machine that speaks to the plain client."""

import pytest

from qnlr.errors import InputError
from qnlr.study.estimate_display import server_text
from qnlr.study.estimate_server import server_estimate
from qnlr.study.spec import load_study

TINY = {
    "name": "tiny",
    "data": {"name": "gaussian", "features": 4, "samples": 20},
    "circuit": {"qubits": 2, "layers": 1},
    "backend": {"name": "ibm", "device": "ibm_manila", "shots": 40},
    "training": {"steps": 3, "batch_size": 4},
    "optimizer": {"name": "nlr"},
}


def test_a_dry_run_is_estimated_by_the_service_and_charged_nothing(loopback):
    asked = server_estimate(load_study(TINY))
    assert (asked.device, asked.phase, asked.circuits) == ("ibm_manila", "gradient", 13 * 4)
    assert asked.ours.executions == 13 * 4 * 40
    (job,) = loopback.jobs
    assert job.device.mock
    assert asked.theirs is not None
    assert f"{asked.theirs:,.1f} QPU seconds by the service" in server_text(asked)


def test_a_service_without_dry_runs_says_so(loopback):
    del loopback.devices["mock_manila"]
    asked = server_estimate(load_study(TINY))
    assert asked.theirs is None
    assert "takes no dry run for ibm_manila" in server_text(asked)
    assert "QPU seconds by the formula" in server_text(asked)
    assert loopback.jobs == []


def test_a_device_of_this_machine_has_no_service():
    with pytest.raises(InputError, match="no service estimates it"):
        server_estimate(load_study(TINY), device="fake_manila")


def test_a_study_on_no_device():
    own = load_study({**TINY, "backend": "simulator"})
    with pytest.raises(InputError, match="no run of study tiny is on a device"):
        server_estimate(own)
