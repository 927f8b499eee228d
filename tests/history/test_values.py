"""Values come out of a store as the client hands them out."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, get_type_hints

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobruns_sdk import InvalidRequestError, JobRef, JobRun, to_dict
from jobruns_sdk.arrow import RUN_SCHEMA, batch_from_runs
from jobruns_sdk.history import RunStore
from jobruns_sdk.history.rows import AttemptRow, Decoder, RunRow, encoder, row_from_attempt, row_from_run
from jobruns_sdk.model.native import Native
from jobruns_sdk.serialization.kinds import kinds_with
from tests.adapter.batch.entry import ENTRY
from tests.adapter.batch.native import JobSummary
from tests.history.kit import APP, CANARY, GLUE, JOBS, Run, Told, run_of, runs
from tests.unit.values import ATTEMPT

_DECODER = Decoder(kinds_with(None).natives)


def _stored(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row as SQLite gives it back."""
    with closing(sqlite3.connect(":memory:")) as connection:
        marks = ", ".join("?" * len(row))
        found: tuple[Any, ...] = connection.execute(f"values ({marks})", row).fetchone()
        return found


@given(runs())
def test_a_run_comes_out_as_it_went_in(run: Run) -> None:
    row = row_from_run(run, encoder(native=True, include_secrets=True))
    found = _DECODER.run(RunRow._make(_stored(row)))
    assert found == run
    assert found.native == run.native
    assert found.job_name == run.job_name
    assert to_dict(found) == to_dict(run)


@given(runs(), st.booleans())
def test_an_attempt_comes_out_as_it_went_in(run: Run, named: bool) -> None:  # noqa: FBT001  # hypothesis passes by position
    members = {
        field.name: getattr(run, field.name)
        for field in attrs.fields(type(ATTEMPT))
        if field.name in attrs.fields_dict(JobRun)
    }
    attempt = attrs.evolve(ATTEMPT, **{**members, "run": run.ref, "number": run.attempt})
    row = AttemptRow._make(_stored(row_from_attempt(attempt, encoder(native=True, include_secrets=True))))
    found = _DECODER.attempt(row, run.service, run.job_name if named else None)
    assert (found, found.native) == (attempt, attempt.native)
    assert not named or found.run.job.job_name == run.job_name


@given(st.lists(runs(), min_size=2, max_size=2))
def test_times_sort_as_text(words: list[Run]) -> None:
    one, other = (row_from_run(run, encoder(native=False, include_secrets=False)) for run in words)
    if one.created_at is not None and other.created_at is not None:
        assert words[0].created_at is not None
        assert words[1].created_at is not None
        assert (one.created_at < other.created_at) == (words[0].created_at < words[1].created_at)


def test_the_columns_are_those_of_arrow() -> None:
    assert RunRow._fields == (*RUN_SCHEMA.names, "native", "native_kind", "lost_at")
    row = row_from_run(run_of("jr_1", state="SUCCEEDED"), encoder(native=False, include_secrets=False))
    told = batch_from_runs([run_of("jr_1", state="SUCCEEDED")]).to_pylist()[0]
    assert {name: getattr(row, name) for name in RUN_SCHEMA.names if not name.endswith("_at")} == {
        name: value for name, value in told.items() if not name.endswith("_at")
    }
    assert row.created_at == "2026-03-10T12:00:00.000000+00:00"


async def test_secrets_are_stored_only_when_they_are_asked_for(tmp_path: Path) -> None:
    for asked in (False, True):
        path = tmp_path / f"{asked}.sqlite"
        async with RunStore(path) as store:
            await store.sync(Told([[run_of("jr_1")]]), [GLUE], include_secrets=asked)
            found = await store.runs().first()
        assert found is not None
        assert isinstance(found.native, Native)
        assert (CANARY.encode() in path.read_bytes()) is asked
        assert (CANARY in json.dumps(to_dict(found))) is asked


async def test_native_may_be_left_out(tmp_path: Path) -> None:
    async with RunStore(tmp_path / "runs.sqlite") as store:
        await store.sync(Told([[run_of("jr_1")]]), [GLUE], native=False)
        found = await store.runs().first()
        assert (found, found and found.native) == (run_of("jr_1"), None)
        with pytest.raises(InvalidRequestError, match="include_secrets"):
            await store.sync(Told(), [GLUE], native=False, include_secrets=True)


async def test_frames_are_those_of_the_client(tmp_path: Path) -> None:
    rows = [run_of(f"r{number}", job=job, minutes=number) for number, job in enumerate(JOBS)]
    expected = batch_from_runs(rows[::-1], native=True).to_pylist()
    async with RunStore(tmp_path / "runs.sqlite") as store:
        await store.sync(Told([rows]), JOBS)
        batches = [batch async for batch in store.runs().record_batches(native=True)]
        assert [row for batch in batches for row in batch.to_pylist()] == expected
        frame = await store.to_arrow(native=True)
        assert (len(frame), frame.schema) == (3, batches[0].schema)
        assert len(await store.to_arrow(APP)) == 1


async def test_runs_of_services_from_outside_are_stored_too(tmp_path: Path) -> None:
    queue = JobRef("batch", ("default",), "eu-west-1")
    run = run_of("one", job=GLUE, native=JobSummary(jobId="one", createdAt=7))
    run = attrs.evolve(run, job=queue)
    async with RunStore(tmp_path / "runs.sqlite") as store:
        await store.sync(Told([[run]]), [queue])
        assert await store.runs().collect() == [run]
        assert [found.native async for found in store.runs()] == [None]  # whose structures nobody has named
    async with RunStore(tmp_path / "runs.sqlite", adapters={"batch": ENTRY}) as store:
        assert await store.runs("batch:default").collect() == [run]
        assert [found.native async for found in store.runs()] == [run.native]


@pytest.mark.parametrize(("table", "row"), [("runs", RunRow), ("attempts", AttemptRow)])
async def test_the_tables_have_the_columns_of_the_rows(
    table: str, row: type[RunRow | AttemptRow], tmp_path: Path
) -> None:
    """The statements that make the tables are history, which must not change: so nothing makes them of the rows."""
    path = tmp_path / "runs.sqlite"
    async with RunStore(path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        told = connection.execute('select name, type, "notnull" from pragma_table_info(?)', (table,)).fetchall()
    kinds = {"text": str, "integer": int, "real": float}
    columns = {name: kinds[kind.lower()] if required else kinds[kind.lower()] | None for name, kind, required in told}
    assert columns == get_type_hints(row)
