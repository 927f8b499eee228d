"""Finding the place again in a listing that has changed meanwhile, or whose tokens have expired."""

import asyncio
from operator import attrgetter

import pytest

from jobruns_sdk.errors import InvalidRequestError, PaginationError
from jobruns_sdk.paging.cursor import Cursor, Mark, Place, short
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.plan import Plan
from jobruns_sdk.paging.seen import SeenRows
from jobruns_sdk.paging.source import Batch, RowOrder, Source
from tests.unit.listings import KIND, LISTING, NOON, Book, Recorder, Row, Shelf, newest_first, pages_of, row

ROWS = newest_first(12)
either_token = pytest.mark.parametrize("offsets", [True, False], ids=["offset tokens", "key tokens"])


async def cursor_after(shelf: Shelf | Book, count: int, *, limit: int | None = None) -> str:
    """The cursor of a walk after so many rows."""
    async with pages_of(shelf, limit=limit).open() as walk:
        for _ in range(count):
            await anext(walk)
        assert walk.cursor is not None
        return walk.cursor


@either_token
@pytest.mark.parametrize("added", [1, 3, 4, 5, 11, 40])
async def test_rows_that_shift_during_a_walk_come_once(*, offsets: bool, added: int) -> None:
    shelf = Shelf(ROWS, 4, offsets=offsets)
    async with pages_of(shelf).open() as walk:
        seen = [await anext(walk)]
        await asyncio.sleep(0)
        shelf.add(added)
        seen += [item async for item in walk]
        # More than a page of new rows comes into sight with offset tokens; they come late.
        assert [item for item in seen if item in ROWS] == ROWS
        assert len(seen) == len(set(seen)) == walk.report.rows
        assert walk.report.disorder == len(seen) - len(ROWS)
        assert len(seen) == len(ROWS) or (offsets and added > 4)


@either_token
@pytest.mark.parametrize("consumed", [1, 2, 3, 4, 5, 8, 11])
@pytest.mark.parametrize("added", [0, 1, 3, 4, 5, 11, 40])
async def test_rows_that_shifted_before_a_walk_was_resumed_come_once(
    *, offsets: bool, consumed: int, added: int
) -> None:
    shelf = Shelf(ROWS, 4, offsets=offsets)
    cursor = await cursor_after(shelf, consumed)
    shelf.add(added)

    assert await pages_of(shelf, cursor=cursor).collect() == ROWS[consumed:]


@either_token
async def test_a_page_of_late_rows_after_the_place_is_not_taken_for_one_that_has_shifted(*, offsets: bool) -> None:
    late = [row("l1", -0.25), row("l2", -0.5)]
    shelf = Shelf([*ROWS[:2], *late, *ROWS[2:]], 2, offsets=offsets)
    cursor = await cursor_after(shelf, 2)

    async with pages_of(shelf, cursor=cursor).open() as walk:
        assert [item async for item in walk] == [*late, *ROWS[2:]]
        assert walk.report.disorder == 2
    only_late = Shelf([*ROWS[:2], *late], 2, offsets=offsets)
    assert await pages_of(only_late, cursor=await cursor_after(only_late, 2)).collect() == late


async def test_there_is_a_cursor_amid_rows_that_were_doubted() -> None:
    listed = [*ROWS[:2], row("l1", -0.25), row("l2", -0.5), row("l3", -0.75), row("l4", -0.875), *ROWS[2:]]
    for consumed in range(3, 10):
        shelf = Shelf(listed, 2, offsets=False)
        cursor = await cursor_after(shelf, consumed)
        assert await pages_of(shelf, cursor=cursor).collect() == listed[consumed:]


async def test_empty_pages_put_nothing_in_doubt() -> None:
    book = Book(ROWS[:2], [], [], ROWS[2:])
    book.failures = {"3": InvalidRequestError("down", http_status=500)}
    async with pages_of(book, cursor=await cursor_after(book, 1)).open() as walk:
        seen = [await anext(walk)]
        with pytest.raises(InvalidRequestError, match="down"):
            await anext(walk)
        cursor = walk.cursor
    book.asked.clear()
    assert seen + await pages_of(book, cursor=cursor).collect() == ROWS[1:]
    assert book.asked == ["3"]


async def test_the_place_is_kept_while_it_is_doubted() -> None:
    shelf = Shelf([*ROWS[:2], row("l1", -0.25), row("l2", -0.5), *ROWS[2:]], 2)
    cursor = await cursor_after(shelf, 2)
    shelf.failures = {"0:4": InvalidRequestError("down", http_status=500)}
    async with pages_of(shelf, cursor=cursor).open() as walk:
        with pytest.raises(InvalidRequestError, match="down"):
            await anext(walk)
        assert walk.cursor == cursor
        assert await anext(walk) == row("l1", -0.25)


async def test_rows_before_the_place_are_known_when_pages_shift_once_more() -> None:
    late = row("late", -0.5)
    book = Book([ROWS[0]], [ROWS[1], late], ROWS[2:6], ROWS[6:])
    cursor = await cursor_after(book, 3)
    # A page has shifted by new rows in front: it ends at the place. By the fourth there are many more of them.
    shifted = Book([], [], [ROWS[1], late], ROWS[2:6], [late, *ROWS[6:]])

    assert await pages_of(shifted, cursor=cursor).collect() == ROWS[2:]


@either_token
@pytest.mark.parametrize("consumed", [1, 3, 4, 6, 8])
async def test_an_expired_token_is_replaced_by_seeking(*, offsets: bool, consumed: int) -> None:
    shelf = Shelf(ROWS, 4, offsets=offsets)
    cursor = await cursor_after(shelf, consumed)
    shelf.expire()
    shelf.add(5)
    async with pages_of(shelf, cursor=cursor).open() as walk:
        seen = [await anext(walk), await anext(walk)]
        shelf.expire()
        seen += [item async for item in walk]

    assert seen == ROWS[consumed:]


async def test_a_late_row_is_sought_at_its_place_not_by_its_time() -> None:
    late = row("late", -0.5)
    listed = [*ROWS[:6], late, *ROWS[6:]]
    for consumed in range(6, 10):
        shelf = Shelf(listed, 4)
        cursor = await cursor_after(shelf, consumed)
        shelf.expire()
        assert await pages_of(shelf, cursor=cursor).collect() == listed[consumed:]


async def test_where_the_place_is_gone_the_walk_goes_on_behind_it() -> None:
    shelf = Shelf(ROWS, 4)
    cursor = await cursor_after(shelf, 6)
    del shelf.rows[5]

    assert await pages_of(shelf, cursor=cursor).collect() == ROWS[6:]
    shelf.expire()
    assert await pages_of(shelf, cursor=cursor).collect() == ROWS[6:]


async def test_a_place_without_a_time_that_is_gone_is_an_error() -> None:
    undated = [row(f"u{index}", None) for index in range(6)]
    shelf = Shelf(undated, 4)
    cursor = await cursor_after(shelf, 2)
    assert await pages_of(shelf, cursor=cursor).collect() == undated[2:]
    del shelf.rows[1]

    with pytest.raises(PaginationError) as caught:
        await pages_of(shelf, cursor=cursor).collect()
    assert caught.value.message == "the listing no longer holds the place to go on from (of 0)"


def resumed(book: Book, place: Place) -> Pages[Row]:
    return Pages(Plan(LISTING, {}, (Source("", lambda _: book),), KIND), begin=Cursor(LISTING, {}, {"": place}))


async def test_an_empty_page_does_not_end_the_search_for_the_place() -> None:
    book = Book(ROWS[:2], [], ROWS[2:6], ROWS[6:])

    assert await resumed(book, Place(None, Mark("r3", ROWS[3].when), seeking=True)).collect() == ROWS[4:]


async def test_an_empty_page_does_not_end_the_doubt_about_rows_before_the_place() -> None:
    book = Book([], ROWS[:1], [], ROWS[1:])

    assert await resumed(book, Place("1", Mark("r1", ROWS[1].when))).collect() == ROWS[2:]


async def test_an_undated_row_is_sought_by_the_rows_before_it() -> None:
    listed = [*ROWS[:5], row("u", None), *ROWS[5:]]
    shelf = Shelf(listed, 4)
    cursor = await cursor_after(shelf, 6)
    del shelf.rows[5]
    shelf.expire()

    assert await pages_of(shelf, cursor=cursor).collect() == ROWS[5:]


class Refusing(Recorder):
    """A listing that refuses every token it gives out."""

    def __init__(self, first_page: list[Row]) -> None:
        super().__init__()
        self.first_page = first_page

    def page(self, token: str | None) -> Batch[Row]:
        """Give out a token that is never good, until patience ends."""
        if token is not None:
            raise InvalidRequestError("no such token", code="ValidationException", request_id="r-1", http_status=400)
        assert len(self.asked) < 10, "the walk never ends"
        return Batch(self.first_page, "token")


@pytest.mark.parametrize("rows", [0, 1, 4])
async def test_a_service_that_refuses_its_own_tokens_ends_the_walk(rows: int) -> None:
    listing = Refusing(ROWS[:rows])
    async with pages_of(listing).open() as walk:
        seen = [await anext(walk) for _ in range(rows)]
        with pytest.raises(PaginationError) as caught:
            await anext(walk)
    assert seen == ROWS[:rows]
    assert str(caught.value) == (
        "probe.ListRows: ValidationException: the service refuses its own page tokens: no such token (of 0) "
        "(HTTP 400, request id r-1)"
    )


async def test_a_listing_without_a_name_is_not_named_in_errors() -> None:
    listing = Refusing([])
    pages = Pages(Plan(LISTING, {}, (Source("", lambda _: listing),), KIND))

    with pytest.raises(PaginationError, match="its own page tokens") as caught:
        await pages.first()
    assert caught.value.message.endswith("no such token")


@pytest.mark.parametrize("status", [None, 404, 500])
async def test_other_refusals_are_no_expired_tokens(status: int | None) -> None:
    shelf = Shelf(ROWS, 4)
    shelf.failures = {"0:4": InvalidRequestError("no", http_status=status)}
    async with pages_of(shelf).open() as walk:
        for _ in range(4):
            await anext(walk)
        with pytest.raises(InvalidRequestError, match="no"):
            await anext(walk)
    assert shelf.asked == [None, "0:4"]


async def test_a_refusal_of_the_first_page_is_no_expired_token() -> None:
    shelf = Shelf(ROWS, 4)
    shelf.failures = {None: InvalidRequestError("no such job", http_status=400)}
    with pytest.raises(InvalidRequestError, match="no such job"):
        await pages_of(shelf).first()
    assert shelf.asked == [None]


class Stateful(Recorder):
    """A listing that has something to remember after each page: how many rows came so far."""

    def page(self, token: str | None) -> Batch[Row]:
        start = int(token or 0)
        return Batch(ROWS[start : start + 4], None if start == 8 else str(start + 4), state=(f"{start + 4} rows",))


async def test_a_place_amid_a_page_is_told_by_the_row_before_and_by_what_the_listing_had_to_remember() -> None:
    opened: list[tuple[str, ...]] = []

    def reopen(state: tuple[str, ...]) -> Stateful:
        opened.append(state)
        return Stateful()

    plan = Plan(LISTING, {}, (Source("", reopen),), KIND)
    places: list[Place | None] = []
    async with Pages(plan).open() as walk:
        for _ in range(6):
            await anext(walk)
            places.append(Cursor.parse(walk.cursor, LISTING).places[""])

    assert places[2] == Place(None, Mark("r2", ROWS[2].when, ()), seeking=True)
    near = tuple(map(short, ("r2", "r1", "r0")))
    assert places[3] == Place("4", Mark("r3", ROWS[3].when, near), state=("4 rows",))
    assert places[5] == Place("4", Mark("r5", ROWS[5].when, ()), seeking=True, state=("4 rows",))
    assert await Pages(plan, begin=Cursor(LISTING, {}, {"": places[5]})).collect() == ROWS[6:]
    assert opened == [(), ("4 rows",)]


def test_seen_rows_remember_what_they_saw_lately() -> None:
    seen = SeenRows()
    keys = [f"k{index}" for index in range(30_000)]
    for start in range(0, 30_000, 100):
        assert seen.fresh(keys[start : start + 100], str) == keys[start : start + 100]
        assert seen.fresh(keys[max(0, start - 4_800) : start + 100], str) == []
    assert seen.fresh(["x", "y", "x"], str) == ["x", "y"]
    assert seen.fresh(keys[:1], str) == keys[:1]  # long forgotten: memory stays flat


def test_rows_without_a_time_go_first_and_lie_nowhere() -> None:
    kind = RowOrder[Row](attrgetter("key"), attrgetter("when"))
    rising = RowOrder[Row](attrgetter("key"), attrgetter("when"), newest_first=False)
    earlier, later, undated = row("e", -1), row("l", 1), row("u", None)

    assert sorted([earlier, undated, later], key=kind.rank) == [undated, later, earlier]
    assert sorted([earlier, undated, later], key=rising.rank) == [undated, earlier, later]
    assert kind.is_beyond(earlier.when, NOON)
    assert rising.is_beyond(later.when, NOON)
    for either in (kind, rising):
        assert not either.is_beyond(NOON, NOON)
        assert not either.is_beyond(None, NOON)
        assert not either.is_beyond(NOON, None)


@either_token
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("added", [0, 1, 2, 3, 7])
async def test_rows_of_one_moment_are_read_page_by_page_and_come_once(*, offsets: bool, size: int, added: int) -> None:
    level = [row(f"r{index}", 0) for index in range(7)]
    for consumed in range(1, 7):
        shelf = Shelf(level, size, offsets=offsets)
        async with pages_of(shelf).open() as walk:
            seen = [await anext(walk) for _ in range(consumed)]
            assert len(shelf.asked) <= consumed // size + 1
            shelf.add(added)
            seen += [item async for item in walk]
            assert seen == level
        shelf = Shelf(level, size, offsets=offsets)
        cursor = await cursor_after(shelf, consumed)
        shelf.add(added)
        assert await pages_of(shelf, cursor=cursor).collect() == level[consumed:]


@either_token
@pytest.mark.parametrize("count", [4, 40, 240])
@pytest.mark.parametrize("gone", [1, 2])
async def test_rows_of_the_time_of_a_row_that_is_gone_come_once(*, offsets: bool, count: int, gone: int) -> None:
    level = [row(f"r{index}", 0) for index in range(count)]
    for consumed in range(gone, count, 1 + count // 20):
        shelf = Shelf([row("first", 1), *level, row("last", -1)], 50, offsets=offsets)
        cursor = await cursor_after(shelf, 1 + consumed)
        if 0 in {len(level[:consumed]) % 50, (consumed + 1) % 50} and not offsets:
            continue  # a token that names a row that is gone
        del shelf.rows[consumed + 1 - gone : consumed + 1]
        shelf.add(gone)
        assert await pages_of(shelf, cursor=cursor).collect() == [*level[consumed:], row("last", -1)]


@pytest.mark.parametrize(("gone", "added"), [(1, 2), (2, 5), (4, 6), (5, 7), (8, 11)])
async def test_a_last_page_that_has_shifted_brings_nothing_again_where_its_place_is_gone(gone: int, added: int) -> None:
    shelf = Shelf(ROWS[:9], 8)
    cursor = await cursor_after(shelf, 8)
    del shelf.rows[8 - gone :]
    shelf.add(added)

    assert await pages_of(shelf, cursor=cursor).collect() == []


async def test_a_list_is_read_again_once_to_tell_late_rows_from_a_page_that_has_shifted() -> None:
    late = [row("l1", -0.25), row("l2", -0.5)]
    shelf = Shelf([*ROWS[:6], *late], 3)
    cursor = await cursor_after(shelf, 6)
    shelf.asked.clear()
    assert await pages_of(shelf, cursor=cursor).collect() == late
    assert shelf.asked == ["0:6", None, "0:3", "0:6"]


class Ending(Recorder):
    """A listing of which a part comes because it has ended, whatever its time."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = ROWS[:4]
        self.last = [row("e1", 9), row("e2", 8), row("e3", 7)]

    def page(self, token: str | None) -> Batch[Row]:
        if token is None:
            return Batch(self.rows, "1")
        return Batch([*self.last], None, last=len(self.last))


async def test_rows_that_come_where_a_list_ends_lie_behind_a_place_that_is_gone() -> None:
    for consumed in range(1, 7):
        listing = Ending()
        async with pages_of(listing).open() as walk:
            seen = [await anext(walk) for _ in range(consumed)]
            cursor = walk.cursor
        listing.rows = [one for one in listing.rows if one != seen[-1]]
        listing.last = [one for one in listing.last if one != seen[-1]]
        listing.asked.clear()
        assert seen + await pages_of(listing, cursor=cursor).collect() == [
            *ROWS[:4],
            row("e1", 9),
            row("e2", 8),
            row("e3", 7),
        ]
        assert len(listing.asked) <= 2
