"""The short form of the oracle of reading, what its judge can see, and what takes a scene of its own."""

from collections.abc import AsyncIterator
from random import Random
from typing import Any, Final, Literal

import attrs
import pytest

from jobruns_sdk import CursorError, JobRunsClient, RunState, SourceError
from tests.oracle.reading import Schedules, run_all
from tests.oracle.reading_judge import Chain, Judge, Leg, Yield
from tests.oracle.reading_queries import ACTIVE, Query
from tests.oracle.reading_walks import text_of
from tests.oracle.reading_world import Asked, Job, Kind, Temper, World

SCHEDULES: Final = 25
STILL: Final = Temper(events=0.0)


@pytest.mark.parametrize("part", range(4))
async def test_walks_over_a_living_world_keep_their_promises(part: int) -> None:
    result = await run_all(range(part * SCHEDULES, (part + 1) * SCHEDULES))
    assert not result.problems, "\n".join(map(str, result.problems[:10]))
    assert result.complete > result.chains / 2


def _world(kind: Kind, count: int, temper: Temper = STILL, *, busy: float = 0.4, cap: int = 5) -> World:
    world = World(Random(4), temper, cap=cap)
    path = {"emr-serverless": ("00app0",), "glue": ("job-0",), "datazone": ("dzd_x", "job0")}[kind]
    world.populate(world.add_job(kind, path), count, busy, 300.0)
    return world


async def _walk(world: World, query: Query) -> Chain:
    """Read all in one walk."""
    async with Schedules().client(world) as client:
        leg = Leg("collect", world.moment, resumed=False, jobs=query.jobs)
        states = query.states
        async for run in client.runs(text_of(query.jobs[0]), states=states):
            leg.yields.append(Yield(world.moment, run))
        leg.ended = world.moment
    return Chain(query, [leg], complete=True)


def _kinds(world: World, chain: Chain) -> set[str]:
    return {problem.kind for problem in Judge(world, chain).problems()}


@pytest.mark.parametrize("oldest", [False, True])
def test_no_list_skips_a_row_that_stays_while_others_leave(oldest: bool) -> None:  # noqa: FBT001  # a parameter of pytest
    for seed in range(40):
        kind: Kind = "datazone" if oldest or seed % 2 else "glue"
        world = World(Random(seed), Temper(events=2.0, start=1.0, retention=1.0, late=0.5), counts=True, cap=5)
        job = world.add_job(kind, ("job-0",))
        world.populate(job, 30, 0.4, 300.0)
        shown, token = set[str](), None
        while True:
            asked = Asked(job, (), None, None, None, oldest=oldest, size=5, token=token)
            rows, token = world.list(asked)
            shown.update(row.id for row in rows)
            if token is None:
                break
            world.step()
        stayed = {row.id for row in job.rows if row.listed_between(0, world.moment)}
        assert stayed <= shown, seed


def test_a_group_of_retries_leaves_as_a_whole_or_where_the_history_ends() -> None:
    taken = 0
    for seed in range(30):
        world = World(Random(seed), Temper(events=2.0, move=1.0, remove=1.0, retention=0.3))
        job = world.add_job("glue", ("job-0",))
        world.populate(job, 40, 0.2, 300.0)
        for _ in range(20):
            before = job.visible(world.moment)
            world.step()
            gone = [row for row in before if row.removed <= world.moment]
            kept = [row for row in before if row.removed > world.moment]
            torn = [row for row in gone if any(other.root == row.root for other in kept)]
            taken += len(gone) - len(torn)
            assert all(row.place <= other.place for row in torn for other in kept), seed
    assert taken > 100


@pytest.mark.parametrize("kind", ["emr-serverless", "glue", "datazone"])
async def test_the_judge_finds_what_is_wrong_with_a_walk(kind: Kind) -> None:
    world = _world(kind, 30)
    chain = await _walk(world, Query(tuple(world.jobs), fan_out=True))
    assert _kinds(world, chain) == set()
    whole = chain.legs[0].yields
    chain.legs[0].yields = whole[:9] + whole[10:]
    assert _kinds(world, chain) == {"lost"}
    chain.legs[0].yields = [*whole, whole[-1]]
    assert _kinds(world, chain) == {"doubled"}
    chain.legs[0].yields = [*whole[:3], whole[4], whole[3], *whole[5:]]
    assert _kinds(world, chain) == {"order"}
    chain.legs[0].yields = whole
    created = whole[5].run.created_at
    assert created is not None
    chain.query = attrs.evolve(chain.query, after=round(created.timestamp() * 1000) + 1)
    assert _kinds(world, chain) == {"outside: window"}
    chain.query = Query(tuple(world.jobs), fan_out=True, states=frozenset({RunState.UNKNOWN}))
    assert _kinds(world, chain) == {"outside: state"}


@pytest.mark.parametrize("order", ["newest", "any"])
async def test_a_source_of_jobs_that_raised_raises_again(order: Literal["newest", "any"]) -> None:
    world = _world("glue", 5)

    async def found() -> AsyncIterator[str]:
        yield text_of(world.jobs[0])
        raise OSError("the inventory has vanished")

    async with Schedules().client(world) as client, client.runs(found(), order=order).open() as walk:
        raised = 0
        for _ in range(12):
            try:
                if await walk.next_page() is None:
                    break
            except OSError:
                raised += 1
                if raised == 3:
                    break
        assert raised == 3, "the walk ended as if it had read everything"


async def test_cursors_do_not_grow_with_the_runs_that_were_passed() -> None:
    world = _world("emr-serverless", 400, busy=1.0, cap=50)
    async with Schedules().client(world) as client:
        pages = client.emr_serverless("00app0").runs(states=ACTIVE)
        lengths = [len(page.cursor) async for page in pages.by_page() if page.cursor is not None]
    assert len(lengths) > 4
    assert max(lengths) < 2 * min(lengths) + 500, lengths


async def test_a_cursor_with_other_filters_says_that_they_may_be_left_out() -> None:
    world = _world("glue", 10)
    async with Schedules().client(world) as client:
        job = client.glue("job-0")
        page = await anext(job.runs(created_after=world.clock.now().replace(year=2020), page_size=2).by_page())
        world.clock.advance(0.014)
        with pytest.raises(CursorError, match=r"leav|left out"):
            await job.runs(created_after=world.clock.now().replace(year=2020), cursor=page.cursor).first()


def _vanish(job: Job, number: int) -> str:
    for row in job.rows:
        row.vanished = False
    job.rows[number].vanished = True
    return job.rows[number].id


@pytest.mark.parametrize("fan_out", [False, True])
async def test_a_run_that_vanished_hides_none_behind_it(fan_out: bool) -> None:  # noqa: FBT001  # a parameter of pytest
    world = _world("emr-serverless", 12)
    gone = _vanish(world.jobs[0], 5)
    async with Schedules().client(world) as client:
        told, runs = await _hydrated(client, fan_out=fan_out)
    assert len(runs) == 12
    assert told == [gone]


async def _hydrated(client: JobRunsClient, *, fan_out: bool) -> tuple[list[str], list[str]]:
    told: list[str] = []
    handle = client.emr_serverless("00app0")

    def keep(error: SourceError) -> None:
        told.append(error.run.run_id if error.run else "a job")

    listed: Any = client.runs([handle], hydrate=True, on_error=keep) if fan_out else None
    own: Any = handle.runs  # it gains on_error
    return told, [run.id async for run in listed or own(hydrate=True, on_error=keep)]
