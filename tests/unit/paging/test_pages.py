import asyncio
import gc
import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import Any

import pytest

from jobruns_sdk.errors import InvalidRequestError, PaginationError, ServiceUnavailableError
from jobruns_sdk.loop.meter import meter
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.reports import SourceError
from jobruns_sdk.paging.merge import Merged
from jobruns_sdk.paging.pages import Pages, Walk
from jobruns_sdk.paging.plan import Plan
from jobruns_sdk.paging.reader import Reader
from jobruns_sdk.paging.source import AnySource, Batch, Source
from tests.unit.listings import KIND, LISTING, Book, Row, Shelf, newest_first, pages_of, row

ROWS = newest_first(9)
THREE_PAGES = (ROWS[:3], ROWS[3:6], ROWS[6:])


def is_even(candidate: Row) -> bool:
    return int(candidate.key[1:]) % 2 == 0


async def test_nothing_is_asked_for_before_the_first_item() -> None:
    book = Book(*THREE_PAGES)
    pages = pages_of(book)
    walk, by_page = pages.open(), pages.by_page()
    await asyncio.sleep(0)

    assert book.asked == []
    assert walk.cursor is not None
    assert (walk.report.calls, walk.report.pages, walk.report.rows, walk.report.disorder) == (0, 0, 0, 0)
    await asyncio.gather(walk.aclose(), by_page.aclose())


async def test_every_loop_starts_afresh() -> None:
    book = Book(*THREE_PAGES)
    pages = pages_of(book, limit=7)
    async for first in pages:
        assert first is ROWS[0]
        break

    assert await pages.collect() == ROWS[:7]
    assert await pages.collect() == ROWS[:7]
    assert [item async for page in pages.by_page() for item in page.items] == ROWS[:7]
    assert await pages.first() == ROWS[0]
    assert book.asked.count(None) == 5


async def test_an_empty_listing_has_no_first_item() -> None:
    assert await pages_of(Book([])).first() is None
    assert await pages_of(Book([])).collect() == []
    assert [page async for page in pages_of(Book([])).by_page()] == []
    assert await pages_of().collect() == []


@pytest.mark.parametrize("empty", [1, 5 * sys.getrecursionlimit()])
async def test_empty_pages_are_walked_through(empty: int) -> None:
    nothing: list[list[Row]] = [[]] * empty
    book = Book(*nothing, ROWS[:2], *nothing, ROWS[2:], [])
    async with pages_of(book).open() as walk:
        assert [item async for item in walk] == ROWS
        assert walk.report.pages == walk.report.calls == len(book.asked) == 2 * empty + 3


async def turns() -> None:
    """Let everything that can go on go on."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_page_is_fetched_ahead_while_the_caller_works() -> None:
    book = Book(*THREE_PAGES)
    async with pages_of(book).open() as walk:
        for index, asked in enumerate([2, 2, 2, 3, 3, 3, 3, 3, 3]):
            assert await anext(walk) is ROWS[index]
            await turns()
            assert len(book.asked) == asked
        assert await anext(walk, None) is None
    assert book.asked == [None, "1", "2"]


@pytest.mark.parametrize(("limit", "calls"), [(1, 1), (2, 1), (3, 1), (4, 2), (6, 2), (7, 3), (9, 3), (100, 3)])
async def test_a_page_that_the_limit_does_not_need_is_not_fetched(limit: int, calls: int) -> None:
    book = Book(*THREE_PAGES)
    async with pages_of(book, limit=limit).open() as walk:
        assert await anext(walk) is ROWS[0]
        await turns()
        assert len(book.asked) == min(calls, 2)
        assert [item async for item in walk] == ROWS[1:limit]
        await turns()
    assert len(book.asked) == calls


async def test_rows_without_a_time_are_read_page_by_page_too() -> None:
    undated = [row(f"u{index}", None) for index in range(6)]
    book = Book(undated[:2], undated[2:4], undated[4:])
    async with pages_of(book).open() as walk:
        assert [await anext(walk) for _ in range(2)] == undated[:2]
        cursor = walk.cursor
        assert await anext(walk) is undated[2]
        assert book.asked == [None, "1"]
        assert [item async for item in walk] == undated[3:]
    book.asked.clear()
    async with pages_of(book, cursor=cursor).open() as walk:
        assert await anext(walk) is undated[2]
        assert book.asked == ["1"]
        assert [item async for item in walk] == undated[3:]


async def test_the_limit_counts_what_the_filter_lets_through() -> None:
    book = Book(*THREE_PAGES)
    assert await pages_of(book, accept=is_even, limit=3).collect() == [ROWS[0], ROWS[2], ROWS[4]]
    assert len(book.asked) == 2
    assert await pages_of(book, accept=is_even, limit=99).collect() == ROWS[::2]


async def test_rows_are_taken_by_the_page_and_each_once() -> None:
    walk = pages_of(Book(ROWS[:3], ROWS[3:6], ROWS[6:7])).open()
    taken = [list(await walk.take(most)) for most in (2, None, 9, None)]
    assert taken == [ROWS[:2], ROWS[2:3], ROWS[3:6], ROWS[6:7]]
    assert not await walk.take()


@pytest.mark.parametrize("most", [0, -1, True, "2"])
async def test_a_number_of_rows_to_take_that_is_none_is_refused(most: Any) -> None:  # noqa: ANN401  # wrong on purpose
    walk = pages_of(Book(ROWS[:3])).open()
    await walk.take(2)
    with pytest.raises(InvalidRequestError, match="most must be an integer of 1 or more, or None"):
        await walk.take(most)
    assert await walk.take() == ROWS[2:3]


async def test_the_first_item_takes_no_page_more() -> None:
    book = Book([], ROWS[:1], ROWS[1:])
    assert await pages_of(book, limit=5).first() is ROWS[0]
    await turns()
    assert book.asked == [None, "1"]


async def test_the_first_item_alone_is_completed() -> None:
    completed: list[Row] = []

    async def finish(rows: Sequence[Row]) -> tuple[Sequence[Row], Sequence[SourceError]]:
        completed.extend(rows)
        await turns()
        return rows, ()

    book = Book(*THREE_PAGES)
    pages = Pages(Plan(LISTING, {}, (Source("", lambda _: book),), KIND, finish=finish))
    assert await pages.first() is ROWS[0]
    assert completed == ROWS[:1]
    assert book.asked == [None]


async def test_rows_that_were_completed_are_as_many_as_before() -> None:
    async def lose_one(rows: Sequence[Row]) -> tuple[Sequence[Row], Sequence[SourceError]]:
        return rows[1:], ()

    book = Book(*THREE_PAGES)
    with pytest.raises(ValueError, match="longer"):
        await Pages(Plan(LISTING, {}, (Source("", lambda _: book),), KIND, finish=lose_one)).collect()


async def test_requests_that_failed_are_counted_too() -> None:
    book = Book(*THREE_PAGES)
    error = ServiceUnavailableError("down")
    error.requests = 3
    async with pages_of(book).open() as walk:
        for _ in range(2):
            book.failures[None] = error
            with pytest.raises(ServiceUnavailableError):
                await anext(walk)
        assert [item async for item in walk] == ROWS
    assert (walk.report.calls, walk.report.pages) == (3 + 3 + 3, 3)


async def test_a_token_that_comes_twice_is_told_with_its_source() -> None:
    with pytest.raises(PaginationError) as caught:
        await pages_of(Book(ROWS[:1], ROWS[1:2], tokens={None: "1", "1": "1"})).collect()
    assert str(caught.value) == (
        "probe.ListRows: the service sent the same page token twice: its pages never end (of 0)"
    )


async def test_what_reading_has_cost_is_added_up() -> None:
    class Costly(Book):
        def page(self, token: str | None) -> Batch[Row]:
            meter().add(throttled=1, waited=0.25)
            page = super().page(token)
            return Batch(page.rows, page.token, requests=2)

    async with pages_of(Costly(*THREE_PAGES), Costly(ROWS[:0], [])).open() as walk:
        assert [item async for item in walk] == ROWS
    assert [(source.calls, source.waited) for source in walk.report.sources] == [(6, 0.75), (4, 0.5)]
    assert [source.throttled for source in walk.report.sources] == [3, 2]
    assert (walk.report.calls, walk.report.throttled, walk.report.waited) == (10, 5, 1.25)


def opened(book: Book, _: tuple[str, ...]) -> Book:
    return book


async def test_rows_of_two_jobs_may_have_the_same_key() -> None:
    books = {"a": Book([row("same", 2)]), "b": Book([row("same", 1)]), "c": Book([row("same", 1)])}
    jobs = {"a": JobRef("glue", "one"), "b": JobRef("glue", "other"), "c": JobRef("glue", "other")}
    sources = tuple(Source(name, partial(opened, book), jobs[name]) for name, book in books.items())

    seen = await Pages(Plan(LISTING, {}, sources, KIND)).collect()
    assert seen == [row("same", 2), row("same", 1)]


async def test_who_waits_for_a_page_that_another_task_reads_gets_a_row_of_it() -> None:
    async with pages_of(Book(ROWS)).open() as walk:
        assert list(await asyncio.gather(anext(walk), anext(walk), anext(walk))) == ROWS[:3]


async def test_a_source_has_ended_when_its_last_row_was_taken() -> None:
    def ended(walk: Walk[Row]) -> list[bool]:
        return [source.ended for source in walk.report.sources]

    async with pages_of(Book(ROWS[:1]), Book(ROWS[1:2], ROWS[2:3])).open() as walk:
        assert ended(walk) == [False, False]
        assert await anext(walk) is ROWS[0]
        assert ended(walk) == [True, False]
        assert [item async for item in walk] == ROWS[1:3]
        assert ended(walk) == [True, True]
    async with pages_of(Book(ROWS[:2]), Book([], []), limit=1).open() as walk:
        await anext(walk)
        assert ended(walk) == [False, True]


async def test_a_source_that_fails_has_not_ended_and_its_job_is_named_with_the_reason() -> None:
    job, error = JobRef("glue", "etl"), ServiceUnavailableError("down")
    broken, sound = Book([]), Book(ROWS[:1])
    broken.failures[None] = error
    sources = (Source("broken", lambda _: broken, job), Source("sound", lambda _: sound))
    failed: list[str] = []

    def arrange(open_reader: Callable[[AnySource[Row]], Reader[Row]]) -> Merged[Row]:
        return Merged([open_reader(source) for source in sources], on_error=lambda reader: failed.append(reader.name))

    async with Pages(Plan(LISTING, {}, sources, KIND, arrange=arrange)).open() as walk:
        assert [item async for item in walk] == ROWS[:1]
    first, second = walk.report.sources
    assert (first.name, first.ended, first.error) == ("broken", False, error)
    assert (second.name, second.ended, second.error) == ("sound", True, None)
    assert walk.report.failed == (SourceError(job, error),)
    assert failed == ["broken"]


async def test_a_source_that_cannot_be_opened_leaves_no_complaint(monkeypatch: pytest.MonkeyPatch) -> None:
    complaints: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)

    def refuse(_: tuple[str, ...]) -> Book:
        raise PaginationError("closed")

    with pytest.raises(PaginationError):
        Pages(Plan(LISTING, {}, (Source("", refuse),), KIND)).open()
    gc.collect()
    assert complaints == []


async def test_an_error_of_a_page_fetched_ahead_comes_at_its_turn_and_the_walk_goes_on() -> None:
    book = Book(*THREE_PAGES)
    book.failures["1"] = ServiceUnavailableError("down")
    async with pages_of(book).open() as walk:
        seen = [await anext(walk)]
        await turns()
        seen += [await anext(walk), await anext(walk)]
        with pytest.raises(ServiceUnavailableError):
            await anext(walk)
        cursor = walk.cursor
        seen += [item async for item in walk]
    assert seen == ROWS
    assert book.asked == [None, "1", "1", "2"]
    assert await pages_of(book, cursor=cursor).collect() == ROWS[3:]


async def test_an_error_of_the_first_page_leaves_the_walk_at_its_start() -> None:
    book = Book(*THREE_PAGES)
    book.failures[None] = ServiceUnavailableError("down")
    async with pages_of(book).open() as walk:
        with pytest.raises(ServiceUnavailableError):
            await anext(walk)
        assert [item async for item in walk] == ROWS


async def test_an_answer_that_cannot_be_decoded_leaves_the_walk_where_it_is() -> None:
    class Garbled(Book):
        garbled = True

        def page(self, token: str | None) -> Batch[Row]:
            if token and self.garbled:
                self.garbled = False
                raise PaginationError("garbled")
            return super().page(token)

    async with pages_of(Garbled(*THREE_PAGES)).open() as walk:
        seen = [await anext(walk), await anext(walk), await anext(walk)]
        with pytest.raises(PaginationError, match="garbled"):
            await anext(walk)
        assert seen + [item async for item in walk] == ROWS


@pytest.mark.parametrize("tasks", [2, 5, 20])
async def test_tasks_that_share_a_walk_lose_and_double_nothing(tasks: int) -> None:
    pages = pages_of(Book(*THREE_PAGES, [], newest_first(40, "s")))
    async with pages.open() as walk:
        shares = await asyncio.gather(*(share(walk) for _ in range(tasks)))

    assert all(mine == sorted(mine, key=order_of) for mine in shares)
    assert sorted(chain(*shares), key=order_of) == ROWS + newest_first(40, "s")


async def share(walk: Walk[Row]) -> list[Row]:
    mine: list[Row] = []
    async for item in walk:
        mine.append(item)
        await asyncio.sleep(0)
    return mine


def order_of(item: Row) -> tuple[str, int]:
    return item.key[0], int(item.key[1:])


async def test_tasks_that_share_a_walk_keep_to_its_limit() -> None:
    async with pages_of(Book(*THREE_PAGES), limit=7).open() as walk:
        shares = await asyncio.gather(*(share(walk) for _ in range(4)))
    assert sorted(chain(*shares), key=order_of) == ROWS[:7]


async def test_pages_are_never_empty() -> None:
    book = Book([], ROWS[:1], [ROWS[1]], ROWS[2:5], [], [ROWS[5]], ROWS[6:], [])
    pages = [page async for page in pages_of(book, accept=is_even).by_page()]

    assert [page.items for page in pages] == [(ROWS[0],), (ROWS[2], ROWS[4]), (ROWS[6], ROWS[8])]


async def test_items_and_pages_of_one_walk_may_be_mixed() -> None:
    async with pages_of(Book(*THREE_PAGES)).open() as walk:
        assert await anext(walk) is ROWS[0]
        page = await walk.next_page()
        assert page is not None
        assert page.items == tuple(ROWS[1:3])
        assert await anext(walk) is ROWS[3]
        assert walk.cursor != page.cursor
        rest: list[Row] = []
        while (page := await walk.next_page()) is not None:
            rest += page.items
    assert rest == ROWS[4:]


async def test_the_report_counts_calls_pages_and_rows_once() -> None:
    shifted = Book(ROWS[:3], ROWS[1:6], [], ROWS[6:])
    async with pages_of(shifted, accept=is_even).open() as walk:
        assert [item async for item in walk] == ROWS[::2]
        assert (walk.report.calls, walk.report.pages, walk.report.rows, walk.report.disorder) == (4, 4, 9, 0)


async def test_late_rows_come_once_and_are_counted() -> None:
    early, late, undated = row("e", -50), row("l", -2.5), row("u", None)
    listed = [*ROWS[:4], late, ROWS[4], undated, early, *ROWS[5:7]]
    async with pages_of(Book(listed[:3], listed[3:7], [late, *listed[7:]])).open() as walk:
        assert [item async for item in walk] == listed
        assert walk.report.disorder == 3  # the late one, and the two that come after the early one
        assert walk.report.rows == len(listed)


async def test_rows_of_the_same_time_are_not_kept_back() -> None:
    shelf = Shelf([row(f"r{index}", 0) for index in range(40)], 4)

    async with pages_of(shelf).open() as walk:
        seen = [(await anext(walk)).key for _ in range(9)]

    assert seen == [f"r{index}" for index in range(9)]
    assert walk.report.pages == 3
