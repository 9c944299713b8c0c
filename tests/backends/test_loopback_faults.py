"""The loopback service, tried with the plain qiskit-ibm-runtime client: what goes wrong."""

import time

import pytest
import requests
from ibm_cloud_sdk_core import ApiException
from qiskit import QuantumCircuit
from qiskit.circuit import Gate
from qiskit_ibm_runtime import Batch, Executor, QiskitRuntimeService, QuantumProgram, Session
from qiskit_ibm_runtime.accounts import AccountNotFoundError, InvalidAccountError
from qiskit_ibm_runtime.api.exceptions import RequestsApiError
from qiskit_ibm_runtime.exceptions import (
    IBMInputValueError,
    IBMNotAuthorizedError,
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
    RuntimeJobNotFound,
    RuntimeJobTimeoutError,
)


def shots(job):
    return job.result()[0].data.meas.array


def post_jobs(loopback):
    return len(loopback.requested("POST", "/jobs"))


def test_server_errors_are_retried_into_one_job(plain_submit, loopback):
    fault = loopback.fail(500, times=2)
    assert plain_submit().status() == "DONE"
    assert (fault.hits, post_jobs(loopback), loopback.jobs_created()) == (2, 3, 1)


def test_a_lost_response_leaves_a_job(plain_submit, plain_service, loopback):
    loopback.lose_response(skip=1)
    plain_submit(tags=["first"])
    with pytest.raises(IBMRuntimeError, match="Failed to run program"):
        plain_submit(tags=["second"])
    (found,) = plain_service.jobs(job_tags=["second"], limit=None)
    assert shots(found).shape == (3, 100, 1)
    assert loopback.jobs_created() == 2


def test_a_dropped_request_leaves_none(plain_submit, loopback):
    loopback.drop()
    with pytest.raises(IBMRuntimeError, match="Failed to run program"):
        plain_submit()
    assert (post_jobs(loopback), loopback.jobs_created()) == (1, 0)


def test_connections_are_refused_while_it_is_down(plain_submit, loopback):
    job = plain_submit()
    with loopback.down(), pytest.raises(RequestsApiError, match="refused"):
        job.status()
    assert job.status() == "DONE"


def test_a_job_fails(plain_submit, loopback):
    loopback.fail_jobs(code=1517, reason="It broke.", skip=1, charge=1.5)
    plain_submit().result()
    job = plain_submit()
    with pytest.raises(RuntimeJobFailureError, match="1517; It broke"):
        job.result()
    assert job.status() == "ERROR"
    assert job.usage() == 1.5
    plain_submit().result()


def test_the_service_cancels_a_job(plain_submit, loopback):
    loopback.cancel_jobs()
    with pytest.raises(RuntimeInvalidStateError, match="cancelled"):
        plain_submit().result()


def test_a_job_runs_too_long(plain_submit, loopback):
    loopback.overrun_jobs(charge=9.0)
    job = plain_submit()
    with pytest.raises(RuntimeJobMaxTimeoutError):
        job.result()
    assert job.usage() == 9.0
    limited = plain_submit(limit=1)
    with pytest.raises(RuntimeJobMaxTimeoutError):
        limited.result()
    assert limited.usage() == 1.0


def test_a_job_that_the_device_cannot_run_fails(plain_service):
    circuit = QuantumCircuit(5, 1)
    circuit.append(Gate("unheard_of", 1, []), [0])
    circuit.measure(0, 0)
    program = QuantumProgram(shots=10)
    program.append_circuit_item(circuit)
    job = Executor(plain_service.backend("ibm_manila")).run(program)
    with pytest.raises(RuntimeJobFailureError, match="unheard_of"):
        job.result()


def test_an_offline_device_keeps_jobs_queued(plain_submit, loopback):
    loopback.devices["ibm_manila"].online = False
    job = plain_submit()
    assert job.status() == "QUEUED"
    loopback.devices["ibm_manila"].online = True
    assert job.status() == "DONE"


@pytest.mark.parametrize(("status", "code"), [(400, 8888), (413, 8889)])
def test_a_submission_is_rejected(status, code, plain_submit, loopback):
    loopback.fail(status, code=code, message="Too large.")
    with pytest.raises(IBMRuntimeError, match=f"{status} Client Error.*{code}"):
        plain_submit()
    assert loopback.jobs_created() == 0


def test_the_open_plan_has_batches_but_no_sessions(plain_service, loopback):
    loopback.plan = "open"
    device = QiskitRuntimeService(channel="ibm_quantum_platform").backend("ibm_manila")
    with pytest.raises(RequestsApiError, match="1352") as error:
        Session(device)
    assert error.value.status_code == 400
    assert Batch(device).session_id


def test_a_session_closes_under_way(plain_submit, plain_service, loopback):
    loopback.session_jobs = 1
    session = Session(plain_service.backend("ibm_manila"))
    plain_submit(session)
    with pytest.raises(IBMRuntimeError, match="1217"):
        plain_submit(session)
    another = Session(plain_service.backend("ibm_manila"))
    loopback.sessions[-1].close()
    with pytest.raises(IBMRuntimeError, match="1217"):
        plain_submit(another)
    assert loopback.jobs_created() == 1


def test_an_exhausted_quota(plain_submit, plain_service, loopback):
    loopback.exhaust()
    usage = plain_service.usage()
    assert usage["usage_remaining_seconds"] == 0
    assert usage["usage_limit_reached"] is True
    with pytest.warns(UserWarning, match="usage limit"):
        job = plain_submit()
    with pytest.raises(RuntimeJobTimeoutError):
        job.result(timeout=0.2, poll_interval=0.1)
    loopback.usage_limit_seconds += 60
    assert job.status() == "DONE"


def test_a_retired_device(plain_submit, loopback):
    job = plain_submit()
    expected = shots(job)
    loopback.retire("ibm_manila")
    service = QiskitRuntimeService(channel="ibm_quantum_platform")
    assert [device.name for device in service.backends()] == ["ibm_lagos"]
    assert (shots(service.job(job.job_id())) == expected).all()


def test_a_bad_key(loopback, monkeypatch):
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "x" * 44)
    with pytest.raises(InvalidAccountError) as error:
        QiskitRuntimeService(channel="ibm_quantum_platform")
    assert isinstance(error.value.__cause__, ApiException)


def test_another_instance(loopback, monkeypatch):
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", loopback.crn.replace("us-east", "eu-de"))
    with pytest.raises(IBMInputValueError, match="does not have access"):
        QiskitRuntimeService(channel="ibm_quantum_platform")


def test_unauthorized(plain_service, plain_submit, loopback):
    loopback.unauthorized = True
    with pytest.raises(IBMNotAuthorizedError, match="401"):
        plain_service.usage()


def test_no_network(offline):
    with pytest.raises(InvalidAccountError) as error:
        QiskitRuntimeService(channel="ibm_quantum_platform")
    assert isinstance(error.value.__cause__, requests.exceptions.ConnectionError)


def test_no_account(no_account, loopback_server):
    with pytest.raises(AccountNotFoundError):
        QiskitRuntimeService(channel="ibm_quantum_platform")
    assert loopback_server.requests == []


def test_an_unknown_job(plain_service, loopback):
    with pytest.raises(RuntimeJobNotFound):
        plain_service.job("none")


def test_metrics_are_pending_for_a_while(plain_submit, loopback):
    loopback.pending_metrics = 2
    job = plain_submit()
    job.result()
    assert [job.usage(), job.usage(), job.usage()] == [0, 0, pytest.approx(2.105)]


def test_slow_answers(plain_service, loopback):
    loopback.slow(0.3, path="/instances/usage")
    start = time.monotonic()
    plain_service.usage()
    assert time.monotonic() - start >= 0.3
    assert loopback.requests[-1].path == "/instances/usage"


def test_a_call_between_a_job_and_its_answer(plain_submit, loopback):
    seen = []
    loopback.call(lambda request: seen.append((loopback.jobs_created(), request.body["tags"])))
    loopback.call(lambda request: seen.append(loopback.jobs_created()), after=False)
    plain_submit(tags=["one"])
    plain_submit(tags=["two"])
    assert seen == [(1, ["one"]), 1]


def test_requests_are_on_record_without_secrets(plain_submit, loopback):
    plain_submit(tags=["one"]).result()
    (request,) = loopback.requested("POST", "/jobs")
    assert request.body["tags"] == ["one"]
    assert request.status == 200
    assert len(loopback.requested("GET", "/jobs/[^/]+")) == 1
    record = repr(loopback.requests)
    assert loopback.token not in record
    assert not any(bearer in record for bearer in loopback.bearers)
    assert loopback.secrets[:3] == [loopback.token, loopback.crn, loopback.account]
