"""Going on in another process where an earlier walk has left off."""

from collections.abc import Sequence
from typing import Final

import pytest

from jobruns_sdk.errors import ServiceUnavailableError
from jobruns_sdk.paging.source import Batch
from tests.unit.listings import Book, Recorder, Row, newest_first, pages_of, row

ROWS = newest_first(9)
BOOK: Final[Sequence[list[Row]]] = (ROWS[:3], [], ROWS[3:6], ROWS[6:])


class Batches(Recorder):
    """A listing of one batch."""

    def __init__(self, batch: Batch[Row]) -> None:
        super().__init__()
        self._batch = batch

    def page(self, token: str | None) -> Batch[Row]:
        """The batch, whatever the token."""
        del token
        return self._batch


def is_even(candidate: Row) -> bool:
    return int(candidate.key[1:]) % 2 == 0


async def test_the_cursor_of_each_page_resumes_exactly_after_it() -> None:
    seen: list[Row] = []
    async for page in pages_of(Book(*BOOK)).by_page():
        seen += page.items
        assert (page.cursor is None) == (seen == ROWS)
        if page.cursor is not None:
            assert seen + await pages_of(Book(*BOOK), cursor=page.cursor).collect() == ROWS
            assert await pages_of(Book(*BOOK), cursor=page.cursor).first() is ROWS[len(seen)]
    assert seen == ROWS


@pytest.mark.parametrize("consumed", range(10))
async def test_a_walk_has_a_cursor_anywhere(consumed: int) -> None:
    async with pages_of(Book(*BOOK)).open() as walk:
        for _ in range(consumed):
            await anext(walk)
        cursor = walk.cursor
        assert walk.cursor == cursor
    if cursor is None:
        assert consumed == 9
    else:
        assert await pages_of(Book(*BOOK), cursor=cursor).collect() == ROWS[consumed:]


async def test_a_cursor_is_none_only_when_nothing_is_left() -> None:
    async with pages_of(Book(*BOOK)).open() as walk:
        async for item in walk:
            assert (walk.cursor is None) == (item is ROWS[-1])
        assert walk.cursor is None
        assert await anext(walk, None) is None
        assert walk.cursor is None


async def test_a_page_that_begins_in_the_middle_re_reads_no_page_before_it() -> None:
    async with pages_of(Book(*BOOK)).open() as walk:
        for _ in range(5):
            await anext(walk)
        cursor = walk.cursor
    book = Book(*BOOK)
    assert await pages_of(book, cursor=cursor).collect() == ROWS[5:]
    assert book.asked == ["2", "3"]


@pytest.mark.parametrize("limit", range(1, 10))
async def test_where_the_limit_ends_a_walk_a_cursor_goes_on(limit: int) -> None:
    portions: list[list[Row]] = []
    cursor: str | None = None
    while True:
        async with pages_of(Book(*BOOK), limit=limit, cursor=cursor).open() as walk:
            portions.append([item async for item in walk])
            cursor = walk.cursor
        if cursor is None:
            break
    assert [item for portion in portions for item in portion] == ROWS
    assert all(len(portion) == limit for portion in portions[:-1])


async def test_rows_left_out_by_a_filter_are_left_out_again() -> None:
    async with pages_of(Book(*BOOK), accept=is_even).open() as walk:
        assert [await anext(walk), await anext(walk)] == [ROWS[0], ROWS[2]]
        cursor = walk.cursor
    assert await pages_of(Book(*BOOK), accept=is_even, cursor=cursor).collect() == ROWS[4::2]


async def test_a_walk_that_was_resumed_has_cursors_too() -> None:
    seen: list[Row] = []
    cursor: str | None = None
    while len(seen) < len(ROWS):
        async with pages_of(Book(*BOOK), cursor=cursor).open() as walk:
            seen.append(await anext(walk))
            cursor = walk.cursor
    assert seen == ROWS
    assert cursor is None


async def test_a_walk_resumed_and_not_begun_keeps_its_place() -> None:
    async with pages_of(Book(*BOOK)).open() as walk:
        for _ in range(4):
            await anext(walk)
        cursor = walk.cursor
    assert pages_of(Book(*BOOK), cursor=cursor).open().cursor == cursor


ODD, EVEN, THIRD = ROWS[1::2], ROWS[::2], [row("t", -2.5)]
MERGED = [*ROWS[:3], *THIRD, *ROWS[3:]]


def three_books() -> tuple[Book, Book, Book]:
    return Book(EVEN[:1], EVEN[1:2], EVEN[2:]), Book(ODD[:3], [], ODD[3:]), Book([], THIRD)


async def test_several_sources_are_merged_in_order() -> None:
    books = three_books()
    async with pages_of(*books).open() as walk:
        assert [item async for item in walk] == MERGED
        assert (walk.report.calls, walk.report.pages, walk.report.rows) == (8, 8, 10)
        assert walk.report.disorder == 0


@pytest.mark.parametrize("consumed", range(11))
async def test_a_merged_walk_has_a_cursor_anywhere(consumed: int) -> None:
    async with pages_of(*three_books()).open() as walk:
        for _ in range(consumed):
            await anext(walk)
        cursor = walk.cursor
    assert (cursor is None) == (consumed == 10)
    if cursor is not None:
        assert await pages_of(*three_books(), cursor=cursor).collect() == MERGED[consumed:]


@pytest.mark.parametrize("consumed", [3, 4, 5])
async def test_rows_that_turn_up_ahead_of_the_stream_come_in_none_of_its_sources(consumed: int) -> None:
    one, other = [row("a0", 0), row("a1", -10), row("a2", -20)], [row(f"b{at}", -at) for at in range(1, 7)]
    async with pages_of(Book(one), Book(other[:3], other[3:])).open() as walk:
        seen = [await anext(walk) for _ in range(consumed)]
        cursor = walk.cursor
    grown = Book([one[0], row("new", -0.5), row("newer", -1.5), *one[1:]])

    assert seen + await pages_of(grown, Book(other[:3], other[3:]), cursor=cursor).collect() == [
        one[0],
        *other,
        *one[1:],
    ]


async def test_what_comes_where_a_list_ends_comes_whatever_the_time_of_the_stream() -> None:
    one, other = [row("a0", 0), row("a1", -10)], [row(f"b{at}", -at) for at in range(1, 4)]
    async with pages_of(Book(one), Book(other)).open() as walk:
        seen = [await anext(walk) for _ in range(3)]
        cursor = walk.cursor
    lost = Batches(Batch([one[0], row("lost", -0.5)], last=1))

    assert seen + await pages_of(lost, Book(other), cursor=cursor).collect() == [
        *(one[0], *other[:2]),
        *(row("lost", -0.5), other[2]),
    ]


async def test_the_pages_of_a_merged_walk_have_cursors() -> None:
    seen: list[Row] = []
    async for page in pages_of(*three_books()).by_page():
        assert page.items
        seen += page.items
        if page.cursor is not None:
            assert seen + await pages_of(*three_books(), cursor=page.cursor).collect() == MERGED
    assert seen == MERGED


async def test_an_error_of_one_source_keeps_the_place_in_all() -> None:
    books = three_books()
    books[1].failures["1"] = ServiceUnavailableError("down")
    async with pages_of(*books).open() as walk:
        seen = [await anext(walk) for _ in range(7)]
        with pytest.raises(ServiceUnavailableError):
            await anext(walk)
        cursor = walk.cursor
        assert seen + [item async for item in walk] == MERGED
    assert seen + await pages_of(*three_books(), cursor=cursor).collect() == MERGED


async def test_only_the_source_that_has_run_out_fetches_ahead() -> None:
    books = three_books()
    async with pages_of(*books).open() as walk:
        await anext(walk)
        await walk.next_page()
        assert [len(book.asked) for book in books] == [2, 1, 2]


async def test_a_row_that_two_sources_list_comes_once() -> None:
    """A run that moves on to another state while states are listed one by one."""
    moved = ROWS[3]
    first, second = Book(ROWS[:3], [moved]), Book([moved, *ROWS[4:]])
    assert await pages_of(first, second).collect() == ROWS
