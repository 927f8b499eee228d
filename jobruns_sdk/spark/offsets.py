"""Offsets of a stream: each determines its next batch alone, so that the batch can be repeated.

A batch has two parts. Runs that were new or changed and may change again, and runs that were followed and have ended,
are in the offset as rows. All other runs of its window of creation times had ended when it was made; they are read
again when the batch is.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

import attrs
import pyarrow as pa

from jobruns_sdk.arrow import RUN_SCHEMA, batch_from_runs
from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.model.runs import JobRun

_VERSION: Final = 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_TIMES: Final = frozenset(field.name for field in RUN_SCHEMA if field.type == pa.timestamp("us", tz="UTC"))

Row = dict[str, Any]
"""A row of ``RUN_SCHEMA`` as JSON can hold it: times are microseconds since 1970, what is null is left out."""


def micros(moment: datetime) -> int:
    """Return a time in microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(at: int) -> datetime:
    """Return the time of so many microseconds since 1970."""
    return _EPOCH + at * _MICROSECOND


def row_of(run: JobRun[Any]) -> Row:
    """Return the row of a run."""
    (row,) = batch_from_runs([run]).to_pylist()
    return {
        name: micros(value) if isinstance(value, datetime) else value
        for name, value in row.items()
        if value is not None
    }


def batch_from_rows(rows: Iterable[Row]) -> pa.RecordBatch:
    """Return rows as a record batch."""
    values = [{name: moment(value) if name in _TIMES else value for name, value in row.items()} for row in rows]
    return pa.RecordBatch.from_pylist(values, schema=RUN_SCHEMA)


def status(run: JobRun[Any]) -> str:
    """Return what of a run makes a change worth telling."""
    return f"{run.state} {run.native_state} {run.attempt}"


@attrs.frozen(kw_only=True)
class Offset:
    """The position of a stream, and the batch that leads there.

    Attributes:
        since: Where the batch's window of creation times begins (microseconds since 1970).
        until: Where it ends, and the next one's begins.
        followed: The runs that may still change, and the status in which each was last seen.
        rows: The rows of the batch that are told here.
        behind: Jobs that could not be read, and where the next window of each begins.
        caught_up: Jobs that were behind, and where their windows of this batch begin.
    """

    since: int
    until: int
    followed: Mapping[str, str] = attrs.field(factory=dict[str, str])
    rows: Mapping[str, Row] = attrs.field(factory=dict[str, Row])
    behind: Mapping[str, int] = attrs.field(factory=dict[str, int])
    caught_up: Mapping[str, int] = attrs.field(factory=dict[str, int])

    def to_dict(self) -> dict[str, Any]:
        """Return it as Spark keeps it."""
        members = attrs.asdict(self, recurse=False)
        return {"version": _VERSION} | {name: value for name, value in members.items() if value != {}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what Spark has kept.

        Raises:
            InvalidRequestError: It is not such an offset, or one of another version.
        """
        try:
            if data["version"] != _VERSION:
                raise InvalidRequestError(
                    f"the checkpoint is of version {data['version']!r}, only {_VERSION} can be read"
                )
            return cls(**{name: value for name, value in data.items() if name != "version"})
        except (KeyError, TypeError) as error:
            raise InvalidRequestError(f"the checkpoint is not one of this data source: {error}") from error

    def window(self, job: str) -> tuple[int, int] | None:
        """Return the window of creation times that the batch reads of a job, None if it reads nothing of it."""
        if job in self.behind:
            return None
        since = self.caught_up.get(job, self.since)
        return (since, self.until) if since < self.until else None
