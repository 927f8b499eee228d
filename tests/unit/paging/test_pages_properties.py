"""Whatever the pages, and wherever a walk is left off: each row once, in the order of the listing."""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.listings import KIND, Book, Row, Shelf, pages_of, row
from tests.unit.reading import STEPS, Reader, Step

KEY: Final = attrgetter("key")

minutes = st.integers(-9, 9)
thoroughly = settings(max_examples=200)
lanes_of_minutes = st.lists(st.lists(minutes, max_size=12), max_size=4)


def listed(times: Iterable[int | None], prefix: str = "r") -> list[Row]:
    return [row(f"{prefix}{index}", time) for index, time in enumerate(times)]


def in_order(times: Iterable[int], prefix: str = "r") -> list[Row]:
    return listed(sorted(times, reverse=True), prefix)


shelves = st.builds(
    Shelf,
    st.one_of(
        st.lists(minutes, max_size=25).map(in_order),
        st.lists(minutes, max_size=25).map(listed),
        st.lists(st.none() | minutes, max_size=24).map(lambda times: listed([0, *times])),
    ),
    st.integers(1, 6),
    offsets=st.booleans(),
)


def reader(*shelves: Shelf, accept: Callable[[Row], bool] | None = None) -> Reader[Row]:
    def add(count: int) -> None:
        for shelf in shelves:
            shelf.add(count)

    def expire() -> None:
        for shelf in shelves:
            shelf.expire()

    return Reader(lambda cursor: pages_of(*shelves, cursor=cursor, accept=accept), add=add, expire=expire)


@thoroughly
@given(shelves, STEPS)
async def test_each_row_comes_once_in_the_order_of_the_listing(shelf: Shelf, steps: Sequence[Step]) -> None:
    rows = list(shelf.rows)
    assert await reader(shelf).read(steps) == rows


@thoroughly
@given(shelves, STEPS, st.sets(st.integers(0, 24)))
async def test_rows_that_are_not_wanted_change_nothing(shelf: Shelf, steps: Sequence[Step], unwanted: set[int]) -> None:
    wanted = [item for index, item in enumerate(shelf.rows) if index not in unwanted]
    assert await reader(shelf, accept=wanted.__contains__).read(steps) == wanted


@thoroughly
@given(lanes_of_minutes, st.integers(1, 5), st.booleans(), STEPS)
async def test_merging_is_sorting(times: list[list[int]], size: int, offsets: bool, steps: Sequence[Step]) -> None:  # noqa: FBT001  # drawn
    readers = [in_order(reader, f"{index}-") for index, reader in enumerate(times)]
    steady = [step for step in steps if step[0] != "add"]
    seen = await reader(*(Shelf(reader, size, offsets=offsets) for reader in readers)).read(steady)

    # Sorting is stable: of rows of the same time, the first source's come first.
    assert seen == sorted((item for reader in readers for item in reader), key=KIND.rank)


@thoroughly
@given(lanes_of_minutes, st.integers(1, 5), STEPS)
async def test_rows_added_while_sources_are_merged_cost_none_of_the_others(
    times: list[list[int]], size: int, steps: Sequence[Step]
) -> None:
    readers = [in_order(reader, f"{index}-") for index, reader in enumerate(times)]
    seen = await reader(*(Shelf(reader, size) for reader in readers)).read(steps)

    kept = [item for item in seen if not item.key.startswith("new")]
    assert sorted(kept, key=KEY) == sorted((item for reader in readers for item in reader), key=KEY)


@st.composite
def overlapping_pages(draw: st.DrawFn) -> tuple[list[Row], Book]:
    """Rows, and pages of them of which each may begin with rows of those before it, or hold none."""
    rows = listed(draw(st.lists(minutes, max_size=20)))
    pages: list[list[Row]] = [[]]
    done = 0
    while done < len(rows):
        start = draw(st.integers(0, done))
        following = draw(st.integers(done, len(rows)))
        pages.append(rows[start:following])
        done = following
    return rows, Book(*pages)


@thoroughly
@given(overlapping_pages())
async def test_rows_that_pages_have_in_common_come_once(case: tuple[list[Row], Book]) -> None:
    rows, book = case
    assert await pages_of(book).collect() == rows
