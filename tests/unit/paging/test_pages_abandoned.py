"""A walk that is left behind leaves nothing behind: no task one turn later, no warning, no complaint of the loop."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest
import pytest_asyncio

from jobruns_sdk.errors import ServiceUnavailableError
from jobruns_sdk.paging.pages import Pages
from tests.garbage import keep_what_is_there
from tests.unit.listings import Book, Row, newest_first, other_tasks, pages_of

ROWS = newest_first(12)


@pytest_asyncio.fixture(autouse=True)
async def complaints() -> AsyncIterator[list[str]]:
    """What the event loop complains of, such as an exception that nobody has retrieved; at the end it is nothing."""
    heard: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(str(context)))
    keep_what_is_there()
    yield heard
    gc.collect()
    await asyncio.sleep(0)
    assert heard == []


async def break_off(pages: Pages[Row]) -> None:
    async for _ in pages:
        break


async def break_off_while_the_next_page_is_under_way(pages: Pages[Row]) -> None:
    async for _ in pages:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        break


async def break_off_by_page(pages: Pages[Row]) -> None:
    async for _ in pages.by_page():
        await asyncio.sleep(0)
        break


async def fail_in_the_body(pages: Pages[Row]) -> None:
    with suppress(KeyError):
        async for _ in pages:
            await asyncio.sleep(0)
            raise KeyError


async def drop_the_walk(pages: Pages[Row]) -> None:
    walk = pages.open()
    await anext(walk)
    await asyncio.sleep(0)
    del walk


async def drop_the_walk_in_a_circle(pages: Pages[Row]) -> None:
    circle: list[object] = [walk := pages.open()]
    circle.append(circle)
    await anext(walk)
    await asyncio.sleep(0)
    del circle, walk
    gc.collect()


async def close_the_walk(pages: Pages[Row]) -> None:
    walk = pages.open()
    await anext(walk)
    await asyncio.sleep(0)
    await walk.aclose()
    assert other_tasks() == set()


async def close_the_pages(pages: Pages[Row]) -> None:
    by_page = pages.by_page()
    await anext(by_page)
    await asyncio.sleep(0)
    await by_page.aclose()
    assert other_tasks() == set()


async def leave_the_block_by_an_error(pages: Pages[Row]) -> None:
    with suppress(KeyError):
        async with pages.open() as walk:
            await anext(walk)
            await asyncio.sleep(0)
            raise KeyError
    assert other_tasks() == set()


async def be_cancelled_in_the_body(pages: Pages[Row]) -> None:
    async def consume() -> None:
        async for _ in pages:
            await asyncio.Event().wait()

    await cancel_after_some_turns(consume())


async def cancel_after_some_turns(consumer: Awaitable[object]) -> None:
    task = asyncio.ensure_future(consumer)
    for _ in range(8):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    await asyncio.sleep(0)
    assert other_tasks() == set()  # although `task` still holds the exception, and with it the frames of the walk


@pytest.mark.parametrize(
    "leave",
    [
        break_off,
        break_off_while_the_next_page_is_under_way,
        break_off_by_page,
        fail_in_the_body,
        drop_the_walk,
        drop_the_walk_in_a_circle,
        close_the_walk,
        close_the_pages,
        leave_the_block_by_an_error,
        be_cancelled_in_the_body,
    ],
)
@pytest.mark.parametrize("ending", ["withheld", "failing", "quick"])
@pytest.mark.parametrize("count", [1, 3])
async def test_nothing_is_left(leave: Callable[[Pages[Row]], Awaitable[None]], ending: str, count: int) -> None:
    books = [Book(ROWS[at : 2 * count : count], ROWS[2 * count + at :: count]) for at in range(count)]
    for book in books:
        book.withheld = {"1"} if ending == "withheld" else ()
        book.failures = {"1": ServiceUnavailableError("down")} if ending == "failing" else {}
    await leave(pages_of(*books))

    await asyncio.sleep(0)
    assert other_tasks() == set()
    assert [book.under_way for book in books] == [0] * count


@pytest.mark.parametrize("withheld", [None, "1"])
@pytest.mark.parametrize("count", [1, 3])
async def test_nothing_is_left_when_the_wait_for_a_page_is_cancelled(withheld: str | None, count: int) -> None:
    books = [Book(ROWS[at : 2 * count : count], ROWS[2 * count + at :: count]) for at in range(count)]
    for book in books:
        book.withheld = {withheld}
    await cancel_after_some_turns(pages_of(*books).collect())

    assert [book.under_way for book in books] == [0] * count


async def test_a_walk_whose_wait_was_cancelled_goes_on() -> None:
    book = Book(ROWS[:2], ROWS[2:])
    book.withheld = {"1"}
    async with pages_of(book).open() as walk:
        seen = [await anext(walk), await anext(walk)]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await anext(walk)
        book.withheld = ()
        assert seen + [item async for item in walk] == ROWS


async def test_a_walk_that_is_closed_yields_nothing_more() -> None:
    book = Book(ROWS[:2], ROWS[2:])
    walk = pages_of(book).open()
    await anext(walk)
    cursor = walk.cursor
    await walk.aclose()
    await walk.aclose()

    assert await anext(walk, None) is None
    assert await walk.next_page() is None
    assert walk.cursor == cursor
    assert await pages_of(book, cursor=cursor).collect() == ROWS[1:]


async def test_a_walk_that_was_not_begun_can_be_closed() -> None:
    book = Book(ROWS)
    async with pages_of(book).open() as walk:
        pass
    assert await anext(walk, None) is None
    assert book.asked == []


async def test_a_walk_closed_by_another_task_fetches_nothing_ahead() -> None:
    book = Book(ROWS[:2], ROWS[2:])
    walk = pages_of(book).open()
    reading = asyncio.ensure_future(anext(walk, None))
    await asyncio.sleep(0)
    await walk.aclose()
    assert await reading is None
    await asyncio.sleep(0)

    assert other_tasks() == set()
    assert book.asked == [None]


async def test_a_walk_closed_by_another_task_has_no_page_for_who_waits() -> None:
    walk = pages_of(Book(ROWS[:2], ROWS[2:])).open()
    reading = asyncio.ensure_future(walk.next_page())
    await asyncio.sleep(0)
    await walk.aclose()

    assert await reading is None
