"""What must not be shown is shown nowhere: texts, logs, warnings, tracebacks."""

import json
import logging
import subprocess
import sys
import warnings
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.backends.ibm.secrets import (
    MARK,
    install_log_filter,
    known_secrets,
    redacted,
    redacted_error,
    redacted_traceback,
)
from qnlr.cli import main
from qnlr.errors import QnlrError

TOKEN = 'Zk3-_9qTTr/x+w=Lm0VbY"ü\\8sJ44Hc2pQa1'
ACCOUNT, INSTANCE = "0123456789abcdef0123456789abcdef", "7b9f9d2c-0000-4000-8000-5c8e9f2f1a10"
CRN = f"crn:v1:bluemix:public:quantum-computing:us-east:a/{ACCOUNT}:{INSTANCE}::"
SAVED_TOKEN, SAVED_CRN = "saved" + "Q7" * 16, CRN.replace("0123", "9999").replace("7b9f", "1111")
PASSWORD = "hunter2!?"
FORMS = [
    lambda text: text,
    str.upper,
    repr,
    json.dumps,
    lambda text: json.dumps(text, ensure_ascii=False),
    lambda text: json.dumps(text).replace("/", "\\/"),
    quote,
    lambda text: quote(text, safe=""),
    lambda text: quote(quote(text, safe=""), safe=""),
]


@pytest.fixture(autouse=True, scope="module")
def accounts(tmp_path_factory):
    """Accounts in the environment and in the account file, which is returned."""
    home = tmp_path_factory.mktemp("home")
    file = home / ".qiskit" / "qiskit-ibm.json"
    file.parent.mkdir()
    account = {
        "channel": "ibm_quantum_platform",
        "token": SAVED_TOKEN,
        "instance": SAVED_CRN,
        "proxies": {
            "urls": {"https": "http://ada:lovelace%401815@proxy:3128"},
            "username_ntlm": "ada",
            "password_ntlm": PASSWORD,
        },
    }
    file.write_text(json.dumps({"default": {"token": "short", "instance": "plain"}, "b": account}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("QISKIT_IBM_TOKEN", TOKEN)
        patch.setenv("QISKIT_IBM_INSTANCE", CRN)
        patch.setenv("IBM_CLOUD_API_KEY", "K" * 44)
        patch.setenv("HTTPS_PROXY", "http://ada:bernoulli@proxy:3128")
        yield file


@pytest.fixture
def logged(caplog):
    """Log by a logger of some name, and return all that was written."""
    factory, formatwarning = logging.getLogRecordFactory(), warnings.formatwarning
    install_log_filter()
    caplog.set_level(logging.DEBUG)

    def written(name, *args, **kwargs):
        logging.getLogger(name).debug(*args, **kwargs)
        return caplog.text

    yield written
    logging.setLogRecordFactory(factory)
    warnings.formatwarning = formatwarning


def leaks(text):
    """The secrets that a text shows."""
    kept = (TOKEN, SAVED_TOKEN, ACCOUNT, INSTANCE, PASSWORD, "K" * 44, "lovelace", "bernoulli")
    return [secret for secret in kept if secret.lower() in text.lower()]


def test_known_secrets_are_those_of_environment_and_file():
    assert {
        TOKEN,
        CRN,
        ACCOUNT,
        INSTANCE,
        SAVED_TOKEN,
        SAVED_CRN,
        PASSWORD,
        "K" * 44,
        "lovelace@1815",
        "bernoulli",
    } <= set(known_secrets())
    # Names of instances, placeholders and short words are none.
    assert not {"plain", "short", "ada", "quantum-computing"} & set(known_secrets())


def test_what_is_said_of_nothing_secret_stays_as_it_is():
    text = "job d3adbeef on ibm_fez of instance plain, short crn: see https://quantum.cloud.ibm.com"
    assert redacted(text) == text


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "secret", [TOKEN, CRN, ACCOUNT, SAVED_TOKEN, SAVED_CRN, PASSWORD], ids="abcdef"
)
def test_secrets_are_found_in_every_form(form, secret):
    text = redacted(f"before {form(secret)} after {form(secret)}.")
    assert leaks(text) == []
    assert text.count(MARK) == 2
    assert text.strip('"').startswith("before ")
    assert "after" in text
    assert text.endswith(".")


def test_an_unknown_crn_is_known_by_its_shape_and_its_account_wherever_it_stands():
    account = "fedcba98" * 4
    text = (
        f"account {account} has crn:v1:staging:public:quantum-computing:eu-de:a/{account}:x::, ok"
    )
    assert redacted(text) == "account *** has ***, ok"
    assert redacted(quote(text, safe=" ,")) == "account *** has ***, ok"


def test_bearers_and_credentials_of_a_url_are_known_by_their_shape():
    assert redacted("Bearer eyJhbGciOiJI.eyJpYXQiOjE3.Sfl-KxwRJ_c, done") == "Bearer ***, done"
    assert redacted("http://eve:pw@host:80/a:b@c") == "http://***@host:80/a:b@c"
    assert redacted("https://host:80/path, a:b@c") == "https://host:80/path, a:b@c"


@given(
    st.lists(
        st.one_of(
            st.text(max_size=20),
            st.sampled_from([form(secret) for form in FORMS for secret in (TOKEN, CRN, PASSWORD)]),
            st.sampled_from(["crn:v1:", "eyJ", "://", ":", "@", ".", "%3A", MARK, "a/" + ACCOUNT]),
            st.text("crnv1:%3A.*/@\\", max_size=12),
        )
    ).map("".join)
)
def test_redacting_leaves_no_secret_and_is_idempotent(text):
    once = redacted(text)
    assert leaks(once) == []
    assert redacted(once) == once


@given(st.text(min_size=20).filter(lambda text: "\0" not in text and text.isprintable()))
def test_any_key_is_found_in_any_text(key):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QISKIT_IBM_TOKEN", key)
        assert key not in redacted(f"x{key}y{key}")
        assert json.loads(redacted(json.dumps({"told": f"a {key}"}))) != {"told": f"a {key}"}


@pytest.mark.parametrize("length", [0, 40, 200, 260])
def test_a_damaged_account_file_keeps_its_secrets(accounts, length, monkeypatch, tmp_path):
    text = json.dumps({"b": {"token": SAVED_TOKEN, "x": "y" * 200, "password_ntlm": PASSWORD}})
    damaged = tmp_path / ".qiskit" / "qiskit-ibm.json"
    damaged.parent.mkdir()
    damaged.write_text(text[:length] if length else text[:-2])
    monkeypatch.setenv("HOME", str(tmp_path))
    assert (SAVED_TOKEN in known_secrets()) == (length != 40)
    assert (PASSWORD in known_secrets()) == (length == 0)


def test_without_accounts_there_is_nothing_to_know(monkeypatch, tmp_path):
    for name in ("QISKIT_IBM_TOKEN", "QISKIT_IBM_INSTANCE", "IBM_CLOUD_API_KEY", "HTTPS_PROXY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert not {TOKEN, SAVED_TOKEN, CRN} & set(known_secrets())


def broken():
    try:
        raise KeyError(TOKEN)
    except KeyError as error:
        error.add_note(f"see {CRN}")
        raise ValueError(f"no access to {CRN} with {TOKEN}") from error


def test_errors_and_tracebacks():
    with pytest.raises(ValueError) as caught:
        broken()
    assert redacted_error(caught.value) == "ValueError: no access to *** with ***"
    text = redacted_traceback(caught.value)
    assert leaks(text) == []
    assert "KeyError: '***'" in text
    assert "see ***" in text
    assert text.endswith("ValueError: no access to *** with ***\n")


@pytest.mark.parametrize(
    "name",
    [
        "qnlr.study",
        "qiskit_ibm_runtime",
        "qiskit_ibm_runtime.one.that.comes.later",
        "ibm-cloud-sdk-core",
        "urllib3.connectionpool",
        "requests",
    ],
)
def test_nothing_secret_is_logged(name, logged, caplog):
    package = logging.getLogger(name.partition(".")[0])
    caplog.set_level(logging.DEBUG, package.name)
    caplog.clear()
    package.addHandler(caplog.handler)
    try:
        text = logged(name, "key %s of %s, %d", TOKEN, {"at": CRN}, 3)
        assert "key *** of {'at': '***'}, 3" in text
        logged(name, "too few %s %s", TOKEN)
        text = logged(name, f"no format {TOKEN} 100%")
        assert "no format *** 100%" in text
        try:
            broken()
        except ValueError:
            text = logged(name, "it failed", exc_info=True, stack_info=True)
        assert "ValueError: no access to *** with ***" in text
        assert leaks(text) == []
    finally:
        package.removeHandler(caplog.handler)


def test_others_log_what_they_like(logged):
    assert TOKEN in logged("somebody.else", TOKEN)


def test_warnings_are_redacted(logged):
    text = warnings.formatwarning(
        UserWarning(f"see instances/{quote(CRN, safe='')}"), UserWarning, "f", 1
    )
    assert "UserWarning: see instances/***" in text


def test_the_filter_is_installed_once(logged):
    before = logging.getLogRecordFactory(), warnings.formatwarning
    install_log_filter()
    assert (logging.getLogRecordFactory(), warnings.formatwarning) == before


def test_the_client_is_not_imported():
    code = (
        "import sys, qnlr.backends.ibm.secrets as s; s.redacted('x'); s.install_log_filter();"
        "sys.exit('qiskit_ibm_runtime' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_command_line_shows_no_secret(monkeypatch, capsys):
    def refused():
        raise QnlrError(f"no access to {CRN} with {TOKEN}")

    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr("qnlr.cli.app", refused)
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().err == "Error: no access to *** with ***\n"
    monkeypatch.setattr("qnlr.cli.app", broken)
    with pytest.raises(ValueError) as caught:
        main()
    sys.excepthook(caught.type, caught.value, caught.tb)
    told = capsys.readouterr().err
    assert told.endswith("ValueError: no access to *** with ***\n")
    assert leaks(told) == []
