"""What runs on a device may spend, and that they stop in order before they spend more."""

import pytest
from device_studies import PHASES, carry_out, journal, result, study

from qnlr.errors import InputError
from qnlr.study.kept import kept_study

GRID = [{"name": "nlr", "learning_rate": 0.3}, {"name": "sgd", "learning_rate": 0.3}]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What the study finds where nothing is short."""
    from loopback import LoopbackServer

    with LoopbackServer() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        results = tmp_path_factory.mktemp("whole")
        assert carry_out(study(), results)["status"].tolist() == ["finished"]
        return result(results / "hw")


def _row(config, results, **orders):
    (row,) = carry_out(config, results, **orders).to_dict("records")
    return row


def test_a_budget_that_charges_pass_ends_the_run_and_a_larger_one_goes_on(
    loopback, whole, tmp_path
):
    loopback.usage_limit_seconds = None
    loopback.price = lambda executions: 3 * (2 + 0.00035 * executions)
    folder = tmp_path / "hw"
    row = _row(study(mode="job", budget_seconds=30), tmp_path)
    assert row["status"] == "budget_spent"
    assert "of 30 QPU seconds spent; the next phase would take about" in row["sentence"]
    assert row["cost_qpu_seconds"] == pytest.approx(loopback.charged, abs=1e-9)
    assert 20 < loopback.charged <= 30
    assert (folder / row["run_id"] / "checkpoint.npz").exists()
    jobs = len(loopback.jobs)
    assert 2 < jobs < PHASES
    assert _row(study(mode="job", budget_seconds=30), tmp_path)["sentence"] == row["sentence"]
    with pytest.raises(InputError, match="nothing was submitted: raise the budget"):
        carry_out(kept_study(folder, {"budget_seconds": 31.0}), tmp_path)
    assert len(loopback.jobs) == jobs
    _row(kept_study(folder, {"budget_seconds": 200.0}), tmp_path)
    assert result(folder) == whole
    assert journal(folder).spent == pytest.approx(loopback.charged, abs=1e-9)


def test_no_phase_is_paid_twice_across_budgets(loopback, whole, tmp_path):
    for most in range(1, PHASES + 1):
        row = _row(study(max_jobs=most), tmp_path)
        assert len(loopback.jobs) <= most
        assert row["status"] == ("budget_spent" if most < PHASES else "finished")
    assert len(loopback.jobs) == PHASES
    assert result(tmp_path / "hw") == whole


def test_the_number_of_jobs_is_a_cap(loopback, whole, tmp_path):
    row = _row(study(max_jobs=3), tmp_path)
    assert row["status"] == "budget_spent"
    assert row["sentence"].startswith("3 of 3 jobs submitted; the next phase needs 1")
    assert len(loopback.jobs) == 3
    _row(kept_study(tmp_path / "hw", {"max_jobs": 20}), tmp_path)
    assert len(loopback.jobs) == PHASES
    assert result(tmp_path / "hw") == whole


def test_runs_side_by_side_pass_no_cap_together(loopback, tmp_path):
    # Both begin with the very same phase, and submit it at the same time.
    loopback.slow(0.5, "POST", "/jobs", times=2)
    rows = carry_out(study(GRID, max_jobs=1), tmp_path)
    assert rows["status"].tolist() == ["budget_spent"] * 2
    assert len(loopback.jobs) == 1


def test_each_job_has_a_limit_from_its_price_and_from_what_is_left(loopback, tmp_path):
    _row(study(mode="job", budget_seconds=20), tmp_path)
    limits = [job.limit for job in loopback.jobs]
    assert all(2 <= limit <= 20 for limit in limits)
    assert limits == sorted(limits, reverse=True)
    spent = 0.0
    for job in loopback.jobs:
        assert spent + job.limit <= 20 + 1
        spent += job.charge


def test_the_limit_of_a_job_may_be_said(loopback, tmp_path):
    _row(study(max_execution_time=17), tmp_path)
    assert {job.limit for job in loopback.jobs} == {17}


def test_charges_that_are_settled_late_are_asked_for_again(loopback, whole, tmp_path):
    loopback.pending_metrics = 1
    row = _row(study(), tmp_path)
    kept = journal(tmp_path / "hw")
    assert [job.charge for job in kept.jobs.values()] == [job.charge for job in loopback.jobs]
    assert row["cost_qpu_seconds"] == pytest.approx(loopback.charged, abs=1e-9)
    assert result(tmp_path / "hw") == whole


def test_charges_of_dead_jobs_are_settled_too(loopback, tmp_path):
    loopback.fail_jobs(charge=4.0)
    loopback.pending_metrics = 1
    _row(study(max_jobs=4), tmp_path)
    (died,) = [job for job in journal(tmp_path / "hw").jobs.values() if job.dead]
    assert died.charge == 4.0


def test_what_is_not_settled_counts_as_it_was_estimated(loopback, tmp_path):
    loopback.pending_metrics = 10**6
    row = _row(study(), tmp_path)
    kept = journal(tmp_path / "hw")
    assert {job.charge for job in kept.jobs.values()} == {None}
    assert row["cost_qpu_seconds"] == pytest.approx(sum(job.estimate for job in kept.jobs.values()))


@pytest.mark.parametrize("left", [0, 5])
def test_a_study_that_the_account_has_no_time_for_is_refused(loopback, tmp_path, left):
    loopback.usage_consumed_seconds = loopback.usage_limit_seconds - left
    with pytest.raises(InputError, match=f"the account has {left} left; nothing was submitted"):
        carry_out(study(), tmp_path)
    assert loopback.requested("POST", "/(jobs|sessions)") == []


def test_a_study_that_costs_more_than_its_budget_is_refused(loopback, tmp_path):
    with pytest.raises(InputError, match=r"about 18 QPU seconds, and budget_seconds = 5;"):
        carry_out(study(mode="job", budget_seconds=5), tmp_path)
    assert loopback.requested("POST", "/(jobs|sessions)") == []
