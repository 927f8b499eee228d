"""Sources that can be opened, and pages of rows: a service's part of a walk."""

import math
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from operator import ge, le
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import msgspec

from jobruns_sdk.model.refs import JobRef

A = TypeVar("A")
S = TypeVar("S")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Batch(msgspec.Struct, Generic[T_co], frozen=True):
    """A page as a listing reads it.

    Attributes:
        rows: The rows in the service's order.
        token: The token of the next page, None if this is the last one that is wanted.
        requests: How many requests it took.
        state: What the listing has to remember to go on after this page in another process.
        last: How many rows at its end come only now because the list has ended: they lie behind all others, whatever
            their time.
    """

    rows: Sequence[T_co]
    token: str | None = None
    requests: int = 1
    state: tuple[str, ...] = ()
    last: int = 0


class Named(Protocol):
    """An operation."""

    @property
    def service(self) -> str:
        """The service's name."""
        ...

    @property
    def name(self) -> str:
        """The operation's name."""
        ...


class Listing(Protocol[A, S, T_co]):
    """One listing of a service: pages that are fetched as bytes, and a pure function that reads them.

    A listing remembers nothing. What has to be known of earlier pages, such as retries whose run has not come yet, is
    the state that ``read`` returns and is given with the next page. A page that was kept as bytes while others went
    first is read again with the state it was read with before.

    Attributes:
        operation: What lists, as errors name it.
    """

    operation: ClassVar[Named]

    async def fetch(self, token: str | None, state: S | None, /) -> A:
        """Return the undecoded page of a token, None for the first; the state is the one behind the page before."""
        ...

    def read(self, answer: A, state: S | None, /) -> tuple[Batch[T_co], S | None]:
        """Return a page's rows and the state behind it, given the state before it: None where a walk begins."""
        ...


class RowOrder(msgspec.Struct, Generic[T], frozen=True):
    """The order of a listing's rows: their key, their time, and which way it runs.

    Attributes:
        key: What tells a row from the others of its listing.
        when: The time by which the listing is ordered, or None where there is none.
        newest_first: Whether that time falls, or rises, along the listing.
        row: What the rows are: ``JobRun``, ``Attempt``, ``Job`` or something else.
    """

    key: Callable[[T], str]
    when: Callable[[T], datetime | None]
    newest_first: bool = True
    row: type = object

    def rank(self, row: T) -> float:
        """Return a number that rises along a listing in order; rows without a time go first."""
        moment = self.when(row)
        if moment is None:
            return -math.inf
        return -moment.timestamp() if self.newest_first else moment.timestamp()

    def is_beyond(self, moment: datetime | None, other: datetime | None) -> bool:
        """True if a row of the one time lies further on than a row of the other."""
        if moment is None or other is None:
            return False
        return moment < other if self.newest_first else moment > other

    def in_order(self, moments: Sequence[datetime | None], before: datetime | None) -> bool:
        """True if times are all known, and each lies as far on as the one before it, or further."""
        if moments[0] is None or self.is_beyond(before, moments[0]):
            return False
        try:
            # By C alone, since it is asked of each page.
            return all(map(ge if self.newest_first else le, moments, moments[1:]))  # type: ignore[arg-type]  # None raises
        except TypeError:
            return False


class Source(msgspec.Struct, Generic[T], frozen=True):
    """A listing that can be opened, over and over, at its start or where an earlier walk has left off.

    Attributes:
        name: Its name in a cursor.
        open: Opens it; the argument is the ``state`` of the batch before, empty at the start.
        job: The job whose rows they are; sources of one job may hold the same ones.
        lasting: Tells whether a row has to be known for the whole walk, since it may be listed again at any distance;
            None if rows are listed again only near to where they were.
        row_of: Tells the key of the row that a string of a batch's ``state`` belongs to; None where there are no such.
        chosen: True if its rows were named one by one: no filter applies to them, and other sources leave them out.
        waiting: Tells the rows that the listing waits for in its state, by their keys, with the time of what
            was read of each last.
    """

    name: str
    open: Callable[[tuple[str, ...]], Listing[Any, Any, T]]
    job: JobRef | None = None
    lasting: Callable[[T], bool] | None = None
    row_of: Callable[[str], str] | None = None
    chosen: bool = False
    waiting: Callable[[Any], Mapping[str, datetime | None]] | None = None

    def among(self, job: JobRef) -> "Source[T]":
        """Return the same as one of the sources of many jobs."""
        return msgspec.structs.replace(self, name=f"{job} {self.name}".rstrip(), job=job)


class MovingSource(msgspec.Struct, Generic[T], frozen=True):
    """The lists of one job, one for each state, between which rows move while they are read.

    Attributes:
        active: The lists that rows leave again, in the order in which they pass through them.
        ended: The lists in which rows stay.
        name: The name of the active lists together in a cursor; the others have their own.
        job: The job whose rows they are.
    """

    active: tuple[Source[T], ...]
    ended: tuple[Source[T], ...] = ()
    name: str = "active"
    job: JobRef | None = None

    def among(self, job: JobRef) -> "MovingSource[T]":
        """Return the same as one of the sources of many jobs."""
        active, ended = (tuple(one.among(job) for one in lists) for lists in (self.active, self.ended))
        return MovingSource(active, ended, f"{job} {self.name}", job)


AnySource = Source[T] | MovingSource[T]
"""One list, or several between which rows move."""


class Supply(AsyncIterator[AnySource[T]]):
    """An asynchronous iterator over sources, which is closed at the end of the walk."""

    @abstractmethod
    async def aclose(self) -> None:
        """Let go of what they come from."""
