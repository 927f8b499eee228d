"""Counts of what was read, and of what that took."""

from typing import Any

from jobruns_sdk.errors import JobRunsError
from jobruns_sdk.loop.meter import Meter
from jobruns_sdk.model.reports import SourceReport
from jobruns_sdk.paging.source import Batch


class Counts:
    """Counters of one source: requests and throttled ones, pages, rows, late rows, seconds waited."""

    requests: int = 0
    pages: int = 0
    rows: int = 0
    late: int = 0
    throttled: int = 0
    waited: float = 0.0

    def add(self, batch: Batch[Any], *, rows: int, late: int) -> None:
        """Count a page, of which so many rows are new, and so many of these late."""
        self.pages += 1
        self.requests += batch.requests
        self.rows += rows
        self.late += late

    def take(self, meter: Meter) -> None:
        """Count what a meter has counted, and set it back."""
        self.throttled += meter.throttled
        self.waited += meter.waited
        meter.throttled, meter.waited = 0, 0.0

    def copy(self) -> "Counts":
        """Return the same counts."""
        other = Counts()
        other.include(self, rows=self.rows)
        return other

    def less(self, before: "Counts") -> "Counts":
        """Return what was read since then."""
        other = Counts()
        for name in ("requests", "pages", "rows", "late", "throttled", "waited"):
            setattr(other, name, getattr(self, name) - getattr(before, name))
        return other

    def include(self, other: "Counts", *, rows: int) -> None:
        """Add other counts, of whose rows so many are new."""
        self.pages += other.pages
        self.requests += other.requests
        self.throttled += other.throttled
        self.waited += other.waited
        self.rows += rows
        self.late += other.late

    def report(self, name: str, *, ended: bool, error: JobRunsError | None, rounds: int = 1) -> SourceReport:
        """Return what a report tells of a source."""
        return SourceReport(
            name,
            self.requests,
            self.pages,
            self.rows,
            self.late,
            self.waited,
            ended,
            error,
            rounds=rounds,
            throttled=self.throttled,
        )
