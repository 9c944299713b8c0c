"""Runs on a device where jobs, requests and the service itself fail."""

import threading

import pytest
from device_studies import PHASES, carry_out, journal, result, study

from qnlr.backends.ibm.orders import Patience
from qnlr.errors import InputError
from qnlr.study import Observer
from qnlr.study.remote import cancel

HASTE = Patience(first=0.005, most=0.02, grace=(0.01,), give_up=0.05)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What the study finds where nothing fails."""
    from loopback import LoopbackServer

    with LoopbackServer() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        results = tmp_path_factory.mktemp("whole")
        assert carry_out(study(), results)["status"].tolist() == ["finished"]
        return result(results / "hw")


class Act(Observer):
    """Does something at the first wait."""

    def __init__(self, function):
        self.function = function
        self.states = []

    def wait(self, progress, waiting):
        if not self.states:
            self.function()
        self.states.append(waiting.state)


def _row(config, results, **orders):
    (row,) = carry_out(config, results, **orders).to_dict("records")
    return row


@pytest.mark.parametrize("skip", [0, 3, PHASES - 1])
@pytest.mark.parametrize("ending", ["failed", "cancelled"])
def test_a_job_that_died_is_submitted_once_more_and_counted(
    loopback, whole, tmp_path, skip, ending
):
    if ending == "failed":
        loopback.fail_jobs(reason="Internal error.", charge=1.5, skip=skip)
    else:
        loopback.cancel_jobs(reason="Cancelled by the system.", charge=1.5, skip=skip)
        left = _row(study(), tmp_path)  # somebody may have wanted that: nothing goes on by itself
        assert left["status"] == "interrupted"
        assert "was cancelled" in left["sentence"]
        assert len(loopback.jobs) == skip + 1
    row = _row(study(), tmp_path)
    kept = journal(tmp_path / "hw")
    assert [job.state for job in kept.jobs.values()].count(ending) == 1
    assert len(loopback.jobs) == kept.submitted == PHASES + 1
    assert row["cost_qpu_seconds"] == pytest.approx(loopback.charged, abs=1e-9)
    assert loopback.charged == pytest.approx(1.5 + _charge(kept), abs=1e-9)
    (died,) = [job for job in kept.jobs.values() if job.dead]
    assert (ending == "cancelled") or "Internal error." in died.about["reason"]
    assert result(tmp_path / "hw") == whole


def _charge(kept):
    return sum(job.charge for job in kept.jobs.values() if not job.dead)


def test_a_run_whose_job_dies_three_times_fails_with_the_reason(loopback, whole, tmp_path):
    loopback.fail_jobs(code=1517, reason="The backend lost its calibration.", times=3, charge=1.0)
    row = _row(study(), tmp_path)
    assert row["status"] == "failed"
    assert "The backend lost its calibration." in row["sentence"]
    assert len(loopback.jobs) == 3
    assert row["cost_qpu_seconds"] == 3.0
    _row(study(), tmp_path)
    assert len(loopback.jobs) == 3 + PHASES
    assert journal(tmp_path / "hw").spent == pytest.approx(loopback.charged, abs=1e-9)
    assert result(tmp_path / "hw") == whole


def test_a_job_that_ran_too_long_is_not_submitted_under_the_same_limit(loopback, whole, tmp_path):
    loopback.price = lambda executions: 30.0
    row = _row(study(max_execution_time=25), tmp_path)
    assert row["status"] == "budget_spent"
    assert "reached its max_execution_time" in row["sentence"]
    assert [job.reason_code for job in loopback.jobs] == [1305]
    assert row["cost_qpu_seconds"] == 25.0
    _row(study(max_execution_time=25), tmp_path)
    assert len(loopback.jobs) == 1
    _row(study(max_execution_time=40, budget_seconds=500), tmp_path)
    assert len(loopback.jobs) == 1 + PHASES
    assert result(tmp_path / "hw") == whole


def test_a_job_that_the_service_ends_as_too_long_is_told(loopback, tmp_path):
    loopback.overrun_jobs(skip=1, charge=10.0)
    row = _row(study(), tmp_path)
    assert (row["status"], len(loopback.jobs)) == ("budget_spent", 2)


@pytest.mark.parametrize("skip", [0, 4])
def test_a_job_whose_answer_was_lost_is_found_by_its_tag(loopback, whole, tmp_path, skip):
    lost = loopback.lose_response(skip=skip)
    _row(study(), tmp_path)
    assert lost.hits == 1
    assert len(loopback.jobs) == PHASES
    assert result(tmp_path / "hw") == whole
    kept = journal(tmp_path / "hw")
    assert [bool(job.about.get("found")) for job in kept.jobs.values()].count(True) == 1


def test_every_answer_may_be_lost(loopback, whole, tmp_path):
    loopback.lose_response(times=None)
    _row(study(), tmp_path)
    assert len(loopback.jobs) == PHASES
    assert result(tmp_path / "hw") == whole


@pytest.mark.parametrize("kind", ["drop", "500", "429"])
def test_a_request_that_was_not_served_is_sent_once_more(loopback, whole, tmp_path, kind):
    fault = loopback.drop(skip=2) if kind == "drop" else loopback.fail(int(kind), skip=2)
    _row(study(), tmp_path)
    assert fault.hits == 1
    assert len(loopback.jobs) == PHASES
    assert result(tmp_path / "hw") == whole


@pytest.mark.parametrize("path", ["/jobs/[^/]+", "/jobs/[^/]+/metrics", "/jobs/[^/]+/results"])
def test_looks_at_a_job_may_fail(loopback, whole, tmp_path, path):
    lost, dropped = loopback.lose_response("GET", path), loopback.drop("GET", path, skip=1)
    _row(study(), tmp_path)
    assert (lost.hits, dropped.hits) == (1, 1)
    assert len(loopback.jobs) == PHASES
    assert result(tmp_path / "hw") == whole


@pytest.mark.slow
def test_the_service_may_be_away_for_a_while(loopback, whole, tmp_path):
    loopback.hold()
    away = loopback.down()

    def leave():
        away.__enter__()
        threading.Timer(4.0, back).start()

    def back():
        loopback.release()
        away.__exit__(None, None, None)

    watch = Act(leave)
    carry_out(study(), tmp_path, watch)
    assert watch.states[0] == "queued"
    assert "unreachable" in watch.states
    assert len(loopback.jobs) == PHASES
    assert result(tmp_path / "hw") == whole


@pytest.mark.slow
def test_a_run_is_left_for_later_where_the_service_stays_away(loopback, whole, tmp_path):
    loopback.hold()
    away = loopback.down()
    row = _row(study(mode="job"), tmp_path, watch=Act(away.__enter__), patience=HASTE)
    away.__exit__(None, None, None)
    assert row["status"] == "interrupted"
    assert "could not be reached" in row["sentence"]
    assert "its jobs go on, and qnlr attach collects them" in row["sentence"]
    loopback.release()
    carry_out(study(mode="job"), tmp_path)
    assert len(loopback.jobs) == PHASES
    assert result(tmp_path / "hw") == whole


def test_a_submission_that_nobody_knows_the_fate_of_is_looked_up_later(loopback, whole, tmp_path):
    loopback.lose_response(skip=3)
    loopback.fail(403, "GET", "/jobs", skip=4)
    row = _row(study(), tmp_path)
    assert row["status"] == "failed"
    assert len(loopback.jobs) == 4
    _row(study(), tmp_path)
    assert len(loopback.jobs) == PHASES
    assert result(tmp_path / "hw") == whole


def test_a_job_whose_answer_was_lost_is_cancelled_too(loopback, whole, tmp_path):
    loopback.hold()
    loopback.lose_response()
    loopback.fail(403, "GET", "/jobs", skip=1)
    _row(study(), tmp_path)
    assert [job.job_id for job in journal(tmp_path / "hw").jobs.values()] == [None]
    (job,) = cancel(tmp_path / "hw")
    assert (job.record.job_id, job.state) == (loopback.jobs[0].id, "cancelled")
    loopback.release()
    _row(study(), tmp_path)
    assert len(loopback.jobs) == 1 + PHASES
    assert result(tmp_path / "hw") == whole


def test_a_job_that_is_refused_fails_the_run_and_costs_nothing(loopback, whole, tmp_path):
    message = "The request is larger than the service takes."
    loopback.fail(413, code=1000, message=message)
    row = _row(study(), tmp_path)
    assert row["status"] == "failed"
    assert message in row["sentence"]
    assert (loopback.jobs, row["cost_qpu_seconds"]) == ([], 0.0)
    _row(study(), tmp_path)
    assert len(loopback.jobs) == PHASES
    assert result(tmp_path / "hw") == whole


def test_a_device_that_was_retired_is_told_and_gets_no_job(loopback, tmp_path):
    row = _row(study(max_jobs=3), tmp_path)
    assert row["status"] == "budget_spent"
    loopback.retire("ibm_manila")
    with pytest.raises(InputError, match="retired is no longer offered"):
        carry_out(study(max_jobs=20), tmp_path)
    assert len(loopback.jobs) == 3


def test_a_job_that_the_account_does_not_know_is_not_submitted_again(loopback, tmp_path):
    loopback.hold()
    _row(study(), tmp_path, detach=True)
    loopback.release()
    loopback.jobs.clear()
    row = _row(study(), tmp_path)
    assert row["status"] == "interrupted"
    assert "so that nothing is paid twice" in row["sentence"]
    assert loopback.jobs == []


def test_a_key_that_is_refused_under_way_leaves_the_jobs_for_later(loopback, whole, tmp_path):
    loopback.hold()
    carry_out(study(), tmp_path, Act(lambda: setattr(loopback, "unauthorized", True)))
    loopback.unauthorized = False
    loopback.release()
    assert len(loopback.jobs) == 1
    carry_out(study(), tmp_path)
    assert len(loopback.jobs) == PHASES
    assert result(tmp_path / "hw") == whole
