"""Pages and walks, iterated with ``for``."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from functools import wraps
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Self, TypeVar, cast

from jobruns_sdk.errors import ClientClosedError, UnsupportedOperationError
from jobruns_sdk.model.reports import WalkReport
from jobruns_sdk.paging import pages as paging
from jobruns_sdk.paging.collected import Collected
from jobruns_sdk.paging.page import Page
from jobruns_sdk.sync.carry import Carried, Carrier

if TYPE_CHECKING:
    import pyarrow as pa

    from jobruns_sdk.arrow import JobRunFrame, JobRunStream
    from jobruns_sdk.costs import PriceTable
    from jobruns_sdk.model.reports import SourceError
    from jobruns_sdk.model.runs import Attempt, JobRun

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Walk(Carrier[paging.Walk[T_co]], Generic[T_co]):
    """One walk through the pages, with its own position; made by ``Pages.open()``."""

    _is_closed: bool = False

    def __iter__(self) -> Self:
        """Go on where the walk stands."""
        return self

    def __next__(self) -> T_co:
        """Return the next item."""
        found = self.bridge.run(_next(self.carried))
        if found is None:
            raise StopIteration
        return found[0]

    def next_page(self) -> Page[T_co] | None:
        """Return what is left of the present page, else the next page; None at the end."""
        return self.bridge.run(self.carried.next_page())

    def take(self, most: int | None = None) -> Sequence[T_co]:
        """Return what is left of the present page, else the next page, of it at most so many items; none at the end."""
        return self.bridge.run(self.carried.take(most))

    @property
    def cursor(self) -> str | None:
        """The cursor after the last item handed out, also in the middle of a page; None if nothing is left."""
        return self._read(lambda walk: walk.cursor)

    @property
    def failures(self) -> "tuple[SourceError, ...]":
        """The jobs and runs that could not be read, as the report has them."""
        return self._read(lambda walk: walk.failures)

    @property
    def report(self) -> WalkReport:
        """The calls, pages and rows so far, by source."""
        return self._read(lambda walk: walk.report)

    def close(self) -> None:
        """End the walk: nothing of it is under way any more when this returns. A closed walk yields nothing."""
        self._is_closed = True
        with suppress(ClientClosedError):  # with the client its walks have ended
            self.bridge.run(self.carried.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not self._is_closed:
            with suppress(UnsupportedOperationError):  # in the event loop's own thread, where the walk sees to itself
                self.close()

    def _read(self, read: "Callable[[paging.Walk[T_co]], T]") -> T:
        async def reading() -> T:
            return read(self.carried)

        try:
            return self.bridge.run(reading())
        except ClientClosedError:  # nothing goes on any more
            return read(self.carried)


class Pages(Carrier[paging.Pages[T_co]], Generic[T_co]):
    """The result of a list call: nothing is requested until it is iterated, and every loop starts afresh.

    ``for item in pages`` yields the items; the next page is fetched while the caller works on the present one.
    """

    def __iter__(self) -> Generator[T_co]:
        """Start afresh."""
        with closing(self.by_page()) as pages:
            for page in pages:
                yield from page.items

    def open(self) -> Walk[T_co]:
        """Return one walk with its own position, to be used in ``with``: it can stop in the middle of a page."""
        return Walk(self.bridge, self.carried.open())

    def by_page(self) -> Generator[Page[T_co]]:
        """Return an iterator over pages, each with the cursor of the place after it."""
        return self.bridge.iterate(self.carried.by_page(), ahead=0)

    def collect(self) -> Collected[T_co]:
        """Return all items in a list, which shows as a table; ``collect()`` of runs can be drawn: ``timeline()``."""
        return self.bridge.run(self.carried.collect())

    def first(self) -> T_co | None:
        """Return the first item, or None if there is none; no page is fetched ahead."""
        return self.bridge.run(self.carried.first())

    def record_batches(
        self: "Pages[JobRun[object]] | Pages[Attempt[object]]",
        size: int = 4096,
        *,
        native: bool = False,
        include_secrets: bool = False,
        costs: "PriceTable | None" = None,
    ) -> "Generator[pa.RecordBatch]":
        """Return an iterator over Arrow record batches; see ``jobruns_sdk.Pages.record_batches``."""
        batches = self.carried.record_batches(size, native=native, include_secrets=include_secrets, costs=costs)
        return self.bridge.iterate(batches, ahead=1)

    def to_arrow(
        self: "Pages[JobRun[object]] | Pages[Attempt[object]]",
        *,
        native: bool = False,
        include_secrets: bool = False,
        costs: "PriceTable | None" = None,
    ) -> "JobRunFrame":
        """Return all runs or attempts in columns, for data frames and SQL; see ``jobruns_sdk.Pages.to_arrow``."""
        return self.bridge.run(self.carried.to_arrow(native=native, include_secrets=include_secrets, costs=costs))

    def stream(
        self: "Pages[JobRun[object]] | Pages[Attempt[object]]",
        size: int = 4096,
        *,
        native: bool = False,
        include_secrets: bool = False,
        costs: "PriceTable | None" = None,
    ) -> "JobRunStream":
        """Return all runs or attempts in columns that are read as they come, once.

        The arguments and errors are those of ``record_batches``.
        """
        from jobruns_sdk.arrow import JobRunStream  # noqa: PLC0415  # pyarrow is an extra

        batches = self.carried.record_batches(size, native=native, include_secrets=include_secrets, costs=costs)
        return JobRunStream(batches.schema, self.bridge.iterate(batches, ahead=1))


def paged(method: Callable[Concatenate[Any, P], paging.Pages[T]]) -> Carried[P, Pages[T]]:
    """Return the method that returns these pages, to be iterated with ``for``."""

    @wraps(method)
    def call(self: Carrier[object], *args: Any, **options: Any) -> object:  # noqa: ANN401  # those of the method
        given, named = map(asynchronous, args), {name: asynchronous(value) for name, value in options.items()}
        return Pages(self.bridge, getattr(self.carried, method.__name__)(*given, **named))

    return cast("Carried[P, Pages[T]]", call)


def asynchronous(value: object) -> object:
    """Return pages as they are read in the event loop's thread: jobs that are discovered while their runs are read."""
    return cast("Pages[object]", value).carried if isinstance(value, Pages) else value


async def _next(walk: paging.Walk[T]) -> tuple[T] | None:
    async for item in walk:
        return (item,)
    return None
