"""What is to be walked through."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Generic, TypeVar
from weakref import WeakValueDictionary

import msgspec

from jobruns_sdk.model.reports import SourceError
from jobruns_sdk.paging.cursor import Place, Query
from jobruns_sdk.paging.merge import Stream
from jobruns_sdk.paging.reader import Lane
from jobruns_sdk.paging.seen import Window
from jobruns_sdk.paging.source import Kind, Source

if TYPE_CHECKING:
    from jobruns_sdk.model.refs import JobRef

T = TypeVar("T")


_START: Final = Place()


class Plan(msgspec.Struct, Generic[T], frozen=True):
    """What is to be walked through.

    Attributes:
        listing: What is listed, in text; a cursor fits only the same.
        query: The filters in force, JSON-safe; a cursor carries them.
        sources: The listings, in the order in which their first pages are read.
        kind: What paging needs to know of the rows.
        accept: Tells whether a row is wanted; None if all are.
        arrange: Makes one stream of the sources, given what opens a lane; by default they are merged by time.
        finish: Completes rows before they are handed out, and tells which it could not; None where they are complete.
        parks: How many rows of a page a lane keeps decoded, and the rest as bytes until it is their turn; None for all.
        window: How many rows a lane remembers, in order to yield each once.
    """

    listing: str
    query: Query
    sources: tuple[Source[T], ...]
    kind: Kind[T]
    accept: Callable[[T], bool] | None = None
    arrange: Callable[[Callable[[Source[T]], Lane[T]]], Stream[T]] | None = None
    finish: Callable[[Sequence[T]], Awaitable[tuple[Sequence[T], Sequence[SourceError]]]] | None = None
    parks: int | None = None
    window: int = 5_000


class Opening(Generic[T]):
    """Opens the lanes of a walk; the stream holds it rather than the walk, which ends when nobody holds it."""

    def __init__(self, plan: Plan[T], places: Mapping[str, Place | None]) -> None:
        """Open them at those places, at the start where there is none."""
        self._plan = plan
        self._places = places
        self._windows: WeakValueDictionary[JobRef | None, Window] = WeakValueDictionary()
        self._window: Window | None = None

    def __call__(self, source: Source[T]) -> Lane[T]:
        """Open a lane."""
        plan = self._plan
        # Sources of one job are opened one after the other: what the last one has seen is kept for the next.
        self._window = window = self._windows.setdefault(source.job, Window(plan.window))
        place = self._places.get(source.name, _START)
        return Lane(source, plan.kind, plan.accept, window, place, parks=plan.parks)
