"""The offset of a stream: what it says of its batch, how long it is, and what is refused."""

import json
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobruns_sdk import CursorError, InvalidRequestError
from jobruns_sdk.paging.cursor import Cursor, Mark, Place
from jobruns_sdk.runs.changed import Status
from jobruns_sdk.spark.batches import NAMED, JobBatch, Named, Settled, batch_in, digest_of, text_of
from jobruns_sdk.spark.offsets import Offset

NOON: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
OVERLAP: Final = timedelta(minutes=30)
BEGIN: Final = "2026-11-21T12:00:00Z"

moments = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # as asked
named = st.builds(
    Named,
    st.builds(Status, st.integers(1, 999), st.sampled_from("qsrpeu"), st.just("")),
    st.none() | moments.map(lambda at: at.replace(microsecond=0)),
)
ids = st.text(min_size=1, max_size=80)
settled = st.builds(Settled, st.none() | moments, moments, st.integers(0, 10**9), ids.map(lambda one: digest_of([one])))
parts = st.builds(JobBatch, st.dictionaries(ids, named, max_size=5), st.none() | settled)


@given(st.dictionaries(ids, parts, max_size=4))
def test_a_batch_is_read_as_it_was_written(batch: dict[str, JobBatch]) -> None:
    offset = Offset(begin=NOON).after("a cursor", batch)
    kept = Offset.from_dict(json.loads(json.dumps(offset.to_dict())))
    assert kept == offset
    assert kept.batch == batch == batch_in(text_of(batch))


def runs_of(count: int, *, ended: bool, until: datetime = NOON) -> dict[str, Named]:
    """Return so many runs, one a minute, with ids as Glue has them."""
    random, status = Random(1), Status(1, "e" if ended else "r", "")
    return {f"jr_{random.getrandbits(256):064x}": Named(status, until - n * timedelta(minutes=1)) for n in range(count)}


def batch_of(runs: dict[str, Named], *, known_until: datetime | None = None) -> JobBatch:
    return JobBatch.of(runs, runs, known_until=known_until, created_after=None, overlap=OVERLAP)


def test_a_history_is_told_by_its_number_and_sum() -> None:
    runs = runs_of(20_000, ended=True)
    part = batch_of(runs)
    old = [run_id for run_id, run in runs.items() if run.at is not None and run.at < NOON - OVERLAP]
    assert part.settled == Settled(None, NOON - OVERLAP, len(old), digest_of(reversed(old)))
    assert set(part.named) == set(runs) - set(old)
    assert len(text_of({"glue:etl": part})) < 3_000


def test_runs_that_were_listed_late_or_go_on_are_named() -> None:
    known = NOON - timedelta(days=2)
    runs = runs_of(5_000, ended=True) | runs_of(10, ended=False, until=NOON - timedelta(days=1))
    part = batch_of(runs, known_until=known)
    assert part.settled is not None
    assert part.settled.after == known + timedelta(microseconds=1)
    late = {run_id for run_id, run in runs.items() if run.at is not None and run.at <= known}
    assert late <= set(part.named)
    assert sum(run.status.rank == "r" for run in part.named.values()) == 10
    covered = {run_id for run_id, run in runs.items() if part.settled.holds(run.at)}
    assert covered | set(part.named) == set(runs)


def test_runs_are_named_where_they_are_few() -> None:
    assert batch_of(runs_of(NAMED, ended=True)).settled is None


def test_five_thousand_runs_that_go_on_take_sixty_characters_each() -> None:
    text = text_of({"glue:etl": batch_of(runs_of(5_000, ended=False))})
    assert len(text) < 5_000 * 75


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"version": 1, "since": 0, "until": 0},
            "is of version 1, and only 2 can be read: let the stream",
        ),
        ({}, "is of version None"),
        ({"version": 2}, "missing required field `begin`"),
        ({"version": 2, "begin": 5}, "Expected `datetime`"),
        ({"version": 2, "begin": "2026-11-21T12:00:00"}, "timezone component"),
        ({"version": 2, "begin": BEGIN, "cursor": 7}, r"Expected `str | null`, got `int` - at `\$.cursor`"),
        ({"version": 2, "begin": BEGIN, "rows": {}}, "unknown field `rows`"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        Offset.from_dict(data)


@pytest.mark.parametrize(
    "place",
    [
        None,
        Place(after=Mark("a", NOON)),
        Place(state=("1x 0 a",)),
        Place(state=("1e 0",)),
        Place(state=("1e 999999999999 a",)),
        Place(passed=("1 0 ~",), since=NOON),
        Place(passed=(f"1 {'0' * 16} ~",)),
        Place(passed=(f"1 {'0' * 16} 999999999999999999",), since=NOON),
    ],
)
def test_a_batch_of_something_else_is_refused(place: Place | None) -> None:
    text = str(Cursor("the batch of a stream, first form", {}, {"glue:etl": place}))
    with pytest.raises(CursorError, match="it names no runs of a batch where it should"):
        batch_in(text)


def test_a_damaged_batch_is_refused() -> None:
    text = text_of({"glue:etl": batch_of(runs_of(3, ended=True))})
    with pytest.raises(CursorError, match="damaged"):
        batch_in(text[:-4])
    with pytest.raises(CursorError, match="continues 'changes', not 'the batch of a stream, first form'"):
        batch_in(str(Cursor("changes", {}, {})))
