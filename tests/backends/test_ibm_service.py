"""The account and its devices, against the loopback service and ports where nobody answers."""

import json
import logging
import traceback
import warnings

import pytest

from qnlr.backends.ibm.errors import AccountProblem, Refused, Unreachable
from qnlr.backends.ibm.service import (
    account_warning,
    connect,
    find_device,
    pending_jobs,
    plan,
    remaining_seconds,
)
from qnlr.backends.ibm.settings import DeviceSettings
from qnlr.errors import InputError

LAGOS = DeviceSettings("ibm_lagos")
LEAST_BUSY = DeviceSettings("least_busy")


@pytest.fixture(autouse=True)
def home(no_account, monkeypatch):
    """The home folder in which no_account looks for an account."""
    monkeypatch.setenv("HOME", str(no_account.parents[1]))
    yield
    logging.getLogger("qiskit_ibm_runtime").setLevel(logging.NOTSET)


@pytest.fixture
def complaint(loopback_server):
    """What an error says; it must be one sentence, with no secret in it or in what led to it."""

    def says(kind, act, *arguments, **options):
        with pytest.raises(kind) as caught:
            act(*arguments, **options)
        error = caught.value
        assert error.__cause__ is None
        assert error.__context__ is None
        everything = "".join(traceback.format_exception(error)) + repr(error)
        assert [secret for secret in loopback_server.secrets if secret in everything] == []
        assert "\n" not in str(error)
        return str(error)

    return says


def save(file, **accounts):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(accounts))


def test_account_of_the_environment(loopback):
    service = connect(LAGOS)
    assert find_device(service, LAGOS, 5).name == "ibm_lagos"
    assert plan(service) == "flex"
    assert service.active_instance() == loopback.crn


def test_saved_account_by_default_and_by_name(saved_account):
    assert plan(connect(LAGOS)) == "flex"
    named = DeviceSettings("ibm_lagos", account="default-ibm-quantum-platform")
    assert find_device(connect(named), named, 1).name == "ibm_lagos"


def test_instance_by_name(loopback, monkeypatch):
    monkeypatch.delenv("QISKIT_IBM_INSTANCE")
    settings = DeviceSettings("ibm_lagos", instance="qnlr-test")
    assert connect(settings).active_instance() == loopback.crn


def test_without_an_instance_the_one_of_the_device_is_spoken_to(loopback, monkeypatch):
    monkeypatch.delenv("QISKIT_IBM_INSTANCE")
    service = connect(LAGOS)
    find_device(service, LAGOS, 1)
    assert plan(service) == "flex"
    assert remaining_seconds(service) == 600.0


def test_the_client_is_quiet_and_keeps_the_instance_to_itself(loopback, monkeypatch, capfd):
    monkeypatch.delenv("QISKIT_IBM_INSTANCE")
    with warnings.catch_warnings(record=True) as warned:
        find_device(connect(LEAST_BUSY), LEAST_BUSY, 1)
    assert warned == []
    assert "".join(capfd.readouterr()) == ""


def test_no_secret_is_logged_even_when_all_is(loopback, caplog):
    client = logging.getLogger("qiskit_ibm_runtime")
    client.addHandler(caplog.handler)
    before = client.level
    caplog.set_level(logging.DEBUG)
    client.setLevel(logging.DEBUG)
    loopback.fail(404, "GET", "/backends", message=f"nothing in {loopback.crn}")
    try:
        connect(LAGOS)
    finally:
        client.setLevel(before)
        client.removeHandler(caplog.handler)
    assert "Invalid instance ***" in caplog.text  # which the client says aloud
    assert [secret for secret in loopback.secrets if secret in caplog.text] == []


def test_no_account(complaint):
    said = complaint(AccountProblem, connect, LAGOS)
    assert said.startswith("there is no IBM Quantum account; set QISKIT_IBM_TOKEN to an API key")
    assert "save_account(" in said
    assert "chmod 600 ~/.qiskit/qiskit-ibm.json" in said


def test_unknown_saved_account_names_those_there_are(complaint, saved_account):
    said = complaint(AccountProblem, connect, DeviceSettings("ibm_lagos", account="defualt"))
    assert 'account "defualt" is not known' in said
    assert "default-ibm-quantum-platform" in said


def test_a_file_without_an_account_that_is_asked_for(complaint, no_account):
    save(no_account)
    said = complaint(AccountProblem, connect, DeviceSettings("ibm_lagos", account="work"))
    assert 'there is no IBM Quantum account for account = "work"; set QISKIT_IBM_TOKEN' in said


@pytest.mark.parametrize("ending", ["", "]", ', "more": 3}', "\udcff"])
def test_damaged_account_file(complaint, saved_account, ending):
    whole = saved_account.read_text()
    saved_account.write_bytes((whole[:-1] + ending).encode(errors="surrogateescape"))
    said = complaint(AccountProblem, connect, LAGOS)
    assert said.startswith("the account file ~/.qiskit/qiskit-ibm.json is damaged")


def test_account_file_that_is_a_folder(complaint, no_account):
    no_account.mkdir(parents=True)
    said = complaint(AccountProblem, connect, LAGOS)
    assert "cannot be read: Is a directory" in said


def test_damaged_file_does_not_matter_to_an_account_of_the_environment(loopback, no_account):
    no_account.parent.mkdir(parents=True)
    no_account.write_text("{")
    assert plan(connect(LAGOS)) == "flex"


def test_saved_account_of_the_channel_that_was_closed(complaint, loopback_server, no_account):
    save(no_account, old={"channel": "ibm_quantum", "token": loopback_server.token})
    said = complaint(AccountProblem, connect, LAGOS)
    assert 'no saved account is of channel "ibm_quantum_platform"' in said
    assert "(old)" in said
    said = complaint(AccountProblem, connect, DeviceSettings("ibm_lagos", account="old"))
    assert 'saved account "old" is not valid: it needs a token, and channel' in said


def test_passwords_of_a_proxy_are_not_repeated(complaint, loopback_server, no_account):
    # The client's own message shows the password.
    account = {
        "channel": "ibm_quantum_platform",
        "token": loopback_server.token,
        "proxies": {"password_ntlm": loopback_server.account},
    }
    save(no_account, work=account)
    said = complaint(AccountProblem, connect, LAGOS)
    assert "cannot be used (ValueError): its token, channel, url, proxies" in said


def test_no_network_is_not_taken_for_a_bad_key(complaint, offline):
    said = complaint(Unreachable, connect, LAGOS)
    assert said.startswith("127.0.0.1 cannot be reached: there is no connection; check the network")
    assert offline["QISKIT_IBM_TOKEN"] not in said


def test_bad_key(complaint, loopback, monkeypatch):
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "x" * 44)
    said = complaint(AccountProblem, connect, LAGOS)
    assert said.startswith("the service refused the API key (400): it is mistyped, was deleted")


def test_key_that_is_refused_with_401(complaint, loopback):
    loopback.unauthorized = True
    said = complaint(AccountProblem, connect, LAGOS)
    assert said.startswith("the service refused the API key (401)")


def test_key_that_is_refused_later(complaint, loopback):
    service = connect(LAGOS)
    device = find_device(service, LAGOS, 1)
    loopback.unauthorized = True
    for act, what in ((remaining_seconds, service), (pending_jobs, device)):
        assert "refused the API key (401)" in complaint(AccountProblem, act, what)


def test_unknown_instance_by_name(complaint, loopback):
    settings = DeviceSettings("ibm_lagos", instance="qnlr-tset")
    said = complaint(AccountProblem, connect, settings)
    assert said == 'instance = "qnlr-tset" is not known; the account has "qnlr-test"'


def test_unknown_instance_by_crn(complaint, loopback, monkeypatch):
    other = loopback.crn.replace("::", "0::")
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", other)
    said = complaint(AccountProblem, connect, LAGOS)
    assert said.startswith("QISKIT_IBM_INSTANCE is not an instance that the API key")
    assert said.endswith('the account has "qnlr-test"')
    assert "crn:" not in said


def test_unknown_instance_of_a_saved_account(complaint, loopback_server, saved_account):
    text = saved_account.read_text()
    saved_account.write_text(text.replace(loopback_server.crn, "elsewhere"))
    said = complaint(AccountProblem, connect, LAGOS)
    assert "the saved account in ~/.qiskit/qiskit-ibm.json fit no instance" in said
    assert 'the account has "qnlr-test"' in said


def test_unknown_device_names_those_there_are(complaint, loopback):
    service = connect(LAGOS)
    said = complaint(AccountProblem, find_device, service, DeviceSettings("ibm_logas"), 1)
    assert said.startswith('device "ibm_logas" is not known; did you mean "ibm_lagos"? valid: ')
    assert "ibm_lagos, ibm_manila, least_busy" in said


def test_device_that_is_retired(complaint, loopback):
    service = connect(LAGOS)
    loopback.retire("ibm_lagos")
    for one in (service, connect(LAGOS)):
        said = complaint(AccountProblem, find_device, one, LAGOS, 1)
        assert 'device "ibm_lagos" is not known' in said
        assert "ibm_manila" in said
        assert "a device that was retired is no longer offered" in said


def test_stand_ins_for_dry_runs_are_no_devices(complaint, loopback):
    service = connect(LAGOS)
    said = complaint(AccountProblem, find_device, service, DeviceSettings("mock_lagos"), 1)
    assert 'device "mock_lagos" is not known' in said
    assert "mock" not in said.split("valid: ")[1]


def test_no_devices_at_all(complaint, loopback):
    for name in list(loopback.devices):
        loopback.retire(name)
    for settings in (LAGOS, LEAST_BUSY):
        said = complaint(AccountProblem, find_device, connect(LAGOS), settings, 1)
        assert said.startswith("the service offers this account no device")


def test_too_few_qubits(complaint, loopback):
    service = connect(LAGOS)
    said = complaint(InputError, find_device, service, DeviceSettings("ibm_manila"), 6)
    assert said == (
        'device = "ibm_manila" has 5 qubits, and the circuit needs 6; set device to ibm_lagos'
    )
    assert "no device has as many" in complaint(InputError, find_device, service, LAGOS, 8)
    said = complaint(InputError, find_device, service, LEAST_BUSY, 8)
    assert said.endswith("use fewer: ibm_lagos has 7, ibm_manila has 5")


def test_paused_device(complaint, loopback):
    loopback.devices["ibm_lagos"].online = False
    service = connect(LAGOS)
    said = complaint(AccountProblem, find_device, service, LAGOS, 5)
    assert said.startswith('device = "ibm_lagos" takes no jobs now (its state: maintenance)')
    assert said.endswith("or set device to ibm_manila or least_busy")
    # What it has run before can be collected all the same.
    assert find_device(service, LAGOS, 5, submitting=False).name == "ibm_lagos"
    said = complaint(AccountProblem, find_device, service, LEAST_BUSY, 6)
    assert "finds none that takes jobs now: ibm_lagos is paused" in said


def test_least_busy_has_enough_qubits_and_the_shortest_queue(loopback):
    loopback.devices["ibm_lagos"].queue_length = 7
    loopback.devices["ibm_manila"].queue_length = 3
    service = connect(LEAST_BUSY)
    few, many = (find_device(service, LEAST_BUSY, qubits) for qubits in (5, 6))
    assert (few.name, pending_jobs(few)) == ("ibm_manila", 3)
    assert (many.name, pending_jobs(many)) == ("ibm_lagos", 7)


@pytest.mark.parametrize(
    ("status", "path", "kind", "words"),
    [
        (500, "/identity/token", Unreachable, "is not available now (it answered 500)"),
        (200, "/identity/token", Unreachable, "no log-in page answers in its place"),
        (429, "/instances/usage", Unreachable, "is not available now (it answered 429)"),
        (403, "/instances/usage", AccountProblem, "may not do this with its instance (403)"),
        (404, "/instances/usage", Refused, "the IBM Quantum service refused: 404"),
    ],
)
def test_answers_that_say_no(complaint, loopback, status, path, kind, words):
    loopback.fail(status, "*", path, times=None, message=f"nothing for {loopback.crn}")
    assert words in complaint(kind, connect, LAGOS)


@pytest.mark.slow  # the client tries for three seconds at every request
def test_network_that_goes_down_is_not_taken_for_an_unknown_device(complaint, loopback):
    service = connect(LAGOS)
    device = find_device(service, LAGOS, 1)
    with loopback.down():
        for act, *arguments in (
            (find_device, service, DeviceSettings("ibm_manila"), 1),
            (remaining_seconds, service),
            (pending_jobs, device),
        ):
            assert "cannot be reached" in complaint(Unreachable, act, *arguments)


@pytest.mark.parametrize(
    ("limit", "spent", "left"),
    [(600, 0, 600.0), (600, 450, 150.0), (600, 600, 0.0), (None, 9, None)],
)
def test_remaining_seconds(loopback, limit, spent, left):
    loopback.usage_limit_seconds, loopback.usage_consumed_seconds = limit, spent
    assert remaining_seconds(connect(LAGOS)) == left


@pytest.mark.parametrize("name", ["open", "pay-as-you-go", "premium"])
def test_plan(loopback, name):
    loopback.plan = name
    assert plan(connect(LAGOS)) == name


def test_account_file_that_others_can_read(saved_account):
    for mode in (0o644, 0o640, 0o604):
        saved_account.chmod(mode)
        assert account_warning().endswith(": chmod 600 ~/.qiskit/qiskit-ibm.json")
    saved_account.chmod(0o600)
    assert account_warning() is None


def test_account_file_without_a_key_needs_no_warning(no_account):
    assert account_warning() is None
    save(no_account)
    no_account.chmod(0o644)
    assert account_warning() is None
    no_account.write_text('{"default": {"token": "')  # damaged, and still holding a key perhaps
    assert account_warning() is not None
