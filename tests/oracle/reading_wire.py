"""The protocols of the three services over a world, without any socket.

``wire`` makes a class of HTTP sessions for ``AioConfig(http_session_cls=)``: a request of the client is answered in the
same event loop, so that one seed always gives the same course of things.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias, cast
from urllib.parse import parse_qs, unquote, urlsplit

from aiobotocore.awsrequest import AioAWSResponse
from aiobotocore.httpsession import AIOHTTPSession
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError

from tests.oracle.reading_world import LIVES, Answer, Asked, Job, Kind, Outcome, Row, World

Json: TypeAlias = "dict[str, Json] | list[Json] | str | float | bool | None"


def started(row: Row) -> float:
    return row.created / 1000


def described(job: Job, row: Row, *, full: bool = False) -> Json:
    """Return a row as its service tells it: in a list, or in full."""
    if job.kind == "glue":
        told: dict[str, Json] = {
            "Id": row.id,
            "Attempt": row.attempt,
            "JobName": job.path[0],
            "JobRunState": row.state,
            "StartedOn": started(row),
            "LastModifiedOn": started(row) + len(row.states),
        }
        if row.attempt:
            told["PreviousRunId"] = row.root + (f"_attempt_{row.attempt - 1}" if row.attempt > 1 else "")
        if row.state not in LIVES["glue"]:
            told["CompletedOn"] = started(row) + len(row.states)
        return told
    if job.kind == "datazone":
        return {
            ("id" if full else "runId"): row.id,
            "domainId": job.path[0],
            "jobId": job.path[1],
            "jobType": "LINEAGE",
            "runMode": "SCHEDULED",
            "status": row.state,
            "createdBy": "someone",
            "createdAt": started(row),
        }
    told = {
        "applicationId": job.path[0],
        "arn": f"arn:aws:emr-serverless:eu-west-1:111122223333:/applications/{job.path[0]}/jobruns/{row.id}",
        "createdBy": "arn:aws:iam::111122223333:user/someone",
        "createdAt": started(row),
        "updatedAt": started(row) + len(row.states),
        "executionRole": "arn:aws:iam::111122223333:role/exec",
        "state": row.state,
        "stateDetails": "",
        "releaseLabel": "emr-7.9.0",
        "mode": row.mode,
        "attempt": row.attempt + 1,
    }
    full_members: dict[str, Json] = {"jobRunId": row.id, "jobDriver": {"sparkSubmit": {"entryPoint": "s3://b/m.py"}}}
    return told | (full_members if full else {"id": row.id})


_Reply = tuple[int, str | None, Json]
_MOST_ANSWERS: Final = 8_000


class Desk:
    """Takes requests of the three protocols to a world, and writes down what was answered."""

    def __init__(self, world: World) -> None:
        self.world = world

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> _Reply:
        """Return status, error code and body; raise ConnectionClosedError for a connection that breaks."""
        self.world.moment += 1
        if len(self.world.answers) > _MOST_ANSWERS:
            raise RuntimeError("this reading does not end")
        operation, asked, run_id = self._read(method, url, headers, body)
        job = asked.job
        if job.failing:
            job.failing -= 1
            self._note(operation, job, asked if run_id is None else None, (), "failed")
            if self.world.random.random() < 0.4:
                raise ConnectionClosedError(endpoint_url=url)
            return 500, "InternalServiceException", {"message": "An internal error occurred."}
        return self._list(operation, asked) if run_id is None else self._get(operation, job, run_id)

    def _note(self, operation: str, job: Job, asked: Asked | None, rows: Iterable[Row], outcome: Outcome) -> None:
        told = tuple((row.id, row.state) for row in rows)
        self.world.answers.append(Answer(self.world.moment, operation, job, asked, told, outcome))

    def _list(self, operation: str, asked: Asked) -> _Reply:
        if asked.token is not None and self.world.expired(asked.token):
            self._note(operation, asked.job, asked, (), "expired")
            code = "InvalidInputException" if asked.job.kind == "glue" else "ValidationException"
            return 400, code, {"message": "The pagination token has expired."}
        rows, token = self.world.list(asked)
        self._note(operation, asked.job, asked, rows, "page")
        names = {"glue": ("JobRuns", "NextToken"), "datazone": ("items", "nextToken")}
        member, next_token = names.get(asked.job.kind, ("jobRuns", "nextToken"))
        found: dict[str, Json] = {member: [described(asked.job, row) for row in rows]}
        return 200, None, found | ({next_token: token} if token else {})

    def _get(self, operation: str, job: Job, run_id: str) -> _Reply:
        found = [row for row in job.visible(self.world.moment) if row.id == run_id and not row.vanished]
        self._note(operation, job, None, found, "run" if found else "missing")
        if not found:
            code = "EntityNotFoundException" if job.kind == "glue" else "ResourceNotFoundException"
            return (400 if job.kind == "glue" else 404), code, {"message": "There is no such run."}
        told = described(job, found[0], full=True)
        if job.kind == "datazone":
            return 200, None, told
        return 200, None, {"JobRun" if job.kind == "glue" else "jobRun": told}

    def _read(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[str, Asked, str | None]:
        parts = urlsplit(url)
        if target := headers.get("X-Amz-Target"):
            operation = target.partition(".")[2]
            given: dict[str, Any] = json.loads(body)
            assert operation in {"GetJobRuns", "GetJobRun"}, operation
            return operation, self._asked("glue", (given["JobName"],), given), given.get("RunId")
        assert method == "GET", method
        words = [unquote(word) for word in parts.path.strip("/").split("/")]
        query = parse_qs(parts.query)
        if words[0] == "applications":
            run_id = words[3] if len(words) > 3 else None
            return (
                "ListJobRuns" if run_id is None else "GetJobRun",
                self._asked("emr-serverless", (words[1],), query),
                run_id,
            )
        if words[3] == "jobs":
            return "ListJobRuns", self._asked("datazone", (words[2], words[4]), query), None
        job = next(job for job in self.world.jobs for row in job.rows if row.id == words[4])
        return "GetJobRun", self._asked("datazone", job.path, query), words[4]

    def _asked(self, kind: Kind, path: tuple[str, ...], given: Mapping[str, Any]) -> Asked:
        job = next(job for job in self.world.jobs if (job.kind, job.path) == (kind, path))

        def one(name: str) -> Any:  # noqa: ANN401  # of a query or a body
            value: Any = given.get(name)
            return cast("Any", value[0] if type(value) is list else value)

        token = one("NextToken") or one("nextToken")
        assert token is None or self.world.known(token), f"a token that was never given: {token}"
        size = int(one("MaxResults") or one("maxResults") or 50)
        assert 1 <= size <= (200 if kind == "glue" else 50), size
        states = tuple(given.get("states", ())) or ((one("status"),) if one("status") else ())
        assert len(states) <= 8, states
        return Asked(
            job=job,
            states=states,
            after=_moment(one("createdAtAfter")),
            before=_moment(one("createdAtBefore")),
            mode=one("mode"),
            oldest=one("sortOrder") == "ASCENDING",
            size=size,
            token=token,
        )


def _moment(text: str | None) -> int | None:
    if text is None:
        return None
    when = datetime.fromisoformat(text)
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)


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
                return AioAWSResponse(
                    request.url, 200, HTTPHeaders(), _Raw(b'{"JobRuns": [], "jobRuns": [], "items": []}')
                )
            for _ in range(world.random.randrange(3)):
                await asyncio.sleep(0)
            world.step()
            headers = {
                name: value.decode() if isinstance(value, bytes) else str(value)
                for name, value in request.headers.items()
            }
            status, code, told = desk.answer(request.method, request.url, headers, request.body or b"{}")
            for _ in range(world.random.randrange(4)):
                await asyncio.sleep(0)
            sent = {"content-type": "application/x-amz-json-1.1", "x-amzn-requestid": f"r{world.moment}"}
            if code is not None:
                sent["x-amzn-errortype"] = code
                told = {"__type": code, **told} if isinstance(told, dict) else told
            return AioAWSResponse(request.url, status, HTTPHeaders.from_dict(sent), _Raw(json.dumps(told).encode()))

    return Wire
