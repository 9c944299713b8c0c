"""What goes wrong with the loopback service: requests that fail, jobs that end badly."""

from dataclasses import dataclass, field
from threading import Lock


@dataclass
class Fault:
    """What goes wrong with some requests.

    Args:
        kind: "status" (answered with an error), "drop" (dropped before the service sees it),
            "lose" (done, the answer lost), "slow" (done after a while), "before" and "after"
            (a function is called before it is done, or between that and the answer).
        method, path: The requests it concerns, see Request.is_like.
        skip: How many of them to leave alone first.
        times: How many it then hits; None: all.
        refusal: The arguments of a Refusal, of kind "status".
        seconds: The delay, of kind "slow".
        function: What is called with the request, of kinds "before" and "after".
    """

    kind: str
    method: str
    path: str
    skip: int = 0
    times: int | None = 1
    refusal: tuple | None = None
    seconds: float = 0.0
    function: object = None
    seen: int = 0
    hits: int = 0
    lock: object = field(default_factory=Lock, repr=False)

    def takes(self, request):
        """Whether it hits this request; counts it."""
        if not request.is_like(self.method, self.path):
            return False
        with self.lock:
            self.seen += 1
            hit = self.seen > self.skip and (self.times is None or self.hits < self.times)
            self.hits += hit
        return hit


@dataclass
class Outcome:
    """How some jobs end other than well.

    Args:
        state: "Failed" or "Cancelled".
        code: IBM's number of the reason.
        reason: What it says.
        charge: QPU seconds charged for it.
        skip, times: As in a Fault; counted in jobs created.
    """

    state: str
    code: int | None
    reason: str
    charge: float = 0.0
    skip: int = 0
    times: int | None = 1
    seen: int = 0

    def takes_next(self):
        """Whether it befalls the next job; counts it."""
        self.seen += 1
        past = self.seen - self.skip
        return past > 0 and (self.times is None or past <= self.times)


class Faults:
    """What is to go wrong, in the order in which it was said."""

    def __init__(self):
        self.faults = []
        self.outcomes = []

    def fail(self, status, method="POST", path="/jobs", code=1000, message="It failed.", **when):
        """Answer requests with an error (`skip` and `times` in `when`, see Fault)."""
        return self._fault("status", method, path, refusal=(status, code, message), **when)

    def drop(self, method="POST", path="/jobs", **when):
        """Drop connections before the service sees the request."""
        return self._fault("drop", method, path, **when)

    def lose_response(self, method="POST", path="/jobs", **when):
        """Do what is asked, then drop the connection."""
        return self._fault("lose", method, path, **when)

    def slow(self, seconds, method="*", path=".*", **when):
        """Answer late."""
        return self._fault("slow", method, path, seconds=seconds, **when)

    def call(self, function, method="POST", path="/jobs", after=True, **when):
        """Call function(request) when a request was done and is not answered yet, or before."""
        kind = "after" if after else "before"
        return self._fault(kind, method, path, function=function, **when)

    def _fault(self, *args, **settings):
        self.faults.append(Fault(*args, **settings))
        return self.faults[-1]

    def fail_jobs(self, code=1517, reason="Internal error.", **when):
        """Let the next jobs fail (`skip`, `times`, `charge` in `when`, see Outcome)."""
        self.outcomes.append(Outcome("Failed", code, reason, **when))

    def cancel_jobs(self, code=None, reason="Cancelled by the system.", **when):
        """Let the next jobs be cancelled by the service."""
        self.outcomes.append(Outcome("Cancelled", code, reason, **when))

    def overrun_jobs(self, **when):
        """Let the next jobs run too long."""
        self.cancel_jobs(1305, "Job ran longer than maximum execution time.", **when)
