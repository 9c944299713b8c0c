"""Ways in which a job could be paid for twice, in vain, or on the wrong device, and is not."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from device_studies import PATIENCE, PHASES, carry_out, journal, journals, result, study
from loopback_state import Session

from qnlr.backends.ibm.ledger import read_ledger
from qnlr.backends.ibm.modes import Modes
from qnlr.errors import InputError
from qnlr.study import load_study
from qnlr.study.build import Builder
from qnlr.study.estimate import estimate
from qnlr.study.kept import kept_study
from qnlr.study.remote import cancel


@pytest.fixture
def two_devices():
    def make(**backend):
        return {**study(**backend), "grid": {"backend.device": ["ibm_manila", "ibm_lagos"]}}

    return make


def test_a_batch_that_was_left_open_takes_jobs_of_its_own_device_alone(
    loopback, two_devices, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(Modes, "close", lambda self: None)  # as if it was killed
        loopback.hold()
        carry_out(two_devices(mode="batch"), tmp_path, detach=True)
    loopback.release()
    carry_out(two_devices(mode="batch"), tmp_path)
    asked = {
        job.job_id: job.about["device"]
        for one in journals(tmp_path / "hw")
        for job in one.jobs.values()
    }
    assert {job.id: job.backend for job in loopback.jobs} == asked
    assert Counter(asked.values()) == {"ibm_manila": PHASES, "ibm_lagos": PHASES}
    assert len(loopback.sessions) == 2


@pytest.mark.parametrize(
    ("caps", "most"), [({"max_jobs": 10}, 10), ({"budget_seconds": 40.0, "max_jobs": 12}, 12)]
)
def test_several_devices_share_one_budget(loopback, two_devices, tmp_path, caps, most):
    rows = carry_out(two_devices(mode="job", **caps), tmp_path)
    assert len(loopback.jobs) <= most
    assert "budget_spent" in set(rows["status"])


def test_several_devices_that_cost_more_together_than_there_is_are_refused(
    loopback, two_devices, tmp_path
):
    one = sum(job.estimate for job in _jobs_of_one_run(loopback, tmp_path / "one"))
    before = len(loopback.jobs)
    with pytest.raises(InputError, match="nothing was submitted"):
        carry_out(two_devices(budget_seconds=1.5 * one), tmp_path / "two")
    assert len(loopback.jobs) == before


def _jobs_of_one_run(loopback, results):
    carry_out(study(), results)
    return journal(results / "hw").jobs.values()


def test_the_last_job_that_is_affordable_has_the_time_it_needs(loopback, tmp_path):
    estimates = [job.estimate for job in _jobs_of_one_run(loopback, tmp_path / "first")]
    before = len(loopback.jobs)
    exactly = {job.executions: price for job, price in zip(loopback.jobs, estimates, strict=True)}
    loopback.price = exactly.__getitem__
    config = study(budget_seconds=sum(estimates) + 0.3, mode="job")
    rows = carry_out(config, tmp_path / "second")
    assert list(rows["status"]) == ["finished"]
    assert len(loopback.jobs) == before + PHASES
    assert all(job.limit >= 1.25 * job.charge for job in loopback.jobs[before:])


def test_small_jobs_that_were_cheap_leave_a_large_one_its_time(loopback, tmp_path):
    loopback.price = lambda executions: 0.0004 * executions  # no 2 s for every job
    rows = carry_out({**study(shots=2000), "data": {**study()["data"], "samples": 60}}, tmp_path)
    assert list(rows["status"]) == ["finished"]
    assert all(job.charge < job.limit for job in loopback.jobs)


def test_another_instance_is_not_asked_for_jobs_that_it_cannot_know(
    loopback, tmp_path, monkeypatch
):
    loopback.lose_response(skip=3)
    away = loopback.down()
    loopback.call(lambda request: away.__enter__(), skip=3, after=True)
    rows = carry_out(study(), tmp_path, patience=replace(PATIENCE, grace=(), give_up=0.05))
    away.__exit__(None, None, None)
    assert list(rows["status"]) == ["interrupted"]
    submitted = len(loopback.jobs)
    assert any(job.pending for job in journal(tmp_path / "hw").jobs.values())
    other = loopback.crn.replace(loopback.crn.split(":")[7], "0" * 36)
    assert other != loopback.crn
    loopback.crn, known = other, loopback.crn
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", other)
    rows = carry_out(study(), tmp_path)
    assert "submitted through another instance" in rows["sentence"][0]
    assert len(loopback.jobs) == submitted
    loopback.crn = known
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", known)
    assert list(carry_out(study(), tmp_path)["status"]) == ["finished"]
    assert len(loopback.jobs) == PHASES


def test_a_phase_is_known_again_where_numbers_are_rounded_otherwise(
    loopback, tmp_path, monkeypatch
):
    from qnlr.backends.ibm.backend import IBMBackend

    carry_out(study(), tmp_path / "whole")
    before = len(loopback.jobs)
    loopback.hold()
    carry_out(study(), tmp_path / "left", detach=True)
    loopback.release()
    values = IBMBackend.values
    monkeypatch.setattr(
        IBMBackend, "values", lambda self, w, a, rng: values(self, w, np.nextafter(a, 9.0), rng)
    )
    carry_out(study(), tmp_path / "left")
    assert len(loopback.jobs) == before + PHASES
    left, whole = result(tmp_path / "left" / "hw"), result(tmp_path / "whole" / "hw")
    assert json.loads(left["rows"])["cost_jobs"] == json.loads(whole["rows"])["cost_jobs"]


def test_a_phase_at_other_parameters_is_no_phase_of_this_run(loopback, tmp_path, monkeypatch):
    from qnlr.backends.ibm.backend import IBMBackend

    loopback.hold()
    carry_out(study(), tmp_path, detach=True)
    loopback.release()
    values = IBMBackend.values
    monkeypatch.setattr(IBMBackend, "values", lambda self, w, a, rng: values(self, w, a + 0.1, rng))
    rows = carry_out(study(), tmp_path)
    assert list(rows["status"]) == ["failed"]
    assert "was measured at other angles than are asked for now" in rows["sentence"][0]
    assert len(loopback.jobs) == 1


def test_what_is_finished_is_collected_before_a_run_is_left(loopback, tmp_path):
    config = study(max_execution_time=3, mode="job")
    config["data"]["samples"], config["training"]["batch_size"] = 40, 16
    loopback.fail(400, skip=1)
    rows = carry_out(config, tmp_path)
    assert list(rows["status"]) == ["failed"]
    assert len(loopback.jobs) == 1
    rows = carry_out(kept_study(tmp_path / "hw"), tmp_path, submit=False)
    assert "all that was submitted is collected" in rows["sentence"][0]
    submitted = [job for job in journal(tmp_path / "hw").jobs.values() if job.job_id]
    assert [job.collected for job in submitted] == [True]


def test_a_run_that_spent_a_budget_is_not_taken_over_as_done(loopback, tmp_path):
    carry_out(study(max_jobs=3), tmp_path)
    rows = carry_out({**study(max_jobs=30), "name": "other"}, tmp_path)
    assert list(rows["status"]) == ["finished"]


def test_a_study_is_not_started_over_while_its_jobs_are_under_way(loopback, tmp_path):
    from qnlr.study import execute

    loopback.hold()
    carry_out(study(), tmp_path, detach=True)
    with pytest.raises(
        InputError, match=r"1 jobs of hw may still run.*qnlr cancel hw gives them up"
    ):
        execute(load_study(study()), tmp_path, fresh=True)
    assert len(loopback.jobs) == 1
    cancel(tmp_path / "hw")
    loopback.release()
    execute(load_study(study()), tmp_path, fresh=True)
    assert len(loopback.jobs) == 1 + PHASES


def test_what_the_service_says_is_kept_without_what_it_should_not_say(loopback, tmp_path):
    message = f"no such instance {loopback.crn} of account {loopback.account}"
    loopback.fail(400, code=1000, message=message, skip=1)
    carry_out(study(), tmp_path)
    for file in tmp_path.rglob("*"):
        text = file.read_bytes().decode(errors="replace") if file.is_file() else ""
        assert not any(secret in text for secret in loopback.secrets), file


def test_a_session_is_counted_by_the_clock(loopback, tmp_path, monkeypatch):
    monkeypatch.setattr(Session, "waits", 1.5)  # after every job
    loopback.lose_response(skip=2)
    rows = carry_out(study(mode="session"), tmp_path)
    (session,) = loopback.sessions
    assert list(rows["status"]) == ["finished"]
    ledger = read_ledger(tmp_path / "hw")
    assert ledger.spent == pytest.approx(loopback.charged + 1.5 * PHASES, abs=1e-6)
    for job in ledger.jobs:  # that which was found again, too
        assert job.about["mode_id"] == session.id
        assert {"device", "circuit", "calibration", "sent_at"} <= job.about.keys()


def test_a_session_goes_on_where_what_is_left_is_affordable(loopback, tmp_path, monkeypatch):
    monkeypatch.setattr(Session, "waits", 0.1)
    loopback.hold()
    carry_out(study(mode="session"), tmp_path, detach=True)
    loopback.release()
    (kept,) = journals(tmp_path / "hw")
    price = sum(job.estimate for job in kept.jobs.values()) * PHASES
    enough = kept_study(tmp_path / "hw", {"budget_seconds": price + 7.0 * PHASES})
    assert list(carry_out(enough, tmp_path)["status"]) == ["finished"]


@pytest.mark.parametrize("skip", [0, 1, 4])
def test_what_is_submitted_is_not_estimated_once_more(loopback, tmp_path, skip):
    whole = estimate(load_study(study()), builder=Builder())
    loopback.fail(400, skip=skip + 1)
    carry_out(study(), tmp_path)
    left = estimate(load_study(study()), results=tmp_path, builder=Builder())
    submitted = [job for job in journal(tmp_path / "hw").jobs.values() if job.job_id]
    assert len(submitted) == skip + 1
    assert left.price.jobs == whole.price.jobs - len(submitted)
    paid = sum(job.estimate for job in submitted)
    assert left.price.seconds == pytest.approx(whole.price.seconds - paid)
