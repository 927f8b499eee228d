"""The protocols of the three services over the world of changes, without any socket."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, TypeAlias, cast
from urllib.parse import parse_qs, unquote, urlsplit

from aiobotocore.awsrequest import AioAWSResponse
from aiobotocore.httpsession import AIOHTTPSession
from botocore.compat import HTTPHeaders

from tests.oracle.changes_world import ENDS, START, Job, Row, World

Json: TypeAlias = "dict[str, Json] | list[Json] | str | float | bool | None"
_Reply = tuple[int, str | None, Json]


def _epoch(seconds: float) -> float:
    return round(START.timestamp() + seconds, 3)


def described(job: Job, row: Row, moment: float, *, full: bool) -> Json:
    """Return a row as its service tells it, as it was at a moment: in a list, or in full."""
    since, state, attempt = row.at(moment)
    is_over = state in ENDS[job.kind]
    time = row.time_at(moment)
    if job.kind == "glue":
        told: dict[str, Json] = {
            "Id": row.id,
            "Attempt": row.attempt - 1,
            "JobName": job.path[0],
            "JobRunState": state,
            "LastModifiedOn": _epoch(since),
        }
        told |= {"StartedOn": _epoch(time)} if time is not None else {}
        return told | ({"CompletedOn": _epoch(since), "ExecutionTime": 30, "MaxCapacity": 2.0} if is_over else {})
    if job.kind == "datazone":
        told = {
            ("id" if full else "runId"): row.id,
            "domainId": job.path[0],
            "jobId": job.path[1],
            "status": state,
            "createdBy": "someone",
            "createdAt": _epoch(row.created),
        }
        told |= {"startTime": _epoch(row.created)} if state != "SCHEDULED" else {}
        return told | ({"endTime": _epoch(since)} if is_over else {})
    told = {
        "applicationId": job.path[0],
        "arn": f"arn:aws:emr-serverless:eu-west-1:111122223333:/applications/{job.path[0]}/jobruns/{row.id}",
        "createdBy": "arn:aws:iam::111122223333:user/someone",
        "createdAt": _epoch(row.created),
        "updatedAt": _epoch(since),
        "executionRole": "arn:aws:iam::111122223333:role/exec",
        "state": state,
        "stateDetails": "",
        "releaseLabel": "emr-7.9.0",
        "attempt": attempt,
    }
    if not full:
        return told | {"id": row.id}
    driver: Json = {"sparkSubmit": {"entryPoint": "s3://b/m.py"}}
    told |= {"endedAt": _epoch(since)} if is_over else {}
    return told | {"jobRunId": row.id, "jobDriver": driver}


class Desk:
    """Takes requests of the three protocols to a world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def answer(self, url: str, headers: Mapping[str, str], body: bytes) -> _Reply:
        """Return status, error code and body."""
        world = self.world
        world.requests += 1
        kind, path, run_id, given = self._read(url, headers, body)
        job = self._job(kind, path, run_id)
        if job is None or job.deleted:
            return self._missing(kind)
        if world.now < job.refused_until:
            return 403, "AccessDeniedException", {"message": "Not now."}
        if world.random.random() < world.temper.fault:
            job.failing = world.random.choice((1, 2, 3))
        if job.failing:
            job.failing -= 1
            return 500, "InternalServiceException", {"message": "An internal error occurred."}
        if headers.get("X-Amz-Target", "").endswith(".GetJob"):
            described_job: Json = {"Name": job.path[0], "MaxRetries": 3}
            return 200, None, {"Job": described_job}
        return self._list(job, given) if run_id is None else self._get(job, run_id)

    def _job(self, kind: str, path: tuple[str, ...], run_id: str | None) -> Job | None:
        if kind == "datazone" and len(path) == 1:
            return next((job for job in self.world.jobs for row in job.rows if row.id == run_id), None)
        return next((job for job in self.world.jobs if (job.kind, job.path) == (kind, path)), None)

    @staticmethod
    def _missing(kind: str) -> _Reply:
        if kind == "glue":
            return 400, "EntityNotFoundException", {"message": "It is not there."}
        return 404, "ResourceNotFoundException", {"message": "It is not there."}

    def _list(self, job: Job, given: Mapping[str, Any]) -> _Reply:
        def one(*names: str) -> Any:  # noqa: ANN401  # of a query or a body
            value: Any = next((given[name] for name in names if name in given), None)
            return cast("Any", value[0] if type(value) is list else value)

        stale = self.world.staleness()
        states = set(given.get("states", ())) | set(given.get("status", ()))
        after = _seconds(one("createdAtAfter"))
        rows = [
            row
            for row in self.world.listed(job, stale)
            if (not states or row.at(self.world.now - stale)[1] in states) and (after is None or row.created >= after)
        ]
        token = one("NextToken", "nextToken")
        if token is not None:
            place, last = json.loads(token)
            rows = [row for row in rows if (-row.created, row.id) > (-place, last)]
        size = min(int(one("MaxResults", "maxResults") or 50), self.world.cap)
        page = rows[:size]
        told: dict[str, Json] = {
            {"glue": "JobRuns", "datazone": "items"}.get(job.kind, "jobRuns"): [
                described(job, row, self.world.now - stale, full=False) for row in page
            ]
        }
        if len(page) < len(rows):
            following = json.dumps([page[-1].created, page[-1].id])
            told["NextToken" if job.kind == "glue" else "nextToken"] = following
        return 200, None, told

    def _get(self, job: Job, run_id: str) -> _Reply:
        world = self.world
        row = next((row for row in job.rows if row.id == run_id and row.is_there(world.now)), None)
        if row is None:
            return self._missing(job.kind)
        row.was_missing = not row.was_missing and world.random.random() < world.temper.missing
        if row.was_missing:
            return self._missing(job.kind)
        told = described(job, row, world.now, full=True)
        if job.kind == "datazone":
            return 200, None, told
        return 200, None, {"JobRun" if job.kind == "glue" else "jobRun": told}

    def _read(
        self, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[str, tuple[str, ...], str | None, Mapping[str, Any]]:
        parts = urlsplit(url)
        if headers.get("X-Amz-Target"):
            given: dict[str, Any] = json.loads(body)
            return "glue", (given["JobName"],), given.get("RunId"), given
        words = [unquote(word) for word in parts.path.strip("/").split("/")]
        query = parse_qs(parts.query)
        if words[0] == "applications":
            return "emr-serverless", (words[1],), words[3] if len(words) > 3 else None, query
        if words[3] == "jobs":
            return "datazone", (words[2], words[4]), None, query
        return "datazone", (words[2],), words[4], query


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    when = datetime.fromisoformat(text)
    return ((when if when.tzinfo else when.replace(tzinfo=UTC)) - START).total_seconds()


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def read(self) -> bytes:
        return self._body


def wire(world: World) -> type[AIOHTTPSession]:
    """Return a class of HTTP sessions that speak to a world, for ``AioConfig(http_session_cls=)``."""
    desk = Desk(world)

    class Wire(AIOHTTPSession):
        async def send(self, request: Any) -> Any:  # noqa: ANN401  # botocore's own
            if world.asleep:
                empty = _Raw(b'{"JobRuns": [], "jobRuns": [], "items": []}')
                return AioAWSResponse(request.url, 200, HTTPHeaders(), empty)
            for _ in range(world.random.randrange(3)):
                await asyncio.sleep(0)
            world.step()
            headers = {
                name: value.decode() if isinstance(value, bytes) else str(value)
                for name, value in request.headers.items()
            }
            status, code, told = desk.answer(request.url, headers, request.body or b"{}")
            sent = {"content-type": "application/x-amz-json-1.1", "x-amzn-requestid": f"r{world.requests}"}
            if world.temper.dated:
                sent["date"] = format_datetime(START + timedelta(seconds=world.now), usegmt=True)
            for _ in range(world.random.randrange(3)):
                await asyncio.sleep(0)
            if code is not None:
                sent["x-amzn-errortype"] = code
                told = {"__type": code, **told} if isinstance(told, dict) else told
            return AioAWSResponse(request.url, status, HTTPHeaders.from_dict(sent), _Raw(json.dumps(told).encode()))

    return Wire
