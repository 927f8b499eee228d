"""Job runs as a data source of Spark: ``spark.read.format("jobruns")``.

    from jobruns_sdk.spark import JobRunsDataSource

    spark.dataSource.register(JobRunsDataSource)

PySpark is imported when the data source is first asked for.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobruns_sdk.spark.source import JobRunsDataSource

__all__ = ["JobRunsDataSource"]


if not TYPE_CHECKING:  # for a type checker it would stand for every name

    def __getattr__(name: str) -> object:
        """Import the data source when it is first asked for: its plain parts need no PySpark."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            from jobruns_sdk.spark.source import JobRunsDataSource  # noqa: PLC0415  # as said above
        except ModuleNotFoundError as missing:
            raise ModuleNotFoundError(
                "the data source needs PySpark and pyarrow: install the extra, as in pip install 'jobruns_sdk[spark]'",
                name=missing.name,
            ) from missing
        return JobRunsDataSource
