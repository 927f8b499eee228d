"""A Glue job's history in memory, for calls that go nowhere."""

import itertools
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import attrs
import msgspec

from jobruns_sdk.errors import InvalidRequestError, NotFoundError
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.services.glue.handle import GlueJob
from jobruns_sdk.transport.operation import Operation, Reply
from tests.unit.listings import NOON

JOB: Final = JobRef("glue", ("etl",), "eu-west-1")


@attrs.frozen
class Row:
    """An attempt as Glue lists it; `retry` is Glue's own number, from 0; `place` is where it stands, in minutes."""

    root: str
    retry: int = 0
    state: str = "SUCCEEDED"
    started: float | None = 0
    place: float = attrs.field(default=attrs.Factory(lambda self: self.started or 0, takes_self=True))

    @property
    def id(self) -> str:
        """The attempt's id."""
        return f"{self.root}_attempt_{self.retry}" if self.retry else self.root

    @property
    def at(self) -> datetime | None:
        """When it started."""
        return None if self.started is None else NOON + timedelta(minutes=self.started)

    def to_json(self) -> Mapping[str, object]:
        """The row as it stands in an answer."""
        started = None if self.at is None else self.at.timestamp()
        named = {"Id": self.id, "Attempt": self.retry, "JobName": "etl", "JobRunState": self.state}
        return named if started is None else {**named, "StartedOn": started, "ExecutionTime": 60, "MaxCapacity": 2.0}


def retried(root: str, *starts: float, state: str = "SUCCEEDED") -> list[Row]:
    """The rows of a run whose attempts started then: all but the last have failed."""
    states = itertools.chain(itertools.repeat("FAILED", len(starts) - 1), [state])
    return [Row(root, retry, name, started) for retry, (name, started) in enumerate(zip(states, starts, strict=True))]


class History:
    """Answers GetJobRuns and GetJobRun of a job; `asked` are the calls: the operation, and the token or run id."""

    def __init__(self, rows: Iterable[Row], *, offsets: bool = False) -> None:
        self.rows = sorted(rows, key=lambda row: (row.place, row.retry), reverse=True)
        self.asked: list[tuple[str, object]] = []
        self.max_retries = 3
        self._offsets = offsets
        self._era = self._added = 0

    @property
    def job(self) -> GlueJob:
        """The handle of the job."""
        return GlueJob(JOB, self)

    def add(self, count: int) -> None:
        """Add runs, each newer than all that are there."""
        for _ in range(count):
            self._added += 1
            self.rows.insert(0, Row(f"new{self._added}", started=10_000 + self._added))

    def expire(self) -> None:
        """Make all tokens invalid that were given out."""
        self._era += 1

    async def __call__(self, operation: Operation[Any], params: Mapping[str, Any]) -> Reply:
        """Answer a call."""
        if operation.name == "GetJobRun":
            self.asked.append(("GetJobRun", params["RunId"]))
            found = next((row for row in self.rows if row.id == params["RunId"]), None)
            if found is None:
                raise NotFoundError("no such run")
            return Reply(msgspec.json.encode({"JobRun": found.to_json()}))
        if operation.name == "GetJob":
            self.asked.append(("GetJob", None))
            return Reply(msgspec.json.encode({"Job": {"Name": "etl", "MaxRetries": self.max_retries}}))
        token = params.get("NextToken")
        self.asked.append((operation.name, token))
        return Reply(msgspec.json.encode(self._page(token, params["MaxResults"])))

    def _page(self, token: str | None, size: int) -> Mapping[str, object]:
        start = 0 if token is None else self._start(token)
        page = self.rows[start : start + size]
        answer: dict[str, object] = {"JobRuns": [row.to_json() for row in page]}
        if start + size < len(self.rows):
            answer["NextToken"] = f"{self._era}:{start + size if self._offsets else page[-1].id}"
        return answer

    def _start(self, token: str) -> int:
        era, _, place = token.partition(":")
        if int(era) != self._era:
            raise InvalidRequestError("The pagination token has expired.", http_status=400)
        return int(place) if self._offsets else [row.id for row in self.rows].index(place) + 1
