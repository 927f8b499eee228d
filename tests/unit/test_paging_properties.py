"""Whatever the pages, and wherever a walk is left off: each row once, in the order of the listing."""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from jobruns_sdk.paging import Pages, Walk
from tests.unit.listings import KIND, Book, Row, Shelf, pages_of, row

KEY: Final = attrgetter("key")
Step = tuple[str, int]

minutes = st.integers(-9, 9)
steps = st.lists(
    st.tuples(st.sampled_from(["take", "page", "add", "expire", "resume"]), st.integers(0, 7)), max_size=25
)


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


class Reader:
    """Reads pages in steps, here and there in another process as it were."""

    def __init__(self, *listings: Shelf | Book, accept: Callable[[Row], bool] | None = None) -> None:
        self.listings = listings
        self.accept = accept
        self.seen: list[Row] = []
        self.ended = False
        self._walk: Walk[Row] = self._pages(None).open()

    def _pages(self, cursor: str | None) -> Pages[Row]:
        return pages_of(*self.listings, cursor=cursor, accept=self.accept)

    async def do(self, step: Step) -> None:
        """Take one step."""
        action, count = step
        match action:
            case "take":
                await self._take(count)
            case "page":
                page = await self._walk.next_page()
                assert page is None or page.items
                self.seen += page.items if page else ()
                self.ended = page is None
            case "resume":
                cursor = self._walk.cursor
                await self._walk.aclose()
                self.ended = cursor is None
                self._walk = self._pages(cursor).open()
            case _:
                self._change(action, count)

    def _change(self, action: str, count: int) -> None:
        for listing in self.listings:
            if isinstance(listing, Shelf):
                if action == "expire":
                    listing.expire()
                elif self.seen:
                    listing.add(count)

    async def _take(self, count: int) -> None:
        for _ in range(count):
            item = await anext(self._walk, None)
            if item is None:
                self.ended = True
                return
            self.seen.append(item)

    async def read(self, steps: Sequence[Step]) -> list[Row]:
        """Take all steps, and then what is left."""
        for step in steps:
            if not self.ended:
                await self.do(step)
        if not self.ended:
            self.seen += [item async for item in self._walk]
            assert self._walk.cursor is None
        await self._walk.aclose()
        return self.seen


@given(shelves, steps)
async def test_each_row_comes_once_in_the_order_of_the_listing(shelf: Shelf, steps: Sequence[Step]) -> None:
    rows = list(shelf.rows)
    assert await Reader(shelf).read(steps) == rows


@given(shelves, steps, st.sets(st.integers(0, 24)))
async def test_rows_that_are_not_wanted_change_nothing(shelf: Shelf, steps: Sequence[Step], unwanted: set[int]) -> None:
    wanted = [item for index, item in enumerate(shelf.rows) if index not in unwanted]
    assert await Reader(shelf, accept=wanted.__contains__).read(steps) == wanted


@given(st.lists(st.lists(minutes, max_size=12), max_size=4), st.integers(1, 5), st.booleans(), steps)
async def test_merging_is_sorting(times: list[list[int]], size: int, offsets: bool, steps: Sequence[Step]) -> None:  # noqa: FBT001
    lanes = [in_order(lane, f"{index}-") for index, lane in enumerate(times)]
    shelves = [Shelf(lane, size, offsets=offsets) for lane in lanes]
    steady = [step for step in steps if step[0] != "add"]

    # Sorting is stable: of rows of the same time, the first source's come first.
    assert await Reader(*shelves).read(steady) == sorted((item for lane in lanes for item in lane), key=KIND.rank)


@given(st.lists(st.lists(minutes, max_size=12), min_size=1, max_size=4), st.integers(1, 5), steps)
async def test_rows_added_while_sources_are_merged_cost_none_of_the_others(
    times: list[list[int]], size: int, steps: Sequence[Step]
) -> None:
    lanes = [in_order(lane, f"{index}-") for index, lane in enumerate(times)]
    seen = await Reader(*(Shelf(lane, size) for lane in lanes)).read(steps)

    kept = [item for item in seen if not item.key.startswith("new")]
    assert sorted(kept, key=KEY) == sorted((item for lane in lanes for item in lane), key=KEY)


@st.composite
def overlapping_pages(draw: st.DrawFn) -> tuple[list[Row], Book]:
    """Rows, and pages of them of which each may begin with rows of those before it, or hold none."""
    rows = listed(draw(st.lists(minutes, max_size=20)))
    pages: list[list[Row]] = [[]]
    done = 0
    while done < len(rows):
        start = draw(st.integers(0, done))
        following = draw(st.integers(start, len(rows)))
        pages.append(rows[start:following])
        done = max(done, following)
    return rows, Book(*pages)


@given(overlapping_pages())
async def test_rows_that_pages_have_in_common_come_once(case: tuple[list[Row], Book]) -> None:
    rows, book = case
    assert await pages_of(book).collect() == rows
