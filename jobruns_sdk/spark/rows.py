"""Rows of runs on their way from the driver to the tasks of a stream."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import attrs
import pyarrow as pa

from jobruns_sdk.arrow import RUN_SCHEMA, batch_from_runs
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.spark.options import ReadOptions

_ROWS: Final = 20_000  # of a task, unless its number is told: what a task gets has to fit into a message of Spark's
_CODEC: Final = "zstd" if pa.Codec.is_available("zstd") else None


@attrs.frozen
class Rows:
    """Rows that a task hands over.

    Attributes:
        data: Record batches in Arrow's stream format, compressed where that is there.
    """

    data: bytes

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Return the record batches."""
        return iter(pa.ipc.open_stream(self.data))


def wanted_rows(runs: Iterable[JobRun[Any]], options: ReadOptions) -> pa.RecordBatch:
    """Return the rows of those runs that a stream wants."""
    return batch_from_runs([run for run in runs if options.wants(run.state, run.native_state)])


def last_of(batches: Sequence[pa.RecordBatch], column: str) -> list[pa.RecordBatch]:
    """Return the last row for each value of a column."""
    seen: set[object] = set()
    kept: list[pa.RecordBatch] = []
    for batch in reversed(batches):
        wanted: list[bool] = []
        for value in reversed(batch.column(column).to_pylist()):
            wanted.append(value not in seen)
            seen.add(value)
        kept.append(batch.filter(pa.array(wanted[::-1])))
    return kept[::-1]


def tasks_with(batches: Sequence[pa.RecordBatch], options: ReadOptions) -> list[Rows]:
    """Divide rows among tasks."""
    table = pa.Table.from_batches(batches, RUN_SCHEMA)
    count = table.num_rows
    most = -(-count // options.tasks) if options.tasks else _ROWS
    return [_packed(table.slice(first, most), options.batch_rows) for first in range(0, count, max(1, most))]


def _packed(table: pa.Table, batch_rows: int) -> Rows:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, RUN_SCHEMA, options=pa.ipc.IpcWriteOptions(compression=_CODEC)) as writer:
        writer.write_table(table.combine_chunks(), max_chunksize=batch_rows)
    return Rows(sink.getvalue().to_pybytes())
