"""What must not be shown: API keys, CRNs and passwords, taken out of every text by value.

Reads the environment and the account file, and never imports qiskit-ibm-runtime.
"""

from __future__ import annotations

import json
import logging
import os
import re
import traceback
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

from qnlr.backends.ibm.accounts import account_file

MARK = "***"
LOGGERS = frozenset(
    {
        "qnlr",
        "qiskit_ibm_runtime",
        "ibm-cloud-sdk-core",
        "ibm_cloud_sdk_core",
        "ibm_platform_services",
        "requests",
        "urllib3",
        "distributed",
        "py.warnings",
    }
)
KEY_LENGTH, PASSWORD_LENGTH = 20, 8
"""Shortest keys and passwords that are taken out: shorter ones could be words of any sentence."""

KEY_NAME = re.compile(r"(QISKIT|IBM|IBMCLOUD|IC|IAM)_(.*_)?(TOKEN|API_?KEY|PASSWORD)")
PROXY_NAME = re.compile(r"(HTTPS?|ALL)_PROXY")
SAVED = re.compile(r'"(token|instance|password_ntlm)"\s*:\s*"((?:[^"\\\n]|\\.)*)')
CREDENTIALS = re.compile(r"(?<=://)([^\s/@:\"']+):([^\s/@\"']+)(?=@)")
CRN = re.compile(r"\bcrn(?::|%(?:25)*3A)v\d+(?:[\w.~/:-]|\\/|%[0-9A-F]{2})*(?<!\.)", re.IGNORECASE)
BEARER = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*")


def known_secrets() -> tuple[str, ...]:
    """Return what must not be shown, from the environment and the account file as they are now.

    Returns:
        API keys of at least 20 characters, CRNs with the identities in them, and passwords of
        proxies of at least 8 characters; the longest first.
    """
    found: set[str] = set()
    for kind, value in (*_from_environment(), *_from_file()):
        if value.startswith("crn:"):
            found |= {value, *_identities(value)}
        elif kind != "instance" and len(value) >= (
            PASSWORD_LENGTH if kind == "password" else KEY_LENGTH
        ):
            found.add(value)
    return tuple(sorted(found, key=lambda value: (-len(value), value)))


def redacted(text: str) -> str:
    """Return a text without secrets: known ones by value, CRNs and the like by shape.

    Known secrets are found in any case, URL-quoted, and as they stand in JSON. Redacting twice
    changes nothing more.

    Args:
        text: Any text.

    Returns:
        The text with ``***`` in their place.

    Example:
        >>> redacted("no access to crn:v1:bluemix:public:quantum-computing:us-east:a/12:34::.")
        'no access to ***.'
        >>> redacted("via http://ada:secret@proxy:3128")
        'via http://***@proxy:3128'
    """
    values = {*known_secrets()}
    for found in CRN.findall(text):
        values |= _identities(found)
    forms = sorted({form for value in values for form in _forms(value)}, key=len, reverse=True)
    # Every replacement makes the text shorter or takes a colon away, so this comes to an end.
    while True:
        before = text
        for shape in (CRN, BEARER, CREDENTIALS):
            text = shape.sub(MARK, text)
        if forms:
            text = re.sub("|".join(map(re.escape, forms)), MARK, text, flags=re.IGNORECASE)
        if text == before:
            return text


def redacted_error(error: BaseException) -> str:
    """Return type and text of an exception, without secrets.

    Args:
        error: What was raised.

    Example:
        >>> redacted_error(ValueError("not crn:v1:bluemix:public:quantum-computing:::::"))
        'ValueError: not ***'
    """
    return redacted(f"{type(error).__name__}: {error}")


def redacted_traceback(error: BaseException) -> str:
    r"""Return the traceback of an exception and of what led to it, without secrets.

    Args:
        error: What was raised.

    Example:
        >>> redacted_traceback(ValueError("eyJhbGciOi.eyJpYW0.c2ln"))
        'ValueError: ***\n'
    """
    return redacted("".join(traceback.format_exception(error)))


def install_log_filter() -> None:
    """Redact what is logged by qnlr, the client and what it stands on, and every warning.

    Messages, their arguments and the texts of exceptions are redacted when a record is made, so
    that no handler, whoever adds it and when, sees a secret. Calling it again changes nothing.
    """
    factory = logging.getLogRecordFactory()
    if not _is_ours(factory, _record):
        logging.setLogRecordFactory(partial(_record, factory))
    if not _is_ours(warnings.formatwarning, _warning):
        warnings.formatwarning = partial(_warning, warnings.formatwarning)


def _is_ours(function: Any, inner: Callable[..., Any]) -> bool:
    return isinstance(function, partial) and function.func is inner


def _record(make: Callable[..., logging.LogRecord], *args: Any, **kwargs: Any) -> logging.LogRecord:
    record = make(*args, **kwargs)
    if record.name.partition(".")[0] in LOGGERS or record.name in LOGGERS:
        try:
            text = record.getMessage()
        except (TypeError, ValueError, KeyError):  # a format that does not fit its arguments
            text = f"{record.msg} {record.args}"
        record.msg, record.args = redacted(text), ()
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = redacted_traceback(record.exc_info[1]).rstrip("\n")
            record.exc_info = None
        if record.stack_info:
            record.stack_info = redacted(record.stack_info)
    return record


def _warning(write: Callable[..., str], *args: Any, **kwargs: Any) -> str:
    return redacted(write(*args, **kwargs))


def _from_environment() -> Iterator[tuple[str, str]]:
    for name, value in os.environ.items():
        if value.startswith("crn:"):
            yield "instance", value
        elif KEY_NAME.fullmatch(name.upper()):
            yield "token", value
        elif PROXY_NAME.fullmatch(name.upper()):
            yield from _passwords(value)


def _from_file() -> Iterator[tuple[str, str]]:
    """Find the secrets of the account file in its text, which may be damaged."""
    try:
        text = account_file().read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for kind, value in SAVED.findall(text):
        try:
            value = json.loads(f'"{value}"')
        except json.JSONDecodeError:
            value = value.rstrip("\\")
        yield ("password" if kind == "password_ntlm" else kind), value
    for match in CREDENTIALS.finditer(text):
        yield from _passwords(f"//{match[0]}@")


def _passwords(url: str) -> Iterator[tuple[str, str]]:
    try:
        password = urlsplit(url).password
    except ValueError:
        return
    if password:
        yield "password", password
        yield "password", unquote(password)


def _identities(crn: str) -> set[str]:
    """Return the account and the instance that a CRN names."""
    plain = crn
    while plain != (plain := unquote(plain)):
        pass
    return {part for part in re.split(r"[:/\\]", plain) if len(part) >= KEY_LENGTH}


def _forms(value: str) -> set[str]:
    """Return a secret as it may stand in a text."""
    escaped = json.dumps(value)[1:-1]
    quoted = {quote(value, safe=""), quote(value), quote_plus(value)}
    return {
        value,
        escaped,
        json.dumps(value, ensure_ascii=False)[1:-1],
        escaped.replace("/", "\\/"),
        repr(value)[1:-1],
        *quoted,
        quote(quote(value, safe=""), safe=""),
    }
