"""Rows that move between lists of one job while these are read: none that stays wanted is missed, none comes twice."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, Final

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobruns_sdk.paging.arrivals import Arrivals
from jobruns_sdk.paging.cursor import Cursor
from jobruns_sdk.paging.merge import Stream
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.plan import Plan
from jobruns_sdk.paging.reader import Reader
from jobruns_sdk.paging.source import AnySource, Batch, MovingSource, Named, Source, Supply
from tests.unit.listings import KIND, LISTING, Probe, Row, row

ACTIVE: Final = ("QUEUED", "STARTING", "RUNNING")
ENDED: Final = ("SUCCESS", "FAILED")
LIFE: Final = (*ACTIVE, *ENDED)

ALL: Final = ""
"""The name of a list of all states."""

Move = tuple[int, int]
"""Which row moves, and how far on in its life: one step back is a retry."""


class Service:
    """Rows in lists by state. With each page that is asked for, rows move on; tokens name the row listed last."""

    def __init__(self, states: Sequence[int], moves: Sequence[Sequence[Move]], *, size: int, ties: bool) -> None:
        # The first row never moves: it makes sure that there is a second round.
        self.rows = [row("r0", 0), *(row(f"r{at}", -(at // 3 if ties else at)) for at in range(1, len(states) + 1))]
        self.state = {"r0": 0} | {f"r{at}": state for at, state in enumerate(states, 1)}
        self.size = size
        self.asked: list[str] = []
        self._moves = list(moves)
        self._back: set[str] = set()

    def fetch(self, state: str, token: str | None) -> Batch[Row]:
        self.asked.append(state)
        for index, steps in self._moves.pop(0) if self._moves else ():
            self._move(self.rows[index % len(self.rows)].key, steps)
        listed = [one for one in self.rows if state in (LIFE[self.state[one.key]], ALL)]
        keys = [one.key for one in self.rows]
        rest = [one for one in listed if token is None or keys.index(one.key) > keys.index(token)]
        page = rest[: self.size]
        return Batch(page, page[-1].key if len(rest) > len(page) else None)

    def add(self) -> None:
        """Let a row start that is newer than all others."""
        new = row(f"new{len(self.rows)}", len(self.rows))
        self.rows.insert(0, new)
        self.state[new.key] = 0

    def _move(self, key: str, steps: int) -> None:
        state = self.state[key]
        if key == "r0" or state >= len(ACTIVE) or (steps < 0 and (key in self._back or state == 0)):
            return
        if steps < 0:
            self._back.add(key)
        self.state[key] = max(0, min(len(LIFE) - 1, state + steps))


@attrs.frozen
class StateList:
    """The list of one state."""

    operation: ClassVar[Named] = Probe("ListRows")
    service: Service
    state: str

    async def fetch(self, token: str | None, _: None) -> Batch[Row]:
        return self.service.fetch(self.state, token)

    def read(self, page: Batch[Row], _: None) -> tuple[Batch[Row], None]:
        return page, None


def opened(listing: StateList, _: tuple[str, ...]) -> StateList:
    return listing


class One(Supply[Row]):
    """One source."""

    def __init__(self, source: AnySource[Row]) -> None:
        self.sources = [source]

    async def __anext__(self) -> AnySource[Row]:
        if not self.sources:
            raise StopAsyncIteration
        return self.sources.pop()

    async def aclose(self) -> None:
        """Let go of nothing."""


def pages(
    service: Service, cursor: str | None = None, *, in_order: bool = True, ended: Sequence[str] = ENDED
) -> Pages[Row]:
    lists = {state: Source(state, partial(opened, StateList(service, state))) for state in (*LIFE, ALL)}
    source = MovingSource(tuple(lists[state] for state in ACTIVE), tuple(lists[state] for state in ended))

    def arrange(open_reader: Callable[[AnySource[Row]], Reader[Row]]) -> Stream[Row]:
        return Arrivals(One(source), open_reader, concurrency=2)

    plan = Plan(LISTING, {}, (source,), KIND, arrange=None if in_order else arrange)
    begin = None if cursor is None else Cursor.parse(cursor, LISTING)
    return Pages(plan, begin=begin)


services = st.builds(
    Service,
    st.lists(st.integers(0, len(LIFE) - 1), max_size=12),
    st.lists(st.lists(st.tuples(st.integers(0, 12), st.sampled_from([-1, -1, 1, 1, 2, 4])), max_size=4), max_size=40),
    size=st.integers(1, 4),
    ties=st.booleans(),
)


@settings(max_examples=400, deadline=None)
@given(service=services, steps=st.lists(st.integers(1, 4), max_size=12), in_order=st.booleans(), grows=st.booleans())
async def test_what_stays_wanted_comes_once_and_in_order_wherever_the_walk_is_resumed(
    service: Service, steps: list[int], *, in_order: bool, grows: bool
) -> None:
    before = list(service.rows)
    seen: list[Row] = []
    cursor: str | None = None
    for count in [*steps, 1_000]:
        async with pages(service, cursor, in_order=in_order).open() as walk:
            for _ in range(count):
                found = await anext(walk, None)
                if found is None:
                    break
                seen.append(found)
            cursor = walk.cursor
        if cursor is None:
            break
        if grows:
            service.add()

    known = [one for one in seen if one in before]
    assert sorted(known, key=lambda one: one.key) == sorted(before, key=lambda one: one.key)
    assert len(set(seen)) == len(seen)
    assert seen == sorted(seen, key=KIND.rank)


async def test_active_lists_are_read_again_until_nothing_new_turns_up() -> None:
    service = Service([2, 4], [(), (), [(1, -1)]], size=9, ties=False)  # r1 goes back just before RUNNING is read
    async with pages(service).open() as walk:
        assert [one.key async for one in walk] == ["r0", "r1", "r2"]
        report = walk.report
    assert service.asked == [*ACTIVE * 3, *ENDED]
    assert report.rounds == 3
    assert [(source.name, source.rounds, source.calls, source.rows) for source in report.sources] == [
        ("QUEUED", 3, 3, 1),
        ("STARTING", 3, 3, 1),
        ("RUNNING", 3, 3, 0),
        ("SUCCESS", 1, 1, 0),
        ("FAILED", 1, 1, 1),
    ]
    assert all(source.ended for source in report.sources)


async def test_rounds_end_though_rows_come_all_the_time() -> None:
    class Restless(Service):
        def fetch(self, state: str, token: str | None) -> Batch[Row]:
            self.add()
            return super().fetch(state, token)

    service = Restless([1], [], size=9, ties=False)
    async with pages(service).open() as walk:
        assert {"r0", "r1"} <= {one.key async for one in walk}
        assert walk.report.rounds == 4


@pytest.mark.parametrize("count", [1, 30, 299])
async def test_a_cursor_does_not_grow_with_what_was_passed(count: int) -> None:
    service = Service([0] * 300, [], size=50, ties=False)
    async with pages(service).open() as walk:
        for _ in range(count):
            await anext(walk)
        assert walk.cursor is not None
        assert len(walk.cursor) < 800


@pytest.mark.parametrize("ended", [3, 4])
async def test_an_active_row_that_was_handed_out_does_not_come_again_where_it_ended_late(ended: int) -> None:
    service = Service([2, 3, 3, 3, 3], [], size=2, ties=False)
    late = service.rows.pop(1)
    service.rows.insert(4, late)  # in SUCCESS: r2 -2, r3 -3, r4 -4, r1 -1, r5 -5
    seen: list[Row] = []
    cursor: str | None = None
    for count in [3, 1, 1, 9]:
        async with pages(service, cursor).open() as walk:
            seen += await walk.take(count)
            cursor = walk.cursor
        service.state["r1"] = ended
        if cursor is None:
            break
    assert [one.key for one in seen] == ["r0", "r1", "r2", "r3", "r4", "r5"]


@settings(max_examples=400, deadline=None)
@example(states=[3, 2, 2], late=1, by=1, size=1, first=2, in_order=False, ended=(ALL,))
@example(states=[3, 2, 2, 2], late=1, by=3, size=2, first=3, in_order=False, ended=ENDED)
@given(
    states=st.lists(st.integers(2, 3), min_size=3, max_size=9),
    late=st.integers(1, 9),
    by=st.integers(1, 9),
    size=st.integers(1, 4),
    first=st.integers(1, 9),
    in_order=st.booleans(),
    ended=st.sampled_from([ENDED, (ALL,)]),
)
async def test_a_row_out_of_its_place_hides_no_other_that_ends_between_two_walks(
    states: list[int], late: int, by: int, size: int, first: int, *, in_order: bool, ended: Sequence[str]
) -> None:
    service = Service(states, [], size=size, ties=False)
    place = min(late, len(states))
    away = service.rows.pop(place)
    service.rows.insert(place + by, away)
    # SUCCESS as [away 12:00, next 11:40] does not tell that what ends later stands in front, as [11:50, away, next].
    before = service.rows[: service.rows.index(away)]
    shown = [KIND.rank(one) for one in before if service.state[one.key] == 3 or ended == (ALL,)]
    hidden = {one for one in before if KIND.rank(one) > max(shown, default=KIND.rank(away))}
    seen: list[Row] = []
    async with pages(service, in_order=in_order, ended=ended).open() as walk:
        for _ in range(first):
            seen += await walk.take(1)
        cursor = walk.cursor
    service.state |= {key: 3 for key in service.state if key != "r0"}
    if cursor is not None:
        async with pages(service, cursor, in_order=in_order, ended=ended).open() as walk:
            seen += [one async for one in walk]
    assert len(set(seen)) == len(seen)
    assert set(seen) >= {one for one in service.rows if one is not away} - hidden


class Amid(Service):
    """A service in which a row starts once the active lists have been read."""

    def fetch(self, state: str, token: str | None) -> Batch[Row]:
        if state == ALL and ALL not in self.asked:
            self.add()
        return super().fetch(state, token)


async def test_what_is_created_amid_a_walk_and_stands_in_the_list_of_all_states_does_not_come_again() -> None:
    service = Amid([0, 0, 4, 4], [], size=9, ties=False)
    async with pages(service, ended=(ALL,)).open() as walk:
        seen = [*await walk.take(1)]
        cursor = walk.cursor
    async with pages(service, cursor, ended=(ALL,)).open() as walk:
        seen += await walk.take(9)
    assert [one.key for one in seen] == ["new5", "r0", "r1", "r2", "r3", "r4"]
