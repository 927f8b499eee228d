"""From the arguments of a list call to pages: what every service has in common."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Final

import attrs
import pytest

from jobruns_sdk.errors import CursorError, InvalidRequestError
from jobruns_sdk.model.runs import Attempt, Job, JobRun
from jobruns_sdk.model.states import RunState
from jobruns_sdk.paging.cursor import Cursor
from jobruns_sdk.paging.lists import attempt_pages, completed, job_pages, run_pages
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.query import RunQuery, Wanted
from jobruns_sdk.paging.source import Batch, Listing, Named, Source
from tests.unit.listings import Probe
from tests.unit.values import ATTEMPT, CREATED, JOB, REF, RUN

STATES: Final = {"RUNNING": RunState.RUNNING, "FAILED": RunState.FAILED}
PLACE: Final = attrs.evolve(JOB, profile="prod")


class Rows:
    """A listing of one page, or of one row a page."""

    operation: ClassVar[Named] = Probe("ListRows")

    def __init__(self, *rows: Any, size: int = 9) -> None:  # noqa: ANN401  # runs, attempts or jobs
        self.rows = rows
        self.size = size

    async def fetch(self, token: str | None, _: None) -> Batch[Any]:
        start = int(token or 0)
        end = start + self.size
        return Batch(self.rows[start:end], str(end) if end < len(self.rows) else None)

    def read(self, page: Batch[Any], _: None) -> tuple[Batch[Any], None]:
        return page, None


def run(name: str, hours: float = 0, **members: Any) -> JobRun[Any]:  # noqa: ANN401  # JobRun's own
    return attrs.evolve(RUN, id=name, created_at=CREATED + timedelta(hours=hours), **members)


class Asked:
    """What opens the sources of runs, and remembers for which filters."""

    def __init__(self, *listings: Sequence[JobRun[Any]]) -> None:
        self.listings = listings
        self.wanted: list[tuple[RunQuery, Wanted]] = []

    def __call__(self, query: RunQuery, wanted: Wanted) -> list[Source[JobRun[Any]]]:
        self.wanted.append((query, wanted))
        return [Source(str(at), _opens(Rows(*rows))) for at, rows in enumerate(self.listings)]

    def pages(self, query: RunQuery = RunQuery(), *, limit: int | None = None, cursor: str | None = None) -> Pages[Any]:  # noqa: B008  # frozen
        return run_pages(JOB, query, STATES, self, limit=limit, cursor=cursor)


def _opens(listing: Listing[Any, Any, Any]) -> Callable[[tuple[str, ...]], Listing[Any, Any, Any]]:
    return lambda _: listing


async def cursor_after_one(pages: Pages[Any]) -> str:
    async with pages.open() as walk:
        await anext(walk)
        assert walk.cursor is not None
        return walk.cursor


NEWEST: Final = [run("c", 3), run("b", 2), run("a", 1)]


async def test_runs_are_merged_newest_first_or_oldest_first() -> None:
    c, b, a = NEWEST

    assert await Asked([c, a], [b]).pages().collect() == [c, b, a]
    assert await Asked([a, c], [b]).pages(RunQuery(order="oldest")).collect() == [a, b, c]


@pytest.mark.parametrize("order", ["newest", "oldest"])
async def test_a_row_knows_what_it_is(order: Any) -> None:  # noqa: ANN401  # an order
    assert Asked(NEWEST).pages(RunQuery(order=order)).plan.kind.row is JobRun
    assert attempt_pages(REF, Rows, limit=None, cursor=None).plan.kind.row is Attempt
    assert job_pages(PLACE, Rows, name=None, said=None, limit=None, cursor=None).plan.kind.row is Job


async def test_runs_are_filtered_and_their_listings_told_what_is_wanted() -> None:
    query = RunQuery(states={RunState.FAILED})
    asked = Asked([run("b", 2, state=RunState.RUNNING), run("a", 1)])

    assert await asked.pages(query).collect() == [run("a", 1)]
    assert asked.wanted == [(query, ("FAILED",))]


async def test_where_no_state_satisfies_the_filters_nothing_is_listed() -> None:
    asked = Asked(NEWEST)

    assert await asked.pages(RunQuery(states={RunState.STOPPED})).collect() == []
    assert asked.wanted == []


async def test_a_cursor_goes_on_with_its_own_filters_in_its_own_listing() -> None:
    query = RunQuery(states={RunState.FAILED}, order="newest")
    cursor = await cursor_after_one(Asked(NEWEST).pages(query))
    asked = Asked(NEWEST)

    assert await asked.pages(cursor=cursor).collect() == NEWEST[1:]
    assert asked.wanted == [(query, ("FAILED",))]
    assert Cursor.parse(cursor, f"runs of {JOB}").query == {"states": ["FAILED"], "order": "newest"}
    with pytest.raises(CursorError, match="states"):
        asked.pages(RunQuery(states={RunState.RUNNING}), cursor=cursor)
    with pytest.raises(CursorError, match="continues"):
        run_pages(JOB.sibling("another"), RunQuery(), STATES, asked, limit=None, cursor=cursor)


async def test_what_is_got_takes_the_place_of_what_was_listed() -> None:
    async def full(listed: JobRun[Any]) -> JobRun[Any]:
        return attrs.evolve(listed, created_by=f"{listed.id}'s")

    pages = run_pages(JOB, RunQuery(), STATES, Asked(NEWEST), limit=2, cursor=None, full=full)
    assert [(row.id, row.created_by) for row in await pages.collect()] == [("c", "c's"), ("b", "b's")]


async def test_ten_rows_are_completed_at_once_in_order() -> None:
    under_way: list[str] = []
    most = 0

    async def full(row: JobRun[Any]) -> JobRun[Any]:
        nonlocal most
        under_way.append(row.id)
        most = max(most, len(under_way))
        await asyncio.sleep(0)
        under_way.remove(row.id)
        return attrs.evolve(row, message="full")

    rows = [run(str(number)) for number in range(25)]
    assert await completed(full, "raise", rows) == ([attrs.evolve(row, message="full") for row in rows], [])
    assert most == 10


ATTEMPTS: Final = [attrs.evolve(ATTEMPT, number=number) for number in (1, 2, 3)]


async def test_attempts_come_as_they_are_listed_and_are_resumed_by_their_number() -> None:
    def pages(cursor: str | None = None, run_id: str = "jr_0", limit: int | None = None) -> Pages[Attempt[Any]]:
        return attempt_pages(JOB.run(run_id), lambda: Rows(*ATTEMPTS), limit=limit, cursor=cursor)

    cursor = await cursor_after_one(pages())
    assert repr(pages()) == f"<Pages: attempts of {REF}>"
    assert await pages().collect() == ATTEMPTS
    assert await pages(limit=2).collect() == ATTEMPTS[:2]
    assert await pages(cursor).collect() == ATTEMPTS[1:]
    with pytest.raises(CursorError, match="continues"):
        pages(cursor, run_id="jr_1")


JOBS: Final = [Job(JOB.sibling(name), name, None, None) for name in ("etl-a", "load", "etl-b", "ETL-c")]
NAMELESS: Final = Job(JOB.sibling("x"), None, None, None)


def jobs_named(
    name: str | None = None, *, said: object = None, limit: int | None = None, cursor: str | None = None
) -> Pages[Job[Any]]:
    return job_pages(PLACE, lambda: Rows(*JOBS, NAMELESS), name=name, said=said, limit=limit, cursor=cursor)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (None, [*JOBS, NAMELESS]),
        ("*", JOBS),
        ("etl-*", [JOBS[0], JOBS[2]]),
        ("load", [JOBS[1]]),
        ("none", []),
    ],
)
async def test_jobs_are_found_by_a_pattern_of_their_names(name: str | None, found: list[Job[Any]]) -> None:
    assert await jobs_named(name).collect() == found
    assert await jobs_named(name, limit=1).collect() == found[:1]


async def test_a_cursor_of_jobs_fits_the_same_place_pattern_and_filters() -> None:
    cursor = await cursor_after_one(jobs_named("etl-*", said=("tag", "a")))

    assert await jobs_named("etl-*", said=("tag", "a"), cursor=cursor).collect() == [JOBS[2]]
    parsed = Cursor.parse(cursor, "jobs of glue in eu-west-1 for prod, named etl-*, ('tag', 'a')")
    assert (parsed.query, list(parsed.places)) == ({}, [""])
    with pytest.raises(CursorError, match="continues"):
        jobs_named(said=("tag", "a"), cursor=cursor)
    with pytest.raises(CursorError, match="continues"):
        jobs_named("etl-*", cursor=cursor)


def test_a_limit_is_a_count() -> None:
    with pytest.raises(InvalidRequestError, match=r"^limit must be an integer"):
        Asked(NEWEST).pages(limit=0)
    with pytest.raises(InvalidRequestError, match=r"^limit must be an integer"):
        attempt_pages(REF, Rows, limit=0, cursor=None)
    with pytest.raises(InvalidRequestError, match=r"^limit must be an integer"):
        jobs_named(limit=0)
