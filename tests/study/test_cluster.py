import os
import signal
import threading

import pandas as pd
import pytest
from distributed import LocalCluster

from qnlr.errors import InputError
from qnlr.study import Observer, execute, load_history, load_results, load_study, run_id
from qnlr.study.execute import worthwhile_jobs

pytestmark = pytest.mark.slow


class Recorder(Observer):
    def __init__(self, at_step=lambda progress: None):
        self.told = []
        self.at_step = at_step

    def begin_run(self, progress):
        self.told.append(("begin", progress.run_id, progress.done))

    def step(self, progress):
        self.told.append(("step", progress.run_id, progress.done))
        self.at_step(progress)

    def end_run(self, progress, outcome):
        self.told.append(("end", progress.run_id, progress.done))


@pytest.fixture
def long(small):
    """Four runs that last long enough to be heard of on the way."""
    small["backend"]["name"] = "simulator"
    small["training"] |= {"steps": 300, "checkpoint_every": 25}
    return small


@pytest.fixture(scope="module")
def cluster():
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
    ) as found:
        yield found


def assert_equal_results(first, second):
    pd.testing.assert_frame_equal(load_history(first), load_history(second), check_exact=True)
    one, other = load_results(first), load_results(second)
    columns = [name for name in one if "seconds" not in name]
    pd.testing.assert_frame_equal(one[columns], other[columns], check_exact=True)


def test_processes_give_the_same_results_as_one(small, tmp_path):
    execute(load_study(small), tmp_path / "one")
    report = execute(load_study(small), tmp_path / "many", jobs=2)
    assert (report.failed, report.interrupted) == (0, None)
    assert_equal_results(tmp_path / "one/small", tmp_path / "many/small")
    assert not list((tmp_path / "many").glob(".*.stop"))


def test_a_schedulers_workers_give_the_same_results_and_are_heard_of(long, tmp_path, cluster):
    execute(load_study(long), tmp_path / "one")
    watch = Recorder()
    execute(
        load_study(long),
        tmp_path / "many",
        scheduler=cluster.scheduler_address,
        observer=watch,
    )
    assert_equal_results(tmp_path / "one/small", tmp_path / "many/small")
    runs = set(load_results(tmp_path / "one/small")["run_id"])
    assert {run for what, run, _ in watch.told if what == "begin"} == runs
    assert {(run, done) for what, run, done in watch.told if what == "end"} == {
        (run, 300) for run in runs
    }
    assert any(what == "step" for what, *_ in watch.told)


def test_a_killed_worker_loses_no_run(long, tmp_path, cluster):
    killed = []

    def kill(progress):
        if not killed and progress.done >= 20:
            killed.append(cluster.workers[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    execute(load_study(long), tmp_path / "one")
    report = execute(
        load_study(long),
        tmp_path / "many",
        scheduler=cluster.scheduler_address,
        observer=Recorder(kill),
    )
    assert killed
    assert report.failed == 0
    assert_equal_results(tmp_path / "one/small", tmp_path / "many/small")


def test_a_signal_stops_all_workers_in_order_and_the_study_goes_on(long, tmp_path):
    stopped = []

    def interrupt(progress):
        if not stopped:
            stopped.append(progress)
            signal.raise_signal(signal.SIGINT)

    report = execute(load_study(long), tmp_path / "many", jobs=2, observer=Recorder(interrupt))
    assert report.interrupted == signal.SIGINT
    results = load_results(tmp_path / "many/small")
    assert "interrupted" in set(results["status"])
    assert set(results["status"]) <= {"interrupted", "pending", "finished"}
    execute(load_study(long), tmp_path / "many", jobs=2)
    execute(load_study(long), tmp_path / "one")
    assert_equal_results(tmp_path / "one/small", tmp_path / "many/small")


def test_a_run_that_cannot_be_written_fails_alone(small, tmp_path):
    study = load_study(small)
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / run_id(study.runs[0])).write_text("in the way")
    watch = Recorder()
    report = execute(study, tmp_path, jobs=2, observer=watch)
    assert report.failed == 1
    assert list(load_results(report.folder)["status"]) == ["pending"] + ["finished"] * 3
    assert sum(what == "end" for what, *_ in watch.told) == 4


def test_a_scheduler_that_is_not_there_is_named(small, tmp_path):
    with pytest.raises(InputError, match=r"scheduler 'tcp://127.0.0.1:9' cannot be reached"):
        execute(load_study(small), tmp_path, scheduler="tcp://127.0.0.1:9")


@pytest.mark.parametrize("jobs", [-1, 1.5, "two"])
def test_jobs_are_a_number(small, tmp_path, jobs):
    with pytest.raises(InputError, match="jobs = "):
        execute(load_study(small), tmp_path, jobs=jobs)
    assert list(tmp_path.iterdir()) == []


def test_a_few_runs_are_not_worth_a_process():
    assert [worthwhile_jobs(runs) for runs in (1, 4, 7)] == [0, 0, 0]
    assert worthwhile_jobs(1000) != 1


def test_two_that_share_a_scheduler_share_neither_runs_nor_what_is_told(long, tmp_path, cluster):
    """The same study to two folders at once: each has all of its runs, and hears of no other's."""
    watches, threads = (Recorder(), Recorder()), []
    for name, watch in zip(("one", "two"), watches, strict=True):
        options = {"scheduler": cluster.scheduler_address, "observer": watch}
        threads.append(
            threading.Thread(
                target=execute, args=(load_study(long), tmp_path / name), kwargs=options
            )
        )
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_equal_results(tmp_path / "one/small", tmp_path / "two/small")
    assert list(load_results(tmp_path / "one/small")["status"]) == ["finished"] * 4
    for watch in watches:
        assert sum(what == "begin" for what, *_ in watch.told) == 4
        assert sum(what == "end" for what, *_ in watch.told) == 4
