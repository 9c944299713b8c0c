"""Runs on a device from queue to result: modes, waiting, leaving and coming back."""

import io
import threading

import pytest
from device_studies import PHASES, carry_out, journal, journals, result, study
from rich.console import Console

from qnlr.errors import InputError
from qnlr.study import Observer, display, execute, load_study
from qnlr.study.kept import kept_study
from qnlr.study.remote import cancel, standing

GRID = [{"name": "nlr", "learning_rate": 0.3}, {"name": "sgd", "learning_rate": 0.3}]
GRID_PHASES = PHASES + 3 + 2


class Watch(Observer):
    """Remembers what runs wait for, and does something about it."""

    def __init__(self, act=lambda waits: None):
        self.waits, self.endings, self.act = [], [], act

    def wait(self, progress, waiting):
        self.waits.append(waiting)
        self.act(self.waits)

    def end_run(self, progress, outcome):
        self.endings.append((outcome.status, outcome.sentence))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What the study finds where nothing gets into its way."""
    from loopback import LoopbackServer

    with LoopbackServer() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        results = tmp_path_factory.mktemp("whole")
        assert carry_out(study(), results)["status"].tolist() == ["finished"]
        assert len(server.jobs) == PHASES
        return result(results / "hw")


def test_a_run_tells_what_it_waits_for(loopback, whole, tmp_path):
    loopback.hold()
    loopback.running_polls = 2
    watch = Watch(lambda waits: loopback.release() if len(waits) == 2 else None)
    carry_out(study(), tmp_path, watch)
    assert [wait.state for wait in watch.waits[:4]] == ["queued", "queued", "running", "running"]
    assert {wait.pending for wait in watch.waits} == {1}
    assert all(wait.spent + wait.left == pytest.approx(300) for wait in watch.waits)
    assert watch.waits[0].spent > 0
    assert watch.waits[-1].spent > watch.waits[0].spent
    assert result(tmp_path / "hw") == whole


@pytest.mark.parametrize("terminal", [False, True])
def test_the_line_of_a_run_says_what_it_waits_for(loopback, tmp_path, monkeypatch, terminal):
    loopback.queued_polls, loopback.running_polls = 8, 8
    shown = Console(file=io.StringIO(), force_terminal=terminal, width=200)
    monkeypatch.setattr(display, "console", lambda stderr: shown)
    with display.Progress("hw") as progress:
        carry_out(study(max_jobs=1), tmp_path, progress)
    assert "queued 0:00, 1 job, " in shown.file.getvalue()
    assert "running 0:00, 1 job, " in shown.file.getvalue()
    assert " s left" in shown.file.getvalue()


@pytest.mark.parametrize("mode", ["auto", "batch"])
def test_runs_of_a_grid_share_a_batch(loopback, whole, tmp_path, mode):
    loopback.plan = "open"
    rows = carry_out(study(GRID, mode=mode), tmp_path)
    assert rows["status"].tolist() == ["finished"] * 2
    (batch,) = loopback.sessions
    assert batch.mode == "batch"
    assert batch.state == "closed"
    assert {job.session_id for job in loopback.jobs} == {batch.id}
    assert len(loopback.jobs) == GRID_PHASES
    assert sum(one.spent for one in journals(tmp_path / "hw")) == pytest.approx(loopback.charged)
    nlr = rows["run_id"][0]
    assert result(tmp_path / "hw")[nlr] == whole[nlr]


@pytest.fixture
def sessions_pay(monkeypatch):
    """Let the device work longer than it waits, although jobs are small."""
    monkeypatch.setattr("qnlr.backends.ibm.modes.WAIT_SECONDS", 0.1)


@pytest.mark.usefixtures("sessions_pay")
def test_a_session_is_taken_where_the_plan_has_them_and_is_closed(loopback, whole, tmp_path):
    loopback.plan = "premium"
    carry_out(study(), tmp_path)
    (session,) = loopback.sessions
    assert session.mode == "dedicated"
    assert session.state == "closed"
    assert {job.session_id for job in loopback.jobs} == {session.id}
    assert result(tmp_path / "hw") == whole


@pytest.mark.usefixtures("sessions_pay")
@pytest.mark.parametrize("mode", ["auto", "batch", "session"])
def test_a_session_that_closes_under_way_is_entered_again(loopback, whole, tmp_path, mode):
    loopback.plan, loopback.session_jobs = "premium", 3
    carry_out(study(mode=mode), tmp_path)
    assert [len(session.jobs) for session in loopback.sessions] == [3, 3, 2]
    assert len(loopback.jobs) == PHASES
    assert result(tmp_path / "hw") == whole


def test_sessions_that_take_no_job_leave_the_run_for_later(loopback, whole, tmp_path):
    loopback.plan, loopback.session_jobs = "premium", 0
    (row,) = carry_out(study(mode="session"), tmp_path).to_dict("records")
    assert row["status"] == "interrupted"
    assert "sessions are closed" in row["sentence"]
    assert loopback.jobs == []
    loopback.session_jobs = None
    carry_out(study(mode="session"), tmp_path)
    assert len(loopback.jobs) == PHASES
    assert result(tmp_path / "hw") == whole


@pytest.mark.usefixtures("sessions_pay")
def test_single_jobs_do_where_the_service_refuses_a_session(loopback, whole, tmp_path):
    message = "You are not authorized to run a session when using the open plan."
    refused = loopback.fail(400, path="/sessions", code=1352, message=message, times=None)
    carry_out(study(), tmp_path)
    assert refused.hits == 1
    assert {job.session_id for job in loopback.jobs} == {None}
    assert result(tmp_path / "hw") == whole
    (row,) = carry_out(study(mode="session"), tmp_path / "asked").to_dict("records")
    assert row["status"] == "failed"
    assert message in row["sentence"]
    assert len(loopback.jobs) == PHASES


def test_the_open_plan_has_no_sessions(loopback, whole, tmp_path):
    loopback.plan = "open"
    with pytest.raises(InputError, match='"session" is not valid on the open plan'):
        carry_out(study(mode="session"), tmp_path)
    assert loopback.requested("POST", "/(jobs|sessions)") == []
    carry_out(study(), tmp_path)
    assert loopback.sessions == []
    assert result(tmp_path / "hw") == whole


def test_a_run_is_left_and_looked_at_and_collected_and_gone_on_with(loopback, whole, tmp_path):
    folder = tmp_path / "hw"
    loopback.hold()
    (row,) = carry_out(study(), tmp_path, detach=True).to_dict("records")
    assert row["status"] == "interrupted"
    assert "1 job left to run; qnlr attach collects" in row["sentence"]
    assert len(loopback.jobs) == 1
    (run,) = standing(folder).runs
    (pending,) = run.pending
    assert (pending.record.job_id, pending.state) == (loopback.jobs[0].id, "queued")
    assert [job.state for job in standing(folder, ask=False).runs[0].pending] == ["not asked"]
    assert (run.device, run.phases, run.jobs) == ("ibm_manila", 1, 1)
    loopback.release()
    (row,) = carry_out(kept_study(folder), tmp_path, submit=False).to_dict("records")
    assert "all that was submitted is collected" in row["sentence"]
    assert len(loopback.jobs) == 1
    assert standing(folder).runs[0].pending == ()
    assert standing(folder).spent == pytest.approx(loopback.charged)
    carry_out(kept_study(folder), tmp_path)
    assert len(loopback.jobs) == PHASES
    assert result(folder) == whole


def test_every_run_of_a_grid_is_left_with_its_job(loopback, tmp_path):
    loopback.hold()
    rows = carry_out(study(GRID), tmp_path, detach=True)
    assert rows["status"].tolist() == ["interrupted"] * 2
    assert len(loopback.jobs) == 2
    assert len(standing(tmp_path / "hw").runs) == 2
    loopback.release()
    assert carry_out(study(GRID), tmp_path)["status"].tolist() == ["finished"] * 2
    assert len(loopback.jobs) == GRID_PHASES


def test_what_is_submitted_is_collected_whatever_the_account_has_left(loopback, whole, tmp_path):
    loopback.hold()
    carry_out(study(), tmp_path, detach=True)
    loopback.release()
    loopback.run_all()
    loopback.exhaust()
    (row,) = carry_out(study(), tmp_path, submit=False).to_dict("records")
    assert "all that was submitted is collected" in row["sentence"]
    assert [job.collected for job in journal(tmp_path / "hw").jobs.values()] == [True]
    assert len(loopback.jobs) == 1


def test_jobs_are_cancelled_and_the_run_goes_on(loopback, whole, tmp_path):
    loopback.hold()
    carry_out(study(), tmp_path, detach=True)
    (job,) = cancel(tmp_path / "hw")
    assert (job.state, loopback.jobs[0].state) == ("cancelled", "Cancelled")
    assert cancel(tmp_path / "hw") == []
    loopback.release()
    carry_out(kept_study(tmp_path / "hw"), tmp_path)
    assert len(loopback.jobs) == 1 + PHASES
    assert result(tmp_path / "hw") == whole


def test_one_process_at_a_time(loopback, whole, tmp_path):
    folder = tmp_path / "hw"
    waits, go_on = threading.Event(), threading.Event()

    def act(seen):
        waits.set()
        assert go_on.wait(30)
        loopback.release()

    loopback.hold()
    first = threading.Thread(target=carry_out, args=(study(), tmp_path, Watch(act)))
    first.start()
    try:
        assert waits.wait(30)
        for other in (lambda: execute(load_study(study()), tmp_path), lambda: cancel(folder)):
            with pytest.raises(InputError, match="another process is executing the study"):
                other()
        assert len(standing(folder).runs[0].pending) == 1
    finally:
        go_on.set()
        first.join()
    assert len(loopback.jobs) == PHASES
    assert result(folder) == whole
