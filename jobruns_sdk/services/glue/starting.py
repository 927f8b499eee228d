"""Starting a Glue run once. Glue takes no token, so the key travels as a job argument, and is looked for.

What is in doubt is never sent again: Glue may have started the run, https://github.com/apache/airflow/issues/59075.
"""

import asyncio
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, TypeVar
from weakref import WeakValueDictionary

import attrs

from jobruns_sdk.checks import (
    Rule,
    check_amount,
    check_count,
    check_flag,
    check_text,
    check_texts,
    optional,
    pairs_of,
    whole_minutes,
)
from jobruns_sdk.errors import ConflictError, InvalidRequestError, JobRunsError, StartOutcomeUnknownError, answer_of
from jobruns_sdk.loop.clock import Clock
from jobruns_sdk.loop.lifetime import Lifetime
from jobruns_sdk.model.refs import JobRef, RunRef, name_like
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.services.glue import native
from jobruns_sdk.services.glue.operations import START_JOB_RUN
from jobruns_sdk.services.glue.translate import root_and_number
from jobruns_sdk.transport.operation import Call

MARKER: Final = "--jobruns-idempotency-key"
"""The job argument that carries an idempotency key, behind a digest of the request."""

_DIGEST_LENGTH: Final = 16
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

# https://docs.aws.amazon.com/glue/latest/webapi/API_GetJobRun.html
check_line: Final = name_like(
    re.compile(r"[^\x00-\x08\x0a-\x1f\ud800-\udfff\ufffe\uffff]{1,255}"),
    "one line of text, of up to 255 characters",
)
"""What Glue takes as the name of a job, or the id of a run."""

K = TypeVar("K")
V = TypeVar("V")


Taking = Callable[[str, Any], object]
"""Returns what the service is sent of an argument, given its name and its value, or refuses it."""


def _as_it_is(rule: Rule) -> Taking:
    check = optional(rule)

    def take(name: str, value: object) -> object:
        check(name, value)
        return value

    return take


def _double(name: str, value: float | None) -> float | None:
    optional(check_amount)(name, value)
    return None if value is None else float(value)  # 10 and 10.0 are one request


def _notification(name: str, delay: timedelta | None) -> Mapping[str, int | None] | None:
    return None if delay is None else {"NotifyDelayAfter": whole_minutes(name, delay)}


_MEMBERS: Final[Mapping[str, tuple[str, Taking]]] = {
    "retry_of": ("JobRunId", _as_it_is(check_line)),
    "worker_type": ("WorkerType", _as_it_is(check_text)),
    "number_of_workers": ("NumberOfWorkers", _as_it_is(check_count)),
    "max_capacity": ("MaxCapacity", _double),
    "allocated_capacity": ("AllocatedCapacity", _as_it_is(check_count)),
    "timeout": ("Timeout", whole_minutes),
    "execution_class": ("ExecutionClass", _as_it_is(check_text)),
    "notify_delay_after": ("NotificationProperty", _notification),
    "security_configuration": ("SecurityConfiguration", _as_it_is(check_text)),
    "job_run_queuing_enabled": ("JobRunQueuingEnabled", _as_it_is(check_flag)),
    "execution_role_session_policy": ("ExecutionRoleSessionPolicy", _as_it_is(check_text)),
}
"""What each argument of a start is called by Glue, and how it is taken."""

_CAPACITIES: Final = ({"worker_type", "number_of_workers"}, {"max_capacity"}, {"allocated_capacity"})


def start_members(**given: Any) -> dict[str, object]:  # noqa: ANN401  # what a caller says, right or not
    """Return the members of StartJobRun that arguments of a start make, None for those that were not said.

    Raises:
        InvalidRequestError: One cannot be right, or two exclude each other.
    """
    members = {_MEMBERS[name][0]: _MEMBERS[name][1](name, value) for name, value in given.items()}
    said = {name for name, value in given.items() if value is not None}
    if sum(not said.isdisjoint(one) for one in _CAPACITIES) > 1:
        raise InvalidRequestError("give workers (worker_type, number_of_workers) or max_capacity, not both")
    return members


@attrs.frozen
class StartRequest:
    """A request of StartJobRun.

    Attributes:
        members: The request, without what was not said.
        mark: The value of the marker argument, None without an idempotency key.
    """

    members: Mapping[str, object] = attrs.field(repr=False)
    mark: str | None = attrs.field(repr=False)

    @classmethod
    def of(
        cls, members: Mapping[str, object], arguments: Mapping[str, str] | None, idempotency_key: str | None
    ) -> "StartRequest":
        """Return the request of those members and arguments, with the key and a digest among the arguments.

        Raises:
            InvalidRequestError: The key is empty, or the arguments hold one already.
        """
        said = {name: value for name, value in members.items() if value is not None}
        given = pairs_of("arguments", arguments)
        check_texts(idempotency_key=idempotency_key)
        if MARKER in given:
            raise InvalidRequestError(f"{MARKER} is not among the arguments: give it as idempotency_key")
        if idempotency_key is None:
            return cls({**said, **({"Arguments": given} if given else {})}, None)
        # msgspec refuses subclasses of str and float, such as those of YAML readers and numpy.
        request = json.dumps((said, given), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        mark = f"{sha256(request.encode()).hexdigest()[:_DIGEST_LENGTH]}:{idempotency_key}"
        return cls({**said, "Arguments": {**given, MARKER: mark}}, mark)

    def is_that_of(self, run: native.JobRun) -> bool:
        """Whether a run was started with the same key.

        Raises:
            ConflictError: With the same key, and another request.
        """
        mark = (run.Arguments or {}).get(MARKER)
        if mark is None or self.mark is None or mark[_DIGEST_LENGTH:] != self.mark[_DIGEST_LENGTH:]:
            return False
        if mark != self.mark:
            raise ConflictError(
                f"the idempotency_key was used for another request, which started {run.Id}", service="glue"
            )
        return True

    def looks_like(self, run: native.JobRun, since: datetime) -> bool:
        """Whether a run that carries no key may be the one that was asked for."""
        return (
            run.StartedOn is not None
            and run.StartedOn >= since.replace(microsecond=0)
            and (run.Arguments or {}) == self.members.get("Arguments", {})
        )


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
            f"look in runs() for one whose native.Arguments[{MARKER!r}] ends in {request.mark[_DIGEST_LENGTH:]!r}, "
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
