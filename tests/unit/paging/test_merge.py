"""How readers become one stream: how many pages are under way, and what is known before the end."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import pytest

from jobruns_sdk.errors import PaginationError
from jobruns_sdk.paging.arrivals import Arrivals
from jobruns_sdk.paging.merge import Merged, Stream
from jobruns_sdk.paging.pages import Pages, Walk
from jobruns_sdk.paging.plan import Plan
from jobruns_sdk.paging.reader import Reader
from jobruns_sdk.paging.source import AnySource, Batch, Source, Supply
from tests.unit.listings import KIND, LISTING, Book, Row, newest_first, pages_of, row

Open = Callable[[AnySource[Row]], Reader[Row]]

ROWS: Final = newest_first(12)


class Counted(Book):
    """A listing that counts how many pages are under way in all listings at once."""

    under_way_now = 0
    most = 0

    async def fetch(self, token: str | None, _: None = None) -> Batch[Row]:
        """Fetch the page of a token."""
        Counted.under_way_now += 1
        Counted.most = max(Counted.most, Counted.under_way_now)
        try:
            return await super().fetch(token)
        finally:
            Counted.under_way_now -= 1


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    Counted.most = 0


def opens(book: Book) -> Callable[[tuple[str, ...]], Book]:
    return lambda _: book


def sources_of(books: Sequence[Book]) -> list[Source[Row]]:
    return [Source(str(index), opens(book)) for index, book in enumerate(books)]


def merged(*books: Book, concurrency: int | None, limit: int | None = None) -> Pages[Row]:
    sources = sources_of(books)

    def arrange(open_reader: Open) -> Stream[Row]:
        return Merged([open_reader(source) for source in sources], concurrency=concurrency)

    return Pages(Plan(LISTING, {}, tuple(sources), KIND, arrange=arrange), limit=limit)


@pytest.mark.parametrize(("readers", "concurrency", "most"), [(4, None, 1), (4, 1, 1), (2, 2, 2), (4, 3, 3), (4, 9, 4)])
async def test_so_many_first_pages_are_under_way_at_once(readers: int, concurrency: int | None, most: int) -> None:
    books = [Counted(ROWS[reader::readers]) for reader in range(readers)]

    assert await merged(*books, concurrency=concurrency).collect() == ROWS
    assert Counted.most == most


@pytest.mark.parametrize(("concurrency", "most"), [(1, 1), (2, 2)])
async def test_pages_that_are_fetched_ahead_count_too(concurrency: int, most: int) -> None:
    books = [Counted(ROWS[reader:6:3], [], ROWS[6 + reader :: 3]) for reader in range(3)]

    assert await merged(*books, concurrency=concurrency).collect() == ROWS
    assert Counted.most == most


async def test_who_waits_for_a_slot_asks_before_the_page_that_freed_it_is_decoded() -> None:
    told: list[str] = []

    class Telling(Book):
        async def fetch(self, token: str | None, _: None = None) -> Batch[Row]:
            told.append(f"ask {self.page(token).rows[0].key}")
            return await super().fetch(token)

        def read(self, page: Batch[Row], _: None) -> tuple[Batch[Row], None]:
            told.append(f"decode {page.rows[0].key}")
            return page, None

    books = [Telling([row("a", 3)]), Telling([row("b", 2)]), Telling([row("c", 1)])]
    assert len(await merged(*books, concurrency=1).collect()) == 3
    assert told == ["ask a", "ask b", "decode a", "ask c", "decode b", "decode c"]


@pytest.mark.parametrize(("left", "asked"), [(20, [None, "1"]), (21, [None])])
async def test_a_lane_that_runs_low_fetches_ahead(left: int, asked: list[str | None]) -> None:
    first = Book([row("first", 1)], [row("last", -99)])
    second = Book(newest_first(left), [row("second", -50)])
    async with merged(first, second, concurrency=2).open() as walk:
        assert (await anext(walk)).key == "first"
        await turns()
        assert second.asked == asked


async def turns() -> None:
    """Let everything that can go on go on."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_rows_are_handed_out_together_up_to_the_next_page_that_is_needed() -> None:
    books = Book(ROWS[0:6:2], ROWS[6:8]), Book(ROWS[1:6:2], ROWS[8:])

    assert [len(page.items) async for page in pages_of(*books).by_page()] == [5, 1, 6]


class Several(Supply[Row]):
    """Sources that are known."""

    def __init__(self, *books: Book) -> None:
        self.sources = iter(sources_of(books))

    async def __anext__(self) -> Source[Row]:
        for source in self.sources:
            return source
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Let go of nothing."""


def arriving(*books: Book, concurrency: int) -> Pages[Row]:
    def arrange(open_reader: Open) -> Stream[Row]:
        return Arrivals(Several(*books), open_reader, concurrency=concurrency)

    return Pages(Plan(LISTING, {}, (), KIND, arrange=arrange))


async def keys(walk: Walk[Row], count: int) -> list[str]:
    return [(await anext(walk)).key for _ in range(count)]


class Together(Book):
    """A listing whose pages arrive when those of another one do."""

    def __init__(self, both: asyncio.Barrier, *pages: Sequence[Row]) -> None:
        super().__init__(*pages)
        self.both = both

    async def fetch(self, token: str | None, _: None = None) -> Batch[Row]:
        """Fetch the page of a token, and wait for the other one."""
        page = await super().fetch(token)
        await self.both.wait()
        return page


async def test_one_page_is_decoded_at_a_time_though_several_have_arrived() -> None:
    both = asyncio.Barrier(2)
    async with arriving(Together(both, ROWS[:2]), Together(both, ROWS[2:4]), concurrency=2).open() as walk:
        assert await keys(walk, 1) == ["r0"]
        assert walk.report.pages == 1
        assert await keys(walk, 3) == ["r1", "r2", "r3"]


async def test_it_is_known_that_the_last_source_was_opened_although_there_is_no_room_for_another() -> None:
    async with arriving(Book(ROWS[:2], ROWS[2:4], ROWS[4:6]), concurrency=1).open() as walk:
        await keys(walk, 2)
        assert not walk.report.complete
        await keys(walk, 2)
        assert walk.report.complete


async def test_a_source_that_waits_for_room_is_opened_at_last() -> None:
    async with arriving(Book(ROWS[:2], ROWS[2:4]), Book(ROWS[4:6]), concurrency=1).open() as walk:
        assert await keys(walk, 6) == ["r0", "r1", "r2", "r3", "r4", "r5"]
        assert await anext(walk, None) is None
        assert walk.report.complete


async def test_a_lane_that_goes_on_remembers_what_it_has_seen() -> None:
    endless = Book(ROWS[:2], ROWS[1:4], tokens={None: "1", "1": "1"})
    async with arriving(endless, concurrency=1).open() as walk:
        assert await keys(walk, 4) == ["r0", "r1", "r2", "r3"]
        with pytest.raises(PaginationError, match="twice"):
            await anext(walk)
