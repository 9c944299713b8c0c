"""A warm process that runs a study in children of its own, which die where they are told to.

Started with the config of a study; reads a JSON object a line (results, told, when, number), and
answers a line with the exit code of the child. Nothing of qnlr is changed: what dies is os.fsync,
os.replace, or a request of the client.
"""

import importlib
import json
import os
import re
import signal
import sys
import threading
import traceback
from pathlib import Path
from urllib.parse import urlsplit

import requests

from qnlr.backends.ibm.orders import Orders, Patience
from qnlr.study import execute, load_study

PATIENCE = Patience(first=0.01, most=0.05, grace=(0.01, 0.05, 0.2), give_up=20.0)
CHANGING = re.compile(r"(POST|PATCH) .*/(jobs|sessions)(/.*)?|GET .*/jobs/[^/]+(/results)?")


class Death:
    """Writes down all that changes the world outside of this process, and kills it before one.

    Args:
        results: The results folder.
        told: Path of the file that events are written to.
        when: "before" an event, that of a line of the journal being written included; or "torn":
            with half of that line on the disk, as a power cut would leave it.
        number: Which event, from 1; 0 for none.
    """

    def __init__(self, results, told, when, number):
        self.results, self.when, self.number, self.seen = Path(results), when, number, 0
        self.told = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.lock = threading.Lock()
        os.fsync = self._deadly(os.fsync, self._flush)
        os.replace = self._deadly(os.replace, self._move)
        requests.Session.send = self._deadly(requests.Session.send, self._request)

    def _deadly(self, function, name):
        def wrapped(*arguments, **settings):
            self._event(name(*arguments))
            return function(*arguments, **settings)

        return wrapped

    def _event(self, name):
        if name is None:
            return
        with self.lock:
            self.seen += 1
            os.write(self.told, f"{name}\n".encode())
            if self.seen == self.number:
                os.kill(os.getpid(), signal.SIGKILL)

    def _flush(self, file):
        journal = next(self.results.rglob("journal.jsonl"), None)
        if journal is None or not os.path.samestat(os.fstat(file), journal.stat()):
            return None  # what is not moved into its place yet is there for nobody
        if self.seen + 1 == self.number:  # its last line is written already: take it back
            text = journal.read_bytes()
            last = text.rfind(b"\n", 0, -1) + 1
            os.truncate(journal, (last + len(text)) // 2 if self.when == "torn" else last)
        return "flush the journal"

    def _move(self, old, new):
        path = Path(new)
        return f"move {path.name}" if path.is_relative_to(self.results) else None

    def _request(self, session, request):
        name = f"{request.method} {urlsplit(request.url).path}"
        return name if CHANGING.fullmatch(name) else None


def in_child(do, *arguments):
    """Do something in a child of this process; return its exit code, negative for a signal."""
    # A process that has more than one thread must not be forked.
    assert threading.active_count() == 1
    child = os.fork()
    if child == 0:
        code = 1
        try:
            do(*arguments)
            code = 0
        except BaseException:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run(config, results, told, when="before", number=0):
    """Run a study to its end, or to its death."""
    Death(results, told, when, number)
    execute(load_study(config), results, orders=Orders(patience=PATIENCE))


def import_as_a_run_does(config, results, told):
    """Import what a run imports, without a thread: a child finds out what that is."""

    def find_out():
        run(config, results, os.devnull)
        Path(told).write_text("\n".join(list(sys.modules)))

    assert in_child(find_out) == 0
    for name in Path(told).read_text().split("\n"):
        if name not in sys.modules and not name.startswith("__"):
            importlib.import_module(name)


if __name__ == "__main__":
    config, results, told = sys.argv[1:]
    import_as_a_run_does(config, results, told)
    print("warm", flush=True)
    for line in sys.stdin:
        print(in_child(lambda asked: run(config, **asked), json.loads(line)), flush=True)
