"""The stream of new runs and of changes, as Spark calls it.

The driver looks by ``client.changes``, and what it has read is the batch: tasks hand its rows over, and call nobody.
Only where Spark repeats a batch after a restart is it read again, and compared with its offset.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import pyarrow as pa
from pyspark.sql.datasource import DataSourceStreamReader, InputPartition

from jobruns_sdk.client import JobRunsClient
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.spark.look import Look, look, service_time
from jobruns_sdk.spark.offsets import Offset
from jobruns_sdk.spark.options import ReadOptions
from jobruns_sdk.spark.reread import reread
from jobruns_sdk.spark.rows import tasks_with
from jobruns_sdk.spark.tasks import Jobs, jobs_of
from jobruns_sdk.spark.worker import worker


class JobRunsStreamReader(DataSourceStreamReader):
    """Reads new runs, and those that have changed since they were read last."""

    def __init__(self, options: ReadOptions) -> None:
        """Keep the options, which are checked and hold no secret."""
        self._options = options
        self._first: Offset | None = None
        self._start: Offset | None = None
        self._last: Look | None = None
        self._begun: Offset | None = None  # where the last look began
        self._held: tuple[Offset, Sequence[pa.RecordBatch]] | None = None  # the rows of a batch that is not done
        self._looked_at = 0.0

    def initialOffset(self) -> dict[str, Any]:  # noqa: N802  # Spark's own name, as are the following
        """Return where a new stream begins: at ``createdAfter``, or with the runs that are new from now on."""
        return self._beginning().to_dict()

    def latestOffset(self, start: dict[str, Any] | None = None, limit: object = None) -> dict[str, Any]:  # noqa: ARG002, N802  # Spark's
        """Look at the jobs, once each poll interval at most, and return where the stream comes to.

        Spark 4.0 says nothing of where it is; then it is where the last batch was planned to.

        Raises:
            JobRunsError: A job cannot be read, unless such jobs are skipped.
        """
        begin = self._start or self._beginning() if start is None else Offset.from_dict(start)
        last = self._last
        if last is not None and begin in (self._begun, last.offset) and not self._is_due():
            return last.offset.to_dict()
        # Where nothing was wanted of what was read, the stream stays where it is, and the next look goes on.
        cursor = last.cursor if last is not None and begin == last.offset else begin.cursor
        jobs, client = self._jobs()
        self._last = worker().bridge.run(look(client, jobs.refs, begin, cursor, self._options))
        self._begun, self._looked_at = begin, time.monotonic()
        offset, rows = self._last.offset, self._last.rows
        self._last = attrs.evolve(self._last, rows=())
        if offset != begin:
            self._held = offset, rows
        return offset.to_dict()

    def partitions(self, start: dict[str, Any], end: dict[str, Any]) -> list[InputPartition]:
        """Return the rows of the batch that leads to an offset; one that this process did not read is read again.

        Raises:
            JobRunsError: It cannot be read, or is not what it was.
        """
        offset = self._start = Offset.from_dict(end)
        if start == end:
            return []
        return [InputPartition(rows) for rows in tasks_with(self._rows_of(offset), self._options)]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """Hand over the rows of one task."""
        rows: Iterator[pa.RecordBatch] = partition.value.batches()
        return rows

    def commit(self, end: dict[str, Any]) -> None:
        """Let go of the rows of a batch that is done."""
        if self._held is not None and self._held[0].to_dict() == end:
            self._held = None

    def _is_due(self) -> bool:
        return time.monotonic() - self._looked_at >= self._options.poll_interval.total_seconds()

    def _beginning(self) -> Offset:
        if self._first is None:
            begin = self._options.created_after
            if begin is None:
                jobs, client = self._jobs()
                begin = worker().bridge.run(service_time(client, jobs.refs)) - self._options.lag
            self._first = Offset(begin=begin)
        return self._first

    def _rows_of(self, offset: Offset) -> Sequence[pa.RecordBatch]:
        if self._held is not None and self._held[0] == offset:
            return self._held[1]
        services, batch = self._options.access.services, offset.batch
        parts = {JobRef.parse(job, services=services): part for job, part in batch.items()}
        access = self._options.access.naming(job.profile for job in parts)
        return worker().bridge.run(reread(worker().client(access, 1), parts, self._options))

    def _jobs(self) -> tuple[Jobs, JobRunsClient]:
        skip = self._options.on_error == "skip"
        jobs = jobs_of(self._options, skip=skip)
        return jobs, worker().client(jobs.access, 1)
