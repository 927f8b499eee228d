"""Files that are no store, or damaged, are refused with a word on what they are."""

import asyncio
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from jobruns_sdk import InvalidRequestError, StoreError
from jobruns_sdk.history import RunStore
from jobruns_sdk.history.schema import VERSION, prepare
from tests.history.kit import GLUE, Told, run_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.sqlite"


async def _made(path: Path) -> list[object]:
    async with RunStore(path) as store:
        await store.sync(Told([[run_of(f"r{number}", minutes=number) for number in range(300)]]), [GLUE])
        return list(await store.runs().collect())


def _put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _content(path: Path) -> bytes:
    return path.read_bytes()


def _names(path: Path) -> list[str]:
    return [one.name for one in path.parent.iterdir()]


def _execute(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


async def test_what_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    _put(path, b"run,state\n" * 1_000)
    with pytest.raises(StoreError, match="is not a store of runs"):
        await RunStore(path).open()
    assert _content(path) == b"run,state\n" * 1_000
    assert _names(path) == ["runs.sqlite"]


async def test_a_database_of_something_else_is_refused_and_left_alone(path: Path) -> None:
    _execute(path, "create table runs (id)")
    before = _content(path)
    with pytest.raises(StoreError, match="something else"):
        await RunStore(path).open()
    assert _content(path) == before


async def test_a_later_version_is_refused(path: Path) -> None:
    await _made(path)
    _execute(path, f"pragma user_version = {VERSION + 1}")
    with pytest.raises(StoreError, match="later version"):
        await RunStore(path).open()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
async def test_a_file_that_was_cut_is_refused(path: Path, share: float) -> None:
    await _made(path)
    whole = _content(path)
    _put(path, whole[: int(len(whole) * share)])
    with pytest.raises(StoreError, match="damaged"):
        await RunStore(path).open()


async def test_damage_that_is_met_later_is_told(path: Path) -> None:
    await _made(path)
    whole = bytearray(_content(path))
    whole[8192:-4096] = b"\xff" * (len(whole) - 8192 - 4096)
    _put(path, bytes(whole))
    async with RunStore(path) as store:
        with pytest.raises(StoreError, match="damaged"):
            await store.runs().collect()


async def test_a_row_that_nobody_here_has_written_is_told(path: Path) -> None:
    await _made(path)
    _execute(path, "update runs set state = 'BROKEN' where run_id = 'r7'")
    async with RunStore(path) as store:
        with pytest.raises(StoreError, match="r7"):
            await store.runs().collect()


async def test_a_place_that_nobody_here_has_written_is_told(path: Path) -> None:
    await _made(path)
    _execute(path, "update cursors set place = '{broken'")
    async with RunStore(path) as store:
        with pytest.raises(StoreError, match="cursors"):
            await store.sync(Told(), [GLUE])


async def test_an_empty_file_becomes_a_store(path: Path) -> None:
    _put(path, b"")
    assert len(await _made(path)) == 300


async def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open"):
        await RunStore(tmp_path / "missing" / "runs.sqlite").open()


async def test_a_store_in_memory_is_one(path: Path) -> None:  # noqa: ARG001  # nothing is written there
    async with RunStore(":memory:") as store:
        await store.sync(Told([[run_of("r")]]), [GLUE])
        assert await store.runs().collect() == [run_of("r")]


async def test_a_store_that_is_not_open_says_so(path: Path) -> None:
    store = RunStore(path)
    with pytest.raises(StoreError, match="not open"):
        await store.runs().collect()
    async with store:
        with pytest.raises(StoreError, match="open already"):
            await store.open()
    with pytest.raises(StoreError, match="not open"):
        await store.sync(Told(), [GLUE])
    async with store:  # it can be opened again
        assert await store.runs().collect() == []


async def test_many_open_one_new_file_at_once(path: Path) -> None:
    stores = [RunStore(path) for _ in range(8)]
    await asyncio.gather(*(store.open() for store in stores))
    await asyncio.gather(*(store.sync(Told([[run_of(f"r{number}")]]), [GLUE]) for number, store in enumerate(stores)))
    assert len(await stores[0].runs().collect()) == 8
    await asyncio.gather(*(store.aclose() for store in stores))


class _Slow(sqlite3.Connection):
    """A connection between whose reads another process makes the file a store."""

    path: str

    def execute(self, sql: str, /, *given: object) -> sqlite3.Cursor:
        if sql == "pragma user_version":
            connected = closing(sqlite3.connect(self.path, timeout=0, isolation_level=None))
            with connected as other, suppress(sqlite3.OperationalError):  # it has to wait
                prepare(other, self.path)
        return super().execute(sql, *given)  # type: ignore[arg-type]  # as they are given


def test_a_file_that_becomes_a_store_while_it_is_opened_is_one(path: Path) -> None:
    _Slow.path = str(path)
    with closing(sqlite3.connect(path, factory=_Slow, isolation_level=None)) as connection:
        prepare(connection, str(path))
        assert connection.execute("pragma user_version").fetchone() == (VERSION,)


async def test_a_file_that_is_locked_for_too_long_is_told_as_worth_another_try(path: Path) -> None:
    async with RunStore(path, busy_timeout=0.05) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("begin immediate")
        with pytest.raises(StoreError, match="another process") as caught:
            await store.sync(Told([[run_of("r")]]), [GLUE])
        other.execute("rollback")
        other.close()
        assert caught.value.retryable
        await store.sync(Told([[run_of("r")]]), [GLUE])


@pytest.mark.parametrize("given", [None, 7, b""])
def test_what_is_no_path_is_refused(given: object) -> None:
    with pytest.raises(InvalidRequestError, match="path"):
        RunStore(given)  # type: ignore[arg-type]  # that is refused
