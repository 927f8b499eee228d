"""What users do at once, beside the waits, watches and stops of `tests/oracle`: walks and starts."""

import asyncio
import random
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import define, field

from jobruns_sdk import JobRunsClient, JobRunsError, Pages, SourceError, SparkSubmit
from tests.oracle.reading_judge import Leg, Yield
from tests.oracle.starting_history import CALL, JobKey, StartCall
from tests.oracle.waiting_programs import Record, Wait
from tests.oracle.waiting_services import START
from tests.oracle.waiting_world import Life, Work
from tests.simulation.world import Job

ROLE = "arn:aws:iam::111122223333:role/r"
CLIENT: ContextVar[str] = ContextVar("CLIENT", default="")
PROGRAM: ContextVar[int] = ContextVar("PROGRAM", default=-1)


def moment(at: float) -> int:
    """Return a moment as the judge of reading counts: in whole microseconds."""
    return round(at * 1_000_000)


def now() -> float:
    return asyncio.get_running_loop().time()


@define(eq=False)
class Walk(Record):
    """One reading of one job or of several, with all its resumptions, in whatever process."""

    jobs: list[Job] = field(factory=list[Job])
    options: dict[str, Any] = field(factory=dict[str, Any])
    page_size: int | None = None
    seed: str = ""
    legs: list[Leg] = field(factory=list[Leg])
    cursor: str | None = None
    complete: bool = False
    given_up: str = ""
    failed: list[tuple[float, JobRunsError]] = field(factory=list[tuple[float, JobRunsError]])
    skipped: list[SourceError] = field(factory=list[SourceError])
    broken: list[str] = field(factory=list[str])
    _rng: random.Random = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._rng = random.Random(self.seed)

    @property
    def works(self) -> set[Work]:
        return set(self.jobs)

    async def act(self, client: JobRunsClient) -> None:
        if self.cursor is None and any(leg.yields for leg in self.legs):
            # Killed when all was handed out: a cursor that is None after runs says that the walk has ended.
            self.complete = all(leg.limit is None for leg in self.legs)
            return
        for number in range(12):
            rng = self._rng
            leg = Leg("", moment(now()), resumed=self.cursor is not None)
            self.legs.append(leg)
            try:
                over = await (self._by_page if rng.random() < 0.5 else self._one_by_one)(client, leg, last=number >= 8)
            except JobRunsError as error:
                over = self._after(error, leg)
                await asyncio.sleep(rng.uniform(0, 30))
            finally:
                leg.ended = moment(now())
            if over:
                return
            await asyncio.sleep(rng.choice((0.0, 0.5, 20.0)))
        self.given_up = "twelve legs"

    def _after(self, error: JobRunsError, leg: Leg) -> bool:
        """Go on from the error's cursor."""
        self.failed.append((now(), error))
        found = getattr(error, "cursor", "none")
        if found == "none":
            self.broken.append(f"{type(error).__name__} has no cursor")
        elif leg.yields and found is None:
            self.broken.append(f"{type(error).__name__} after {len(leg.yields)} runs, and its cursor is None")
        elif not leg.yields and found != self.cursor:
            self.broken.append(f"{type(error).__name__} before any run, and its cursor is not that of the beginning")
        else:
            self.cursor = found
            return False
        self.given_up = str(error)
        return True

    def _pages(self, client: JobRunsClient, leg: Leg, *, last: bool) -> Pages[Any]:
        options = {name: value for name, value in self.options.items() if self.cursor is None or name == "order"}
        if self.page_size is not None:
            options["page_size"] = self.page_size
        if self.cursor is not None:
            options["cursor"] = self.cursor
        elif not last and self._rng.random() < 0.15:
            leg.limit = options["limit"] = self._rng.choice((1, 5, 20))
        if len(self.jobs) > 1:
            pages: Pages[Any] = client.runs([job.ref for job in self.jobs], **options)
            return pages
        handle: Any = client.handle(self.jobs[0].ref)
        own: Pages[Any] = handle.runs(**options)
        return own

    async def _by_page(self, client: JobRunsClient, leg: Leg, *, last: bool) -> bool:
        leg.style, rng = "by_page", self._rng
        stop = None if last or rng.random() < 0.5 else rng.randint(1, 6)
        pages, count = self._pages(client, leg, last=last).by_page(), 0
        try:
            async for page in pages:
                count += 1
                leg.yields += [Yield(moment(now()), run) for run in page.items]
                self.cursor = page.cursor
                if count == stop:
                    break
                if rng.random() < 0.2:
                    await asyncio.sleep(rng.uniform(0, 5))
        finally:
            await pages.aclose()
        if count == stop and self.cursor is not None:
            return False
        if leg.limit is not None and len(leg.yields) >= leg.limit:
            return self.cursor is None
        self.complete = True
        return True

    async def _one_by_one(self, client: JobRunsClient, leg: Leg, *, last: bool) -> bool:
        leg.style, rng = "open", self._rng
        stop = None if last or rng.random() < 0.4 else rng.randint(1, 60)
        if stop is not None and len(self.jobs) > 1:
            stop = 1 + stop % 8  # where some jobs have handed out nothing yet
        async with self._pages(client, leg, last=last).open() as walk:
            async for run in walk:
                leg.yields.append(Yield(moment(now()), run))
                self.cursor = walk.cursor
                if len(leg.yields) == stop:
                    return self.cursor is None
                if rng.random() < 0.02:
                    await asyncio.sleep(rng.uniform(0, 5))
        if leg.limit is not None and len(leg.yields) >= leg.limit:
            return self.cursor is None
        self.complete = True
        return True


def window(options: dict[str, Any], name: str) -> int | None:
    """Return a bound of the window in whole milliseconds since the epoch."""
    when = options.get(name)
    return None if when is None else round(when.timestamp() * 1000)


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(START, UTC) + timedelta(milliseconds=round(seconds * 1000))


@define(eq=False)
class Start(Record):
    """A start, with a key or without, or a search for a key."""

    job: Job | None = None
    key: str | None = None
    request: str = "a"
    options: dict[str, Any] = field(factory=dict[str, Any])
    finds: bool = False
    cancel_at: tuple[str, int] | None = None
    call: StartCall | None = None

    @property
    def works(self) -> set[Work]:
        return set() if self.job is None else {self.job}

    async def act(self, client: JobRunsClient) -> None:
        assert self.job is not None
        self.call = call_of(self.job, key=self.key, request=self.request)
        call, options = self.call, self.options
        call.finds, call.on_failed = self.finds, options.get("on_failed", "adopt")
        for name in ("key_lifetime", "slot_timeout"):
            setattr(call, name, options[name].total_seconds() if name in options else None)
        await calling(call, lambda: start(client, self.job, call, options))


def call_of(job: Job, *, key: str | None, request: str) -> StartCall:
    """Return the record of a call that begins now."""
    place = JobKey(job.service, job.account, job.name)
    return StartCall(0, CLIENT.get(), CLIENT.get(), None, place, key, request, began=now())


async def calling(call: StartCall, act: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the call returns
    """Make a call, and keep what comes of it."""
    token = CALL.set(call)
    try:
        call.result = await act()
    except JobRunsError as error:
        call.error = error
        raise
    except Exception as error:
        call.odd = error
        raise
    else:
        return call.result
    finally:
        CALL.reset(token)
        call.ended = now()


async def start(client: JobRunsClient, job: Job | None, call: StartCall, options: dict[str, Any]) -> Any:  # noqa: ANN401
    assert job is not None
    handle: Any = client.handle(job.ref)
    if call.finds:
        return await handle.find(call.key)
    if call.key is not None:
        options = {**options, "idempotency_key": call.key}
    day = {"a": "1", "b": "2", "long": "1"}[call.request]
    if job.service == "glue":
        timeout = {"timeout": timedelta(hours=100)} if call.request == "long" else {}
        return await handle.start(arguments={"--day": day}, **timeout, **options)
    driver = SparkSubmit("s3://b/main.py", arguments=["--day", day])
    return await handle.start(driver, execution_role_arn=ROLE, **options)


@define(eq=False)
class StartAndWait(Wait):
    """A wait for a run that it starts itself."""

    call: StartCall | None = None

    @property
    def works(self) -> set[Work]:
        return {self.of} if self.of is not None else set()

    async def _start(self, client: JobRunsClient) -> Life:
        job = self.of
        assert isinstance(job, Job)
        self.call = call_of(job, key=None, request="a")
        call = self.call
        ref = await calling(call, lambda: start(client, job, call, {}))
        return next(life for life in job.runs if life.id == ref.run_id)
