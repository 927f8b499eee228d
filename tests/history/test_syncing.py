"""Pages of changes are stored with the place after them: nothing is lost where a sync ends early."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jobruns_sdk import ServiceUnavailableError, SourceError
from jobruns_sdk.history import RunStore, syncing, writing
from jobruns_sdk.history.rows import RunRow
from jobruns_sdk.paging.cursor import Cursor
from tests.history.kit import APP, GLUE, IMPORT, NOON, Told, run_of
from tests.transport.gated import until

PAGES = [[run_of(f"r{page}-{row}", minutes=page, state="SUCCEEDED") for row in range(3)] for page in range(4)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.sqlite"


def _stored(path: Path, sql: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


@pytest.mark.parametrize("fails_at", range(4))
async def test_a_sync_that_fails_goes_on_behind_what_it_has_stored(path: Path, fails_at: int) -> None:
    told = Told(PAGES)
    told.fails_at, told.error = fails_at, ServiceUnavailableError("down")
    async with RunStore(path) as store:
        with pytest.raises(ServiceUnavailableError):
            await store.sync(told, [GLUE])
        assert len(await store.runs().collect()) == 3 * fails_at
        told.fails_at = None
        report = await store.sync(told, [GLUE])
        assert report.added == 12 - 3 * fails_at  # what was stored was not told again
        assert {run.id async for run in store.runs()} == {run.id for page in PAGES for run in page}


async def test_a_page_and_its_place_are_stored_together_or_not_at_all(path: Path) -> None:
    told = Told(PAGES)
    async with RunStore(path) as store:
        await store.sync(Told(PAGES[:1]), [GLUE])
        with sqlite3.connect(path) as connection:  # from now on the place cannot be written
            connection.execute("create trigger torn before insert on cursors begin select raise(abort, 'torn'); end")
        connection.close()
        with pytest.raises(Exception, match="torn"):
            await store.sync(told, [GLUE])
        assert len(await store.runs().collect()) == 3


async def test_jobs_go_on_each_where_it_was_whichever_are_asked_for(path: Path) -> None:
    async with RunStore(path) as store:
        await store.sync(told := Told(PAGES), [GLUE, APP])
        told.asked.clear()
        assert (await store.sync(told, [GLUE])).added == 0
        assert (await store.sync(told, [APP])).added == 0
        assert all(asked["cursor"] is not None for asked in told.asked[1::2])
        told.pages = [[run_of("new", job=IMPORT)]]
        await store.sync(told, [IMPORT])
        assert (await store.runs(IMPORT).first()) is not None


async def test_jobs_are_named_as_the_client_names_them(path: Path) -> None:
    async with RunStore(path) as store:
        await store.sync(told := Told(PAGES), "glue:nightly-etl")
        assert told.asked[-1]["jobs"] == [GLUE]
        assert len(await store.runs("glue:nightly-etl?region=eu-west-1").collect()) == 12
        assert len(await store.runs("glue:nightly-etl").collect()) == 12
        assert await store.runs("glue:nightly-etl?region=us-east-1").collect() == []


async def test_arguments_are_those_of_changes(path: Path) -> None:
    def tell(_: SourceError) -> None:
        pass

    async with RunStore(path) as store:
        await store.sync(told := Told(), [GLUE], on_error=tell, limit_open=5, created_after=NOON)
    assert told.asked[-1]["on_error"] is tell
    assert told.asked[-1]["limit_open"] == 5
    assert told.asked[-1]["created_after"] == NOON


async def test_a_run_that_is_gone_while_it_went_on_is_lost_and_one_that_had_ended_is_not(path: Path) -> None:
    active, ended = run_of("active"), run_of("ended", state="FAILED")
    told = Told([[active, ended]])
    async with RunStore(path) as store:
        await store.sync(told, [GLUE])
        told.pages.append([run_of("other")])
        told.lost = [(2, active.ref), (2, ended.ref)]
        report = await store.sync(told, [GLUE])
        assert report.lost == 1
        assert await store.runs(lost=True).collect() == [active]  # as it was seen last
        assert {run.id async for run in store.runs(lost=False)} == {"ended", "other"}
        told.pages.append([active])  # a list that was stale
        told.lost = []
        await store.sync(told, [GLUE])
        assert await store.runs(lost=True).collect() == []


async def test_the_report_tells_what_is_new_and_what_is_different(path: Path) -> None:
    async with RunStore(path) as store:
        told = Told([[run_of("a"), run_of("b")], [run_of("a", state="SUCCEEDED"), run_of("b"), run_of("c")]])
        report = await store.sync(told, [GLUE])
    assert (report.added, report.changed, report.lost) == (3, 1, 0)


async def test_a_sync_that_is_cancelled_loses_nothing(path: Path) -> None:
    async with RunStore(path) as store:
        for turns in range(40):
            told = Told(PAGES)
            task = asyncio.create_task(store.sync(told, [GLUE]))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await store.sync(Told(PAGES), [GLUE])
        assert {run.id async for run in store.runs()} == {run.id for page in PAGES for run in page}


async def test_the_event_loop_goes_on_while_another_process_writes(path: Path) -> None:
    async with RunStore(path) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("begin immediate")
        syncing = asyncio.create_task(store.sync(Told(PAGES), [GLUE]))
        for _ in range(100):
            await asyncio.sleep(0.001)  # a turn of the loop: nothing is hoped for but that it comes
        assert not syncing.done()
        other.execute("commit")
        other.close()
        assert (await syncing).added == 12


async def test_pages_that_come_while_one_is_written_make_one_transaction(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    put_runs = writing.put_runs

    def put(connection: sqlite3.Connection, rows: Sequence[RunRow]) -> tuple[int, int]:
        sizes.append(len(rows))
        return put_runs(connection, rows)

    monkeypatch.setattr(syncing, "put_runs", put)
    told = Told([[run_of(f"r{page}-{row}", minutes=page) for row in range(100)] for page in range(40)])
    async with RunStore(path) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("begin immediate")
            task = asyncio.create_task(store.sync(told, [GLUE]))
            await until(lambda: told.handed_out == 21)  # 100 runs are being written, and 2 000 wait
            for _ in range(100):
                await asyncio.sleep(0)
            assert told.handed_out == 21
            other.execute("commit")
        assert (await task).added == 4_000
    assert sizes[:2] == [100, 2_000]
    assert sum(sizes) == 4_000


async def test_no_cursor_is_made_of_a_page(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Cursor] = []
    text_of = Cursor.__str__

    def text(cursor: Cursor) -> str:
        made.append(cursor)
        return text_of(cursor)

    monkeypatch.setattr(Cursor, "__str__", text)
    async with RunStore(path) as store:
        await store.sync(Told(PAGES), [GLUE])
        assert made == []
        await store.sync(Told(PAGES), [GLUE])
        assert len(made) == 1  # where it begins


async def test_the_tables_say_the_same_to_other_programs(path: Path) -> None:
    async with RunStore(path) as store:
        await store.sync(Told(PAGES), [GLUE])
        rows = _stored(path, "select run_ref, state, native ->> 'JobRunState' from runs order by created_at, run_ref")
    assert rows[0] == ("glue:nightly-etl/r0-0?region=eu-west-1", "SUCCEEDED", "FAILED")
    assert len(rows) == 12
