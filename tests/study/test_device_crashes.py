"""Runs on a device that are killed between any two things that they do, and go on after that."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from device_studies import PHASES, carry_out, journal, result, study, toml

pytestmark = pytest.mark.slow

DRIVER = Path(__file__).with_name("device_driver.py")
PROGRAM = str(Path(sys.executable).parent / "qnlr")


@pytest.fixture
def backend(request):
    """Keys of [backend] that a test asks for."""
    return getattr(request, "param", {})


@pytest.fixture
def config(backend, tmp_path):
    file = tmp_path / "hw.toml"
    file.write_text(toml(study(**backend)))
    return file


@pytest.fixture
def server(loopback, monkeypatch):
    """The service, which remembers the results of circuits that it has run before."""
    import loopback_jobs
    import loopback_state

    known = {}

    def execute(model, device):
        program = model.quantum_program
        key = tuple(loopback_jobs._seed(*found) for found in _items(program))
        if key not in known:
            known[key] = loopback_jobs.execute(model, device)
        return known[key]

    monkeypatch.setattr(loopback_state, "execute", execute)
    loopback.price = lambda executions: 1 + 0.0001 * executions
    loopback.usage_limit_seconds = None
    return loopback


def _items(program):
    return [(place, program.shots, item) for place, item in enumerate(program.items)]


@pytest.fixture
def whole(server, backend, tmp_path):
    """The jobs that a run needs which nothing interrupts, and what it finds."""
    before = len(server.jobs)
    (row,) = carry_out(study(**backend), tmp_path / "whole").to_dict("records")
    assert row["status"] == "finished"
    return len(server.jobs) - before, result(tmp_path / "whole" / "hw")


@pytest.fixture
def run(server, config, tmp_path):
    """Run the study in a child of a warm process, perhaps to its death: exit code and events."""
    arguments = [config, tmp_path / "warm", tmp_path / "modules"]
    with subprocess.Popen(
        [sys.executable, str(DRIVER), *map(str, arguments)],
        env={**os.environ, **server.environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as driver:
        assert driver.stdout.readline() == "warm\n"

        def run(results, **death):
            told = tmp_path / "told"
            told.unlink(missing_ok=True)
            asked = {"results": str(results), "told": str(told), **death}
            driver.stdin.write(json.dumps(asked) + "\n")
            driver.stdin.flush()
            return int(driver.stdout.readline()), told.read_text().splitlines()

        yield run
        driver.stdin.close()


def _is_as_if_nothing_had_happened(server, jobs, folder, whole):
    """Whether every phase was paid for once, and the results are those of the whole run."""
    created, kept = server.jobs[jobs:], journal(folder)
    needed, found = whole
    assert len(created) == needed
    assert {job.state for job in created} == {"Completed"}
    assert {job.job_id for job in kept.jobs.values()} == {job.id for job in created}
    assert all(job.collected for job in kept.jobs.values())
    assert kept.spent == pytest.approx(sum(job.charge for job in created), abs=1e-9)
    status = json.loads(next(folder.glob("*/status.json")).read_text())
    assert status["cost"]["cost_qpu_seconds"] == pytest.approx(kept.spent, abs=1e-9)
    assert result(folder) == found


@pytest.mark.parametrize("when", ["before", "torn"])
def test_a_run_killed_at_any_point_pays_for_each_phase_once(server, run, whole, tmp_path, when):
    # What is after one event is before the next, so that these are all states there are.
    code, events = run(tmp_path / "none")
    assert code == 0
    assert events.count("flush the journal") >= 1 + 5 * PHASES
    assert sum(_submits(event) for event in events) == whole[0] == PHASES
    assert "move checkpoint.npz" in events
    flushes = [number for number, event in enumerate(events, 1) if event == "flush the journal"]
    for number in flushes[:20] if when == "torn" else range(1, len(events) + 1):
        results, jobs = tmp_path / f"{when}{number}", len(server.jobs)
        code, seen = run(results, when=when, number=number)
        assert code == -signal.SIGKILL
        assert len(seen) == number
        assert run(results)[0] == 0
        _is_as_if_nothing_had_happened(server, jobs, results / "hw", whole)
        shutil.rmtree(results)


@pytest.mark.parametrize("backend", [{"max_execution_time": 3}], indirect=True)
def test_a_run_killed_within_a_phase_of_several_jobs_submits_the_others(
    server, run, whole, tmp_path
):
    code, events = run(tmp_path / "none")
    assert code == 0
    assert whole[0] > PHASES
    posts = [number for number, event in enumerate(events, 1) if _submits(event)]
    for number in range(posts[0], posts[2] + 2):
        results, jobs = tmp_path / str(number), len(server.jobs)
        assert run(results, when="before", number=number)[0] == -signal.SIGKILL
        assert run(results)[0] == 0
        _is_as_if_nothing_had_happened(server, jobs, results / "hw", whole)


def _submits(event):
    return event.startswith("POST ") and event.endswith("/jobs")


def test_a_run_killed_again_and_again_pays_for_each_phase_once(server, run, whole, tmp_path):
    kills, jobs, code = 0, len(server.jobs), -signal.SIGKILL
    while code == -signal.SIGKILL:
        code, _ = run(tmp_path / "again", number=6 + kills % 7)
        kills += 1
        assert kills < 60
    assert code == 0
    assert kills > PHASES
    _is_as_if_nothing_had_happened(server, jobs, tmp_path / "again" / "hw", whole)


@pytest.mark.parametrize(("path", "after"), [("/jobs", True), ("/jobs/[^/]+/results", False)])
def test_a_run_killed_by_the_service_goes_on_on_another_machine(
    server, config, whole, tmp_path, path, after
):
    jobs = len(server.jobs)
    environment = {**os.environ, **server.environment}
    call = {"env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    command = [PROGRAM, "run", str(config), "--results", "here", "--yes"]
    with subprocess.Popen(command, cwd=tmp_path, text=True, **call) as process:
        method = "POST" if after else "GET"
        server.call(lambda request: process.kill(), method, path, after=after, skip=3)
        output, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL, output
    assert len(server.jobs) - jobs == 4
    there = tmp_path / "other" / "machine"
    there.mkdir(parents=True)
    (tmp_path / "here" / "hw").rename(there / "hw")
    config.unlink()
    done = subprocess.run(
        [PROGRAM, "resume", "hw", "--results", ".", "--yes"],
        cwd=there,
        check=False,
        text=True,
        **call,
    )
    assert done.returncode == 0, done.stdout
    _is_as_if_nothing_had_happened(server, jobs, there / "hw", whole)
