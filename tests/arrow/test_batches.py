"""Record batches hold what the rows hold, in one schema whatever the rows."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import attrs
import pytest

from jobruns_sdk import Attempt, InvalidRequestError, JobRun, JobRunsClient, NotFoundError, UnsupportedOperationError
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.testing import LocalService
from tests.arrow.conftest import JOBS
from tests.unit.values import ATTEMPT, CANARY, CREATED, RUN

pa = pytest.importorskip("pyarrow", reason="the extra engines is not installed")
arrow = pytest.importorskip("jobruns_sdk.arrow")

MOMENTS: Final = (
    datetime.min.replace(tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 30, 0, 1, tzinfo=timezone(timedelta(hours=5, minutes=45))),
    datetime.max.replace(tzinfo=UTC),
)
NAMES: Final = ("a/b", "100 %", "ü?region=x", "..", "jr_0_attempt_1", "~")


def flat(row: JobRun[Any] | Attempt[Any]) -> dict[str, object]:
    """What the columns of a row should hold."""
    ref = row.ref if isinstance(row, JobRun) else row.run
    own: dict[str, object] = (
        {"name": row.name, "attempt": row.attempt, "created_by": row.created_by}
        if isinstance(row, JobRun)
        else {"attempt_id": row.id, "attempt": row.number}
    )
    usage = {} if row.usage is None else attrs.asdict(row.usage)
    return {
        "run_ref": str(ref),
        "job_ref": str(ref.job),
        "job_name": ref.job.job_name,
        "service": str(ref.job.service),
        "region": ref.job.region,
        "profile": ref.job.profile,
        "run_id": ref.run_id,
        **own,
        **{name: getattr(row, name) for name in ("state", "native_state", "message")},
        **{f"{name}_at": getattr(row, f"{name}_at") for name in ("created", "started", "updated", "ended")},
        "duration": None if row.duration is None else row.duration.total_seconds(),
        **{name: usage.get(name) for name in ("vcpu_hours", "memory_gb_hours", "storage_gb_hours", "dpu_hours")},
        "usage_basis": usage.get("basis"),
    }


def check(batches: Iterable[Any], rows: Sequence[JobRun[Any] | Attempt[Any]]) -> None:
    found = [row for batch in batches for row in batch.to_pylist()]
    assert found == list(map(flat, rows))


def test_the_schemas_are_of_plain_types_that_spark_takes() -> None:
    plain = {pa.string(), pa.timestamp("us", tz="UTC"), pa.float64(), pa.int32()}
    for schema in (arrow.RUN_SCHEMA, arrow.ATTEMPT_SCHEMA):
        assert {field.type for field in schema} == plain
        assert all(field.nullable for field in schema)
        assert arrow.with_native(schema).names == [*schema.names, "native"]


def test_a_batch_holds_what_runs_and_attempts_hold() -> None:
    runs = [
        RUN,
        attrs.evolve(RUN, usage=None, message=None, name=None, created_by="somebody", started_at=None),
        *(attrs.evolve(RUN, created_at=moment) for moment in MOMENTS),
        *(attrs.evolve(RUN, id=name) for name in NAMES),
        *(attrs.evolve(RUN, job=JobRef("glue", (name,), "eu-west-1", profile)) for name in NAMES for profile in NAMES),
        attrs.evolve(RUN, job=JobRef("datazone", ("dzd_x", "job"))),
    ]
    batch = arrow.batch_from_runs(runs)
    assert batch.schema.equals(arrow.RUN_SCHEMA, check_metadata=True)
    check([batch], runs)
    attempts = [ATTEMPT, attrs.evolve(ATTEMPT, usage=None, run=runs[-1].ref)]
    batch = arrow.batch_from_attempts(attempts)
    assert batch.schema.equals(arrow.ATTEMPT_SCHEMA, check_metadata=True)
    check([batch], attempts)


def test_no_rows_have_the_same_schema() -> None:
    for make, schema in (
        (arrow.batch_from_runs, arrow.RUN_SCHEMA),
        (arrow.batch_from_attempts, arrow.ATTEMPT_SCHEMA),
    ):
        batch = make([])
        assert (batch.num_rows, batch.schema) == (0, schema)
        batch = make([], native=True)
        assert (batch.num_rows, batch.schema) == (0, arrow.with_native(schema))


def test_native_detail_comes_on_request_and_secrets_only_when_asked_for() -> None:
    for make, row in ((arrow.batch_from_runs, RUN), (arrow.batch_from_attempts, ATTEMPT)):
        assert "native" not in make([row]).schema.names
        (text,) = make([row], native=True).column("native").to_pylist()
        assert json.loads(text) == {"Id": "jr_0", "JobRunState": "FAILED", "StartedOn": CREATED.isoformat()}
        (whole,) = make([row], native=True, include_secrets=True).column("native").to_pylist()
        assert json.loads(whole)["Arguments"] == {"--password": CANARY}


@pytest.mark.parametrize("size", [1, 3, 4096])
async def test_pages_yield_batches_of_a_size(client: JobRunsClient, size: int) -> None:
    pages = client.runs(JOBS)
    runs = await pages.collect()
    async with pages.record_batches(size) as batches:
        found = [batch async for batch in batches]
        assert batches.cursor is None
        assert batches.report.rows >= len(runs)
    check(found, runs)
    assert [batch.num_rows for batch in found[:-1]] == [size] * (len(found) - 1)
    assert all(batch.schema == arrow.RUN_SCHEMA for batch in found)


async def test_attempts_yield_batches(client: JobRunsClient) -> None:
    run = next(run for run in await client.runs(JOBS).collect() if run.attempt == 3)
    pages = client.attempts(run)
    check([batch async for batch in pages.record_batches()], await pages.collect())


async def test_a_cursor_goes_on_after_a_batch(client: JobRunsClient) -> None:
    runs = await client.runs(JOBS).collect()
    async with client.runs(JOBS).record_batches(4) as batches:
        first = await anext(batches)
        cursor = batches.cursor
    rest = client.runs(JOBS, cursor=cursor).record_batches(4)
    check([first, *[batch async for batch in rest]], runs)


async def test_a_cursor_loses_nothing_of_a_batch_that_was_cut(client: JobRunsClient, local: LocalService) -> None:
    """Rows that wait for their batch to be full were not handed out."""
    pages = client.glue("nightly-etl").runs(page_size=3)
    runs = await pages.collect()
    local.forget_requests()
    async with pages.record_batches(4) as batches:
        first = await anext(batches)
        local.fault("GetJobRuns", "silence", times=None)
        cut = asyncio.ensure_future(anext(batches))
        while local.calls("GetJobRuns") < 3:  # noqa: ASYNC110  # what happens in the service's thread sets no event here
            await asyncio.sleep(0)
        cut.cancel()
        await asyncio.wait([cut])
        cursor = batches.cursor
    local.clear_faults()
    rest = client.glue("nightly-etl").runs(cursor=cursor).record_batches(4)
    check([first, *[batch async for batch in rest]], runs)


@pytest.mark.parametrize("size", [0, None, True, "4"])
async def test_a_size_that_is_none_is_refused(client: JobRunsClient, size: Any) -> None:  # noqa: ANN401  # by untyped callers
    with pytest.raises(InvalidRequestError, match="size"):
        client.glue("nightly-etl").runs().record_batches(size)


async def test_what_came_before_an_error_is_yielded_first(client: JobRunsClient, local: LocalService) -> None:
    runs = client.glue("nightly-etl").runs(page_size=2)
    local.fault("GetJobRuns", "error", after=2, times=None, code="EntityNotFoundException", status=400)
    batches = runs.record_batches(100)
    rows = (await anext(batches)).num_rows
    assert 0 < rows < 9
    with pytest.raises(NotFoundError):
        await anext(batches)
    with pytest.raises(NotFoundError):
        await runs.to_arrow()
    await batches.aclose()


async def test_nothing_is_requested_before_the_first_batch_nor_after_closing(
    client: JobRunsClient, local: LocalService
) -> None:
    batches = client.glue("nightly-etl").runs(page_size=1).record_batches(1)
    assert local.calls() == 0
    await anext(batches)
    await batches.aclose()
    calls = local.calls()
    assert [batch async for batch in batches] == []
    assert local.calls() == calls


async def test_arguments_that_cannot_be_right_are_refused(client: JobRunsClient) -> None:
    runs = client.glue("nightly-etl").runs()
    with pytest.raises(InvalidRequestError, match="size"):
        runs.record_batches(0)
    with pytest.raises(InvalidRequestError, match="native"):
        runs.record_batches(include_secrets=True)
    jobs: Any = client.jobs("glue")
    with pytest.raises(UnsupportedOperationError, match="not Job"):
        jobs.record_batches()
    with pytest.raises(UnsupportedOperationError, match="not Job"):
        await jobs.to_arrow()


@pytest.mark.parametrize("flag", ["native", "include_secrets"])
@pytest.mark.parametrize(("make", "row"), [("batch_from_runs", RUN), ("batch_from_attempts", ATTEMPT)])
def test_a_flag_is_a_flag(make: str, row: object, flag: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"{flag} must be True or False, got 'no'"):
        getattr(arrow, make)([row], **{flag: "no"})


@pytest.mark.parametrize(("make", "row"), [("batch_from_runs", RUN), ("batch_from_attempts", ATTEMPT)])
def test_secrets_without_their_column_are_refused(make: str, row: object) -> None:
    with pytest.raises(InvalidRequestError, match="include_secrets=True says what native=True has"):
        getattr(arrow, make)([row], include_secrets=True)
