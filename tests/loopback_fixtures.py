"""Fixtures that point the qiskit-ibm-runtime client at a service on this machine, or at none."""

import secrets
import socket
from pathlib import Path

import numpy as np
import pytest
from loopback_http import environment

PLAIN_ANGLES = ((0.3, 0.9), (1.2, -0.4), (2.0, 0.1))


@pytest.fixture
def no_account(monkeypatch, tmp_path):
    """Let the client see no account: neither in the environment nor in a file.

    Returns:
        The path at which the client now looks for an account file; there is none.
    """
    from qiskit_ibm_runtime.accounts import management

    for name in environment("", "", ""):
        if name.startswith(("QISKIT", "IAM", "GLOBAL")):
            monkeypatch.delenv(name, raising=False)
    file = tmp_path / "home" / ".qiskit" / "qiskit-ibm.json"
    monkeypatch.setattr(management, "_DEFAULT_ACCOUNT_CONFIG_JSON_FILE", str(file))
    monkeypatch.setenv(
        "MPLCONFIGDIR", str(Path.home() / ".cache" / "matplotlib")
    )  # fonts are known
    monkeypatch.setenv("HOME", str(file.parents[1]))
    return file


@pytest.fixture
def loopback_server(no_account):
    """A LoopbackServer that the client does not know of."""
    # It takes seconds to import, and most tests do without.
    from loopback import LoopbackServer

    with LoopbackServer() as server:
        yield server
    assert server.errors == []


@pytest.fixture
def loopback(loopback_server, monkeypatch):
    """A LoopbackServer with the client of this process pointed at it by the environment."""
    for name, value in loopback_server.environment.items():
        monkeypatch.setenv(name, value)
    return loopback_server


@pytest.fixture
def saved_account(loopback_server, no_account, monkeypatch):
    """The path of an account file that points the client at `loopback_server`, and nothing else.

    The home folder is the one with that file, for this process and those it starts.
    """
    loopback_server.save_account(no_account)
    monkeypatch.setenv("HOME", str(no_account.parents[1]))
    # The file says all but where the account is looked for.
    for name in ("IAM_URL", "GLOBAL_SEARCH_URL", "GLOBAL_CATALOG_URL", "NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, loopback_server.environment[name])
    return no_account


@pytest.fixture
def offline(no_account, monkeypatch):
    """An account, but no network: a port that refuses every connection.

    Returns:
        The environment variables, set in this process, for another one.
    """
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        crn = f"crn:v1:bluemix:public:quantum-computing:us-east:a/{secrets.token_hex(16)}:0::"
        variables = environment(url, secrets.token_urlsafe(33), crn)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield variables


@pytest.fixture(scope="session")
def plain_circuit():
    """Two qubits, two angles, both read: an ISA circuit of ibm_manila."""
    from qiskit import QuantumCircuit
    from qiskit.circuit import ParameterVector
    from qiskit.transpiler import generate_preset_pass_manager
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    circuit = QuantumCircuit(2)
    angles = ParameterVector("a", 2)
    circuit.rx(angles[0], 0)
    circuit.ry(angles[1], 1)
    circuit.cx(0, 1)
    circuit.measure_all()
    manager = generate_preset_pass_manager(1, backend=FakeManilaV2(), seed_transpiler=1)
    return manager.run(circuit)


@pytest.fixture
def plain_service(loopback):
    """The plain client of `loopback`."""
    from qiskit_ibm_runtime import QiskitRuntimeService

    return QiskitRuntimeService(channel="ibm_quantum_platform")


@pytest.fixture
def plain_submit(plain_service, plain_circuit):
    """Submit a Sampler job of 300 executions to ibm_manila by the plain client."""
    from qiskit_ibm_runtime.executor_sampler import Sampler

    def submit(mode=None, tags=(), limit=None, angles=PLAIN_ANGLES, dry_run=False):
        sampler = Sampler(mode or plain_service.backend("ibm_manila"))
        sampler.options.environment.job_tags = list(tags)
        sampler.options.max_execution_time = limit
        return sampler.run([(plain_circuit, np.array(angles))], shots=100, dry_run=dry_run)

    return submit
