"""Runs of every kind, and a client that tells changes which a test has made up."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self, cast

import attrs
from hypothesis import strategies as st

from jobruns_sdk import JobRef, JobRun, NotFoundError, Page, RunState, SourceError, WalkReport
from jobruns_sdk.model.refs import RunRef, ref_of
from jobruns_sdk.model.runs import Usage
from jobruns_sdk.paging.cursor import Cursor, Place
from jobruns_sdk.paging.lists import RUNS
from jobruns_sdk.paging.page import page_at
from jobruns_sdk.paging.plan import Plan
from jobruns_sdk.paging.standing import Spot
from jobruns_sdk.services.datazone import native as datazone
from jobruns_sdk.services.emr_serverless import native as emr
from jobruns_sdk.services.glue import native as glue
from tests.unit.values import RUN

NOON: Final = datetime(2026, 3, 10, 12, tzinfo=UTC)
GLUE: Final = JobRef("glue", ("nightly-etl",), "eu-west-1")
APP: Final = JobRef("emr-serverless", ("00f1abcdefgh0909",), "eu-west-1", "prod", job_name="analytics")
IMPORT: Final = JobRef("datazone", ("dzd_4p9n6sw4qt9xgn", "job42"), "eu-west-1")
JOBS: Final = (GLUE, APP, IMPORT)
CANARY: Final = "correct horse"

_NATIVES: Final = {
    "glue": glue.JobRun(Id="jr_1", JobRunState="FAILED", Arguments={"--password": CANARY}, StartedOn=NOON),
    "emr-serverless": emr.JobRunSummary(id="00f1", state="FAILED", createdAt=NOON),
    "datazone": datazone.JobRunSummary(runId="abc", status="FAILED", createdAt=NOON),
}

Run = JobRun[Any]


def run_of(
    run_id: str,
    *,
    job: JobRef = GLUE,
    minutes: float | None = 0,
    state: str = "RUNNING",
    **members: Any,  # noqa: ANN401  # those of JobRun
) -> Run:
    """Return a run that was created so many minutes after noon, and ended five later where it has ended."""
    at = None if minutes is None else NOON + timedelta(minutes=minutes)
    ended = None if at is None or not RunState(state).is_terminal else at + timedelta(minutes=5)
    made: Run = attrs.evolve(
        cast("Run", RUN),
        job=job,
        id=run_id,
        state=RunState(state),
        native_state=state,
        message=None,
        created_at=at,
        started_at=at,
        updated_at=ended or at,
        ended_at=ended,
        usage=None,
        native=_NATIVES[job.service],
    )
    return attrs.evolve(made, **members)


class Told:
    """A client whose changes are pages that a test has made up; a cursor counts those that were handed out."""

    def __init__(self, pages: Sequence[Sequence[Run]] = (), lost: Iterable[tuple[int, RunRef]] = ()) -> None:
        self.pages: list[Sequence[Run]] = list(pages)
        self.lost = list(lost)
        self.asked: list[dict[str, Any]] = []
        self.handed_out = 0
        self.fails_at: int | None = None
        self.error: Exception = RuntimeError("no further")

    def handle(self, job: object) -> Any:  # noqa: ANN401  # a handle, of which a store takes the reference
        return _Named(attrs.evolve(ref_of(JobRef, job), region="eu-west-1"))

    def changes(self, jobs: Sequence[JobRef], *, cursor: str | None = None, **options: Any) -> Any:  # noqa: ANN401  # Pages
        self.asked.append({"jobs": jobs, "cursor": cursor, **options})
        return _Pages(self, cursor, tuple(map(str, jobs)))


@attrs.frozen
class _Named:
    ref: JobRef


@attrs.frozen
class _Pages:
    told: Told
    cursor: str | None
    jobs: tuple[str, ...]

    @property
    def plan(self) -> Plan[Run]:
        return Plan("told", {}, (), RUNS)

    def open(self) -> "_Walk":
        places = Cursor.parse(self.cursor, "told").places if self.cursor else {}
        begins = [int(place.token or 0) if (place := places.get(job)) else 0 for job in self.jobs]
        return _Walk(self.told, min(begins), self.jobs)


class _Walk:
    def __init__(self, told: Told, begin: int, jobs: Sequence[str]) -> None:
        self._told = told
        self._at = begin
        self._jobs = jobs

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def next_page(self) -> Page[Run] | None:
        if self._at == self._told.fails_at:
            raise self._told.error
        if self._at == len(self._told.pages):
            return None
        self._at += 1
        self._told.handed_out += 1
        return page_at(self._told.pages[self._at - 1], self.spot_before(0))

    def spot_before(self, count: int) -> Spot:
        assert count == 0
        return Spot("told", {}, {job: Place(str(self._at)) for job in self._jobs}, (), lambda: None, is_complete=True)

    @property
    def cursor(self) -> str | None:
        return self.spot_before(0).cursor()

    @property
    def failures(self) -> tuple[SourceError, ...]:
        gone = [ref for page, ref in self._told.lost if page <= self._at]
        return tuple(SourceError(ref.job, NotFoundError("gone"), ref) for ref in gone)

    @property
    def report(self) -> WalkReport:
        return WalkReport((), self.failures, complete=True)


_TEXTS: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_MOMENTS: Final = st.datetimes(timezones=st.just(UTC))
_HOURS: Final = st.none() | st.floats(0, 1e6)
_USAGES: Final = st.builds(Usage, _HOURS, _HOURS, _HOURS, _HOURS, st.sampled_from(["billed", "consumed", "estimated"]))


def runs(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[Run]:
    """Return runs of every kind."""
    jobs = st.sampled_from(JOBS)
    return jobs.flatmap(
        lambda job: st.builds(
            JobRun,
            **{
                "job": st.just(job),
                "id": _TEXTS.filter(bool),
                "name": st.none() | _TEXTS,
                "state": st.sampled_from(RunState),
                "native_state": _TEXTS,
                "message": st.none() | _TEXTS,
                "attempt": st.integers(1, 2**31 - 1),
                "created_at": st.none() | _MOMENTS,
                "started_at": st.none() | _MOMENTS,
                "updated_at": st.none() | _MOMENTS,
                "ended_at": st.none() | _MOMENTS,
                "created_by": st.none() | _TEXTS,
                "usage": st.none() | _USAGES,
                "native": st.just(_NATIVES[job.service]),
                **members,
            },
        )
    )
