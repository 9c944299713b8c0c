"""Runs with PEA and PEC on a device: the noise of layers is learned once, and paid for once."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from device_studies import carry_out, journal, result, study

from qnlr.backends.ibm.layers import from_arrays
from qnlr.errors import InputError
from qnlr.study import execute, load_study
from qnlr.study.estimate import estimate
from qnlr.study.estimate_display import as_plain

PEC = {"resilience": {"pec_mitigation": True}}
PEA = {"resilience": {"zne_mitigation": True, "zne": {"amplifier": "pea"}}}
PROGRAM = Path(sys.executable).with_name("qnlr")
PER_LAYER = 9 * 6 * 32 * 128  # the learner's defaults
PHASES = 6  # two steps of two losses, and training and test data at the end
SHOTS = 1280


def mitigated(options=PEC, **backend):
    backend = {
        "primitive": "estimator",
        "options": options,
        "learn_layer_noise": True,
        "shots": SHOTS,
        "budget_seconds": 1000.0,
        **backend,
    }
    config = study([{"name": "spsa"}], **backend)
    config["training"] = {"steps": 2, "batch_size": 2, "checkpoint_every": 1}
    return config


def programs(loopback):
    return [job.program_id for job in loopback.jobs]


def leave(config, server, results):
    """Begin a run, and leave it while its noise is being learned."""
    server.hold()
    (row,) = carry_out(config, results, detach=True).to_dict("records")
    assert row["status"] == "interrupted"
    assert programs(server) == ["noise-learner"]
    assert server.jobs[0].state == "Queued"
    server.release()


@pytest.fixture
def server(loopback):
    loopback.usage_limit_seconds = None
    return loopback


@pytest.fixture(scope="module", params=[PEC, PEA], ids=["PEC", "PEA"])
def whole(request, tmp_path_factory):
    """A run that nothing interrupts: its options, its service, its folder."""
    from loopback import LoopbackServer

    with LoopbackServer() as service, pytest.MonkeyPatch.context() as patch:
        for name, value in service.environment.items():
            patch.setenv(name, value)
        service.usage_limit_seconds = None
        results = tmp_path_factory.mktemp("whole")
        rows = carry_out(mitigated(request.param), results)
        assert rows["status"].tolist() == ["finished"]
        return request.param, service, results / "hw"


def test_the_noise_is_learned_once_and_then_used(whole):
    _, service, folder = whole
    assert programs(service) == ["noise-learner"] + ["executor"] * PHASES
    learner, *others = service.jobs
    assert learner.executions == PER_LAYER
    kept = journal(folder)
    assert [job.job_id for job in kept.jobs.values()] == [job.id for job in service.jobs]
    assert kept.spent == pytest.approx(service.charged)
    record = next(iter(kept.jobs.values()))
    assert record.tag in learner.tags
    assert record.about["learner"]["num_randomizations"] == 32
    assert record.estimate == pytest.approx(61, abs=1)
    # The journal says what is executed, with the sampling overhead of PEC.
    counted = [phase["executions"] for phase in list(kept.phases.values())[1:]]
    assert [sum(one) for one in counted] == [job.executions for job in others]


def test_the_noise_is_kept_as_plain_arrays_and_decides_what_pec_takes(whole):
    from loopback_learner import learned

    options, service, folder = whole
    kept = journal(folder)
    record = next(iter(kept.jobs.values()))
    with np.load(folder / kept.run_id / f"phases/{record.tag}.npz", allow_pickle=False) as arrays:
        ((digest, noise),) = from_arrays(arrays).items()
    assert noise == learned(0, 2)
    assert record.about["layers"] == [digest]
    # γ² = exp(4 Σ rates) for the one layer of the circuit.
    randomisations = SHOTS // 64
    overhead = math.exp(4 * noise.rates.sum())
    assert overhead > 1.1
    each = math.ceil(randomisations * overhead) if options == PEC else 3 * randomisations
    for job, phase in zip(service.jobs[1:], list(kept.phases.values())[1:], strict=True):
        (rows,) = phase["parts"]
        assert job.executions == 64 * (rows * each + randomisations)


def test_values_and_standard_errors_are_finite(whole):
    _, _, folder = whole
    kept = journal(folder)
    for record in list(kept.jobs.values())[1:]:
        found = kept.kept(record.tag)
        assert np.isfinite(found["values"]).all()
        assert np.isfinite(found["stds"]).all()
        assert (found["stds"] > 0).all()


def test_a_run_that_is_left_and_resumed_learns_once(whole, server, tmp_path):
    options, _, folder = whole
    config = mitigated(options)
    leave(config, server, tmp_path)
    carry_out(config, tmp_path, submit=False)
    assert programs(server) == ["noise-learner"]
    assert next(iter(journal(tmp_path / "hw").jobs.values())).collected
    (row,) = carry_out(config, tmp_path).to_dict("records")
    assert row["status"] == "finished"
    assert programs(server) == ["noise-learner"] + ["executor"] * PHASES
    assert result(tmp_path / "hw") == result(folder)


@pytest.mark.slow
def test_another_process_finds_the_noise_again(server, tmp_path):
    leave(mitigated(), server, tmp_path)
    program = [PROGRAM, "resume", "hw", "--results", str(tmp_path), "--yes"]
    process = subprocess.run(program, env={**os.environ, "PYTHONHASHSEED": "7"}, check=False)
    assert process.returncode == 0
    assert programs(server) == ["noise-learner"] + ["executor"] * PHASES
    assert all(job.collected for job in journal(tmp_path / "hw").jobs.values())


def test_a_learning_job_whose_answer_is_lost_is_found_by_its_tag(server, tmp_path):
    server.lose_response()
    (row,) = carry_out(mitigated(), tmp_path).to_dict("records")
    assert row["status"] == "finished"
    assert programs(server) == ["noise-learner"] + ["executor"] * PHASES


def test_a_learning_job_that_failed_is_submitted_again(server, tmp_path):
    server.fail_jobs(charge=3.0)
    (row,) = carry_out(mitigated(), tmp_path).to_dict("records")
    assert row["status"] == "finished"
    assert programs(server) == ["noise-learner"] * 2 + ["executor"] * PHASES
    kept = journal(tmp_path / "hw")
    assert [job.state for job in kept.jobs.values()][:2] == ["failed", "done"]
    assert kept.spent == pytest.approx(server.charged)


def test_max_execution_time_may_be_another_one_when_a_run_goes_on(server, tmp_path):
    config = mitigated(PEA, shots=64)
    config["circuit"] = {"qubits": 3, "layers": 1}
    leave(config, server, tmp_path)
    assert server.jobs[0].executions == 2 * PER_LAYER
    config["backend"]["max_execution_time"] = 90  # enough for one layer, not for both
    (row,) = carry_out(config, tmp_path).to_dict("records")
    assert row["status"] == "finished"
    assert programs(server) == ["noise-learner"] + ["executor"] * PHASES


def test_learning_counts_against_the_budget(server, tmp_path):
    with pytest.raises(InputError, match=r"would take about \d+ QPU seconds, and budget_seconds"):
        execute(load_study(mitigated(shots=64, budget_seconds=65.0)), tmp_path)
    assert server.jobs == []


def test_an_estimate_without_a_network_counts_the_learning(whole):
    options, service, _ = whole
    found = estimate(load_study(mitigated(options)))
    (run,) = found.runs
    assert run.learning.executions == PER_LAYER
    assert run.learning.seconds == pytest.approx(61, abs=1)
    counted = sum(job.executions for job in service.jobs)
    if options == PEA:
        assert run.price.executions == counted
    else:  # the sampling overhead is not known yet
        assert PER_LAYER < run.price.executions < counted
    assert run.price.jobs == len(service.jobs)
    plain = as_plain(found, [])
    assert plain["executions"] == run.price.executions
    assert plain["runs"][0]["learning"]["executions"] == PER_LAYER
    said = " ".join(plain["assumptions"])
    assert "takes up to 221,184 executions and 61 QPU seconds, once for each run" in said
    assert ("not known before the noise is learned" in said) == (options == PEC)


def test_an_estimate_of_a_run_that_has_learned_counts_what_pec_will_take(server, tmp_path):
    config = mitigated()
    config["circuit"] = {"qubits": 3, "layers": 1}
    leave(config, server, tmp_path)
    carry_out(config, tmp_path, submit=False)
    (run,) = estimate(load_study(config), results=tmp_path).runs
    assert run.learning.executions == 0
    carry_out(config, tmp_path)
    assert run.price.executions == sum(job.executions for job in server.jobs[1:])
