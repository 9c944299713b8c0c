"""The few kinds of trouble that what the client raises comes down to."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from qiskit_ibm_runtime.api.exceptions import RequestsApiError
from qiskit_ibm_runtime.exceptions import (
    IBMInputValueError,
    IBMNotAuthorizedError,
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
    RuntimeJobNotFound,
)

from qnlr.backends.ibm.errors import JobDead, JobUnknown, Refused, SessionClosed, Unreachable
from qnlr.backends.ibm.secrets import redacted

CLOSED_SESSION = re.compile(r"code\W{1,4}1217\b")


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what the client raises into the few kinds of trouble that there are.

    Raises:
        JobDead: If a job has no result.
        JobUnknown: If there is no such job.
        SessionClosed: If a session or batch takes no more jobs.
        Refused: If the service did not take a request.
        Unreachable: If it did not answer.
    """
    try:
        yield
    except RuntimeJobMaxTimeoutError as error:
        raise JobDead(said(error), too_long=True) from error
    except (RuntimeJobFailureError, RuntimeInvalidStateError) as error:
        raise JobDead(said(error)) from error
    except RuntimeJobNotFound as error:
        raise JobUnknown(said(error)) from error
    except (IBMNotAuthorizedError, IBMInputValueError) as error:
        raise Refused(said(error)) from error
    except RequestsApiError as error:
        raise _by_code(error, error.status_code) from error
    except IBMRuntimeError as error:
        raise _by_text(error) from error
    except OSError as error:
        raise Unreachable(said(error)) from error


def _by_code(error: Exception, code: int) -> Exception:
    if 400 <= code < 500 and code not in (408, 429):
        closed = CLOSED_SESSION.search(str(error)) is not None
        return (SessionClosed if closed else Refused)(said(error))
    return Unreachable(said(error))


def _by_text(error: Exception) -> Exception:
    """Sort an error that the client has robbed of its status code."""
    text = str(error)
    if "session is closed" in text.lower() or CLOSED_SESSION.search(text):
        return SessionClosed(said(error))
    refused = any(f"{code} Client Error" in text for code in (400, 401, 403, 404, 409, 413, 422))
    return (Refused if refused else Unreachable)(said(error))


def said(error: Exception) -> str:
    """Return what an error says, on one line and without secrets."""
    return redacted(" ".join(str(error).strip("'\"").split()))
