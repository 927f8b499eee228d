"""Metered quantities of a run, by AWS's usage types without the prefix of the region."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

import attrs

from jobruns_sdk.model.refs import JobRef, Service
from jobruns_sdk.model.runs import Attempt, JobRun, Usage

Architecture: TypeAlias = Literal["X86_64", "ARM64"]
Row: TypeAlias = JobRun[Any] | Attempt[Any]
"""A run or an attempt."""

STANDARD: Final = "ETL-DPU-Hour"
FLEX: Final = "ETL-Flex-DPU-Hour"
MEMORY_OPTIMIZED: Final = "ETL-MemOptimized-DPU-Hour"
_SECOND_GENERATION: Final = 6  # the first version of Glue whose usage types end in -Gen2
_DPU_HOUR: Final = "DPU-hour"


@attrs.frozen
class Metered:
    """A quantity that is billed.

    Attributes:
        usage_type: AWS's usage type without the region's prefix; None where the run does not tell which one it is.
        quantity: How much; None where the service does not tell.
        unit: Of what.
    """

    usage_type: str | None
    quantity: Decimal | None
    unit: str


def job_of(row: Row) -> JobRef:
    """Return the job of a run or an attempt."""
    return row.job if isinstance(row, JobRun) else row.run.job


def metered(row: Row, architecture: Architecture, usage_type: str | None) -> list[Metered]:
    """Return what is billed of a run or an attempt; nothing where its usage is not known.

    Args:
        row: The run or attempt.
        architecture: The architecture of the application, for EMR Serverless.
        usage_type: The usage type of a Glue run whose usage type the run itself does not tell.
    """
    usage = row.usage
    read = _READ.get(job_of(row).service)
    return [] if usage is None or read is None else read(row, usage, architecture, usage_type)


def _of_glue(row: Row, usage: Usage, _: Architecture, usage_type: str | None) -> list[Metered]:
    if usage.dpu_hours is None:
        return []
    return [Metered(usage_type or glue_usage_type(row.native), _exact(usage.dpu_hours), _DPU_HOUR)]


def glue_usage_type(native: Any) -> str | None:  # noqa: ANN401  # the structures of services are known above this layer
    """Return the usage type of a Glue run by its native structure; None for a Ray job, or without that structure."""
    if not hasattr(native, "ExecutionClass"):
        return None
    worker = native.WorkerType or ""
    if worker.startswith("Z."):  # Ray is metered in M-DPU hours, under a usage type that AWS does not document
        return None
    usual = MEMORY_OPTIMIZED if worker.startswith("R.") else STANDARD
    name = FLEX if native.ExecutionClass == "FLEX" else usual
    major = (native.GlueVersion or "").partition(".")[0]
    return f"{name}-Gen2" if major.isdecimal() and int(major) >= _SECOND_GENERATION else name


def _of_emr_serverless(_: Row, usage: Usage, architecture: Architecture, __: str | None) -> list[Metered]:
    of_workers = "EMR-SERVERLESS-ARM" if architecture == "ARM64" else "EMR-SERVERLESS"
    hours = (
        (usage.vcpu_hours, f"{of_workers}-vCPUHours", "vCPU-hour"),
        (usage.memory_gb_hours, f"{of_workers}-MemoryGBHours", "GB-hour"),
        (usage.storage_gb_hours, "EMR-SERVERLESS-StorageGBHours", "GB-hour"),
    )
    return [Metered(name, _exact(told), unit) for told, name, unit in hours]


def _exact(hours: float | None) -> Decimal | None:
    # The shortest number that is this one, not all digits of its binary fraction.
    return None if hours is None else Decimal(repr(hours))


_READ: Final[Mapping[str, Callable[[Row, Usage, Architecture, str | None], list[Metered]]]] = {
    Service.GLUE: _of_glue,
    Service.EMR_SERVERLESS: _of_emr_serverless,
}
