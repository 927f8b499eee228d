"""Glue's retries are folded into their runs whichever pages they are on, decoded once or over and over."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from jobruns_sdk import JobRunsClient
from jobruns_sdk.services.glue import GlueJob
from tests.fanout.kit import Run, keeping, memory_client, newest, ref_of, times_of
from tests.fanout.reading import STEADY, Reader, Step
from tests.unit.glue_history import History, Row, retried

histories = st.lists(
    st.lists(st.tuples(st.integers(1, 9), st.lists(st.integers(1, 30), max_size=3)), max_size=20),
    min_size=1,
    max_size=3,
)


def rows_of(runs: Sequence[tuple[int, Sequence[int]]]) -> list[Row]:
    """Return the rows of runs of which each begins so long after the one before, with retries after such times."""
    rows: list[Row] = []
    start = 0
    for index, (gap, retries) in enumerate(runs):
        start += gap
        starts = [start]
        for wait in retries:
            starts.append(starts[-1] + wait)
        rows += retried(f"jr_{index}", *starts)
    return rows


@settings(max_examples=200)
@given(histories, st.integers(2, 12), STEADY)
async def test_parked_pages_fold_the_same_retries(
    drawn: list[list[tuple[int, list[int]]]],
    size: int,
    steps: list[Step],
) -> None:
    histories = [History(rows_of(runs), offsets=size % 2 == 0) for runs in drawn]
    handles = [GlueJob(ref_of(f"job{index}"), history) for index, history in enumerate(histories)]

    def expire(*_: object) -> None:
        for history in histories:
            history.expire()

    def client() -> JobRunsClient:
        return memory_client(handles)

    with keeping(1 + size % 3):
        seen = await Reader(client, [job.ref for job in handles], change=expire, page_size=size).read(steps)
    expected: list[Run] = [run for handle in handles for run in await handle.runs(page_size=200).collect()]
    assert {run.ref: run for run in seen} == {run.ref: run for run in expected}
    assert len(seen) == len(expected)
    assert times_of(seen) == newest(expected)
