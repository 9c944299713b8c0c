"""What the loopback service answers at each address."""

import re
import time
from datetime import datetime
from urllib.parse import parse_qs

from loopback_http import Refusal

PRICING = {"open": "free", "pay-as-you-go": "paygo"}


def _token(service, request):
    given = parse_qs(str(request.body)).get("apikey")
    if given != [service.token]:
        refusal = Refusal(400, "BXNIM0415E", "Provided API key could not be found.")
        refusal.body |= {"errorCode": "BXNIM0415E", "errorMessage": str(refusal)}
        raise refusal
    start = int(time.time())
    bearer = service.new_bearer(start)
    return 200, {"access_token": bearer, "token_type": "Bearer", "expiration": start + 3600}


def _search(service, request):
    instance = {
        "crn": service.crn,
        "name": service.instance,
        "service_plan_unique_id": f"plan-{service.plan}",
        "doc": {"extensions": {"virtual_private_endpoints": {}}},
        "tags": [],
    }
    return 200, {"items": [instance], "limit": 100}


def _plan(service, request, plan):
    title = {"overview_ui": {"en": {"display_name": plan.title()}}}
    return 200, title | {"metadata": {"pricing": {"type": PRICING.get(plan, "subscription")}}}


def _backends(service, request):
    mocks = "include_mocks" in request.query
    devices = [device for device in service.devices.values() if mocks or not device.mock]
    return 200, {"devices": [device.listed() for device in devices]}


def _backend(service, request, name, what):
    device = service.devices.get(name)
    if device is None:
        raise Refusal(404, 1007, f"Backend not found: {name}.")
    return 200, device.status() if what == "status" else getattr(device, what)


def _usage(service, request):
    consumed = service.usage_consumed_seconds + service.charged
    usage = {
        "instance_id": service.crn,
        "plan_id": f"plan-{service.plan}",
        "usage_consumed_seconds": consumed,
        "usage_limit_reached": service.exhausted,
    }
    limit = service.usage_limit_seconds
    if limit is not None:
        usage |= {
            "usage_limit_seconds": limit,
            "usage_remaining_seconds": max(limit - consumed, 0),
        }
    return 200, usage


def _create_job(service, request):
    job = service.create_job(request.body)
    return 200, {"id": job.id, "backend": job.backend, "session_id": job.session_id}


def _jobs(service, request):
    jobs = _asked_for(service.jobs, request.query)
    start = int(request.query.get("offset", [0])[0])
    limit = int(request.query.get("limit", [200])[0])
    page = [job.listed(with_params=False) for job in jobs[start : start + limit]]
    return 200, {"jobs": page, "count": len(jobs), "limit": limit, "offset": start}


def _asked_for(jobs, query):
    """Jobs that a query asks for, newest first unless it says otherwise."""
    first = {name: values[0] for name, values in query.items()}
    exact = [name for name in ("backend", "session_id") if name in first]
    chosen = [
        job
        for job in jobs
        if set(query.get("tags", [])) <= set(job.tags)
        and all(getattr(job, name) == first[name] for name in exact)
        and ("pending" not in first or job.over == (first["pending"] == "false"))
        and ("include_mocks" in first or not job.device.mock)
        and _time(first, "created_after", job.created) <= _time({}, "", job.created)
        and _time({}, "", job.created) <= _time(first, "created_before", job.created)
    ]
    return chosen if first.get("sort") == "ASC" else chosen[::-1]


def _time(query, name, default):
    return datetime.fromisoformat(query.get(name, default))


def _job(service, request, identifier):
    job = service.job(identifier)
    if not service.exhausted:
        job.poll()
    return 200, job.listed(with_params="exclude_params" not in request.query)


def _results(service, request, identifier):
    job = service.job(identifier)
    return (200, job.result) if job.result else (204, "")


def _metrics(service, request, identifier):
    return 200, service.job(identifier).metrics()


def _logs(service, request, identifier):
    if not service.job(identifier).over:
        raise Refusal(404, 1291, "Logs not found.")
    return 200, "The log of the job."


def _cancel(service, request, identifier):
    if not service.job(identifier).cancel():
        raise Refusal(409, 1209, "Job is in a final state and cannot be cancelled.")
    return 204, ""


def _tags(service, request, identifier):
    service.job(identifier).tags = list(request.body["tags"])
    return 204, ""


def _delete(service, request, identifier):
    service.jobs.remove(service.job(identifier))
    return 204, ""


def _create_session(service, request):
    body = request.body
    if body.get("backend") not in service.devices:
        raise Refusal(400, 1007, f"Backend not found: {body.get('backend')}.")
    return 200, service.create_session(body["backend"], body["mode"], body.get("max_ttl")).details()


def _session(service, request, identifier):
    return 200, service.session(identifier).details()


def _update_session(service, request, identifier):
    session = service.session(identifier)
    if request.body.get("accepting_jobs") is False:
        session.stop_accepting()
    return 204, ""


def _close_session(service, request, identifier):
    session = service.session(identifier)
    for job in session.jobs:
        job.cancel()
    session.close()
    return 204, ""


_ID = r"([^/]+)"
ROUTES = [
    (public, method, re.compile(pattern), route)
    for public, method, pattern, route in [
        (True, "POST", "/identity/token", _token),
        (True, "POST", "/v3/resources/search", _search),
        (True, "GET", "/plan-(.+)", _plan),
        (False, "GET", "/backends", _backends),
        (False, "GET", f"/backends/{_ID}/(configuration|properties|status)", _backend),
        (False, "GET", "/instances/usage", _usage),
        (False, "POST", "/jobs", _create_job),
        (False, "GET", "/jobs", _jobs),
        (False, "GET", f"/jobs/{_ID}", _job),
        (False, "DELETE", f"/jobs/{_ID}", _delete),
        (False, "GET", f"/jobs/{_ID}/results", _results),
        (False, "GET", f"/jobs/{_ID}/metrics", _metrics),
        (False, "GET", f"/jobs/{_ID}/logs", _logs),
        (False, "POST", f"/jobs/{_ID}/cancel", _cancel),
        (False, "PUT", f"/jobs/{_ID}/tags", _tags),
        (False, "POST", "/sessions", _create_session),
        (False, "GET", f"/sessions/{_ID}", _session),
        (False, "PATCH", f"/sessions/{_ID}", _update_session),
        (False, "DELETE", f"/sessions/{_ID}/close", _close_session),
    ]
]
