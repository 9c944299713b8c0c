"""IBM's service, on this machine: what the unmodified qiskit-ibm-runtime client is tested against.

It answers what the client asks, runs the jobs of the executor on the noise of IBM's devices, and
goes wrong where a test says so. Everything a test may set is an attribute or a method here.
"""

import json
import re
import secrets
import uuid
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, Thread

import jwt
from loopback_devices import Device
from loopback_faults import Faults
from loopback_http import Listener, Refusal, environment
from loopback_jobs import decode
from loopback_learner import decode as decode_learner
from loopback_routes import ROUTES
from loopback_state import Job, Session


def quick_price(executions):
    """The quick form of IBM's formula: QPU seconds of a job of that many executions."""
    return 2 + 0.00035 * executions


PROGRAMS = {"executor": decode, "noise-learner": decode_learner}


class LoopbackServer(Faults):
    """The service; a context manager that listens while it is open.

    Args:
        devices: Names such as "ibm_lagos", of which qiskit-ibm-runtime has a fake.
        plan: "open" (which has no sessions), "flex", "premium", "pay-as-you-go".
        mocks: Whether every device has a stand-in "mock_…" for dry runs.

    Attributes:
        token, crn, account: Secrets: the API key, the instance, the account id within it.
        price: Executions → QPU seconds of a job.
        usage_limit_seconds: What the plan grants (None: no limit); `usage_consumed_seconds` of it
            were spent before the first job.
        queued_polls, running_polls: For how many polls the next jobs stay in these states.
        held: Whether the next jobs stay queued until :meth:`release`.
        pending_metrics: For how many requests the charge of the next jobs stays pending.
        session_jobs: How many jobs the next sessions take before they close (None: all).
        unauthorized: Whether every request is answered with 401.
        requests, jobs, sessions, faults, outcomes: What happened, and what is to happen.
        errors: Exceptions of the service itself; the fixture fails on them.
    """

    def __init__(self, devices=("ibm_manila", "ibm_lagos"), plan="flex", mocks=True):
        super().__init__()
        self.plan = plan
        self.mocks = mocks
        self.token = secrets.token_urlsafe(33)
        self.account = secrets.token_hex(16)
        place = f"us-east:a/{self.account}:{uuid.uuid4()}"
        self.crn = f"crn:v1:bluemix:public:quantum-computing:{place}::"
        self.instance = "qnlr-test"
        self.price = quick_price
        self.usage_limit_seconds = 600
        self.usage_consumed_seconds = 0
        self.queued_polls = self.running_polls = self.pending_metrics = 0
        self.held = self.unauthorized = False
        self.session_jobs = None
        self.devices, self.requests, self.jobs, self.errors = {}, [], [], []
        self.sessions, self.bearers = [], []
        self._lock = Lock()
        self._port = 0
        for name in devices:
            self.add(name)

    def __enter__(self):
        self._listener = Listener(self, self._port)
        self._port = self._listener.server_address[1]
        # The default interval makes every stop wait half a second.
        Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown()
        self._listener.server_close()

    @contextmanager
    def down(self):
        """Refuse connections for a while; the state stays, and so does the address."""
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()

    @property
    def url(self):
        """Where it listens; a `url_resolver` may return it as it is."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def environment(self):
        """The environment variables that point the client here, in any process."""
        return environment(self.url, self.token, self.crn)

    @property
    def secrets(self):
        """What must not be found in any log, file, message or repr."""
        return [self.token, self.crn, self.account, *self.bearers]

    def save_account(self, file):
        """Write an account file that points the client here.

        Args:
            file: Its path; ~/.qiskit/qiskit-ibm.json is where the client looks.
        """
        account = {
            "channel": "ibm_quantum_platform",
            "url": f"{self.url}/experimental",
            "token": self.token,
            "instance": self.crn,
            "is_default_account": True,
        }
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(json.dumps({"default-ibm-quantum-platform": account}))

    # Devices

    def add(self, name, **settings):
        """Offer a device (and its stand-in); settings as of a Device."""
        self.devices[name] = Device(name, **settings)
        if self.mocks:
            mock = "mock_" + name.split("_", 1)[1]
            self.devices[mock] = Device(mock)
        return self.devices[name]

    def retire(self, name):
        """Take a device out of service; its jobs stay."""
        del self.devices[name]

    # What happened

    def requested(self, method="*", path=".*"):
        """The requests of a method and a path (regular expression, whole)."""
        return [request for request in self.requests if request.is_like(method, path)]

    def jobs_created(self, tag=None):
        """How many jobs were created, with a tag if one is given."""
        return sum(tag is None or tag in job.tags for job in self.jobs)

    def job(self, identifier):
        """A job by its id."""
        return self._of(self.jobs, identifier, 1291, "Job not found.")

    @property
    def charged(self):
        """QPU seconds of all jobs."""
        return sum(job.charge for job in self.jobs)

    # What is to happen

    def hold(self):
        """Keep the next jobs queued."""
        self.held = True

    def release(self, *jobs):
        """Let these jobs go on (all of them, and those to come, if none is given)."""
        if not jobs:
            self.held = False
        for job in jobs or self.jobs:
            job.held = False

    def run_all(self):
        """Bring every job that is not stuck to its end without being asked for it."""
        for job in self.jobs:
            while not (job.over or job.stuck or self.exhausted):
                job.poll()

    def exhaust(self):
        """Spend what is left of the plan: jobs are taken, but stay queued."""
        self.usage_consumed_seconds = self.usage_limit_seconds - self.charged

    @property
    def exhausted(self):
        """Whether the plan has nothing left."""
        limit = self.usage_limit_seconds
        return limit is not None and self.usage_consumed_seconds + self.charged >= limit

    # What it answers

    def answer(self, request, authorization):
        """The status and body of the answer to a request.

        Raises:
            Refusal: If it is refused.
        """
        for public, method, pattern, route in ROUTES:
            if request.method == method and (match := re.fullmatch(pattern, request.path)):
                if not public:
                    self._authorize(request, authorization)
                return route(self, request, *match.groups())
        raise Refusal(404, 1000, f"no such address: {request.method} {request.path}")

    def _authorize(self, request, authorization):
        known = authorization.removeprefix("Bearer ") in self.bearers
        if self.unauthorized or not known:
            raise Refusal(401, 1201, "Invalid credentials.")
        if request.headers.get("service-crn") != self.crn:
            raise Refusal(403, 1200, "You are not authorized to perform this action.")

    def new_bearer(self, start):
        """A token for the hour from a time on."""
        claims = {"iat": start, "exp": start + 3600, "jti": secrets.token_hex(8)}
        self.bearers.append(jwt.encode(claims, secrets.token_hex(32), algorithm="HS256"))
        return self.bearers[-1]

    def create_session(self, backend, mode, max_ttl):
        """Open a session ("dedicated") or a batch."""
        if mode == "dedicated" and self.plan == "open":
            message = "You are not authorized to run a session when using the open plan."
            raise Refusal(400, 1352, message)
        session = Session(mode, backend, max_ttl or 28800, jobs_left=self.session_jobs)
        self.sessions.append(session)
        return session

    def session(self, identifier):
        """A session or batch by its id."""
        return self._of(self.sessions, identifier, 1218, "Session not found.")

    def create_job(self, body):
        """Take a job from the body of a request."""
        device = self.devices.get(body.get("backend"))
        if device is None:
            raise Refusal(400, 1007, f"Backend not found: {body.get('backend')}.")
        if body["program_id"] not in PROGRAMS:
            raise Refusal(404, 1000, f"Program not found: {body['program_id']}.")
        try:
            model, executions = PROGRAMS[body["program_id"]](body["params"])
        except ValueError as error:
            raise Refusal(
                400, 1002, f"Error in the validation process of the job: {error}"
            ) from None
        job = Job(
            device=device,
            params=body["params"],
            model=model,
            executions=executions,
            price=self.price(executions),
            tags=body.get("tags", []),
            session_id=body.get("session_id"),
            limit=body.get("cost"),
            private=body.get("private", False),
            program_id=body["program_id"],
            held=self.held,
            queued_polls=self.queued_polls,
            running_polls=self.running_polls,
            pending_metrics=self.pending_metrics,
        )
        with self._lock:
            if job.session_id and not self.session(job.session_id).admit(job):
                raise Refusal(400, 1217, "Session has been closed.")
            takes = [outcome for outcome in self.outcomes if outcome.takes_next()]
            job.outcome = takes[0] if takes else None
            self.jobs.append(job)
        return job

    def _of(self, things, identifier, code, message):
        for thing in things:
            if thing.id == identifier:
                return thing
        raise Refusal(404, code, message)
