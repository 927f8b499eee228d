"""Starting a Glue run once. Glue takes no token, so the key travels as a job argument, and is looked for.

What is in doubt is never sent again: Glue may have started the run, https://github.com/apache/airflow/issues/59075.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final, TypeVar
from weakref import WeakValueDictionary

from jobruns_sdk.errors import ConflictError, JobRunsError, StartOutcomeUnknownError, answer_of
from jobruns_sdk.loop.clock import Clock
from jobruns_sdk.loop.lifetime import Lifetime
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.services.glue import native
from jobruns_sdk.services.glue.operations import START_JOB_RUN
from jobruns_sdk.services.glue.start_request import DIGEST_LENGTH, MARKER, StartRequest
from jobruns_sdk.services.glue.translate import root_and_number
from jobruns_sdk.transport.operation import Call

_REMEMBERED: Final = 10_000
_FIRST_LOOK: Final = 1.0

KEY_LIFETIME: Final = timedelta(hours=24)
"""How far back a start looks for a run with its key."""

LOOK_LIMIT: Final = 2_000
"""How many rows a look for a key reads at most."""

# AWS accepts a request whose clock is wrong by so much, https://docs.aws.amazon.com/general/latest/gr/signing_aws_api_requests.html
_SKEW: Final = timedelta(minutes=5)

SETTLE: Final = timedelta(seconds=60)
"""How long a run whose start was not answered is looked for, unless told otherwise."""

K = TypeVar("K")
V = TypeVar("V")


class Ticket:
    """A start that is under way; ``alone`` is whether no other start of the job overlapped it in this client."""

    def __init__(self, begun: datetime, *, alone: bool) -> None:
        """Begin to send."""
        self.begun = begun
        self.alone = alone


class Starts:
    """What a client remembers of its starts: at most one run for a key, and no run for two starts."""

    def __init__(self, clock: Clock, lifetime: Lifetime | None = None) -> None:
        """Begin with nothing started; with the lifetime of the client every search ends."""
        self.clock = clock
        self._lifetime = lifetime or Lifetime()
        self._outcomes: OrderedDict[tuple[JobRef, str], tuple[str, RunRef | None]] = OrderedDict()
        self._locks: WeakValueDictionary[tuple[JobRef, str], asyncio.Lock] = WeakValueDictionary()
        self._claimed: OrderedDict[RunRef, None] = OrderedDict()
        self._sending: dict[JobRef, list[Ticket]] = {}

    def lock(self, job: JobRef, key: str) -> asyncio.Lock:
        """Return the lock under which starts with a key are made.

        Raises:
            ClientClosedError: The client is closed, or belongs to another event loop or process.
        """
        self._lifetime.check()
        return self._locks.setdefault((job, key), asyncio.Lock())

    async def sleep(self, seconds: float) -> None:
        """Return when that many seconds have passed.

        Raises:
            ClientClosedError: The client was closed meanwhile.
        """
        async with self._lifetime.scope():
            await self.clock.sleep(seconds)

    def outcome(self, job: JobRef, key: str) -> tuple[str, RunRef | None] | None:
        """Return the mark that was sent with a key and its run, None as the run if that is in doubt."""
        return self._outcomes.get((job, key))

    def remember(self, job: JobRef, key: str, mark: str, run: RunRef | None) -> None:
        """Remember what came of a key, for a while."""
        self._outcomes[job, key] = (mark, run)
        _trim(self._outcomes)

    def forget(self, job: JobRef, key: str) -> None:
        """Forget a key whose start has certainly not happened."""
        self._outcomes.pop((job, key), None)

    def claim(self, run: RunRef) -> None:
        """Remember that a start of this client's has a run."""
        self._claimed[run] = None
        _trim(self._claimed)

    def is_claimed(self, run: RunRef) -> bool:
        """Whether a start of this client's has a run."""
        return run in self._claimed

    @contextmanager
    def sending(self, job: JobRef) -> Generator[Ticket]:
        """Enclose the sending of a start and the search for its run."""
        others = self._sending.setdefault(job, [])
        for other in others:
            other.alone = False
        ticket = Ticket(self.clock.now(), alone=not others)
        others.append(ticket)
        try:
            yield ticket
        finally:
            others.remove(ticket)
            if not others:
                self._sending.pop(job, None)


def _trim(memory: OrderedDict[K, V]) -> None:
    if len(memory) > _REMEMBERED:
        memory.popitem(last=False)


class Starter:
    """Starts runs of one job."""

    def __init__(
        self, job: JobRef, call: Call, starts: Starts, look: Callable[[datetime], Pages[JobRun[native.JobRun]]]
    ) -> None:
        """Keep what is needed.

        Args:
            job: The job.
            call: Calls the service.
            starts: What the client remembers.
            look: Lists the rows of the job that were started since then, newest first, retries by themselves.
        """
        self._job = job
        self._call = call
        self._starts = starts
        self._look = look

    async def start(self, request: StartRequest, key: str | None, settle: timedelta) -> RunRef:
        """Start a run, or return the one that was started with the key; see ``GlueJob.start``."""
        if key is None or request.mark is None:
            return await self._send(request, settle)
        starts, job = self._starts, self._job
        async with starts.lock(job, key):
            mark, run = starts.outcome(job, key) or (None, None)
            if mark not in (None, request.mark):
                raise ConflictError("the idempotency_key was used for another request", service=job.service)
            if run is None:
                run = await self._marked(request, starts.clock.now() - KEY_LIFETIME)
            if run is None and mark is not None:
                raise self._unknown(request)
            if run is None:
                run = await self._send_marked(request, key, request.mark, settle)
            starts.remember(job, key, request.mark, run)
        return run

    async def _send_marked(self, request: StartRequest, key: str, mark: str, settle: timedelta) -> RunRef:
        # In doubt from here on, also if this is cancelled.
        self._starts.remember(self._job, key, mark, None)
        try:
            return await self._send(request, settle)
        except JobRunsError as error:
            if not isinstance(error, StartOutcomeUnknownError):
                self._starts.forget(self._job, key)
            raise

    async def _send(self, request: StartRequest, settle: timedelta) -> RunRef:
        with self._starts.sending(self._job) as ticket:
            try:
                reply = await self._call(START_JOB_RUN, request.members)
                run_id = START_JOB_RUN.read(reply).JobRunId
                if not run_id:
                    raise START_JOB_RUN.lacks("$.JobRunId", reply)
                run = self._job.run(run_id)
            except JobRunsError as error:
                if not error.in_doubt:
                    raise
                found = await self._search(request, ticket, settle)
                if found is None:
                    raise self._unknown(request, error) from error
                run = found
            self._starts.claim(run)
            return run

    async def _search(self, request: StartRequest, ticket: Ticket, settle: timedelta) -> RunRef | None:
        """Look for the run of a start whose answer was lost, until it has had time to show."""
        clock = self._starts.clock
        until, pause = clock.monotonic() + settle.total_seconds(), _FIRST_LOOK
        while (left := until - clock.monotonic()) > 0:
            try:
                await self._starts.sleep(min(pause, left))
                pause *= 2
                if request.mark:
                    found = await self._marked(request, ticket.begun - _SKEW)
                else:
                    found = await self._alike(request, ticket)
            except JobRunsError as error:
                if not error.retryable:
                    raise self._unknown(request) from error
                continue
            if found is not None:
                return found
        return None

    async def _marked(self, request: StartRequest, since: datetime) -> RunRef | None:
        async for run in self._look(since):
            if request.is_that_of(run.native):
                return self._job.run(root_and_number(run.id)[0])
        return None

    async def _alike(self, request: StartRequest, ticket: Ticket) -> RunRef | None:
        """Return the run that a start without a key must have made: the only one alike that no other can have."""
        alike = [
            run.ref
            async for run in self._look(ticket.begun)
            if run.attempt == 1
            and request.looks_like(run.native, ticket.begun)
            and not self._starts.is_claimed(run.ref)
        ]
        return alike[0] if ticket.alone and len(alike) == 1 else None

    def _unknown(self, request: StartRequest, sent: JobRunsError | None = None) -> StartOutcomeUnknownError:
        how = (
            f"look in runs() for one whose native.Arguments[{MARKER!r}] ends in {request.mark[DIGEST_LENGTH:]!r}, "
            "or start again with the same idempotency_key, which looks again and sends nothing while in doubt"
            if request.mark
            else "look in runs() for one with the same native.Arguments; an idempotency_key would tell for sure"
        )
        return StartOutcomeUnknownError(
            f"a run of {self._job} may have been started or not, nothing was sent again: {how}",
            service=self._job.service,
            operation=START_JOB_RUN.name,
            **answer_of(sent),
        )
