"""What users do at the same time on one client, and a record of each: what was asked, what came, and when."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Literal, cast

from attrs import define, field

from jobruns_sdk import (
    JobRun,
    JobRunsClient,
    JobRunsError,
    RunState,
    SourceError,
    SparkSubmit,
    StateChange,
    StopOutcome,
    WaitTimeoutError,
)
from tests.oracle.waiting_world import Life, Work

missing: set[str] = set()
"""Arguments and methods of the contract that the package did not have when a program wanted them."""


def fit(function: Callable[..., object], wanted: dict[str, Any]) -> dict[str, Any]:
    """Leave out what the function does not take yet, and remember it."""
    known = inspect.signature(function).parameters
    missing.update(f"{getattr(function, '__name__', '')}({name}=)" for name in wanted if name not in known)
    return {name: value for name, value in wanted.items() if name in known}


def span(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


@define
class Pace:
    """How often is looked, and how long a failed attempt of Glue may be followed by another."""

    poll: float = 10.0
    longest: float = 60.0
    grace: float = 1800.0

    def options(self) -> dict[str, Any]:
        """Return what is not the default."""
        told: dict[str, Any] = {}
        if self.poll != 10.0:
            told["poll_interval"] = timedelta(seconds=self.poll)
        if self.longest != max(60.0, self.poll):
            told["max_poll_interval"] = timedelta(seconds=self.longest)
        if self.grace != 1800.0:
            told["retry_grace"] = timedelta(seconds=self.grace)
        return told


@define(eq=False)
class Record:
    """What every program has: when it began and ended, and how."""

    begins: float
    pace: Pace
    timeout: float | None = None
    begun: float = -1.0
    ended: float = -1.0
    error: BaseException | None = None
    cancelled: float | None = None

    @property
    def lives(self) -> list[Life]:
        return []

    @property
    def works(self) -> set[Work]:
        return {life.work for life in self.lives}

    async def act(self, client: JobRunsClient) -> None:
        raise NotImplementedError

    async def run(self, client: JobRunsClient) -> None:
        """Act when it is time, and keep whatever comes of it."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self.begins - loop.time()))
        self.begun = loop.time()
        try:
            await self.act(client)
        except asyncio.CancelledError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 - the judge looks at all of them
            self.error = error
        finally:
            self.ended = loop.time()

    def cancel(self, task: "asyncio.Task[None]") -> None:
        """Cancel it, if it acts."""
        if self.begun >= 0 and not task.done() and self.cancelled is None:
            self.cancelled = asyncio.get_running_loop().time()
            task.cancel()


@define(eq=False)
class Wait(Record):
    """`client.wait`, of a run that is there or of one that it starts."""

    life: Life | None = None
    of: Work | None = None
    on_timeout: Literal["leave", "stop"] = "leave"
    on_cancel: Literal["leave", "stop"] = "leave"
    until: frozenset[RunState] = frozenset()
    unseen_for: float | None = None
    nudged: float | None = None
    result: JobRun[Any] | None = None
    polls: list[tuple[float, JobRun[Any]]] = field(factory=list[tuple[float, JobRun[Any]]])
    failed_polls: list[tuple[float, JobRunsError]] = field(factory=list[tuple[float, JobRunsError]])

    @property
    def lives(self) -> list[Life]:
        return [] if self.life is None else [self.life]

    async def act(self, client: JobRunsClient) -> None:
        loop = asyncio.get_running_loop()
        if self.life is None:
            self.life = await self._start(client)
            self.begun = loop.time()
        ref = self.life.ref
        options: dict[str, Any] = self.pace.options() | {
            "timeout": span(self.timeout),
            "on_poll": self._poll,
            "on_failed_poll": self._poll_failed,
            "on_timeout": self.on_timeout,
        }
        if self.until:
            options["until"] = self.until
        if self.on_cancel != "leave":
            options["on_cancel"] = self.on_cancel
        if self.unseen_for is not None:
            options["unseen_for"] = span(self.unseen_for)
        if self.nudged is not None:
            loop.call_at(self.nudged, self._nudge, client, ref)
        taken = fit(client.wait, options)
        self.until = self.until if "until" in taken else frozenset()
        self.on_cancel = self.on_cancel if "on_cancel" in taken else "leave"
        self.result = await client.wait(ref, **taken)

    def _poll(self, run: JobRun[Any]) -> None:
        self.polls.append((asyncio.get_running_loop().time(), run))

    def _poll_failed(self, error: JobRunsError) -> None:
        self.failed_polls.append((asyncio.get_running_loop().time(), error))

    def _nudge(self, client: JobRunsClient, ref: str) -> None:
        nudge = getattr(client, "nudge", None)
        if nudge is None:
            missing.add("nudge")
            self.nudged = None
        elif self.ended < 0:
            nudge(ref)

    async def _start(self, client: JobRunsClient) -> Life:
        assert self.of is not None
        if self.of.service == "glue":
            ref = await client.glue(self.of.name).start()
        else:
            app = client.emr_serverless(self.of.name)
            ref = await app.start(SparkSubmit("s3://b/main.py"), execution_role_arn="arn:aws:iam::111122223333:role/r")
        return next(life for life in self.of.runs if life.id == ref.run_id)


@define(eq=False)
class WaitAll(Record):
    """`client.wait_all` of many runs."""

    of: list[Life] = field(factory=list[Life])
    on_timeout: Literal["leave", "stop"] = "leave"
    return_exceptions: bool = False
    result: list[JobRun[Any] | JobRunsError] | None = None
    polls: list[tuple[float, JobRun[Any]]] = field(factory=list[tuple[float, JobRun[Any]]])

    @property
    def lives(self) -> list[Life]:
        return self.of

    async def act(self, client: JobRunsClient) -> None:
        options: dict[str, Any] = self.pace.options() | {
            "timeout": span(self.timeout),
            "on_timeout": self.on_timeout,
            "return_exceptions": self.return_exceptions,
            "on_poll": self._poll,
        }
        refs = [life.ref for life in self.of]
        wait_all = cast("Callable[..., Awaitable[Sequence[JobRun[Any] | JobRunsError]]]", client.wait_all)
        self.result = list(await wait_all(refs, **fit(client.wait_all, options)))

    def _poll(self, run: JobRun[Any]) -> None:
        self.polls.append((asyncio.get_running_loop().time(), run))


@define(eq=False)
class Watch(Record):
    """`client.watch` of runs and jobs; who has no `patience` left cancels, and asks for the next change once more."""

    runs: list[Life] = field(factory=list[Life])
    jobs: list[Work] = field(factory=list[Work])
    absent: list[str] = field(factory=list[str])
    patience: float | None = None
    impatient: int = 0
    on_error: Literal["raise", "skip", "call"] = "call"
    changes: list[tuple[float, StateChange]] = field(factory=list[tuple[float, StateChange]])
    errors: list[tuple[float, SourceError]] = field(factory=list[tuple[float, SourceError]])

    @property
    def lives(self) -> list[Life]:
        return self.runs

    @property
    def works(self) -> set[Work]:
        return {life.work for life in self.runs} | set(self.jobs)

    async def act(self, client: JobRunsClient) -> None:
        loop = asyncio.get_running_loop()
        options: dict[str, Any] = self.pace.options() | {"timeout": span(self.timeout)}
        if self.on_error == "call":
            options["on_error"] = self._source_failed
        elif self.on_error == "skip":
            options["on_error"] = "skip"
        targets = [*(life.ref for life in self.runs), *(work.ref for work in self.jobs), *self.absent]
        stream = client.watch(targets, **fit(client.watch, options))
        try:
            while True:
                try:
                    async with asyncio.timeout(self.patience):
                        change = await anext(stream, None)
                except WaitTimeoutError:
                    raise
                except TimeoutError:
                    self.impatient += 1
                    continue
                if change is None:
                    return
                self.changes.append((loop.time(), change))
        finally:
            await stream.aclose()

    def _source_failed(self, error: SourceError) -> None:
        self.errors.append((asyncio.get_running_loop().time(), error))


@define(eq=False)
class Stop(Record):
    """`client.stop`, with and without waiting for the end."""

    of: list[Life] = field(factory=list[Life])
    wait: float | None = None
    outcomes: list[StopOutcome] = field(factory=list[StopOutcome])

    @property
    def lives(self) -> list[Life]:
        return self.of

    async def act(self, client: JobRunsClient) -> None:
        options = {} if self.wait is None else {"wait": span(self.wait)}
        self.outcomes = await client.stop([life.ref for life in self.of], **fit(client.stop, options))
