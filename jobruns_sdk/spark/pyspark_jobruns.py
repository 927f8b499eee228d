"""The module by whose name Spark finds the data source: an installation has it at its top level.

Spark imports each top-level module whose name begins with ``pyspark_`` and looks for ``DefaultSource``.
"""

from contextlib import suppress

# Without pyarrow there is no data source to be found. An error here would end Spark's search for all others, too.
with suppress(ModuleNotFoundError):
    from jobruns_sdk.spark.source import JobRunsDataSource

    DefaultSource = JobRunsDataSource
