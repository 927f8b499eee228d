"""Pages that are kept as bytes: they are decoded again a few rows at a time, and come to the same."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import pytest

from jobruns_sdk.paging.cursor import Cursor
from jobruns_sdk.paging.encoded import EncodedRows
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.plan import Plan
from jobruns_sdk.paging.source import Batch, Source
from tests.unit.listings import KIND, LISTING, Book, Row, newest_first, row

ROWS: Final = newest_first(12)
WANTED: Final = ROWS[1::2]


class Kept:
    """Bytes of a page; `decoded` counts how often they were decoded, each time into rows of their own."""

    def __init__(self) -> None:
        self.decoded = 0

    def __call__(self) -> list[Row]:
        self.decoded += 1
        return [Row(row.key, row.when) for row in ROWS]


def parked(kept: Kept, at_once: int = 2) -> EncodedRows[Row]:
    return EncodedRows(kept, ROWS, WANTED, at_once=at_once)


@pytest.mark.parametrize(("at_once", "decoded"), [(1, 5), (2, 2), (3, 1), (5, 1), (6, 0), (9, 0)])
def test_rows_are_decoded_some_at_once_when_it_is_their_turn(at_once: int, decoded: int) -> None:
    kept = Kept()
    rows = parked(kept, at_once)

    assert len(rows) == 6
    assert [rows[at] for at in range(6)] == WANTED
    assert kept.decoded == decoded


def test_the_row_before_the_last_one_decoded_stays() -> None:
    kept = Kept()
    rows = parked(kept)

    assert rows[2] == WANTED[2]
    assert (rows[1], rows[3]) == (WANTED[1], WANTED[3])
    assert kept.decoded == 1
    assert rows[0] == WANTED[0]
    assert rows[1] == WANTED[1]
    assert kept.decoded == 2


def test_nothing_is_decoded_again_before_it_is_needed() -> None:
    kept = Kept()
    rows = parked(kept)

    assert rows[0] is WANTED[0]
    assert rows[1] is WANTED[1]
    assert kept.decoded == 0


@pytest.mark.parametrize("part", [slice(None), slice(1, 4), slice(4, None), slice(-2, None), slice(3, 3), slice(2, 99)])
def test_a_part_is_read_as_of_a_list(part: slice) -> None:
    assert parked(Kept())[part] == WANTED[part]


class Archive(Book):
    """Pages that are decoded anew each time, as those of a service are; `decoded` counts how often."""

    decoded = 0

    def read(self, page: Batch[Row], _: None) -> tuple[Batch[Row], None]:
        """Decode a page, as often as one likes."""
        self.decoded += 1
        return Batch([Row(row.key, row.when) for row in page.rows], page.token), None


PAGES: Final[Sequence[Sequence[Sequence[Row]]]] = (
    ([*ROWS[0:9:2]], [*ROWS[10:]]),
    ([row("x", 5), *ROWS[1:6:2]], [], [*ROWS[7:11:2], row("late", -3.5)]),
)


def is_wanted(candidate: Row) -> bool:
    return candidate.key != "r4"


def _opened(archive: Archive, _: tuple[str, ...]) -> Archive:
    return archive


def pages_of(keep_decoded: int | None, cursor: str | None = None) -> Pages[Row]:
    sources = tuple(Source(str(at), partial(_opened, Archive(*pages))) for at, pages in enumerate(PAGES))
    begin = None if cursor is None else Cursor.parse(cursor, LISTING)
    return Pages(Plan(LISTING, {}, sources, KIND, is_wanted, keep_decoded=keep_decoded), begin=begin)


@pytest.mark.parametrize("keep_decoded", [1, 2, 3, 100])
async def test_a_walk_over_parked_pages_is_the_same_wherever_it_is_resumed(keep_decoded: int) -> None:
    expected = await pages_of(None).collect()
    seen: list[Row] = []
    async with pages_of(keep_decoded).open() as walk:
        async for item in walk:
            seen.append(item)
            if walk.cursor is not None:
                assert seen + await pages_of(keep_decoded, walk.cursor).collect() == expected
    assert seen == expected
    assert {item.key for item in seen} == {"x", "late", *(item.key for item in ROWS if is_wanted(item))}


@pytest.mark.parametrize(("keep_decoded", "decoded"), [(None, 1), (6, 1), (5, 2), (2, 3), (1, 6)])
async def test_a_lane_keeps_no_more_rows_decoded_than_it_should(keep_decoded: int | None, decoded: int) -> None:
    archive = Archive(ROWS[:6])
    pages = Pages(Plan(LISTING, {}, (Source("", partial(_opened, archive)),), KIND, keep_decoded=keep_decoded))

    async with pages.open() as walk:
        assert [await anext(walk) for _ in range(6)] == ROWS[:6]
    assert archive.decoded == decoded


async def test_rows_that_were_doubted_are_not_looked_for_in_the_bytes_of_another_page() -> None:
    archive = Archive(ROWS[:2], [row("l1", 1), row("l2", 0.5)], [*ROWS[2:6]])
    plan = Plan(LISTING, {}, (Source("", partial(_opened, archive)),), KIND, keep_decoded=1)

    assert await Pages(plan).collect() == [
        *ROWS[:2],
        row("l1", 1),
        row("l2", 0.5),
        *ROWS[2:6],
    ]
