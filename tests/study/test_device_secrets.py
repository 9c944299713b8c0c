"""Nothing that a run on a device writes, logs, says or raises holds a key, or says whose it is."""

import logging
import os
import subprocess
import sys
import traceback

import pytest
from device_studies import carry_out, study, toml

from qnlr.errors import QnlrError
from qnlr.study.remote import cancel, standing

VERBOSE = """\
import logging, sys
logging.basicConfig(level=logging.DEBUG, filename="all.log")
logging.getLogger().addHandler(logging.StreamHandler())
from qnlr.cli import main
sys.argv = ["qnlr", *sys.argv[1:]]
main()
"""


@pytest.fixture
def silent(loopback, tmp_path, caplog, capfd):
    """Whether no secret is found in anything that was written, logged or said, nor in these."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("qiskit_ibm_runtime").setLevel(logging.DEBUG)

    def check(*texts):
        said = capfd.readouterr()
        found = [said.out, said.err, caplog.text, *texts]
        found += [repr(vars(record)) for record in caplog.records]
        found += [
            file.read_bytes().decode("utf-8", "replace")
            for file in tmp_path.rglob("*")
            if file.is_file()
        ]
        assert len(loopback.secrets) >= 3
        for secret in loopback.secrets:
            assert not any(secret in text for text in found)
        return True

    yield check
    logging.getLogger("qiskit_ibm_runtime").setLevel(logging.ERROR)


def _whole(error):
    """All that is known of an exception and of those behind it."""
    texts = [*traceback.format_exception(error)]
    while error is not None:
        texts += [str(error), repr(error), repr(error.args), repr(vars(error))]
        error = error.__cause__ or error.__context__
    return texts


def test_a_run_with_failures_tells_no_secret(loopback, tmp_path, silent, caplog):
    loopback.fail_jobs(reason=f"No access to {loopback.crn}.")
    loopback.lose_response(skip=2)
    loopback.drop(skip=4)
    loopback.fail(500, skip=6, message=f"{loopback.crn} is away.")
    rows = carry_out(study(), tmp_path)
    assert rows["status"].tolist() == ["finished"]
    assert any("qiskit_ibm_runtime" in record.name for record in caplog.records)
    assert silent(rows.to_csv(), repr(standing(tmp_path / "hw")))


@pytest.mark.parametrize("status", [400, 401, 403, 413, 500])
@pytest.mark.parametrize("asked", [("POST", "/jobs"), ("POST", "/sessions"), ("GET", "/jobs/.+")])
def test_a_service_that_repeats_secrets_is_not_quoted(loopback, tmp_path, silent, status, asked):
    message = f"{loopback.token} may not use {loopback.crn} of {loopback.account}."
    fault = loopback.fail(status, *asked, message=message, times=3 if status == 500 else None)
    rows = carry_out(study(mode="session"), tmp_path)
    assert fault.hits > 0
    assert silent(rows.to_csv())


def test_a_run_that_is_left_tells_no_secret(loopback, tmp_path, silent):
    loopback.hold()
    carry_out(study(), tmp_path, detach=True)
    assert silent(repr(standing(tmp_path / "hw")), repr(cancel(tmp_path / "hw")))


@pytest.mark.parametrize("trouble", ["device", "session", "quota", "key", "instance"])
def test_what_is_raised_tells_no_secret(loopback, tmp_path, silent, monkeypatch, trouble):
    backend = {}
    if trouble == "device":
        backend = {"device": "ibm_nowhere"}
    elif trouble == "session":
        loopback.plan, backend = "open", {"mode": "session"}
    elif trouble == "quota":
        loopback.exhaust()
    elif trouble == "key":
        loopback.fail(401, "GET", "/backends", message=loopback.crn, times=None)
    else:
        backend = {"instance": "of-a-neighbour"}
    with pytest.raises(QnlrError) as raised:
        carry_out(study(**backend), tmp_path)
    assert silent(*_whole(raised.value))


@pytest.mark.slow
def test_the_program_tells_no_secret_whatever_is_logged(loopback, tmp_path):
    loopback.fail_jobs(reason=f"No access to {loopback.crn}.", times=1)
    loopback.fail(413, skip=3, message=f"{loopback.token} asks for too much.")
    (tmp_path / "hw.toml").write_text(toml(study()))
    environment = {
        **os.environ,
        **loopback.environment,
        "QISKIT_IBM_RUNTIME_LOG_LEVEL": "DEBUG",
        "QISKIT_IBM_RUNTIME_LOG_FILE": str(tmp_path / "client.log"),
    }
    texts = []
    for command in (["run", "hw.toml", "--yes"], ["status", "hw"]):
        done = subprocess.run(
            [sys.executable, "-c", VERBOSE, *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        texts += [done.stdout, done.stderr]
    assert "qiskit_ibm_runtime" in (tmp_path / "all.log").read_text()
    assert "asks for too much" in "".join(texts)
    texts += [
        file.read_bytes().decode("utf-8", "replace")
        for file in tmp_path.rglob("*")
        if file.is_file()
    ]
    for secret in loopback.secrets:
        assert not any(secret in text for text in texts)
