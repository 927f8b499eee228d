"""One listing being walked: its tokens, its next page under way, and where its rows have been handed out to."""

import asyncio
import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Generic, Protocol, TypeVar

import attrs

from jobruns_sdk.cursors import Mark, Place
from jobruns_sdk.errors import InvalidRequestError, PaginationError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_BAD_REQUEST: Final = 400


@attrs.frozen
class Batch(Generic[T_co]):
    """A page as a listing reads it.

    Attributes:
        rows: The rows in the service's order.
        token: The token of the next page, None if this is the last one that is wanted.
        requests: How many requests it took.
        state: What the listing has to remember to go on after this page in another process.
    """

    rows: Sequence[T_co]
    token: str | None = None
    requests: int = 1
    state: tuple[str, ...] = ()


Undecoded = Callable[[], Batch[T_co]]
"""A page that has arrived; calling it decodes it."""


class Listing(Protocol[T_co]):
    """One listing of a service. It may keep state between pages, which are always read in order."""

    async def fetch(self, token: str | None) -> Undecoded[T_co]:
        """Fetch the page of that token; None is the first page."""
        ...


@attrs.frozen
class Kind(Generic[T]):
    """What paging needs to know of the rows.

    Attributes:
        key: What tells a row from the others of its listing.
        when: The time by which the listing is ordered, or None where there is none.
        newest_first: Whether that time falls, or rises, along the listing.
    """

    key: Callable[[T], str]
    when: Callable[[T], datetime | None]
    newest_first: bool = True

    def rank(self, row: T) -> float:
        """Return a number that rises along a listing in order; rows without a time go first."""
        moment = self.when(row)
        if moment is None:
            return -math.inf
        return -moment.timestamp() if self.newest_first else moment.timestamp()

    def is_beyond(self, moment: datetime | None, other: datetime | None) -> bool:
        """Whether a row of the one time lies further on than a row of the other."""
        if moment is None or other is None:
            return False
        return moment < other if self.newest_first else moment > other


class Window:
    """The keys of the rows seen lately: at least the last 5 000, at most twice that, so that memory stays flat."""

    _SIZE: Final = 5_000

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._recent: set[str] = set()
        self._older: set[str] = set()

    def fresh(self, rows: Sequence[T], key: Callable[[T], str]) -> Sequence[T]:
        """Return the rows that were not seen before, and remember them."""
        keys = list(map(key, rows))
        if len(set(keys)) < len(keys) or not (self._recent.isdisjoint(keys) and self._older.isdisjoint(keys)):
            rows = [row for row_key, row in zip(keys, rows, strict=True) if self._is_new(row_key)]
        self._recent.update(keys)
        if len(self._recent) >= self._SIZE:
            self._older, self._recent = self._recent, set()
        return rows

    def _is_new(self, key: str) -> bool:
        new = key not in self._recent and key not in self._older
        self._recent.add(key)
        return new


@attrs.frozen
class Source(Generic[T]):
    """A listing that can be opened, over and over, at its start or where an earlier walk has left off.

    Attributes:
        name: Its name in a cursor.
        open: Opens it; the argument is the ``state`` of the batch before, empty at the start.
        group: Sources of one group may hold the same rows.
    """

    name: str
    open: Callable[[tuple[str, ...]], Listing[T]]
    group: str = ""


class Lane(Generic[T]):
    """The reader of one source; ``rows`` are read, wanted and not handed out yet."""

    def __init__(
        self, source: Source[T], kind: Kind[T], accept: Callable[[T], bool] | None, window: Window, place: Place | None
    ) -> None:
        """Stand at a place; None is the end."""
        self.name = source.name
        self.rows: Sequence[T] = ()
        self.handed: T | None = None
        self.pages = self.requests = self.seen = self.late = 0
        self._source = source
        self._kind = kind
        self._accept = accept
        self._window = window
        self._entered = self._next = place
        self._page: Sequence[T] = ()
        self._listing = source.open(place.state if place else ())
        self._tokens = {hash(place.token)} if place else set[int]()
        self._repeats = self._restarted = False
        self._furthest = self._furthest_before = place.after.when if place and place.after else None
        self._sought: Place | None = None
        self._doubted: list[T] = []
        self._ahead: asyncio.Task[Undecoded[T]] | None = None

    @property
    def has_more(self) -> bool:
        """Whether there is another page to read."""
        return self._next is not None

    def place(self, last: T | None, *, exhausted: bool) -> Place | None:
        """Return where to go on, None at the end.

        Args:
            last: The last row that the caller has consumed, None for the one in ``handed``.
            exhausted: Whether every row of the present page is consumed.
        """
        if self._sought is not None:
            return self._sought
        last = self.handed if last is None else last
        if exhausted or self._entered is None:
            return self._next
        if last is None:
            return self._entered
        return Place(self._entered.token, self._mark(last), seeking=True, state=self._entered.state)

    def fetch_ahead(self) -> None:
        """Begin to fetch the next page, if there is one and it is not under way."""
        if self._next is not None and self._ahead is None and not self._repeats:
            self._ahead = asyncio.get_running_loop().create_task(self._listing.fetch(self._next.token))
            self._ahead.add_done_callback(_retrieve)

    async def read_page(self) -> None:
        """Read the next page into ``rows``, which stays empty if the page holds nothing that is wanted.

        Raises:
            PaginationError: The service sent a token twice, or the place is not to be found again.
        """
        place = self._next
        if place is None:
            return
        if self._repeats:
            raise PaginationError(f"the service sent the same page token twice: its pages never end ({self.name})")
        task, self._ahead = self._ahead, None
        try:
            undecoded = await (task or self._listing.fetch(place.token))
        except InvalidRequestError as error:
            if place.token is None or error.http_status != _BAD_REQUEST:
                raise
            self._restart(place, error)
        else:
            self._enter(place, undecoded())

    def cancel(self) -> "asyncio.Task[Undecoded[T]] | None":
        """End the fetch that is under way, and return it."""
        task, self._ahead = self._ahead, None
        if task is not None and not task.done() and not task.get_loop().is_closed():
            task.cancel()
        return task

    def _restart(self, place: Place, error: InvalidRequestError) -> None:
        # Filters and ids were accepted before or were checked here, so it is the token that is refused: it has expired.
        if self._restarted:
            raise PaginationError(f"the service refuses its own page tokens ({self.name}): {error}") from error
        self._restarted = True
        self.requests += 1
        self._listing = self._source.open(())
        self._tokens = {hash(None)}
        self._sought, self._doubted = None, []
        self._next = Place(None, place.after, seeking=place.after is not None)

    def _enter(self, place: Place, batch: Batch[T]) -> None:
        start = self._sought or place
        rows = self._rows_after(place, start, batch)
        self._sought = start if rows is None else None
        if rows is not None:
            self._doubted = []
        fresh = self._window.fresh(rows or (), self._kind.key)
        self._page, self.handed, self._furthest_before = fresh, None, self._furthest
        self._count(batch, fresh)
        self._restarted = self._restarted and not fresh
        after = Mark(self._kind.key(fresh[-1]), self._furthest) if fresh else place.after
        self._next = None if batch.token is None else Place(batch.token, after, rows is None, batch.state)
        self._repeats = batch.token is not None and hash(batch.token) in self._tokens
        self._tokens.add(hash(batch.token))
        self.rows = [row for row in fresh if self._accept(row)] if self._accept else fresh

    def _rows_after(self, place: Place, start: Place, batch: Batch[T]) -> Sequence[T] | None:
        """Return the rows after a place, None if it is still to be found in the pages to come.

        No row before it is beyond it. Rows of a page that should begin right behind it, but may have shifted as a
        whole, are kept until that is certain.
        """
        rows, after = batch.rows, place.after
        keys = [] if after is None else list(map(self._kind.key, rows))
        if after is None or after.key in keys:
            self._entered = place
            return rows if after is None else rows[keys.index(after.key) + 1 :]
        beyond = [row for row in rows if self._kind.is_beyond(self._kind.when(row), after.when)]
        is_over = batch.token is None or (after.when is None and not start.seeking)
        if not beyond and not is_over and (rows or self._doubted or start.seeking):
            self._doubted += () if start.seeking else rows
            return None
        if start.seeking and after.when is None:
            raise PaginationError(f"the listing no longer holds the place to go on from ({self.name})")
        self._entered = start
        return [*self._doubted, *(beyond if start.seeking else rows)]

    def _mark(self, row: T) -> Mark:
        """Return the mark of a row of the present page: its key, and how far the listing had come with it."""
        furthest = self._furthest_before
        for passed in self._page:
            moment = self._kind.when(passed)
            if furthest is None or self._kind.is_beyond(moment, furthest):
                furthest = moment
            if passed is row:
                break
        return Mark(self._kind.key(row), furthest)

    def _count(self, batch: Batch[T], fresh: Sequence[T]) -> None:
        self.pages += 1
        self.requests += batch.requests
        self.seen += len(fresh)
        for moment in map(self._kind.when, fresh):
            if self._furthest is None or self._kind.is_beyond(moment, self._furthest):
                self._furthest = moment
            elif moment is not None and moment != self._furthest:
                self.late += 1


def _retrieve(task: "asyncio.Task[Undecoded[T]]") -> None:
    # An error of a page that nobody came to read is not worth a complaint of the event loop.
    if not task.cancelled():
        task.exception()
