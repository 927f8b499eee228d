"""Runs as the services tell them, and prices that were published."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from jobruns_sdk.costs import PriceTable
from jobruns_sdk.costs.metering import Architecture
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.services.emr_serverless import native as emr_serverless
from jobruns_sdk.services.emr_serverless.translate import run_from_native as emr_serverless_run
from jobruns_sdk.services.glue import native as glue
from jobruns_sdk.services.glue.translate import run_from_attempts
from tests.truth.samples import published_file

REGION = "us-east-1"
GLUE = JobRef("glue", ("etl",), REGION)
APPLICATION = JobRef("emr-serverless", ("00f1abc",), REGION)
PRICES = PriceTable(
    "USD",
    {
        (REGION, "ETL-DPU-Hour"): "0.44",
        (REGION, "ETL-Flex-DPU-Hour"): "0.29",
        (REGION, "EMR-SERVERLESS-vCPUHours"): "0.052624",
        (REGION, "EMR-SERVERLESS-MemoryGBHours"): "0.0057785",
        (REGION, "EMR-SERVERLESS-StorageGBHours"): "0.000111",
        ("ap-southeast-1", "EMR-SERVERLESS-vCPUHours"): "0.0657280",
        ("ap-southeast-1", "EMR-SERVERLESS-MemoryGBHours"): "0.0071890",
        ("ap-southeast-1", "EMR-SERVERLESS-ARM-vCPUHours"): "0.0525850",
        ("ap-southeast-1", "EMR-SERVERLESS-ARM-MemoryGBHours"): "0.0057460",
        ("ap-southeast-1", "EMR-SERVERLESS-StorageGBHours"): "0.0001330",
    },
)
_BILLED = (
    "JobRunState",
    "AllocatedCapacity",
    "ExecutionTime",
    "MaxCapacity",
    "WorkerType",
    "NumberOfWorkers",
    "GlueVersion",
    "DPUSeconds",
    "ExecutionClass",
)


def glue_run(*attempts: Mapping[str, object], job: JobRef = GLUE) -> JobRun[Any]:
    """Return a Glue run of attempts with these members, that has succeeded unless they say otherwise."""
    ids = ["jr_1", *(f"jr_1_attempt_{number}" for number in range(1, len(attempts)))]
    told = [{"JobRunState": "SUCCEEDED", **members, "Id": one} for one, members in zip(ids, attempts, strict=True)]
    rows = [msgspec.convert(members, glue.JobRun) for members in told]
    return run_from_attempts(job, "jr_1", rows)


def emr_run(vcpu: float, memory: float, storage: float | None = 0.0, *, job: JobRef = APPLICATION) -> JobRun[Any]:
    """Return a run of EMR Serverless that has succeeded and is billed for these hours."""
    billed = emr_serverless.ResourceUtilization(vCPUHour=vcpu, memoryGBHour=memory, storageGBHour=storage)
    told = emr_serverless.JobRun(jobRunId="00f", state="SUCCESS", billedResourceUtilization=billed)
    return emr_serverless_run(job, "00f", told)


def published(name: str) -> list[dict[str, object]]:
    """Return what is billed of the Glue runs of a published file, oldest attempt first; skip if it is not there."""
    found = [
        {name: run[name] for name in _BILLED if name in run}
        for run in _runs(json.loads(published_file(f"glue/{name}")))
    ]
    assert found
    return found[::-1]


def _runs(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  # JSON, in which JSON may be written as a string
    if isinstance(value, str):
        yield from _runs(json.loads(value)) if value.startswith("{") else ()
        return
    if hasattr(value, "items") and "ExecutionTime" in value:
        yield value
    elif hasattr(value, "__iter__"):
        for one in value.values() if hasattr(value, "values") else value:
            yield from _runs(one)


def amount(run: JobRun[Any], prices: PriceTable = PRICES, architecture: Architecture | None = None) -> Decimal:
    """Return what a run costs, where that is known."""
    cost = prices.cost(run, architecture=architecture)
    assert cost is not None
    assert cost.amount is not None
    return cost.amount
