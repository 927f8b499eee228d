"""A page's cursor is made when it is read, and is that of the walk when it stood behind the page."""

import asyncio
import copy
import pickle
import threading
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

import attrs
import pytest

from jobruns_sdk.errors import JobRunsError, ServiceUnavailableError
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.reports import SourceError
from jobruns_sdk.paging.arrivals import Arrivals
from jobruns_sdk.paging.cursor import Cursor
from jobruns_sdk.paging.merge import Merged, Stream
from jobruns_sdk.paging.page import Page
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.plan import Plan
from jobruns_sdk.paging.reader import Reader
from jobruns_sdk.paging.source import AnySource, MovingSource, Source, Supply
from tests.unit.listings import KIND, LISTING, Book, Row, newest_first, pages_of, row

ROWS = newest_first(9)


class Given(Supply[Row]):
    """Sources that are given."""

    def __init__(self, sources: Sequence[AnySource[Row]]) -> None:
        self._sources = iter(sources)

    async def __anext__(self) -> AnySource[Row]:
        for source in self._sources:
            return source
        raise StopAsyncIteration

    async def aclose(self) -> None:
        pass


async def finished(rows: Sequence[Row]) -> tuple[Sequence[Row | SourceError], Sequence[SourceError]]:
    """Complete rows, two at a time: behind them the walk stands in the middle of what it has taken."""
    job, error = JobRef("glue", ("etl",)), ServiceUnavailableError("down")
    return [one if at < 2 else SourceError(job, error) for at, one in enumerate(rows)], []


def opened(book: Book, _: tuple[str, ...]) -> Book:
    """Open a list, wherever an earlier walk has left off."""
    return book


def books(rng: Random, count: int, *, fails: bool) -> list[Source[Row]]:
    """Lists of rows, some of which are of the same time and some late; one may fail on its second page."""
    sources: list[Source[Row]] = []
    for number in range(count):
        rows = [row(f"{number}-{at}", -rng.randrange(40)) for at in range(rng.randrange(12))]
        rows.sort(key=lambda one: one.when or 0, reverse=True)
        if len(rows) > 3 and rng.random() < 0.5:
            rows.append(rows.pop(rng.randrange(3)))
        size = rng.choice([1, 2, 3, 5])
        book = Book(*[rows[at : at + size] for at in range(0, len(rows), size)] or [[]])
        if fails and number == 1:
            book.failures["1"] = ServiceUnavailableError("down")
        sources.append(Source(str(number), partial(opened, book)))
    return sources


def pages(seed: int) -> Pages[Row]:
    """Pages of some shape: one list or several, merged or as they answer, kept as bytes, moving, failing, completed."""
    rng = Random(seed)
    shape = rng.choice(["merged", "kept", "any", "rounds", "one"])
    fails = rng.random() < 0.5 and shape in {"kept", "any"}
    sources: list[AnySource[Row]] = [*books(rng, 1 if shape == "one" else rng.randrange(2, 6), fails=fails)]
    if shape == "rounds":
        lists = [one for one in sources if isinstance(one, Source)]
        moving = MovingSource(tuple(lists[:1]), tuple(lists[1:]), "active")
        sources = [moving, *books(rng, 1, fails=False)] if rng.random() < 0.5 else [moving]
        sources[1:] = [renamed(one) for one in sources[1:]]

    def told(_: object) -> None:
        """Go on with the others."""

    def arranged(open_reader: Callable[[AnySource[Row]], Reader[Row]]) -> Stream[Row]:
        if shape == "any":
            return Arrivals(Given(sources), open_reader, concurrency=2, on_error=told)
        return Merged([open_reader(source) for source in sources], concurrency=2, on_error=told)

    plan = Plan(
        LISTING,
        {},
        () if shape in {"any", "kept"} else tuple(sources),
        KIND,
        is_accepted if seed % 3 == 0 else None,
        arrange=arranged if shape in {"any", "kept"} else None,
        finish=finished if seed % 4 == 0 else None,
        keep_decoded=1 if shape == "kept" else None,
    )
    return Pages(plan, limit=rng.choice([None, None, 7]))


def renamed(source: AnySource[Row]) -> AnySource[Row]:
    """The same under a name that no other has."""
    return Source("other", source.open) if isinstance(source, Source) else source


def is_accepted(one: Row) -> bool:
    """Two of three rows, always the same ones."""
    return sum(map(ord, one.key)) % 3 != 0


@pytest.mark.parametrize("seed", range(150))
async def test_a_cursor_that_is_read_late_is_that_of_its_page(seed: int) -> None:
    rng, expected, found = Random(seed), list[str | None](), list[Page[Row]]()
    async with pages(seed).open() as walk:
        while True:
            try:
                for _ in range(rng.choice([0, 0, 1, 2, 3])):
                    await anext(walk, None)
                page = await walk.next_page()
            except JobRunsError:  # of a row that could not be completed: it is tried again
                continue
            if page is None:
                break
            found.append(page)
            expected.append(walk.cursor)

    order = list(range(len(found)))
    rng.shuffle(order)
    for index in order:
        assert found[index].cursor == expected[index]
    assert [page.cursor for page in found] == expected


async def test_rows_that_were_taken_before_a_page_count_for_its_cursor() -> None:
    late = [row("a", 0), row("b", -10), row("late", -5)]
    async with pages_of(Book(late, [row("d", -40)]), Book([row("c", -30)], [row("e", -50)])).open() as walk:
        assert [await anext(walk), await anext(walk)] == late[:2]
        page = await walk.next_page()
        expected = walk.cursor
        assert page is not None
        assert page.items == (late[2],)
        assert await walk.next_page()

    assert page.cursor == expected


async def test_no_cursor_is_made_that_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Cursor] = []
    text = Cursor.__str__

    def noted(cursor: Cursor) -> str:
        made.append(cursor)
        return text(cursor)

    monkeypatch.setattr(Cursor, "__str__", noted)
    found = [page async for page in pages_of(Book(ROWS[:3], ROWS[3:6], ROWS[6:]), Book(ROWS[:1])).by_page()]

    assert made == []
    assert found[0].cursor == found[0].cursor
    assert len(made) == 1


async def a_page() -> Page[Row]:
    """A page whose cursor nobody has read."""
    async with pages_of(Book(ROWS[:3], ROWS[3:])).open() as walk:
        page = await walk.next_page()
    assert page is not None
    return page


async def test_a_page_is_a_value_like_any_other() -> None:
    read = await a_page()
    whole = Page(tuple(ROWS[:3]), read.cursor)

    assert await a_page() == whole
    assert hash(await a_page()) == hash(whole)
    assert repr(await a_page()) == repr(whole)
    assert attrs.asdict(await a_page(), recurse=False) == {"items": tuple(ROWS[:3]), "cursor": read.cursor}
    assert attrs.evolve(await a_page(), items=()) == Page((), read.cursor)
    for again in (copy.copy(await a_page()), copy.deepcopy(await a_page()), pickle.loads(pickle.dumps(await a_page()))):  # noqa: S301  # our own
        assert again == whole
        assert again.cursor == read.cursor
    other, name = "cursors", "cursor"
    with pytest.raises(AttributeError, match="'Page' object has no attribute 'cursors'"):
        getattr(read, other)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(read, name, None)


async def test_a_page_keeps_no_walk() -> None:
    walk = pages_of(Book(ROWS[:3], ROWS[3:]), Book(ROWS[:1])).open()
    page, gone = await walk.next_page(), weakref.ref(walk)
    await walk.aclose()
    del walk

    assert page is not None
    assert gone() is None
    assert page.cursor is not None


async def test_threads_that_read_one_cursor_read_the_same() -> None:
    page, texts = await a_page(), list[str | None]()
    threads = [threading.Thread(target=lambda: texts.append(page.cursor)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert texts == [page.cursor] * 8


async def test_who_asks_at_once_gets_a_page_each() -> None:
    async with pages_of(Book(ROWS[:3], ROWS[3:6], ROWS[6:])).open() as walk:
        found = await asyncio.gather(*(walk.next_page() for _ in range(4)))

    assert [None if page is None else page.items for page in found] == [
        tuple(ROWS[:3]),
        tuple(ROWS[3:6]),
        tuple(ROWS[6:]),
        None,
    ]
