"""What a service brings to a walk: sources that can be opened, and pages of rows."""

import math
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import ClassVar, Generic, Protocol, TypeVar

import msgspec

from jobruns_sdk.model.refs import JobRef

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Batch(msgspec.Struct, Generic[T_co], frozen=True):
    """A page as a listing reads it.

    Attributes:
        rows: The rows in the service's order.
        token: The token of the next page, None if this is the last one that is wanted.
        requests: How many requests it took.
        waited: Seconds that were waited for the quota.
        state: What the listing has to remember to go on after this page in another process.
    """

    rows: Sequence[T_co]
    token: str | None = None
    requests: int = 1
    waited: float = 0.0
    state: tuple[str, ...] = ()


Undecoded = Callable[[], Batch[T_co]]
"""A page that has arrived; calling it decodes it, and again if it is called again."""


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


class Listing(Protocol[T_co]):
    """One listing of a service. It may keep state between pages, which are always read in order.

    Attributes:
        operation: What lists, as errors name it.
    """

    operation: ClassVar[Named]

    async def fetch(self, token: str | None) -> Undecoded[T_co]:
        """Fetch the page of that token; None is the first page."""
        ...


class RowOrder(msgspec.Struct, Generic[T], frozen=True):
    """What paging needs to know of the rows.

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
        """Whether a row of the one time lies further on than a row of the other."""
        if moment is None or other is None:
            return False
        return moment < other if self.newest_first else moment > other


class Source(msgspec.Struct, Generic[T], frozen=True):
    """A listing that can be opened, over and over, at its start or where an earlier walk has left off.

    Attributes:
        name: Its name in a cursor.
        open: Opens it; the argument is the ``state`` of the batch before, empty at the start.
        job: The job whose rows they are; sources of one job may hold the same ones.
        moves: Tells whether a row may turn up in another source of the job later; None if no row does.
    """

    name: str
    open: Callable[[tuple[str, ...]], Listing[T]]
    job: JobRef | None = None
    moves: Callable[[T], bool] | None = None


class Supply(AsyncIterator[Source[T]]):
    """Where sources come from, one by one."""

    @abstractmethod
    async def aclose(self) -> None:
        """Let go of what they come from."""
