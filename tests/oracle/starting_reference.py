"""A starter that keeps the contract, written as simply as may be, and the same with one weakness each.

It shows that the simulated world can be lived in, so that what the judge says of the package is the package's, and that
the judge notices each weakness.
"""

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Self

import aiohttp

from jobruns_sdk import (
    ConflictError,
    JobRef,
    JobRunsError,
    LimitExceededError,
    NotFoundError,
    RunRef,
    ServiceUnavailableError,
    SparkSubmit,
    StartOutcomeUnknownError,
    ThrottledError,
    TransportError,
)
from tests.oracle.starting_history import BAD_ENDS, GLUE
from tests.oracle.starting_wire import Request, Serve, SkewedClock, now

DAY, MARK = 86400.0, "--mark"
WEAKNESSES = {
    "no look": "race",
    "a day": "long",
    "one page": "long",
    "own clock": "mixed",
    "resends": "race",
    "forgets": "race",
    "alike": "keyless",
    "blind": "unreadable",
    "unplaced": "unreadable",
    "any request": "mixed",
    "restarts early": "restart",
    "adopts failures": "restart",
    "new tokens": "emr",
    "one token": "emr",
    "no doubt": "keyless",
    "forgets lifetime": "long",
    "hangs on": "long",
    "impatient": "slots",
    "swallows": "mixed",
    "profiles": "profiles",
    "short settle": "mixed",
    "finds little": "mixed",
}


@dataclass(frozen=True)
class _Found:
    id: str
    request: str
    made: float
    ended: bool
    bad: bool


@dataclass(eq=False)
class Reference:
    """In the place of a ``JobRunsClient``."""

    serve: Serve
    clock: SkewedClock
    keys: Mapping[str | None, str]
    accounts: Mapping[str, str]
    shared: bool
    weakness: str = ""
    locks: dict[Any, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    doubts: dict[Any, list[float]] = field(default_factory=lambda: defaultdict(list[float]))
    own: dict[Any, str] = field(default_factory=dict[Any, str])
    marks: dict[str, str] = field(default_factory=dict[str, str])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    def handle(self, job: JobRef) -> "ReferenceGlue | ReferenceEmr":
        return ReferenceGlue(self, job) if job.service == GLUE else ReferenceEmr(self, job)

    async def ask(
        self, job: JobRef, operation: str, params: dict[str, Any], path: str = ""
    ) -> tuple[dict[str, Any], float]:
        """Send one request; return what came and the service's time."""
        headers = {"Authorization": f"Credential={self.keys[job.profile]}/x"}
        if job.service == GLUE:
            headers["X-Amz-Target"] = f"AWSGlue.{operation}"
        method = "GET" if operation == "GetJobRun" and job.service != GLUE else "POST"
        try:
            answer = await self.serve(Request(method, f"https://x{path}", headers, json.dumps(params).encode()), 60)
            body = await answer.read()
        except aiohttp.ClientConnectorError as error:
            raise TransportError("no connection", sent=False) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _doubtful(TransportError("lost")) from error
        if answer.status >= 500 or body.startswith(b"<"):
            raise _doubtful(ServiceUnavailableError("failed"))
        data = json.loads(body)
        fields = dict(answer.raw_headers)
        code = str(data.get("__type") or fields.get(b"x-amzn-errortype", b"").decode())
        kinds: dict[str, type[JobRunsError]] = {
            "ThrottlingException": ThrottledError,
            "ConflictException": ConflictError,
            "ConcurrentRunsExceededException": LimitExceededError,
        }
        if answer.status != 200:
            raise kinds.get(code, NotFoundError)(code)
        return data, parsedate_to_datetime(fields[b"date"].decode()).timestamp()

    async def insist(self, *asked: Any) -> tuple[dict[str, Any], float]:  # noqa: ANN401 - as ask() takes them
        """Send what does no harm when it comes twice, and again after a failure that may pass."""
        for attempt in range(8):
            try:
                return await self.ask(*asked)
            except (TransportError, ThrottledError, ServiceUnavailableError):
                if attempt == 7:
                    raise
                await asyncio.sleep(0.5 * 2**attempt)
        raise AssertionError


def _doubtful(error: JobRunsError) -> JobRunsError:
    error.in_doubt = True
    return error


@dataclass(eq=False)
class ReferenceGlue:
    client: Reference
    job: JobRef

    def _is(self, weakness: str) -> bool:
        return self.client.weakness == weakness

    def _place(self, key: str | None) -> Any:  # noqa: ANN401 - a key of dicts
        account = self.client.accounts[self.client.keys[self.job.profile]]
        whose = account if self.client.shared and not self._is("profiles") else self.job.profile
        return (whose, self.job.path, key) if key is not None else object()

    async def find(self, key: str) -> RunRef | None:
        runs, complete = await self._look(key, max(DAY, 60.0 * await self._timeout()))
        if self._is("finds little"):
            runs = [run for run in runs if not run.ended]
        if not runs and not complete:
            raise _doubtful(StartOutcomeUnknownError("the search was cut off"))
        return RunRef(self.job, runs[0].id) if runs else None

    async def start(
        self,
        *,
        idempotency_key: str | None = None,
        on_failed: str = "adopt",
        key_lifetime: timedelta | None = None,
        slot_timeout: timedelta | None = None,
        **request: Any,  # noqa: ANN401 - the members of a request, as the package takes them
    ) -> RunRef:
        end = now() + (slot_timeout.total_seconds() if slot_timeout else 0.0)
        body = self._body(idempotency_key, request)
        place = self._place(idempotency_key)
        async with self.client.locks[place]:
            while True:
                if idempotency_key is not None and not self._is("no look"):
                    found = await self._standing(idempotency_key, body, on_failed, key_lifetime, place)
                    if found is not None:
                        return RunRef(self.job, found)
                try:
                    return await self._send(body, place, idempotency_key)
                except LimitExceededError:
                    if now() >= end - 1 or self._is("impatient"):
                        raise
                    await asyncio.sleep(min(20, max(1, end - now() - 1)))

    def _body(self, key: str | None, request: dict[str, Any]) -> dict[str, Any]:
        arguments = dict(request.pop("arguments", None) or {})
        body: dict[str, Any] = {"JobName": self.job.path[0], "Arguments": arguments}
        if "max_capacity" in request:
            body["MaxCapacity"] = float(request["max_capacity"])
        if "timeout" in request:
            body["Timeout"] = int(request["timeout"].total_seconds() // 60)
        if key is not None:
            digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:12]
            arguments[MARK] = f"{digest}:{key}"
        return body

    async def _standing(
        self,
        key: str,
        body: dict[str, Any],
        on_failed: str,
        lifetime: timedelta | None,
        place: Any,  # noqa: ANN401
    ) -> str | None:
        """Return the run that stands for a key; None if another one may be started."""
        longest = max(DAY, 60.0 * await self._timeout())
        lasts = lifetime.total_seconds() if lifetime and not self._is("forgets lifetime") else longest
        runs, complete = await self._look(key, max(longest, lasts, 60.0 * body.get("Timeout", 0)))
        doubts = self.client.doubts[place]
        doubts[:] = [at for at in doubts if not any(run.made >= at - 2 for run in runs)]
        if runs:
            newest = next((run for run in runs if not run.ended), runs[0])
            at = await self._time()
            if newest.ended and doubts:
                raise _doubtful(StartOutcomeUnknownError("not known"))
            over = newest.ended and at - newest.made > lasts and not self._is("hangs on")
            again = newest.ended and newest.bad and on_failed == "restart" and not self._is("adopts failures")
            if not over and not again:
                if newest.request != body["Arguments"][MARK] and not self._is("any request"):
                    raise ConflictError("another request")
                return newest.id
        if doubts or not (complete or runs):
            raise _doubtful(StartOutcomeUnknownError("not known"))
        return None

    async def _time(self) -> float:
        return (await self.client.insist(self.job, "GetJobRuns", {"JobName": self.job.path[0], "MaxResults": 1}))[1]

    async def _timeout(self) -> float:
        try:
            job = (await self.client.insist(self.job, "GetJob", {"JobName": self.job.path[0]}))[0]["Job"]
        except NotFoundError:
            return 2880
        return float(job.get("Timeout", 2880))

    async def _retries(self) -> float:
        try:
            job = (await self.client.insist(self.job, "GetJob", {"JobName": self.job.path[0]}))[0]["Job"]
        except NotFoundError:
            return 99
        return float(job["MaxRetries"])

    async def _look(self, key: str, reach: float) -> tuple[list[_Found], bool]:
        """Return the runs of a key, the newest first, and whether all was seen that there may be."""
        rows: list[dict[str, Any]] = []
        asked: dict[str, Any] = {"JobName": self.job.path[0], "MaxResults": 200}
        complete, at = False, 0.0
        for _ in range(1 if self._is("one page") else 9):
            page, at = await self.client.insist(self.job, "GetJobRuns", asked)
            if self._is("own clock"):
                at = self.client.clock.now().timestamp() + 60
            since = at - (min(reach, DAY) if self._is("a day") else reach) - 3600
            if self._is("own clock"):
                since = at - 180
            rows += [row for row in page["JobRuns"] if row.get("StartedOn", at) >= since]
            if "NextToken" not in page or page["JobRuns"][-1].get("StartedOn", at) < since:
                complete = True
                break
            asked["NextToken"] = page["NextToken"]
        complete = complete or self._is("one page")
        groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            if self._is("unplaced") and "StartedOn" not in row:
                continue
            if "Arguments" not in row and not self._is("blind"):
                asked = {"JobName": self.job.path[0], "RunId": row["Id"]}
                row = (await self.client.insist(self.job, "GetJobRun", asked))[0]["JobRun"]  # noqa: PLW2901
                complete = complete and "Arguments" in row
            if row.get("Arguments", {}).get(MARK, "").partition(":")[2] == key:
                groups[row["Id"].partition("_attempt_")[0]].append(row)
        own = self.client.own.get(self._place(key))
        if own is not None and own not in groups:  # it may not be listed yet
            asked = {"JobName": self.job.path[0], "RunId": own}
            row = (await self.client.insist(self.job, "GetJobRun", asked))[0]["JobRun"]
            groups[own].append({**row, "Arguments": {MARK: self.client.marks[own]}})
        retries = await self._retries() if groups else 0
        found = [self._found(root, group, at, retries) for root, group in groups.items()]
        return sorted(found, key=lambda run: run.made, reverse=True), complete

    def _found(self, root: str, rows: list[dict[str, Any]], at: float, retries: float) -> _Found:
        last = max(rows, key=lambda row: row["Attempt"])
        ended = "CompletedOn" in last
        if last["JobRunState"] == "FAILED" and last["Attempt"] < retries and not self._is("restarts early"):
            ended = at - last["CompletedOn"] > 1800
        made = min(row.get("StartedOn", at) for row in rows)
        return _Found(root, rows[0]["Arguments"][MARK], made, ended, last["JobRunState"] in BAD_ENDS)

    async def _send(self, body: dict[str, Any], place: Any, key: str | None) -> RunRef:  # noqa: ANN401
        at = self.client.clock.now().timestamp() - self.client.clock.skew
        doubts = self.client.doubts[place]
        for attempt in range(5):
            if not self._is("forgets"):
                doubts.append(at)
            try:
                run_id = (await self.client.ask(self.job, "StartJobRun", body))[0]["JobRunId"]
            except JobRunsError as error:
                if error.in_doubt:
                    return await self._settle(body, key, place)
                doubts[:] = doubts[:-1]
                if attempt == 4 or isinstance(error, LimitExceededError):
                    raise
                await asyncio.sleep(2**attempt)
            except asyncio.CancelledError:
                if self._is("swallows"):
                    await asyncio.sleep(5)
                raise
            else:
                doubts[:] = doubts[:-1]
                if key is not None:
                    self.client.own[place], self.client.marks[run_id] = run_id, body["Arguments"][MARK]
                return RunRef(self.job, run_id)
        raise AssertionError

    async def _settle(self, body: dict[str, Any], key: str | None, place: Any) -> RunRef:  # noqa: ANN401
        if self._is("resends"):
            return await self._send(body, place, key)
        if self._is("alike") and key is None:
            page = (await self.client.insist(self.job, "GetJobRuns", {"JobName": self.job.path[0]}))[0]["JobRuns"]
            for row in page[:1]:
                if row.get("Arguments") == body["Arguments"]:
                    return RunRef(self.job, row["Id"])
        until = now() + (2 if self._is("short settle") else 60)
        while key is not None and now() < until:
            await asyncio.sleep(min(5, until - now()))
            runs, _ = await self._look(key, DAY)
            for run in runs:
                if run.request == body["Arguments"][MARK] and run.made >= self.client.doubts[place][-1] - 2:
                    self.client.doubts[place].clear()
                    return RunRef(self.job, run.id)
        error = StartOutcomeUnknownError("not known")
        raise LimitExceededError("weak") if self._is("no doubt") else _doubtful(error)


@dataclass(eq=False)
class ReferenceEmr:
    client: Reference
    job: JobRef

    async def start(
        self,
        driver: SparkSubmit,
        *,
        execution_role_arn: str,
        tags: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        on_failed: str = "adopt",
    ) -> RunRef:
        salt = idempotency_key if idempotency_key is not None else str(id(object())) + str(now())
        where = "" if self.client.weakness == "one token" else self.job.path[0]
        path, run_id = f"/applications/{self.job.path[0]}/jobruns", ""
        for count in range(50):
            token = hashlib.sha256(f"{where}/{salt}/{count}".encode()).hexdigest()
            body: dict[str, Any] = {
                "clientToken": token,
                "executionRoleArn": execution_role_arn,
                "jobDriver": {"sparkSubmit": {"entryPoint": driver.entry_point, "args": list(driver.arguments)}},
            }
            if tags:
                body["tags"] = dict(tags)
            run_id = await self._send(path, body)
            if on_failed != "restart" or idempotency_key is None:
                break
            run = (await self.client.insist(self.job, "GetJobRun", {}, f"{path}/{run_id}"))[0]["jobRun"]
            if run["state"] not in BAD_ENDS:
                break
        return RunRef(self.job, run_id)

    async def _send(self, path: str, body: dict[str, Any]) -> str:
        for attempt in range(8):
            try:
                if self.client.weakness == "new tokens":
                    body = {**body, "clientToken": f"{body['clientToken'][:40]}{now()}"}
                return str((await self.client.ask(self.job, "StartJobRun", body, path))[0]["jobRunId"])
            except (TransportError, ServiceUnavailableError, ThrottledError) as error:
                if attempt == 7:
                    raise _doubtful(StartOutcomeUnknownError("not known")) from error
                await asyncio.sleep(2**attempt / 4)
        raise AssertionError
