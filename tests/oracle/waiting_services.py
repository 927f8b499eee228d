"""The wire of the simulated services: what each request is answered at the moment at which it arrives."""

import asyncio
import json
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import aiohttp
from attrs import define, field
from botocore.exceptions import ConnectionClosedError

from tests.oracle.waiting_time import EPOCH, Answer, Request
from tests.oracle.waiting_world import FaultKind, Heard, Life, Phase, ServiceName, Work, World

START = EPOCH.timestamp()
_EMR = re.compile(r"^/applications/(?P<work>[^/]+)(/jobruns(/(?P<run>[^/]+)(?P<attempts>/attempts)?)?)?$")
_DATAZONE = re.compile(r"^/v2/domains/(?P<domain>[^/]+)/(jobs/(?P<job>[^/]+)/runs|jobRuns/(?P<run>[^/]+))$")
_EMR_OPERATIONS = {
    ("GET", False, False): "ListJobRuns",
    ("POST", False, False): "StartJobRun",
    ("GET", True, False): "GetJobRun",
    ("DELETE", True, False): "CancelJobRun",
    ("GET", True, True): "ListJobRunAttempts",
}


class Refusal(Exception):  # noqa: N818 - it is an answer
    def __init__(self, code: str, text: str, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.text, self.status = code, text, status


@define
class Asked:
    """A request, read."""

    service: ServiceName
    operation: str
    name: str
    run: str = ""
    given: dict[str, Any] = field(factory=dict[str, Any])


def read(request: Request) -> Asked:
    parts = urlsplit(request.url)
    body = request.body if isinstance(request.body, str | bytes) else b""
    target: str | bytes | None = request.headers.get("X-Amz-Target")
    if target is not None:
        text = target.decode() if isinstance(target, bytes) else target
        given: dict[str, Any] = json.loads(body or b"{}")
        return Asked("glue", text.rpartition(".")[2], given.get("JobName", ""), given.get("RunId", ""), given)
    query: dict[str, Any] = dict(parse_qs(parts.query))
    found = _EMR.match(parts.path)
    if found is not None:
        run, attempts = found["run"] or "", found["attempts"] is not None
        listed = "/jobruns" in parts.path
        operation = _EMR_OPERATIONS[(request.method, bool(run), attempts)] if listed else "GetApplication"
        return Asked("emr-serverless", operation, unquote(found["work"]), unquote(run), query)
    found = _DATAZONE.match(parts.path)
    if found is None:
        raise Refusal("ValidationException", f"no such path: {request.method} {parts.path}")
    domain = unquote(found["domain"])
    if found["run"]:
        return Asked("datazone", "GetJobRun", domain, unquote(found["run"]), query)
    return Asked("datazone", "ListJobRuns", f"{domain}/{unquote(found['job'])}", "", query)


@define(eq=False)
class Services:
    """Answers requests out of a world; `starts` makes the life of a run that is started."""

    world: World
    starts: Callable[[Work, float], Life]
    interrupts: dict[int, Callable[[], object]] = field(factory=dict[int, Callable[[], object]])

    async def answer(self, request: Request) -> Answer:
        try:
            asked = read(request)
        except Refusal as refusal:
            return _refused("glue", refusal)
        world, loop = self.world, asyncio.get_running_loop()
        interrupt = self.interrupts.pop(len(world.heard), None)
        if interrupt is not None:
            loop.call_soon(interrupt)
        await asyncio.sleep(world.rng.uniform(0.01, 0.2))
        now = loop.time()
        work = self._work(asked)
        struck = next((each for each in world.outages if each.strikes(now, work, asked.operation, world.rng)), None)
        if struck is not None and struck.kind != "reset_after":
            self._hear(asked, now, struck.kind)
            return _struck(struck.kind, asked.service, request.url)
        try:
            told, result = json.dumps(self._perform(asked, work, now)).encode(), "ok"
            answer = Answer(told, headers=_headers(asked.service))
        except Refusal as refusal:
            answer, result = _refused(asked.service, refusal), refusal.code
        self._hear(asked, now, result if struck is None else struck.kind)
        return answer if struck is None else _struck(struck.kind, asked.service, request.url)

    def _hear(self, asked: Asked, now: float, result: str) -> None:
        what = asked.run or ("more" if asked.given.get("NextToken") or asked.given.get("nextToken") else "")
        self.world.heard.append(Heard(now, asked.operation, f"{asked.service}:{asked.name}", what, result))

    def _work(self, asked: Asked) -> Work | None:
        if asked.service == "datazone" and asked.run:
            return next((life.work for life in self._domain(asked.name) if life.id == asked.run), None)
        return self.world.works.get(f"{asked.service}:{asked.name}")

    def _domain(self, domain: str) -> Iterable[Life]:
        for work in self.world.works.values():
            if work.service == "datazone" and work.name.startswith(f"{domain}/"):
                yield from work.runs

    def _perform(self, asked: Asked, work: Work | None, now: float) -> dict[str, Any]:
        if work is None or now >= work.deleted_at:
            missing = "EntityNotFoundException" if asked.service == "glue" else "ResourceNotFoundException"
            raise Refusal(missing, f"{asked.name} not found", 400 if asked.service == "glue" else 404)
        match asked.service:
            case "glue":
                return self._glue(asked, work, now)
            case "emr-serverless":
                return self._emr(asked, work, now)
            case "datazone":
                return self._datazone(asked, work, now)

    def _glue(self, asked: Asked, work: Work, now: float) -> dict[str, Any]:
        match asked.operation:
            case "GetJob":
                if not work.readable:
                    raise Refusal("AccessDeniedException", "not authorized to perform: glue:GetJob")
                command = {"Name": "glueetl", "ScriptLocation": "s3://b/s.py"}
                return {"Job": {"Name": work.name, "MaxRetries": work.max_retries, "Timeout": 2880, "Command": command}}
            case "GetJobRun":
                life = self.world.lives.get(f"{work.ref}/{asked.run.partition('_attempt_')[0]}")
                row = next((row for row in glue_rows([life] if life else [], now) if row[1] == asked.run), None)
                if row is None:
                    raise Refusal("EntityNotFoundException", f"Job run {asked.run} not found")
                return {"JobRun": row[2]}
            case "GetJobRuns":
                rows = sorted(glue_rows(work.runs, now), key=lambda row: (-row[0], row[1]))
                page, token = _page(rows, asked.given.get("MaxResults", 200), asked.given.get("NextToken"))
                return {"JobRuns": page} | ({"NextToken": token} if token else {})
            case "StartJobRun":
                return {"JobRunId": self.world.add(self.starts(work, now)).id}
            case "BatchStopJobRun":
                return self._stop_glue(work, asked.given["JobRunIds"], now)
            case other:
                raise Refusal("UnknownOperationException", other)

    def _stop_glue(self, work: Work, ids: list[str], now: float) -> dict[str, Any]:
        done: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for run_id in ids:
            root, _, number = run_id.partition("_attempt_")
            life = self.world.lives.get(f"{work.ref}/{root}")
            phase = None if life is None else life.phase_at(now)
            named = {"JobName": work.name, "JobRunId": run_id}
            if life is None or phase is None or now >= life.gone_at or int(number or 0) > phase.attempt:
                failed.append(
                    named | {"ErrorDetail": {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "no such run"}}
                )
            elif int(number or 0) < phase.attempt or not life.stop(now):
                code = "JobRunInvalidStateTransitionException" if life.stoppable else "AccessDeniedException"
                failed.append(named | {"ErrorDetail": {"ErrorCode": code, "ErrorMessage": "it cannot be stopped"}})
            else:
                done.append(named)
        return {"SuccessfulSubmissions": done, "Errors": failed}

    def _emr(self, asked: Asked, work: Work, now: float) -> dict[str, Any]:
        if asked.operation == "GetApplication":
            return {"application": _application(work)}
        if asked.operation == "StartJobRun":
            life = self.world.add(self.starts(work, now))
            return {"applicationId": work.name, "jobRunId": life.id, "arn": _arn(life)}
        if asked.operation == "ListJobRuns":
            wanted = set(asked.given.get("states", ()))
            lives = [life for life in work.runs if life.seen_from <= now < life.gone_at]
            rows = [(life.created, life.id, emr_row(life, now)) for life in lives]
            rows = [row for row in rows if not wanted or row[2]["state"] in wanted]
            rows.sort(key=lambda row: (-row[0], row[1]))
            page, token = _page(
                rows, int(asked.given.get("maxResults", ["50"])[0]), *asked.given.get("nextToken", [None])
            )
            return {"jobRuns": page} | ({"nextToken": token} if token else {})
        life = self._life(work, asked.run, now)
        if asked.operation == "CancelJobRun":
            if not life.stop(now):
                code = "ValidationException" if life.stoppable else "AccessDeniedException"
                raise Refusal(code, "it cannot be cancelled", 400 if life.stoppable else 403)
            return {"applicationId": work.name, "jobRunId": life.id}
        if asked.operation == "ListJobRunAttempts":
            raise Refusal("InternalServerException", "not simulated", 500)
        return {"jobRun": emr_row(life, now, full=True)}

    def _datazone(self, asked: Asked, work: Work, now: float) -> dict[str, Any]:
        if asked.run:
            return datazone_row(self._life(work, asked.run, now), now)
        rows = [
            (life.created, life.id, datazone_row(life, now))
            for life in work.runs
            if life.seen_from <= now < life.gone_at
        ]
        wanted: list[str] = asked.given.get("status", [])
        rows = [row for row in rows if not wanted or row[2]["status"] in wanted]
        rows.sort(key=lambda row: (-row[0], row[1]))
        page, token = _page(rows, int(asked.given.get("maxResults", ["50"])[0]), *asked.given.get("nextToken", [None]))
        items = [{**row, "runId": row["id"]} for row in page]
        return {"items": items} | ({"nextToken": token} if token else {})

    def _life(self, work: Work, run_id: str, now: float) -> Life:
        life = self.world.lives.get(f"{work.ref}/{run_id}")
        if life is None or not life.seen_from <= now < life.gone_at:
            raise Refusal("ResourceNotFoundException", f"Job run {run_id} not found", 404)
        return life


Row = tuple[float, str, dict[str, Any]]


def _page(rows: list[Row], size: int, token: str | None) -> tuple[list[dict[str, Any]], str | None]:
    """Return the rows after the one that the token names, and the next token; rows come newest first."""
    if token:
        created, _, run_id = token.partition("/")
        place = (-float(created), run_id)
        rows = [row for row in rows if (-row[0], row[1]) > place]
    page = rows[:size]
    return [row[2] for row in page], f"{page[-1][0]!r}/{page[-1][1]}" if len(rows) > size else None


def glue_rows(lives: list[Life], now: float) -> list[Row]:
    """Return a row for each attempt of these runs that can be seen."""
    rows: list[Row] = []
    for life in lives:
        if now >= life.gone_at:
            continue
        for phases in life.attempts_at(now):
            number = phases[0].attempt
            run_id = f"{life.id}_attempt_{number}" if number else life.id
            rows.append((phases[0].at, run_id, life.told(phases[-1], partial(_glue_row, life, phases, run_id))))
    return rows


def _glue_row(life: Life, phases: list[Phase], run_id: str) -> dict[str, Any]:
    last = phases[-1]
    row = {
        "Id": run_id,
        "Attempt": last.attempt,
        "JobName": life.work.name,
        "StartedOn": START + phases[0].at,
        "LastModifiedOn": START + last.at,
        "JobRunState": last.state,
        "ExecutionTime": 0,
        "Timeout": 2880,
        "MaxCapacity": 2.0,
    }
    if life.is_ended(last.state):
        row["CompletedOn"] = START + last.at
    if last.attempt:
        row["PreviousRunId"] = f"{life.id}_attempt_{last.attempt - 1}" if last.attempt > 1 else life.id
    return row


def emr_row(life: Life, now: float, *, full: bool = False) -> dict[str, Any]:
    phase = life.phase_at(now) or life.phases[0]
    return life.told((phase, full), partial(_emr_row, life, phase, full=full))


def _emr_row(life: Life, phase: Phase, *, full: bool) -> dict[str, Any]:
    began = next(each.at for each in life.phases if each.attempt == phase.attempt)
    row: dict[str, Any] = {
        "applicationId": life.work.name,
        "jobRunId" if full else "id": life.id,
        "arn": _arn(life),
        "createdBy": "arn:aws:iam::111122223333:user/u",
        "createdAt": START + life.created,
        "updatedAt": START + phase.at,
        "executionRole": "arn:aws:iam::111122223333:role/r",
        "state": phase.state,
        "stateDetails": "",
        "releaseLabel": "emr-7.3.0",
        "mode": "BATCH",
        "attempt": phase.attempt,
        "attemptCreatedAt": START + began,
        "attemptUpdatedAt": START + phase.at,
    }
    if full:
        row["jobDriver"] = {"sparkSubmit": {"entryPoint": "s3://b/main.py"}}
        if life.is_ended(phase.state):
            row["endedAt"] = START + phase.at
    return row


def datazone_row(life: Life, now: float) -> dict[str, Any]:
    phase = life.phase_at(now) or life.phases[0]
    return life.told(phase, partial(_datazone_row, life, phase))


def _datazone_row(life: Life, phase: Phase) -> dict[str, Any]:
    domain, _, job = life.work.name.partition("/")
    row = {
        "id": life.id,
        "domainId": domain,
        "jobId": job,
        "jobType": "LINEAGE",
        "runMode": "ON_DEMAND",
        "status": phase.state,
        "createdAt": START + life.created,
        "startTime": START + life.created,
    }
    return row | {"endTime": START + phase.at} if life.is_ended(phase.state) else row


def _application(work: Work) -> dict[str, Any]:
    return {
        "applicationId": work.name,
        "name": work.name,
        "arn": f"arn:aws:emr-serverless:eu-west-1:111122223333:/applications/{work.name}",
        "releaseLabel": "emr-7.3.0",
        "type": "Spark",
        "state": "STARTED",
        "createdAt": START,
        "updatedAt": START,
    }


def _arn(life: Life) -> str:
    return f"arn:aws:emr-serverless:eu-west-1:111122223333:/applications/{life.work.name}/jobruns/{life.id}"


def _headers(service: ServiceName) -> dict[str, str]:
    kind = "application/x-amz-json-1.1" if service == "glue" else "application/json"
    return {"content-type": kind, "x-amzn-requestid": "0a0a"}


def _refused(service: ServiceName, refusal: Refusal) -> Answer:
    if service == "glue":
        body = {"__type": refusal.code, "Message": refusal.text}
        return Answer(json.dumps(body).encode(), refusal.status, _headers(service))
    body = {"message": refusal.text}
    return Answer(json.dumps(body).encode(), refusal.status, _headers(service) | {"x-amzn-errortype": refusal.code})


_SERVERS = {"glue": "InternalServiceException", "emr-serverless": "InternalServerException"}
_CODES: dict[FaultKind, tuple[str, str, int, int]] = {  # the code, the text, and the status from Glue and elsewhere
    "expired": ("ExpiredTokenException", "The security token is expired", 400, 403),
    "signature": ("InvalidSignatureException", "Signature expired: 20260301T120000Z is now earlier", 403, 403),
    "skew": ("RequestTimeTooSkewed", "The difference is too large", 403, 403),
    "throttle": ("ThrottlingException", "Rate exceeded", 400, 429),
    "denied": ("AccessDeniedException", "is not authorized", 400, 403),
}


def _struck(kind: FaultKind, service: ServiceName, url: str) -> Answer:
    """Return the answer of a request that goes wrong, or raise what the network would."""
    page = {"content-type": "text/html"}
    match kind:
        case "reset" | "reset_after":
            raise ConnectionClosedError(endpoint_url=url, request=None, error=aiohttp.ServerDisconnectedError())
        case "html":
            return Answer(b"<html><body>Please log in</body></html>", 200, page)
        case "503html":
            return Answer(b"<html><body>Service Unavailable</body></html>", 503, page)
        case "500":
            return _refused(service, Refusal(_SERVERS.get(service, "InternalServerException"), "internal", 500))
        case "expired" | "signature" | "skew" | "throttle" | "denied":
            code, text, status, elsewhere = _CODES[kind]
            return _refused(service, Refusal(code, text, status if service == "glue" else elsewhere))
