"""The data source ``jobruns``, as Spark calls it."""

from collections.abc import Iterator, MutableMapping

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
from pyspark.sql.types import StructType

from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.spark.options import ReadOptions, read_options
from jobruns_sdk.spark.schemas import spark_schema
from jobruns_sdk.spark.streaming import JobRunsStreamReader
from jobruns_sdk.spark.tasks import jobs_of, read_part, tasks_of


class JobRunsDataSource(DataSource):
    """Job runs and attempts: ``spark.read.format("jobruns")`` and ``spark.readStream.format("jobruns")``."""

    def __init__(self, options: MutableMapping[str, str]) -> None:
        """Read the options.

        Raises:
            InvalidRequestError: One is unknown or malformed.
        """
        self.options = options
        self._options = read_options(options)

    @classmethod
    def name(cls) -> str:
        """Return the name of the format."""
        return "jobruns"

    def schema(self) -> StructType:
        """Return the columns of runs or attempts."""
        return spark_schema(self._options)

    def reader(self, schema: StructType) -> "JobRunsReader":
        """Return the reader of a batch.

        Raises:
            InvalidRequestError: An option is for streams, or other columns are wanted.
        """
        self._check(schema)
        return JobRunsReader(self._options.for_batch())

    def streamReader(self, schema: StructType) -> JobRunsStreamReader:  # noqa: N802  # Spark's own name
        """Return the reader of a stream: new runs and changes of state as they come.

        Raises:
            InvalidRequestError: An option is not for streams, or other columns are wanted.
        """
        self._check(schema)
        return JobRunsStreamReader(self._options.for_stream())

    def _check(self, schema: StructType) -> None:
        if schema != self.schema():
            raise InvalidRequestError("the columns are fixed: leave out schema(), and select() those that are wanted")


class JobRunsReader(DataSourceReader):
    """Reads runs or attempts. It has no ``pushFilters``: in the releases that know it, Spark returns wrong rows."""

    def __init__(self, options: ReadOptions) -> None:
        """Keep the options, which are checked and hold no secret."""
        self._options = options

    def partitions(self) -> list[InputPartition]:
        """Divide the jobs, discovered where they are patterns, into tasks."""
        skip = self._options.on_error == "skip"
        jobs = jobs_of(self._options, skip=skip, must_match=not skip)
        return [InputPartition(task) for task in tasks_of(jobs, self._options)]

    def read(self, partition: "InputPartition | None") -> Iterator[pa.RecordBatch]:
        """Read the partition of one task; without tasks PySpark 4.0 gives None, later versions a partition of None."""
        return read_part(None if partition is None else partition.value, self._options)
