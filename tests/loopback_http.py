"""Hypertext transfer for the loopback service: requests on record, faults, answers."""

import json
import re
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

API_PREFIX = re.compile(r"^/(experimental|api/v1)(?=/)")


class Refusal(Exception):  # noqa: N818  it is an answer, not a failure
    """An answer other than 2xx.

    Args:
        status: HTTP status.
        code: IBM's number of the error (https://quantum.cloud.ibm.com/docs/errors).
        message: What it says.
    """

    def __init__(self, status, code, message):
        super().__init__(message)
        self.status = status
        self.body = {
            "errors": [{"code": code, "message": message, "solution": "", "more_info": ""}]
        }


def environment(url, token, crn):
    """The environment variables that point the client at a service.

    Args:
        url: Where it listens.
        token: The API key.
        crn: The instance.
    """
    return {
        "QISKIT_IBM_CHANNEL": "ibm_quantum_platform",
        "QISKIT_IBM_TOKEN": token,
        "QISKIT_IBM_INSTANCE": crn,
        # The client takes an address with this word as it is, and derives hosts from any other.
        "QISKIT_IBM_URL": f"{url}/experimental",
        "IAM_URL": url,
        "GLOBAL_SEARCH_URL": url,
        "GLOBAL_CATALOG_URL": f"{url}/api/v1",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        # Else the client walks the stack at each request to name the caller: slow under pytest.
        "USAGE_DATA_OPT_OUT": "True",
    }


@dataclass
class Request:
    """A request on record.

    Args:
        method: "GET", "POST", …
        path: Without the prefix of the API: "/jobs/j1/metrics".
        query: Name → values.
        headers: Without Authorization, names in lower case.
        body: JSON data, or text.
        status: What it was answered; None where the connection was dropped.
    """

    method: str
    path: str
    query: dict
    headers: dict
    body: object
    status: int | None = None

    def is_like(self, method, path):
        """Whether it has a method ("*": any) and a path (regular expression, whole)."""
        return method in {"*", self.method} and re.fullmatch(path, self.path) is not None


class Handler(BaseHTTPRequestHandler):
    """Records a request, lets faults have it, else answers it from the service."""

    def _serve(self):
        length = int(self.headers.get("Content-Length") or 0)
        text = self.rfile.read(length)
        if len(text) < length:
            return  # The client was killed before it had said everything.
        request = self._request(text)
        self.server.service.requests.append(request)
        try:
            self._answer(self.server.service, request)
        finally:
            if request.path == "/identity/token":
                request.body = ""

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815  the library's names

    def _answer(self, service, request):
        fault = next((fault for fault in list(service.faults) if fault.takes(request)), None)
        kind = fault.kind if fault else None
        if kind == "slow":
            time.sleep(fault.seconds)
        if kind == "before":
            fault.function(request)
        if kind == "drop":
            return self._hang_up()
        try:
            if kind == "status":
                raise Refusal(*fault.refusal)
            status, body = service.answer(request, self.headers.get("Authorization", ""))
        except Refusal as refusal:
            status, body = refusal.status, refusal.body
        if kind == "after":
            fault.function(request)
        if kind == "lose":
            return self._hang_up()
        request.status = status
        return self._send(status, body)

    def _request(self, text):
        try:
            body = json.loads(text)
        except json.JSONDecodeError:
            body = text.decode()
        address = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        headers.pop("authorization", None)
        path = API_PREFIX.sub("", address.path)
        return Request(self.command, path, parse_qs(address.query), headers, body)

    def _send(self, status, body):
        text = body if isinstance(body, str) else json.dumps(body)
        # A client that was killed or lost patience is no trouble of the service.
        with suppress(OSError):
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            if status != 204:
                self.wfile.write(text.encode())

    def _hang_up(self):
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format, *arguments):
        """Say nothing: the requests are on record."""


class Listener(ThreadingHTTPServer):
    """Listens on a port of this machine (0: any free one) for a service."""

    daemon_threads = True
    # The default of five waiting connections is soon passed where many clients start at once.
    request_queue_size = 64

    def __init__(self, service, port):
        self.service = service
        super().__init__(("127.0.0.1", port), Handler)

    def handle_error(self, request, client_address):
        """Keep an error of the service itself for the test, which must fail on it."""
        error = sys.exception()
        if not isinstance(error, ConnectionError):
            self.service.errors.append(error)
