"""Streams and tables of record batches, for data frames and engines that speak the Arrow PyCapsule interface.

https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
"""

from collections.abc import Callable, Generator, Sequence
from functools import partial
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

import attrs
import pyarrow as pa

from jobruns_sdk.arrow.columns import (
    ATTEMPT_SCHEMA,
    RUN_SCHEMA,
    batch_from_attempts,
    batch_from_runs,
    check_native,
    with_costs,
    with_native,
)
from jobruns_sdk.checks import check_count, kind_of, optional
from jobruns_sdk.costs import PriceTable
from jobruns_sdk.errors import InvalidRequestError, JobRunsError, UnsupportedOperationError
from jobruns_sdk.hints import AsyncContext, AsyncOnly
from jobruns_sdk.model.runs import Attempt, JobRun

if TYPE_CHECKING:
    from jobruns_sdk.model.reports import WalkReport

_check_costs: Final = optional(kind_of(PriceTable, "a PriceTable of jobruns_sdk.costs"))


class Reads(Protocol):
    """A walk, as far as record batches need one."""

    @property
    def cursor(self) -> str | None:
        """The cursor of what comes next."""
        ...

    @property
    def report(self) -> "WalkReport":
        """The calls, pages and rows so far, by source."""
        ...

    async def take(self, most: int | None = None) -> Sequence[object]:
        """Return the next rows."""
        ...

    async def aclose(self) -> None:
        """End it."""
        ...


@attrs.frozen
class Columns:
    """The columns of one kind of row, and the way from rows to a record batch.

    Attributes:
        schema: The columns.
        batch: Makes a record batch of rows.
    """

    schema: pa.Schema
    batch: Callable[[Sequence[Any]], pa.RecordBatch]

    @classmethod
    def of(cls, row: type, *, native: bool, include_secrets: bool, costs: PriceTable | None) -> Self:
        """Return the columns of runs or of attempts.

        Raises:
            InvalidRequestError: A flag or the prices are none, or secrets are asked for, and not the column that would
                have them.
            UnsupportedOperationError: The rows are something else.
        """
        check_native(native=native, include_secrets=include_secrets)
        _check_costs("costs", costs)
        if row not in _COLUMNS:
            raise UnsupportedOperationError(f"only runs and attempts have Arrow columns, not {row.__name__}")
        schema, batch = _COLUMNS[row]
        make = partial(batch, native=native, include_secrets=include_secrets, costs=costs)
        priced = schema if costs is None else with_costs(schema)
        return cls(with_native(priced) if native else priced, make)


_COLUMNS: Final[dict[type, tuple[pa.Schema, Callable[..., pa.RecordBatch]]]] = {
    JobRun: (RUN_SCHEMA, batch_from_runs),
    Attempt: (ATTEMPT_SCHEMA, batch_from_attempts),
}


class RecordBatches(AsyncOnly, AsyncContext):
    """A walk that yields record batches; made by ``Pages.record_batches()``."""

    _use_instead = "`async for batch in pages.record_batches()`"

    def __init__(self, walk: Reads, columns: Columns, size: int) -> None:
        """Go along with a walk.

        Raises:
            InvalidRequestError: The size is not at least 1.
        """
        check_count("size", size)
        self._walk = walk
        self._cursor: str | None = None
        self._columns = columns
        self._size = size
        self._rows: list[object] = []
        self._error: JobRunsError | None = None

    @property
    def schema(self) -> pa.Schema:
        """The columns of every batch."""
        return self._columns.schema

    @property
    def cursor(self) -> str | None:
        """The cursor of what comes after the last batch; None if nothing is left."""
        return self._cursor if self._rows else self._walk.cursor

    @property
    def report(self) -> "WalkReport":
        """The calls, pages and rows so far, by source."""
        return self._walk.report

    def __aiter__(self) -> Self:
        """Go on where the walk stands."""
        return self

    async def __anext__(self) -> pa.RecordBatch:
        """Return the next batch; what came before an error is yielded before it is raised."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if not self._rows:  # there are some where the last call was cancelled
            self._cursor = self._walk.cursor
        try:
            while (left := self._size - len(self._rows)) and (more := await self._walk.take(left)):
                self._rows.extend(more)
        except JobRunsError as error:
            if not self._rows:
                raise
            self._error = error
        if not self._rows:
            raise StopAsyncIteration
        rows, self._rows = self._rows, []
        return self._columns.batch(rows)

    async def aclose(self) -> None:
        """End the walk: nothing of it is under way any more when this returns."""
        await self._walk.aclose()

    async def __aenter__(self) -> Self:
        """Return these batches."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the walk."""
        await self.aclose()

    async def frame(self) -> "JobRunFrame":
        """Return all that is left as one frame, and close the walk."""
        async with self:
            return JobRunFrame(pa.Table.from_batches([batch async for batch in self], self.schema))


class JobRunFrame:
    """Runs or attempts in columns, in memory, for any library that reads Arrow data, any number of times.

    ``polars.DataFrame(frame)``, ``pandas.DataFrame.from_arrow(frame)``, ``pyarrow.table(frame)`` and
    ``duckdb.sql("select ... from frame")`` read it.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    @property
    def schema(self) -> pa.Schema:
        """The columns: ``RUN_SCHEMA`` or ``ATTEMPT_SCHEMA``, with ``native`` where that was asked for."""
        return self._table.schema

    def __len__(self) -> int:
        return self._table.num_rows

    def __repr__(self) -> str:
        return f"JobRunFrame({len(self)} rows, {len(self.schema.names)} columns)"

    def __arrow_c_schema__(self) -> object:
        """Return the schema as a capsule."""
        return self.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the rows as a capsule, in the types that are asked for if they can be had."""
        return self._table.__arrow_c_stream__(requested_schema)


class JobRunStream:
    """Runs or attempts in columns that are read as they come, once; made by ``jobruns_sdk.sync``.

    Nothing is requested before the first rows are asked for. Whoever reads less than all should ``close()`` it, or use
    it in ``with``; dropping it does the same.
    """

    def __init__(self, schema: pa.Schema, batches: Generator[pa.RecordBatch]) -> None:
        self._schema = schema
        self._batches = batches
        self._error: JobRunsError | None = None
        self._is_read = self._is_closed = False
        self._lock = Lock()

    @property
    def schema(self) -> pa.Schema:
        """The columns: ``RUN_SCHEMA`` or ``ATTEMPT_SCHEMA``, with ``native`` where that was asked for."""
        return self._schema

    @property
    def error(self) -> JobRunsError | None:
        """The error that ended the reading; the library that reads raises another one, with the same message."""
        return self._error

    def close(self) -> None:
        """End the reading; nothing of it is under way any more when this returns. What is left cannot be read."""
        self._is_closed = True
        self._batches.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"JobRunStream({len(self.schema.names)} columns, {'read' if self._is_read else 'unread'})"

    def __arrow_c_schema__(self) -> object:
        """Return the schema as a capsule; this reads nothing."""
        return self.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the rows as a capsule, in the types that are asked for if they can be had.

        Raises:
            InvalidRequestError: They were read before, or the stream is closed.
        """
        with self._lock:
            if self._is_closed:
                raise _closed_stream()
            if self._is_read:
                raise InvalidRequestError("this stream was read already: make another one, or a frame by to_arrow()")
            self._is_read = True
        reader = pa.RecordBatchReader.from_batches(self.schema, self._all())
        return reader.__arrow_c_stream__(requested_schema)

    def _all(self) -> Generator[pa.RecordBatch]:
        try:
            yield from self._batches
            if self._is_closed:  # while it was read: what came is not all there is
                raise _closed_stream()
        except JobRunsError as error:
            self._error = error
            raise


def _closed_stream() -> InvalidRequestError:
    return InvalidRequestError("this stream was closed before it was read to its end: make another one")
