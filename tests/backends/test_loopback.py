"""The loopback service, tried with the plain qiskit-ibm-runtime client: what works."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from loopback_fixtures import PLAIN_ANGLES
from qiskit import QuantumCircuit, qpy
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import Batch, QiskitRuntimeService, Session
from qiskit_ibm_runtime.exceptions import RuntimeInvalidStateError
from qiskit_ibm_runtime.executor_estimator import Estimator
from qiskit_ibm_runtime.executor_sampler import Sampler

ANGLES = np.array(PLAIN_ANGLES)

OTHER_PROCESS = """
import sys, json, numpy as np
from qiskit import QuantumCircuit, qpy
from qiskit_ibm_runtime import QiskitRuntimeService
from qiskit_ibm_runtime.executor_sampler import Sampler
service = QiskitRuntimeService(channel="ibm_quantum_platform")
circuit = qpy.load(open(sys.argv[1], "rb"))[0]
circuit.name = "another name"
sampler = Sampler(service.backend("ibm_manila"))
sampler.options.environment.job_tags = ["other"]
sampler.options.twirling.enable_gates = sampler.options.twirling.enable_measure = True
job = sampler.run([(circuit, np.array(json.loads(sys.argv[2])))], shots=100)
print(json.dumps(job.result()[0].data.meas.array.tolist()))
"""


def shots(job):
    return job.result()[0].data.meas.array


# What works


def test_service_finds_its_instance_and_devices(plain_service, loopback):
    assert plain_service.active_instance() == loopback.crn
    assert plain_service.instances()[0]["plan"] == "flex"
    assert {device.name for device in plain_service.backends()} == {"ibm_manila", "ibm_lagos"}
    device = plain_service.backend("ibm_lagos")
    assert device.num_qubits == 7
    assert 0 < device.properties().readout_error(0) < 0.5
    assert device.target["cx"][0, 1].error > 0
    assert device.default_rep_delay == pytest.approx(250e-6)
    loopback.devices["ibm_lagos"].queue_length = 7
    assert device.status().pending_jobs == 7
    assert device.status().operational


def test_least_busy(loopback):
    loopback.devices["ibm_manila"].queue_length = 5
    service = QiskitRuntimeService(channel="ibm_quantum_platform")
    assert service.least_busy().name == "ibm_lagos"


def test_a_sampler_job(plain_submit, plain_service, loopback):
    job = plain_submit(tags=["a", "b"], limit=60)
    result = job.result()
    assert result[0].data.meas.array.shape == (3, 100, 1)
    assert result[0].data.meas.expectation_values("ZI")[0] == pytest.approx(
        np.cos(0.3) * np.cos(0.9), abs=0.3
    )
    assert job.status() == "DONE"
    assert job.usage() == pytest.approx(2 + 0.00035 * 300)
    assert job.usage_estimation == {"quantum_seconds": pytest.approx(2.105)}
    assert job.metrics()["timestamps"]["finished"] >= job.metrics()["timestamps"]["created"]
    assert job.logs()
    (on_record,) = loopback.jobs
    assert (on_record.tags, on_record.executions, on_record.limit) == (["a", "b"], 300, 60)
    assert plain_service.usage()["usage_consumed_seconds"] == on_record.charge == loopback.charged
    assert plain_service.job(job.job_id()).properties().backend_name == "ibm_manila"


def test_same_numbers_give_the_same_shots(plain_submit):
    assert (shots(plain_submit(tags=["a"])) == shots(plain_submit(tags=["b"]))).all()
    assert (shots(plain_submit()) != shots(plain_submit(angles=ANGLES + 1e-9))).any()


@pytest.mark.parametrize("level", [0, 1, 2])
def test_an_estimator_job(level, plain_service, plain_circuit):
    estimator = Estimator(plain_service.backend("ibm_manila"))
    estimator.options.resilience_level = level
    estimator.options.default_shots = 2000
    bare = plain_circuit.remove_final_measurements(inplace=False)
    z = SparsePauliOp("IZ").apply_layout(plain_circuit.layout)
    values = estimator.run([(bare, z, ANGLES)]).result()[0].data.evs
    assert values == pytest.approx(np.cos(ANGLES[:, 0]), abs=0.35 if level == 2 else 0.15)


def test_a_device_of_156_qubits(loopback):
    loopback.add("ibm_fez")
    device = QiskitRuntimeService(channel="ibm_quantum_platform").backend("ibm_fez")
    circuit = QuantumCircuit(3, 1)
    circuit.x(2)
    circuit.measure(2, 0)
    circuit = generate_preset_pass_manager(1, backend=device, seed_transpiler=1).run(circuit)
    job = Sampler(device).run([circuit], shots=1000)
    assert job.result()[0].data.c.get_counts()["1"] > 900


def test_tags(plain_submit, plain_service):
    jobs = [plain_submit(tags=["run", f"step{step}"]) for step in range(3)]
    found = plain_service.jobs(job_tags=["run", "step1"], limit=None)
    assert [job.job_id() for job in found] == [jobs[1].job_id()]
    newest_first = [job.job_id() for job in plain_service.jobs(job_tags=["run"], limit=2, skip=1)]
    assert newest_first == [jobs[1].job_id(), jobs[0].job_id()]
    assert plain_service.jobs(job_tags=["none"]) == []
    jobs[0].update_tags(["changed"])
    assert plain_service.jobs(job_tags=["changed"])[0].job_id() == jobs[0].job_id()


def test_a_job_waits_runs_and_ends(plain_submit, plain_service, loopback):
    loopback.queued_polls, loopback.running_polls = 2, 1
    job = plain_submit()
    states = [job.status() for _ in range(4)]
    assert states == ["QUEUED", "QUEUED", "RUNNING", "DONE"]
    loopback.queued_polls = loopback.running_polls = 0
    loopback.hold()
    held = plain_submit()
    assert held.status() == held.status() == "QUEUED"
    assert [job.job_id() for job in plain_service.jobs(pending=True)] == [held.job_id()]
    assert [job.job_id() for job in plain_service.jobs(pending=False)] == [job.job_id()]
    loopback.release()
    assert held.status() == "DONE"
    assert plain_submit().status() == "DONE"


def test_jobs_go_on_while_nobody_asks(plain_submit, plain_service, loopback):
    plain_submit()
    assert loopback.jobs[0].state == "Queued"
    loopback.run_all()
    assert loopback.jobs[0].state == "Completed"


def test_cancel(plain_submit, loopback):
    loopback.hold()
    job = plain_submit()
    job.cancel()
    assert job.status() == "CANCELLED"
    with pytest.raises(RuntimeInvalidStateError, match="cancelled"):
        job.result()
    with pytest.raises(RuntimeInvalidStateError, match="cannot be cancelled"):
        job.cancel()


@pytest.mark.parametrize(("kind", "mode"), [(Session, "dedicated"), (Batch, "batch")])
def test_a_session_and_a_batch(kind, mode, plain_submit, plain_service, loopback):
    with kind(plain_service.backend("ibm_manila"), max_time=300) as session:
        assert session.status() == "Pending"
        jobs = [plain_submit(session), plain_submit(session)]
        jobs[0].result()
        assert session.status() == "In progress, accepting new jobs"
    (on_record,) = loopback.sessions
    assert (on_record.mode, on_record.max_ttl) == (mode, 300)
    assert [job.session_id for job in loopback.jobs] == [on_record.id] * 2
    assert session.status() == "In progress, not accepting new jobs"
    jobs[1].result()
    assert session.status() == "Closed"
    assert session.usage() == pytest.approx(2 * 2.105)
    assert kind.from_id(session.session_id, plain_service).session_id == session.session_id


def test_a_dry_run_is_free(plain_submit, plain_service, loopback):
    job = plain_submit(dry_run=True)
    assert shots(job).shape == (3, 100, 1)
    assert job.usage_estimation["quantum_seconds"] == pytest.approx(2.105)
    assert loopback.jobs[0].backend == "mock_manila"
    assert loopback.charged == 0
    assert plain_service.jobs() == []
    assert len(plain_service.jobs(include_mocks=True)) == 1


def test_price(plain_submit, loopback):
    loopback.price = lambda executions: executions / 10
    assert plain_submit().usage_estimation["quantum_seconds"] == 30


# In another process


@pytest.fixture
def elsewhere(plain_circuit, tmp_path):
    """Start OTHER_PROCESS."""
    with (tmp_path / "circuit.qpy").open("wb") as file:
        qpy.dump(plain_circuit, file)

    def start(**environment):
        return subprocess.Popen(
            [
                sys.executable,
                "-c",
                OTHER_PROCESS,
                str(tmp_path / "circuit.qpy"),
                json.dumps(PLAIN_ANGLES),
            ],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def test_environment_points_another_process_here(loopback, plain_service, plain_circuit, elsewhere):
    with elsewhere(**loopback.environment, PYTHONHASHSEED="7") as process:
        there, complaints = process.communicate()
    assert process.returncode == 0, complaints
    sampler = Sampler(plain_service.backend("ibm_manila"))
    sampler.options.twirling.enable_gates = sampler.options.twirling.enable_measure = True
    here = shots(sampler.run([(plain_circuit, ANGLES)], shots=100))
    assert here.tolist() == json.loads(there)
    assert loopback.jobs_created(tag="other") == 1
    assert loopback.jobs_created() == 2


def test_an_account_file_points_another_process_here(saved_account, loopback_server, elsewhere):
    assert "QISKIT_IBM_TOKEN" not in os.environ
    with elsewhere() as process:
        _, complaints = process.communicate()
    assert process.returncode == 0, complaints
    assert loopback_server.jobs_created() == 1


def test_another_process_is_killed_between_a_job_and_its_answer(loopback, elsewhere):
    loopback.call(lambda request: process.kill())
    with elsewhere() as process:
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert loopback.jobs_created(tag="other") == 1
    assert loopback.jobs[0].state == "Queued"


def test_a_url_resolver_does_too(loopback, monkeypatch):
    for name in ("QISKIT_IBM_TOKEN", "QISKIT_IBM_INSTANCE", "QISKIT_IBM_URL"):
        monkeypatch.delenv(name)
    service = QiskitRuntimeService(
        token=loopback.token, instance=loopback.crn, url_resolver=lambda *_: loopback.url
    )
    assert service.backend("ibm_lagos").num_qubits == 7
