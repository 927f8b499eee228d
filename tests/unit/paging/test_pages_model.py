"""Listings that shift, lose rows, go round in circles or forget their tokens: each row once, or a typed error."""

import asyncio
from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobruns_sdk.errors import PaginationError
from jobruns_sdk.paging.pages import Walk
from jobruns_sdk.paging.source import Batch
from tests.unit.listings import Book, Recorder, Row, Shelf, newest_first, pages_of, row
from tests.unit.reading import Reader, Step


def steps(*actions: str) -> st.SearchStrategy[list[Step]]:
    return st.lists(st.tuples(st.sampled_from(actions), st.integers(0, 7)), max_size=25)


shelves: Final = st.builds(Shelf, st.integers(0, 25).map(newest_first), st.integers(1, 6))


def reader(shelf: Shelf) -> Reader[Row]:
    return Reader(
        lambda cursor: pages_of(shelf, cursor=cursor), add=shelf.add, remove=shelf.remove, expire=shelf.expire
    )


@settings(max_examples=200)
@given(shelves, steps("take", "page", "add", "remove"))
async def test_what_was_in_a_page_comes_once_and_in_order_whatever_shifts(shelf: Shelf, steps: Sequence[Step]) -> None:
    listed = list(shelf.rows)
    seen = await reader(shelf).read(steps)

    known = [item for item in seen if item in listed]

    assert len(set(seen)) == len(seen)
    assert set(seen) <= shelf.shown
    assert known == [item for item in listed if item in known]
    assert {item for item in listed if item in shelf.shown} - set(known) <= shelf.hidden


@settings(max_examples=200)
@given(
    shelves,
    steps("take", "page", "remove", "expire", "resume") | steps("take", "page", "add", "remove", "expire"),
)
async def test_nothing_comes_twice_after_tokens_expired_or_in_another_process(
    shelf: Shelf, steps: Sequence[Step]
) -> None:
    listed = list(shelf.rows)
    seen = await reader(shelf).read(steps)
    known = [item for item in seen if item in listed]

    assert len(set(seen)) == len(seen)
    assert known == [item for item in listed if item in known]


@pytest.mark.parametrize("offsets", [True, False])
async def test_rows_that_move_up_into_a_page_that_was_read_are_hidden_where_tokens_count_rows(offsets: bool) -> None:  # noqa: FBT001  # a case
    shelf = Shelf(newest_first(6), 2, offsets=offsets)
    listed = list(shelf.rows)
    async with pages_of(shelf).open() as walk:
        seen = list((await walk.next_page() or pytest.fail("no page")).items)
        shelf.remove(0)
        seen += [item async for item in walk]

    assert seen == ([*listed[:2], *listed[3:]] if offsets else listed)
    assert (listed[2] in shelf.shown) is not offsets


class Circle(Recorder):
    """A listing whose tokens, after some that come once, come again and again."""

    def __init__(self, lead: int, period: int, rows: bool = True) -> None:  # noqa: FBT001, FBT002  # drawn by hypothesis
        super().__init__()
        self.lead, self.period, self.rows = lead, period, rows

    def page(self, token: str | None) -> Batch[Row]:
        number = int(token or 0)
        following = number + 1 if number < self.lead + self.period else self.lead + 1
        return Batch([row(f"r{number}", -number)] if self.rows else [], str(following))


async def read_into(seen: list[str], walk: Walk[Row]) -> None:
    async for item in walk:
        seen.append(item.key)
        await asyncio.sleep(0)  # time enough to fetch a page that is not needed


async def expect_the_end_of(circle: Circle) -> None:
    seen = list[str]()
    distinct = 1 + circle.lead + circle.period
    async with pages_of(circle).open() as walk:
        with pytest.raises(PaginationError, match="same page token twice") as caught:
            await read_into(seen, walk)
        with pytest.raises(PaginationError):
            await anext(walk)
    assert (caught.value.service, caught.value.operation) == ("probe", "ListRows")
    assert seen == [f"r{number}" for number in range(distinct if circle.rows else 0)]
    assert circle.asked == [None, *(str(number) for number in range(1, distinct))]


@pytest.mark.parametrize("rows", [True, False])
@pytest.mark.parametrize("lead", [0, 1, 4])
async def test_a_circle_is_seen_without_a_call_too_many(lead: int, rows: bool) -> None:  # noqa: FBT001  # a case
    for period in range(1, 51):
        await expect_the_end_of(Circle(lead, period, rows))


@given(st.builds(Circle, st.integers(0, 50), st.integers(1, 500), st.booleans()))
async def test_a_circle_of_any_size_is_seen(circle: Circle) -> None:
    await expect_the_end_of(circle)


@pytest.mark.parametrize("period", [1, 2, 3, 7, 50])
async def test_a_walk_that_begins_within_a_circle_goes_round_once(period: int) -> None:
    async with pages_of(Circle(0, period)).open() as walk:
        await anext(walk)
        cursor = walk.cursor
    circle = Circle(0, period)
    with pytest.raises(PaginationError, match="same page token twice"):
        await pages_of(circle, cursor=cursor).collect()

    assert len(circle.asked) == period


@given(st.lists(st.booleans(), max_size=30), st.integers(0, 5))
async def test_empty_pages_anywhere_end_nothing(full: list[bool], trailing: int) -> None:
    rows = newest_first(sum(full))
    remaining = iter(rows)
    book = Book(*([next(remaining)] if holds else [] for holds in [*full, *[False] * trailing, False]))

    assert await pages_of(book).collect() == rows
    assert len(book.asked) == len(full) + trailing + 1


@given(st.integers(1, 25), st.integers(1, 6), st.sets(st.integers(1, 30)))
async def test_tokens_that_expire_on_any_page_cost_calls_and_no_row(count: int, size: int, when: set[int]) -> None:
    """Each refusal begins anew; a token that is refused before anything new came ends the walk."""
    shelf = Shelf(newest_first(count), size)
    listed, seen = list(shelf.rows), list[Row]()
    failure: PaginationError | None = None
    async with pages_of(shelf).open() as walk:
        try:
            async for item in walk:
                seen.append(item)
                if len(seen) in when:
                    shelf.expire()
        except PaginationError as error:
            failure = error

    assert seen == listed[: len(seen)]
    assert (failure is None) is (len(seen) == len(listed))
    assert failure is None or ("refuses its own" in failure.message and failure.http_status == 400)
