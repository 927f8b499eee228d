"""Jobs whose runs are in memory, and clients that read them or a local service."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Final
from unittest.mock import patch

import attrs
import msgspec
from aiobotocore.session import AioSession, get_session

from jobruns_sdk import JobRef, JobRun, JobRunsClient, RunState
from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.paging.lists import RUNS
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.plan import Plan
from jobruns_sdk.paging.query import RunQuery
from jobruns_sdk.paging.source import Batch, Named, Source
from jobruns_sdk.services.handle import Handle
from jobruns_sdk.testing import LocalService
from jobruns_sdk.transport.operation import Call
from tests.transport.clients import settings_of
from tests.unit.listings import NOON, Probe
from tests.unit.values import RUN

SERVICE: Final = "memory"
"""The service of the jobs in memory: a client knows it as an adapter."""

Run = JobRun[Any]


def session_of(access_key: str = "local") -> AioSession:
    """Return a session with credentials that mean nothing."""
    session = get_session()
    session.set_credentials(access_key, "secret")
    return session


_SESSION: Final = session_of()  # it keeps the service models that it has loaded, which takes longer than most tests


def client_of(local: LocalService, **options: Any) -> JobRunsClient:  # noqa: ANN401  # JobRunsClient's own options
    """Return a client of a local service, not yet opened; without quotas unless they are given."""
    return JobRunsClient(**settings_of(local, **{"session": _SESSION, "quotas": None, **options}))


def ref_of(name: str) -> JobRef:
    """Return the reference of a job in memory."""
    return JobRef(SERVICE, (name,), "eu-west-1")


def run_of(job: JobRef, key: str, minutes: float | None, state: str = "SUCCESS") -> Run:
    """Return a run that was created so many minutes after noon."""
    at = None if minutes is None else NOON + timedelta(minutes=minutes)
    return attrs.evolve(RUN, job=job, id=key, native_state=state, created_at=at)


class Job:
    """A job in memory. Its tokens name a row, or count rows, so that pages shift; it keeps account of its calls.

    With `states` its runs are listed by state, as those of EMR Serverless are.
    """

    def __init__(
        self,
        name: str,
        times: Iterable[float | None] = (),
        *,
        size: int = 3,
        offsets: bool = False,
        states: Sequence[str] = ("",),
    ) -> None:
        self.ref = ref_of(name)
        given = [state or "SUCCESS" for state in states]
        self.rows = [
            run_of(self.ref, f"{name}-{index}", time, given[index % len(given)]) for index, time in enumerate(times)
        ]
        self.asked: list[str | None] = []
        self.under_way = 0
        self.withheld: Collection[str | None] = ()
        self.failures: dict[str | None, Exception] = {}
        self.got: list[str] = []
        self.cycle = False
        self._size = size
        self._offsets = offsets
        self._states = states
        self._era = self._added = 0
        self._passed: dict[tuple[str, str], set[str]] = {}

    def add(self, count: int) -> None:
        """Add runs, each newer than all that are there."""
        for _ in range(count):
            self._added += 1
            self.rows.insert(0, run_of(self.ref, f"new{self._added}", 1_000 + self._added))

    def expire(self) -> None:
        """Make all tokens invalid that were given out."""
        self._era += 1

    def move(self, index: int, state: str) -> None:
        """Let a run change its state."""
        self.rows[index] = attrs.evolve(self.rows[index], native_state=state)

    def runs(
        self,
        *,
        states: Iterable[RunState | str] | None = None,
        native_states: Iterable[str] | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        **_: object,
    ) -> Pages[Run]:
        """Return the runs, as a handle does; only the plan of it is used."""
        query = RunQuery(
            states=states, native_states=native_states, created_after=created_after, created_before=created_before
        )
        sources = tuple(Source(state, partial(self._open, state)) for state in self._states)
        return Pages(Plan("", {}, sources, RUNS, query.filter))

    async def run(self, run_id: str) -> Run:
        """Return the full run, whose message tells so."""
        self.got.append(run_id)
        await asyncio.sleep(0)
        return attrs.evolve(next(run for run in self.rows if run.id == run_id), message="full")

    def _open(self, state: str, _: tuple[str, ...]) -> "_Listing":
        return _Listing(partial(self._fetch, state))

    async def _fetch(self, state: str, token: str | None) -> Batch[Run]:
        self.asked.append(token)
        self.under_way += 1
        try:
            await asyncio.sleep(0)
            if token in self.withheld:
                await asyncio.get_running_loop().create_future()
            if token in self.failures:
                raise self.failures[token]
            return self._page(state, token)
        finally:
            self.under_way -= 1

    def _page(self, state: str, token: str | None) -> Batch[Run]:
        rows = [run for run in self.rows if state in ("", run.native_state)]
        start = 0 if token is None else self._start(state, rows, token)
        page = rows[start : start + self._size]
        more = start + self._size < len(rows) or self.cycle
        passed = [run.id for run in rows[: 1 if self.cycle else start + self._size]]
        following = str(len(passed)) if self._offsets else passed[-1] if passed else ""
        self._passed[state, following] = set(passed)
        return Batch(page, f"{self._era}:{following}" if more else None)

    def _start(self, state: str, rows: Sequence[Run], token: str) -> int:
        era, _, place = token.partition(":")
        if int(era) != self._era:
            raise InvalidRequestError("The pagination token has expired.", http_status=400)
        if self._offsets:
            return int(place)
        return max((index for index, run in enumerate(rows, 1) if run.id in self._passed[state, place]), default=0)


class _Listing:
    operation: ClassVar[Named] = Probe("ListRuns")

    def __init__(self, fetch: Callable[[str | None], Any]) -> None:
        self._fetch = fetch

    async def fetch(self, token: str | None, _: None) -> Batch[Run]:
        page: Batch[Run] = await self._fetch(token)
        return page

    def read(self, page: Batch[Run], _: None) -> tuple[Batch[Run], None]:
        return msgspec.structs.replace(page, rows=list(page.rows)), None


def memory_client(jobs: Iterable[Handle]) -> JobRunsClient:
    """Return a client that knows these jobs; it needs not be opened."""
    handles = {job.ref: job for job in jobs}

    def handle(ref: JobRef, _: Call) -> Handle:
        return handles[ref]

    return JobRunsClient(session=_SESSION, region_name="eu-west-1", adapters={SERVICE: handle})


@contextmanager
def keeping(rows: int) -> Generator[None]:
    """Let each job keep only so many rows of a page decoded, as where there are many jobs, and the rest as bytes."""
    with patch("jobruns_sdk.runs.many._ROWS_DECODED", 1), patch("jobruns_sdk.runs.many._FEWEST_DECODED", rows):
        yield


async def each(jobs: Iterable[Any]) -> AsyncIterator[JobRef]:
    """Yield the references of jobs as a program does that finds them one by one."""
    for job in jobs:
        await asyncio.sleep(0)
        yield job.ref


def keys(runs: Iterable[Run]) -> list[tuple[JobRef, str]]:
    """Return what tells runs apart."""
    return [(run.job, run.id) for run in runs]


def newest(runs: Iterable[Run]) -> list[datetime | None]:
    """Return the times of runs in the order in which they should come."""
    return sorted((run.created_at for run in runs), key=lambda at: -at.timestamp() if at else float("-inf"))


def times_of(runs: Iterable[Run]) -> list[datetime | None]:
    """Return the times of runs in the order in which they came."""
    return [run.created_at for run in runs]


async def other_tasks(turns: int = 3) -> set[str]:
    """Return the tasks that go on beside the test, after what was cancelled has had its turns."""
    for _ in range(turns):
        await asyncio.sleep(0)
    return {str(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()}
