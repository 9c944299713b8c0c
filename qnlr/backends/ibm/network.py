"""What is behind a failed request: the network, the service, the API key or its rights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar
from urllib.parse import urlsplit

from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import ProxyError, RequestException, RetryError, SSLError, Timeout

from qnlr.backends.ibm.accounts import HOW_TO_SAVE, SITE
from qnlr.backends.ibm.errors import AccountProblem, Refused, Unreachable
from qnlr.backends.ibm.secrets import redacted
from qnlr.errors import QnlrError

Answer = TypeVar("Answer")
# Errors of proxies and certificates are errors of connection, too, so they come first.
TROUBLES: tuple[tuple[type[RequestException], str, str], ...] = (
    (ProxyError, "the proxy does not let it through", "check HTTPS_PROXY and the proxy"),
    (SSLError, "its certificate is not valid here", "check the clock and the certificates"),
    (Timeout, "it does not answer in time", "check the network"),
    (NoConnection, "there is no connection", "check the network"),
    (RetryError, "it is not available now", "see whether it is in maintenance"),
    (RequestException, "it does not answer as expected", "see that no log-in page answers"),
)


def asked(question: Callable[[], Answer]) -> Answer:
    """Return an answer of the service, or raise a sentence without the client's error behind it.

    Args:
        question: Asks the service.

    Raises:
        AccountProblem: If it refuses the key, or the key has no right to ask.
        Unreachable: If it does not answer.
        Refused: If it refuses for another reason.

    Example:
        >>> asked(lambda: 7)
        7
    """
    try:
        return question()
    except Exception as error:
        problem = network_problem(error)
        if problem is None:
            raise
    raise problem


def network_problem(error: BaseException) -> QnlrError | None:
    """Return what was wrong with a request, from the errors that led to the client's.

    The client says "check that you are using a valid API token" even where there is no network;
    what tells the two apart is the cause.

    Args:
        error: What the client raised.

    Returns:
        An error whose text names no secret; None if it was no request that failed.

    Example:
        >>> print(network_problem(TimeoutError("timed out")))
        the IBM Quantum service cannot be reached; check the network, and try again
        >>> network_problem(KeyError("name"))
    """
    causes = list(_chain(error))
    for cause in causes:
        if (code := _status(cause)) is not None:
            return _refusal(code, cause)
    for cause in causes:
        if isinstance(cause, RequestException):
            return _unreachable(cause)
    # The client keeps no cause of an answer of 503, but gives its error a status code of -1.
    if any(isinstance(cause, OSError) or _code(cause) == -1 for cause in causes):
        return Unreachable(
            "the IBM Quantum service cannot be reached; check the network, and try again"
        )
    return None


def _refusal(code: int, cause: BaseException) -> QnlrError:
    if code in (400, 401) and (code == 401 or type(cause).__name__ == "ApiException"):
        return AccountProblem(
            f"the service refused the API key ({code}): it is mistyped, was deleted, or belongs "
            f"to another account; make one at {SITE}, then {HOW_TO_SAVE}"
        )
    if code == 403:
        return AccountProblem(
            "the API key may not do this with its instance (403); see what it may do at "
            f"{SITE}/instances, or set another instance"
        )
    if code in (408, 429) or code >= 500:
        return Unreachable(
            f"the IBM Quantum service is not available now (it answered {code}); try again later"
        )
    said = " ".join(redacted(str(cause)).strip("'\"").split())
    return Refused(f"the IBM Quantum service refused: {said}")


def _unreachable(cause: RequestException) -> Unreachable:
    url = getattr(cause.request, "url", None)
    host = (urlsplit(url).hostname if isinstance(url, str) else None) or "the IBM Quantum service"
    why, remedy = next(told for kind, *told in TROUBLES if isinstance(cause, kind))
    return Unreachable(
        f"{host} cannot be reached: {why}; {remedy}, and try again (this says nothing against "
        "the API key)"
    )


def _status(cause: BaseException) -> int | None:
    """Return the status of the answer that an error stands for, if there was one."""
    code = _code(cause) or _code(getattr(cause, "response", None))
    return code if code is not None and code >= 400 else None


def _code(thing: object) -> int | None:
    code = getattr(thing, "status_code", None)
    return code if isinstance(code, int) else None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
