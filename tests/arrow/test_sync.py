"""Arrow data over the bridge: faults, early leaving, and what is told of secrets."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from jobruns_sdk import (
    CallTimeoutError,
    ClientClosedError,
    InvalidRequestError,
    JobRunsError,
    NotFoundError,
    ResponseFormatError,
    ServiceUnavailableError,
    ThrottledError,
    TransportError,
)
from jobruns_sdk.sync import JobRunsClient
from jobruns_sdk.testing import LocalService
from jobruns_sdk.testing.faults import FaultKind
from tests.arrow.conftest import JOBS
from tests.fanout.kit import client_of, session_of
from tests.sync.conftest import others
from tests.unit.values import CANARY

pa = pytest.importorskip("pyarrow", reason="the extra engines is not installed")
polars = pytest.importorskip("polars", reason="the extra engines is not installed")
duckdb = pytest.importorskip("duckdb", reason="the extra engines is not installed")
arrow = pytest.importorskip("jobruns_sdk.arrow")

SESSION: Final = session_of()
Read = Callable[[JobRunsClient], Any]

READS: Final[dict[str, Read]] = {
    "frame": lambda client: pa.table(client.runs(JOBS).to_arrow()),
    "batches": lambda client: pa.Table.from_batches(client.runs(JOBS).record_batches(3)),
    "stream": lambda client: pa.table(client.runs(JOBS).stream(3)),
    "polars": lambda client: polars.DataFrame(client.runs(JOBS).stream(3)).to_arrow(),
}
FAULTS: Final[list[tuple[FaultKind, type[JobRunsError]]]] = [
    ("throttle", ThrottledError),
    ("error500", ServiceUnavailableError),
    ("html503", ServiceUnavailableError),
    ("reset_after", TransportError),
    ("truncate", TransportError),
    ("silence", CallTimeoutError),
    ("wrong_content", ResponseFormatError),
]


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_every_way_reads_what_the_asynchronous_face_reads(local: LocalService, read: Read) -> None:
    async with client_of(local) as asynchronous:
        expected = pa.table(await asynchronous.runs(JOBS).to_arrow()).to_pylist()
    with local.sync_client(session=SESSION, quotas=None) as client:
        assert read(client).to_pylist() == expected
        assert others(client) == 0


@pytest.mark.parametrize(("kind", "error"), FAULTS)
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_fault_is_an_error_and_no_partial_result(
    local: LocalService, kind: FaultKind, error: type[JobRunsError], read: Read
) -> None:
    patience = 0.2 if kind == "silence" else 60.0  # so short that the other services might not answer in time either
    which, told = ("*", "JobRuns") if kind == "silence" else ("emr-serverless:*", "emr-serverless")
    local.fault(which, kind, times=None)
    with local.sync_client(session=SESSION, quotas=None, max_attempts=2, call_timeout=patience) as client:
        with pytest.raises(Exception, match=told) as caught:  # polars has an exception of its own
            read(client)
        assert isinstance(caught.value, error) or error.__name__ in str(caught.value)
        assert CANARY not in f"{caught.value!r}"
        assert others(client) == 0


def test_one_in_five_answers_throttled_loses_nothing(local: LocalService) -> None:
    for after in range(0, 40, 5):
        local.fault("*", "throttle", after=after)
    with local.sync_client(session=SESSION, quotas=None) as client:
        assert pa.table(client.runs(JOBS, page_size=2).stream()).num_rows == 27


def test_a_stream_requests_nothing_before_the_first_rows_are_asked_for(local: LocalService) -> None:
    with local.sync_client(session=SESSION, quotas=None) as client:
        stream = client.runs(JOBS).stream()
        assert pa.schema(stream) == arrow.RUN_SCHEMA
        reader = pa.RecordBatchReader.from_stream(stream)
        assert local.calls() == 0
        assert reader.read_all().num_rows == 27
        with pytest.raises(InvalidRequestError, match="read already"):
            pa.table(stream)


def test_a_stream_keeps_the_error_that_another_library_raises_as_its_own(local: LocalService) -> None:
    with local.sync_client(session=SESSION, quotas=None) as client:
        stream = client.glue("there-is-none").runs().stream()
        with pytest.raises(pa.ArrowException, match="EntityNotFoundException"):
            pa.table(stream)
        assert isinstance(stream.error, NotFoundError)


def _close_the_stream(stream: Any, _: JobRunsClient) -> None:  # noqa: ANN401  # pyarrow is not typed here
    reader = pa.RecordBatchReader.from_stream(stream)
    reader.read_next_batch()
    stream.close()


def _drop_the_reader(stream: Any, _: JobRunsClient) -> None:  # noqa: ANN401  # as above
    pa.RecordBatchReader.from_stream(stream).read_next_batch()


def _fail(stream: Any, _: JobRunsClient) -> None:  # noqa: ANN401  # as above
    reader = pa.RecordBatchReader.from_stream(stream)
    with pytest.raises(ZeroDivisionError), stream:
        assert len(reader.read_next_batch()) / 0


def _never_begin(stream: Any, _: JobRunsClient) -> None:  # noqa: ANN401  # as above
    with stream:
        pass


@pytest.mark.parametrize("leave", [_close_the_stream, _drop_the_reader, _fail, _never_begin])
def test_leaving_a_stream_early_ends_what_is_under_way(
    local: LocalService, leave: Callable[[Any, JobRunsClient], None]
) -> None:
    with local.sync_client(session=SESSION, quotas=None) as client:
        leave(client.glue("nightly-etl").runs(page_size=1).stream(1), client)
        assert others(client) == 0
        assert local.calls() < 9


def test_closing_the_client_ends_a_stream_that_is_read_elsewhere(local: LocalService) -> None:
    local.fault("GetJobRuns", "silence", after=1, times=None)
    client = local.sync_client(session=SESSION, quotas=None)
    began = threading.Event()

    def read() -> None:
        for _ in client.glue("nightly-etl").runs(page_size=1).record_batches(1):
            began.set()

    with client, ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        assert began.wait(30)
        client.close()
        with pytest.raises(ClientClosedError):
            reading.result(30)


def test_duckdb_reads_a_stream_in_threads_of_its_own(local: LocalService) -> None:
    with local.sync_client(session=SESSION, quotas=None) as client, duckdb.connect() as connection:
        runs = client.runs(JOBS).stream(5, native=True)
        rows = connection.sql("select service, count(*), count(native) from runs group by all order by all").fetchall()
        assert runs.schema == arrow.with_native(arrow.RUN_SCHEMA)
        assert rows == [("datazone", 8, 8), ("emr-serverless", 10, 10), ("glue", 9, 9)]


def test_secrets_come_only_when_asked_for(local: LocalService) -> None:
    with local.sync_client(session=SESSION, quotas=None) as client:
        runs = client.glue("nightly-etl").runs()
        stream = runs.stream(native=True)
        assert CANARY not in f"{stream!r}{pa.table(stream).to_pylist()}"
        asked = runs.stream(native=True, include_secrets=True)
        assert CANARY in str(pa.table(asked).to_pylist())
        assert CANARY not in repr(asked)
