"""A listing, its filters and its sources: all that a walk needs."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, TypeVar
from weakref import WeakValueDictionary

import msgspec

from jobruns_sdk.model.reports import SourceError
from jobruns_sdk.paging.cursor import Place, Query
from jobruns_sdk.paging.merge import Stream
from jobruns_sdk.paging.reader import Reader, SourceReader
from jobruns_sdk.paging.rounds import RoundsReader
from jobruns_sdk.paging.seen import SeenRows
from jobruns_sdk.paging.source import AnySource, MovingSource, RowOrder

if TYPE_CHECKING:
    from jobruns_sdk.model.refs import JobRef

T = TypeVar("T")
_START: Final = Place()


class Plan(msgspec.Struct, Generic[T], frozen=True):
    """A listing, its filters and its sources: all that a walk needs.

    Attributes:
        listing: What is listed, in text; a cursor fits only the same.
        query: The filters in force, JSON-safe; a cursor carries them.
        sources: The listings, in the order in which their first pages are read.
        kind: What paging needs to know of the rows.
        accept: Tells whether a row is wanted; None if all are.
        arrange: Makes one stream of the sources, given what opens a reader; by default they are merged by time.
        finish: Completes rows before they are handed out, and tells which it could not; an error that is to be raised
            stands in the place of its row. None where rows are complete.
        keep_decoded: Most rows of a page that stay decoded while other sources go first; None for all of them.
        remembered: Rows that are remembered of each job, so that each is yielded once.
        read_from: The time of creation back to which runs are read; None for all there are.
    """

    listing: str
    query: Query
    sources: tuple[AnySource[T], ...]
    kind: RowOrder[T]
    accept: Callable[[T], bool] | None = None
    arrange: Callable[[Callable[[AnySource[T]], Reader[T]]], Stream[T]] | None = None
    finish: Callable[[Sequence[T]], Awaitable[tuple[Sequence[T | SourceError], Sequence[SourceError]]]] | None = None
    keep_decoded: int | None = None
    remembered: int = 5_000
    read_from: datetime | None = None


class Opening(Generic[T]):
    """Opens the readers of a walk, which ends when nobody holds it: so the stream holds this rather than the walk.

    Attributes:
        moved: The numbers of the readers, as they were opened, that have moved since this was emptied.
    """

    def __init__(self, plan: Plan[T], places: Mapping[str, Place | None]) -> None:
        """Open them at those places, at the start where there is none."""
        self._plan = plan
        self._places = places
        self._seen_by_job: WeakValueDictionary[JobRef | None, SeenRows] = WeakValueDictionary()
        self._seen: SeenRows | None = None
        self.moved: set[int] = set()
        self._number = -1

    def __call__(self, source: AnySource[T]) -> Reader[T]:
        """Open a reader."""
        plan, self._number = self._plan, self._number + 1
        self.moved.add(self._number)
        on_move = partial(self.moved.add, self._number)
        if isinstance(source, MovingSource):
            return RoundsReader(
                source,
                plan.kind,
                plan.accept,
                self._places,
                remembered=plan.remembered,
                keep_decoded=plan.keep_decoded,
                on_move=on_move,
            )
        if source.chosen:
            place = self._places.get(source.name, _START)
            return SourceReader(source, plan.kind, None, SeenRows(plan.remembered), place, on_move=on_move)
        # Sources of one job are opened one after the other: what the last one has seen is kept for the next.
        self._seen = seen = self._seen_by_job.setdefault(source.job, SeenRows(plan.remembered))
        place = self._places.get(source.name, _START)
        return SourceReader(
            source, plan.kind, plan.accept, seen, place, keep_decoded=plan.keep_decoded, on_move=on_move
        )
