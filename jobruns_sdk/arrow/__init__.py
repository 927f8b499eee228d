"""Runs and attempts as Arrow data, for data frames, SQL engines and clusters; needs the extra ``arrow``.

``RUN_SCHEMA`` and ``ATTEMPT_SCHEMA`` say which columns there are. ``Pages.record_batches`` and ``Pages.to_arrow`` lead
here; so does ``jobruns_sdk.sync``.
"""

try:
    import pyarrow as pa
except ModuleNotFoundError as _missing:
    raise ModuleNotFoundError(
        "Arrow data needs pyarrow: install the extra, as in pip install 'jobruns_sdk[arrow]'", name=_missing.name
    ) from _missing

from jobruns_sdk.arrow.columns import (
    ATTEMPT_SCHEMA,
    RUN_SCHEMA,
    batch_from_attempts,
    batch_from_runs,
    with_costs,
    with_native,
)
from jobruns_sdk.arrow.frames import JobRunFrame, JobRunStream, RecordBatches

__all__ = [
    "ATTEMPT_SCHEMA",
    "RUN_SCHEMA",
    "JobRunFrame",
    "JobRunStream",
    "RecordBatches",
    "batch_from_attempts",
    "batch_from_runs",
    "with_costs",
    "with_native",
]

del pa  # it was only asked whether it is there
