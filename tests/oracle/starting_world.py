"""Glue and EMR Serverless as far as starting goes, simulated: each request meets the fate that a schedule gave it.

The world keeps its whole history, with the truth that no client sees: which call made which run, when a run came to be
seen in lists, and which answers were lost.
"""

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.oracle.starting_emr import emr_effect
from tests.oracle.starting_history import CALL, EMR, GLUE, Attempt, Fault, JobKey, OnEvent, Run, Sending, StartCall
from tests.oracle.starting_wire import EPOCH, Answer, Arrived, Request, failed, good, headers, now, refused


@dataclass(frozen=True)
class Habits:
    """What the services of one schedule are like.

    Attributes:
        lag: The longest time until a new run is listed, in seconds.
        timeout: The job's Timeout in minutes, or None for a job that says none (48 h).
        max_retries: The job's MaxRetries.
        lists_arguments: ``"all"``, ``"not failed"``, or ``"none"``: whose Arguments GetJobRuns shows.
        gets_arguments: The same of GetJobRun.
        job_is_hidden: Whether GetJob is denied.
        room: How many runs of the job may be active.
        slot_lag: Seconds from a run's end until its slot is free.
        token_memory: Seconds for which EMR Serverless remembers a token.
        token_of_account: Whether a token belongs to the account and not to the application.
    """

    lag: float = 0.0
    timeout: int | None = None
    max_retries: int = 0
    lists_arguments: str = "all"
    gets_arguments: str = "all"
    job_is_hidden: bool = False
    room: int = 1000
    slot_lag: float = 0.0
    token_memory: float = 30 * 86400.0
    token_of_account: bool = False


@dataclass(eq=False)
class World:
    """Both services, for any number of accounts, in one region."""

    rng: random.Random
    habits: Habits
    fates: Callable[[random.Random], tuple[float, float, list[tuple[float, str]]]]
    on_event: OnEvent
    accounts: dict[str, str] = field(default_factory=dict[str, str])
    runs: dict[JobKey, list[Run]] = field(default_factory=dict[JobKey, list[Run]])
    sendings: list[Sending] = field(default_factory=list[Sending])
    shown: dict[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    strange: list[str] = field(default_factory=list[str])
    _pending: set[asyncio.TimerHandle] = field(default_factory=set[asyncio.TimerHandle])

    # -- runs --------------------------------------------------------------------------------------------------------

    def all_runs(self) -> Iterator[Run]:
        for runs in self.runs.values():
            yield from runs

    def make(self, job: JobKey, arguments: dict[str, str], maker: StartCall | None, timeout: int | None = None) -> Run:
        """Start a run, now."""
        at = now()
        wait, gap, works = self.fates(self.rng)
        longest = 60.0 * (timeout or self.habits.timeout or 2880)
        phases: list[tuple[float, float, str]] = []
        begin, first = at, at + wait
        for length, state in works[: self.habits.max_retries + 1] if job.service == GLUE else works[:1]:
            end = (first if not phases else begin) + min(length, longest)
            phases.append((begin, end, state))
            if state != "FAILED":
                break
            begin = end + gap
        name = "jr_" if job.service == GLUE else "00f"
        run_id = name + f"{self.rng.getrandbits(64):016x}"
        lag = self.rng.uniform(0, self.habits.lag) if self.habits.lag else 0.0
        run = Run(run_id, job, arguments, maker, at, at + lag, first, phases, timeout or self.habits.timeout or 2880)
        self.runs.setdefault(job, []).append(run)
        return run

    def fill(self, job: JobKey, count: int) -> None:
        """Have that many short runs of others end now, one after another."""
        at, runs = now(), self.runs.setdefault(job, [])
        for number in range(count):
            begin = at + number / 1000
            phases = [(begin, begin + 0.0005, "SUCCEEDED")]
            runs.append(
                Run(f"jr_f{self.rng.getrandbits(60):015x}", job, {"--other": "1"}, None, begin, begin, begin, phases)
            )

    def room(self, job: JobKey, at: float) -> int:
        """Return how many more runs may be active at a moment, after the truth."""
        lag = self.habits.slot_lag
        active = 0
        for run in self.runs.get(job, ()):
            if run.made_at <= at and any(begin <= at < end + lag for begin, end, _ in run.phases):
                active += 1
        return self.habits.room - active

    # -- requests ----------------------------------------------------------------------------------------------------

    async def serve(self, client: str, request: Request, read_timeout: float) -> Arrived:
        """Answer a request after its fate, which goes on when the caller has gone."""
        if b"GetCallerIdentity" in request.body:
            return Arrived(request.url, _identity(self._account(request)))
        operation, job, params = self._read(request)
        call = CALL.get()
        fate = call.fate(operation) if call is not None else Fault()
        sending = Sending(client, operation, job, call, now(), fate, first_page=not params.get("NextToken"))
        sending.arguments, sending.timeout = params.get("Arguments", {}), params.get("Timeout")
        self.sendings.append(sending)
        if call is not None:
            call.sendings.append(sending)
            call.requests += 1
            self.on_event(call, "sent", call.requests)
        try:
            return await self._answer(sending, params, request.url, read_timeout)
        finally:
            sending.over_at = now()

    async def _answer(self, sending: Sending, params: dict[str, Any], url: str, read_timeout: float) -> Arrived:
        fate, call = sending.fault, sending.call
        await asyncio.sleep(0.01)
        if fate.kind == "refused":
            sending.answered_at, sending.answer = now(), "refused"
            raise refused(url)
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[Answer] = loop.create_future()
        loop.call_later(fate.acts_after, self._act, sending, params, arrived)
        answer = await self._come(sending, fate, arrived, read_timeout)
        if fate.kind == "cut":
            return Arrived(url, answer, is_cut=True)
        sending.answered_at = now()
        sending.answer = sending.answer or str(answer[0])
        self._note_shown(sending, answer)
        if call is not None:
            self.on_event(call, "answered", call.requests)
        return Arrived(url, answer)

    def _act(self, sending: Sending, params: dict[str, Any], arrived: asyncio.Future[Answer]) -> None:
        """Do what a request asks for; its answer comes later, if anybody still waits for it."""
        fate, call = sending.fault, sending.call
        if fate.drops and arrived.cancelled():
            return
        sending.acted_at = now()
        nothing = failed(sending.job.service, 500, "InternalServiceException")
        answer = self._effect(sending, params) if fate.effect else nothing
        if call is not None:
            self.on_event(call, "acted", call.requests)

        def arrive() -> None:
            if not arrived.done():
                arrived.set_result(answer)

        asyncio.get_running_loop().call_later(max(0.0, fate.ends_after - fate.acts_after), arrive)

    async def _come(
        self, sending: Sending, fate: Fault, arrived: asyncio.Future[Answer], read_timeout: float
    ) -> Answer:
        try:
            if fate.kind == "lost":
                await asyncio.sleep(fate.ends_after)
                raise aiohttp.ServerDisconnectedError
            if fate.kind == "reset":
                await asyncio.sleep(fate.ends_after)
                raise aiohttp.ClientOSError(104, "Connection reset by peer")
            if fate.kind == "silence":
                await asyncio.sleep(read_timeout)
                raise aiohttp.SocketTimeoutError("Timeout on reading data from socket")
            if fate.kind in {"throttle", "http429"}:
                await asyncio.sleep(fate.ends_after)
                return failed(sending.job.service, 400 if fate.kind == "throttle" else 429, "ThrottlingException")
            async with asyncio.timeout(read_timeout):
                answer = await arrived
        except TimeoutError as error:
            raise aiohttp.SocketTimeoutError("Timeout on reading data from socket") from error
        finally:
            if not arrived.done():
                arrived.cancel()
        if fate.kind == "error500":
            return failed(sending.job.service, 500, "InternalServiceException")
        if fate.kind in {"html503", "html200"}:
            sending.answer = "html"
            return int(fate.kind[4:]), {**headers(), "content-type": "text/html"}, b"<html>sorry</html>"
        return answer

    def _note_shown(self, sending: Sending, answer: Answer) -> None:
        if answer[0] != 200 or sending.operation not in {"GetJobRuns", "GetJobRun"} or sending.answer == "html":
            return
        for run in self.runs.get(sending.job, ()):
            if run.maker is not None and run.id.encode() in answer[2]:
                self.shown.setdefault((sending.client, run.id), now())

    def _account(self, request: Request) -> str:
        return self.accounts[request.headers.get("Authorization", "").partition("Credential=")[2].partition("/")[0]]

    def _read(self, request: Request) -> tuple[str, JobKey, dict[str, Any]]:
        params: dict[str, Any] = json.loads(request.body) if request.body else {}
        account = self._account(request)
        if target := request.headers.get("X-Amz-Target", ""):
            return target.partition(".")[2], JobKey(GLUE, account, params.get("JobName", "")), params
        parts = request.url.split("?")[0].split("/")[3:]
        if parts[:1] != ["applications"]:
            self.strange.append(f"{request.method} {request.url}")
            return "Unknown", JobKey("?", account, ""), params
        params["application"] = parts[1]
        if len(parts) == 2:
            operation = "GetApplication"
        elif len(parts) == 3:
            operation = "StartJobRun" if request.method == "POST" else "ListJobRuns"
        else:
            operation, params["run"] = "GetJobRun", parts[3]
        return operation, JobKey(EMR, account, parts[1]), params

    def _effect(self, sending: Sending, params: dict[str, Any]) -> Answer:
        job = sending.job
        if job.service == EMR:
            answer = emr_effect(self, sending, params)
        elif sending.operation == "StartJobRun":
            answer = self._glue_start(sending, params)
        elif sending.operation == "GetJobRuns":
            answer = self._glue_list(job, params)
        elif sending.operation == "GetJobRun":
            answer = self._glue_get(job, params)
        elif sending.operation == "GetJob":
            answer = self._glue_job(job)
        else:
            self.strange.append(sending.operation)
            answer = failed(job.service, 400, "InvalidInputException")
        return answer

    def _glue_job(self, job: JobKey) -> Answer:
        if self.habits.job_is_hidden:
            return failed(job.service, 400, "AccessDeniedException")
        shape: dict[str, Any] = {
            "Name": job.name,
            "MaxRetries": self.habits.max_retries,
            "Command": {"Name": "glueetl"},
        }
        if self.habits.timeout is not None:
            shape["Timeout"] = self.habits.timeout
        return good({"Job": shape})

    def _glue_start(self, sending: Sending, params: dict[str, Any]) -> Answer:
        if self.room(sending.job, now()) <= 0:
            return failed(sending.job.service, 400, "ConcurrentRunsExceededException")
        sending.run = self.make(sending.job, params.get("Arguments", {}), sending.call, params.get("Timeout"))
        sending.made = True
        return good({"JobRunId": sending.run.id})

    def _glue_list(self, job: JobKey, params: dict[str, Any]) -> Answer:
        at = now()
        rows = [(run, row) for run in self.runs.get(job, ()) if run.visible_at <= at for row in run.attempts(at)]
        rows.sort(key=lambda pair: pair[1].begin, reverse=True)
        after = params.get("NextToken")
        first = 0
        if after:
            first = next((n + 1 for n, (run, row) in enumerate(rows) if row.name_of(run) == after), len(rows))
        page = rows[first : first + params.get("MaxResults", 50)]
        answer: dict[str, Any] = {"JobRuns": [_row(run, row, self.habits.lists_arguments) for run, row in page]}
        if page and page[-1] is not rows[-1]:
            answer["NextToken"] = page[-1][1].name_of(page[-1][0])
        return good(answer)

    def _glue_get(self, job: JobKey, params: dict[str, Any]) -> Answer:
        for run in self.runs.get(job, ()):
            if params["RunId"].startswith(run.id):
                for row in run.attempts(now()):
                    if row.name_of(run) == params["RunId"]:
                        return good({"JobRun": _row(run, row, self.habits.gets_arguments)})
        return failed(job.service, 400, "EntityNotFoundException")


def _row(run: Run, attempt: Attempt, shows: str) -> dict[str, Any]:
    base = EPOCH.timestamp()
    began = attempt.begin if attempt.number else run.works_at
    row: dict[str, Any] = {
        "Id": attempt.name_of(run),
        "Attempt": attempt.number,
        "JobName": run.job.name,
        "JobRunState": attempt.state,
        "LastModifiedOn": base + (attempt.end if attempt.end is not None else began),
        "ExecutionTime": 0 if attempt.end is None else int(attempt.end - began),
        "Timeout": run.timeout,
    }
    if attempt.state != "WAITING":
        row["StartedOn"] = base + began
    if attempt.number:
        row["PreviousRunId"] = f"{run.id}_attempt_{attempt.number - 1}" if attempt.number > 1 else run.id
    if attempt.end is not None:
        row["CompletedOn"] = base + attempt.end
    if shows == "all" or (shows == "not failed" and attempt.state != "FAILED"):
        row["Arguments"] = run.arguments
    return row


def _identity(account: str) -> Answer:
    """Return what STS says of a caller."""
    arn = f"<Arn>arn:aws:iam::{account}:user/x</Arn><UserId>AIDA</UserId><Account>{account}</Account>"
    space = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
    result = f"<GetCallerIdentityResult>{arn}</GetCallerIdentityResult>"
    body = f"<GetCallerIdentityResponse {space}>{result}</GetCallerIdentityResponse>"
    return 200, {**headers(), "content-type": "text/xml"}, body.encode()
