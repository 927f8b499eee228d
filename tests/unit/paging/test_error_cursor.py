"""Every error that a walk raises tells where to go on."""

from collections.abc import Callable

import pytest

from jobruns_sdk.errors import JobRunsError, ServiceUnavailableError
from jobruns_sdk.paging.pages import Pages
from tests.unit.listings import Book, Row, newest_first, pages_of

ROWS = newest_first(12)


async def rows_and_error(pages: Pages[Row]) -> tuple[list[Row], JobRunsError]:
    seen: list[Row] = []
    try:
        async for row in pages:
            seen.append(row)  # noqa: PERF401  # what came before the error is to be seen, too
    except ServiceUnavailableError as error:
        return seen, error
    pytest.fail("the walk has ended without an error")


def book(failing: str | None) -> Book:
    book = Book(ROWS[:4], ROWS[4:8], ROWS[8:])
    book.failures[failing] = ServiceUnavailableError("down")
    return book


@pytest.mark.parametrize("others", [(), (newest_first(3, "x"),)])
@pytest.mark.parametrize("failing", ["1", "2"])
async def test_a_loop_over_pages_can_go_on_behind_what_it_has_seen(failing: str, others: tuple[list[Row], ...]) -> None:
    def listed(book: Book) -> list[Book]:
        return [book, *(Book(rows) for rows in others)]

    everything = await pages_of(*listed(Book(ROWS[:4], ROWS[4:8], ROWS[8:]))).collect()
    seen, error = await rows_and_error(pages_of(*listed(book(failing))))
    assert len(seen) >= 4 * int(failing)
    assert error.cursor is not None
    rest = await pages_of(*listed(Book(ROWS[:4], ROWS[4:8], ROWS[8:])), cursor=error.cursor).collect()
    assert [*seen, *rest] == everything


async def test_where_nothing_was_handed_out_it_is_the_cursor_that_the_walk_began_with() -> None:
    _, error = await rows_and_error(pages_of(book(None)))
    assert error.cursor is None

    async with pages_of(Book(ROWS[:4], ROWS[4:8], ROWS[8:])).open() as walk:
        assert await walk.take(2) == ROWS[:2]
        begun = walk.cursor
    _, error = await rows_and_error(pages_of(book(None), cursor=begun))
    assert error.cursor == begun


async def test_what_is_collected_goes_on_at_the_beginning_for_the_caller_has_nothing() -> None:
    with pytest.raises(ServiceUnavailableError) as caught:
        await pages_of(book("2")).collect()
    assert caught.value.cursor is None


ASK: dict[str, Callable[[Pages[Row]], object]] = {
    "collect": lambda pages: pages.collect(),
    "first": lambda pages: pages.first(),
    "by_page": lambda pages: anext(pages.by_page()),
    "take": lambda pages: pages.open().take(3),
}


@pytest.mark.parametrize("ask", ASK)
async def test_it_is_there_however_pages_are_read(ask: str) -> None:
    async with pages_of(Book(ROWS[:4], ROWS[4:8], ROWS[8:])).open() as walk:
        await walk.take(2)
        begun = walk.cursor
    with pytest.raises(ServiceUnavailableError) as caught:
        await ASK[ask](pages_of(book(None), cursor=begun))  # type: ignore[misc]  # each is awaitable
    assert caught.value.cursor == begun


async def test_an_error_that_is_none_of_this_package_tells_it_too() -> None:
    broken = Book(ROWS[:4], ROWS[4:8])
    broken.failures["1"] = OSError("inventory is gone")
    with pytest.raises(OSError, match="inventory") as caught:
        async for _ in pages_of(broken):
            pass
    rest = await pages_of(Book(ROWS[:4], ROWS[4:8]), cursor=vars(caught.value)["cursor"]).collect()
    assert rest == ROWS[4:8]
