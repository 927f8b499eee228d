"""The stream of new runs and of changes of state, as Spark calls it."""

import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import attrs
import pyarrow as pa
from pyspark.sql.datasource import DataSourceStreamReader, InputPartition

from jobruns_sdk.spark.look import Look, Looking
from jobruns_sdk.spark.offsets import Offset, micros, moment
from jobruns_sdk.spark.options import ReadOptions
from jobruns_sdk.spark.tasks import Jobs, Rows, Task, jobs_of, read_part, tasks_of
from jobruns_sdk.spark.worker import worker

if TYPE_CHECKING:
    from jobruns_sdk.model.refs import JobRef


class JobRunsStreamReader(DataSourceStreamReader):
    """Reads new runs, and each state in which a run is seen until it has ended."""

    def __init__(self, options: ReadOptions) -> None:
        """Keep the options, which are checked and hold no secret."""
        self._options = options
        self._first: Offset | None = None
        self._start: Offset | None = None
        self._jobs: Jobs | None = None
        self._last: Look | None = None
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
        if self._last is None or time.monotonic() - self._looked_at >= self._options.poll_interval.total_seconds():
            self._jobs = jobs_of(self._options)
            client = worker().client(self._jobs.access, 1)
            looking = Looking(client, begin, self._options, datetime.now(UTC))
            self._last = worker().bridge.run(looking.look(self._jobs.refs))
            self._looked_at = time.monotonic()
        return self._last.offset.to_dict()

    def partitions(self, start: dict[str, Any], end: dict[str, Any]) -> list[InputPartition]:
        """Return what makes the batch that leads to an offset, the same whenever it is asked for."""
        offset = self._start = Offset.from_dict(end)
        if start == end:
            return []
        parts: list[Rows | Task] = [*self._told(offset), *self._windows(offset)]
        return [InputPartition(part) for part in parts]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """Read what is one task's."""
        return read_part(partition.value, self._options)

    def _beginning(self) -> Offset:
        if self._first is None:
            at = micros(self._options.created_after or datetime.now(UTC) - self._options.lag)
            self._first = Offset(since=at, until=at)
        return self._first

    def _told(self, offset: Offset) -> list[Rows]:
        rows = tuple(row for row in offset.rows.values() if self._options.wants(row["state"], row["native_state"]))
        return [Rows(rows)] if rows else []

    def _windows(self, offset: Offset) -> list[Task]:
        """Return the tasks that read the windows, only of the jobs that are known to have something there."""
        if self._jobs is None:
            self._jobs = jobs_of(self._options)
        busy = self._last.busy if self._last is not None and self._last.offset == offset else None
        windows: defaultdict[tuple[int, int], list[JobRef]] = defaultdict(list)
        for job in self._jobs.refs:
            window = offset.window(str(job))
            if window is not None and (busy is None or str(job) in busy):
                windows[window].append(job)
        return [
            attrs.evolve(task, told=frozenset(offset.rows))
            for (since, until), jobs in sorted(windows.items())
            for task in tasks_of(
                Jobs(jobs, self._jobs.access),
                attrs.evolve(self._options, created_after=moment(since), created_before=moment(until)),
            )
        ]
