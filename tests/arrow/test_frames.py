"""polars, duckdb, pandas and pyarrow read the same frame to the same values."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import attrs
import pytest

from jobruns_sdk import InvalidRequestError, JobRunsClient, NotFoundError
from tests.arrow.conftest import JOBS
from tests.unit.values import CANARY, RUN

pa = pytest.importorskip("pyarrow", reason="the extra engines is not installed")
polars = pytest.importorskip("polars", reason="the extra engines is not installed")
duckdb = pytest.importorskip("duckdb", reason="the extra engines is not installed")
pandas = pytest.importorskip("pandas", minversion="3", reason="the extra engines is not installed")
pytest.importorskip("pytz", reason="duckdb needs it for times with a zone")
arrow = pytest.importorskip("jobruns_sdk.arrow")

Rows = list[dict[str, Any]]


def _pyarrow_rows(frame: object) -> Rows:
    rows: Rows = pa.table(frame).to_pylist()
    return rows


def _polars_rows(frame: object) -> Rows:
    rows: Rows = polars.DataFrame(frame).to_dicts()
    return rows


def _pandas_rows(frame: object) -> Rows:
    records = pandas.DataFrame.from_arrow(frame).to_dict("records")
    return [{name: None if pandas.isna(value) else value for name, value in record.items()} for record in records]


def _duckdb_rows(frame: object) -> Rows:  # noqa: ARG001  # duckdb finds it by its name
    with duckdb.connect() as connection:
        relation = connection.sql("select * from frame")
        return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


READERS = [_pyarrow_rows, _polars_rows, _pandas_rows, _duckdb_rows]


def moments(rows: Rows) -> list[object]:
    return [row[name] for row in rows for name in ("created_at", "started_at", "updated_at", "ended_at")]


@pytest.mark.parametrize("read", READERS)
async def test_every_reader_finds_the_same(client: JobRunsClient, read: Callable[[object], Rows]) -> None:
    frame = await client.runs(JOBS).to_arrow(native=True)
    expected = _pyarrow_rows(frame)
    assert len(expected) == len(frame) == 27
    for _ in range(2):  # it can be read again
        assert read(frame) == expected


@pytest.mark.parametrize("read", READERS)
async def test_times_are_instants_in_utc(client: JobRunsClient, read: Callable[[object], Rows]) -> None:
    runs = await client.runs(JOBS).collect()
    rows = read(await client.runs(JOBS).to_arrow())
    assert [row["created_at"] for row in rows] == [run.created_at for run in runs]
    known = [moment for moment in moments(rows) if isinstance(moment, datetime)]
    assert len(known) > len(runs)
    assert all(moment.utcoffset() is not None for moment in known)


async def test_the_time_zone_is_in_the_types(client: JobRunsClient) -> None:
    frame = await client.runs(JOBS).to_arrow()
    assert pa.table(frame).schema.field("created_at").type == pa.timestamp("us", tz="UTC")
    assert polars.DataFrame(frame).schema["created_at"] == polars.Datetime("us", "UTC")
    assert str(pandas.DataFrame.from_arrow(frame)["created_at"].dtype) == "datetime64[us, UTC]"
    with duckdb.connect() as connection:
        relation = connection.sql("select created_at from frame")
        assert relation.types == ["TIMESTAMP WITH TIME ZONE"]
        assert relation.arrow().read_all()["created_at"].cast(pa.int64()) == pa.table(frame)["created_at"].cast(
            pa.int64()
        )


@pytest.mark.parametrize("read", READERS)
async def test_an_empty_result_keeps_its_columns(client: JobRunsClient, read: Callable[[object], Rows]) -> None:
    frame = await client.runs([]).to_arrow()
    assert (len(frame), frame.schema) == (0, arrow.RUN_SCHEMA)
    assert read(frame) == []
    assert polars.DataFrame(frame).columns == pandas.DataFrame.from_arrow(frame).columns.to_list() == frame.schema.names


def test_a_schema_can_be_asked_for() -> None:
    frame = arrow.JobRunFrame(pa.Table.from_batches([arrow.batch_from_runs([RUN])]))
    wanted = pa.schema([(name, pa.large_string()) for name in ("state",)])
    table = pa.RecordBatchReader.from_stream(frame).read_all()
    assert table.schema == arrow.RUN_SCHEMA
    narrow = arrow.JobRunFrame(table.select(["state"]))
    assert pa.RecordBatchReader.from_stream(narrow, schema=wanted).read_all().schema == wanted
    assert pa.schema(frame) == arrow.RUN_SCHEMA


async def test_nothing_secret_is_in_a_frame_or_its_repr(client: JobRunsClient) -> None:
    jobs = client.glue("nightly-etl").runs()
    frame = await jobs.to_arrow(native=True)
    assert CANARY not in f"{frame!r}{pa.table(frame).to_pylist()}"
    assert repr(frame) == f"JobRunFrame({len(frame)} rows, {len(arrow.RUN_SCHEMA) + 1} columns)"
    asked = await jobs.to_arrow(native=True, include_secrets=True)
    assert CANARY in str(pa.table(asked).to_pylist())
    assert CANARY not in repr(asked)


class Source:
    """Batches of runs that keep account of what becomes of them."""

    def __init__(self, batches: int, error: Exception | None = None) -> None:
        self.made = 0
        self.closed = False
        self._batches = batches
        self._error = error

    def stream(self) -> Any:  # noqa: ANN401  # pyarrow is not typed here
        return arrow.JobRunStream(arrow.RUN_SCHEMA, self._generator())

    def _generator(self) -> Iterator[Any]:
        try:
            for number in range(self._batches):
                self.made += 1
                yield arrow.batch_from_runs([attrs.evolve(RUN, id=f"jr_{number}")])
            if self._error is not None:
                raise self._error
        finally:
            self.closed = True


@pytest.mark.parametrize("read", READERS)
def test_a_stream_is_read_as_a_frame_is(read: Callable[[object], Rows]) -> None:
    source = Source(3)
    stream = source.stream()
    assert source.made == 0
    assert [row["run_id"] for row in read(stream)] == ["jr_0", "jr_1", "jr_2"]
    assert source.closed


def test_a_stream_that_is_read_twice_says_so() -> None:
    stream = Source(3).stream()
    assert repr(stream) == f"JobRunStream({len(arrow.RUN_SCHEMA)} columns, unread)"
    assert pa.schema(stream) == arrow.RUN_SCHEMA  # which reads nothing
    assert pa.table(stream).num_rows == 3
    assert repr(stream) == f"JobRunStream({len(arrow.RUN_SCHEMA)} columns, read)"
    for read in (pa.table, polars.DataFrame, pandas.DataFrame.from_arrow):
        with pytest.raises(InvalidRequestError, match="read already"):
            read(stream)
    with pytest.raises(Exception, match="read already"):
        _duckdb_rows(stream)


def test_a_stream_that_was_closed_is_not_one_that_has_ended() -> None:
    unread, begun = Source(3).stream(), Source(3).stream()
    unread.close()
    for read in (pa.table, polars.DataFrame, pandas.DataFrame.from_arrow):
        with pytest.raises(InvalidRequestError, match="closed before"):
            read(unread)
    reader = pa.RecordBatchReader.from_stream(begun)
    reader.read_next_batch()
    begun.close()
    with pytest.raises(Exception, match="closed before"):
        reader.read_all()
    assert isinstance(begun.error, InvalidRequestError)

    ended = Source(3).stream()
    reader = pa.RecordBatchReader.from_stream(ended)
    assert reader.read_all().num_rows == 3
    ended.close()
    assert ended.error is None


def _take_one_and_drop(stream: object) -> None:
    next(pa.RecordBatchReader.from_stream(stream))


def _take_one_and_close(stream: Any) -> None:  # noqa: ANN401  # pyarrow is not typed here
    with stream:
        reader = pa.RecordBatchReader.from_stream(stream)
        next(reader)
    with pytest.raises(pa.ArrowInvalid, match="closed before"):
        next(reader)


@pytest.mark.parametrize("leave", [_take_one_and_drop, _take_one_and_close])
def test_a_stream_that_is_left_early_ends(leave: Callable[[object], None]) -> None:
    source = Source(1000)
    stream = source.stream()
    leave(stream)
    del stream
    assert source.closed
    assert source.made < 1000


@pytest.mark.parametrize("read", READERS)
def test_an_error_on_the_way_is_an_error_and_no_partial_result(read: Callable[[object], Rows]) -> None:
    with pytest.raises(Exception, match="no such job"):  # each library has a class of its own
        read(Source(2, NotFoundError("no such job")).stream())
