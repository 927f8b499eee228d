"""Folding Glue's retries into the run that they belong to.

Glue lists a retry as a separate run, newest first: a run's retries come before the run itself, which a page, a cursor
or the edge of the history may cut off from them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import repeat

import msgspec

from jobruns_sdk.model.native import utc
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.services.glue import native
from jobruns_sdk.services.glue.translate import attempt_id, root_and_number, run_from_attempts, run_from_row


class RetryFold(msgspec.Struct, frozen=True):
    """The retries that were listed, and whose run has not come yet: a value, replaced with each page.

    Attributes:
        job: The job.
        open: The retries by their number, of each run by its id.
        is_partial: Whether the rows before them were read by an earlier walk, so that their run may have been among
            these.
    """

    job: JobRef
    open: Mapping[str, Mapping[int, native.JobRun]] = {}
    is_partial: bool = False

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the retries whose run has not come yet."""
        return tuple(attempt_id(root, number) for root, group in self.open.items() for number in group)

    def add(self, rows: Sequence[native.JobRun]) -> "tuple[list[JobRun[native.JobRun]], RetryFold]":
        """Take in rows, each with its id; return the runs that are complete with them, and the fold without these.

        A retry comes before its run, [a_attempt_1, a], but nothing says that it must: where it stands behind it on the
        same page, [a, a_attempt_1], the run is in the state of the retry all the same.
        """
        # Most pages hold no retry: they are spared the sorting, a third of the time that this takes.
        ids = [row.Id or "" for row in rows]
        if not self.open and "_attempt_" not in " ".join(ids):
            return list(map(run_from_row, repeat(self.job), ids, rows, repeat(1))), self
        # Copied, since a fold is a value: a cursor made before this page goes on from the fold as it was then.
        groups = {root: dict(group) for root, group in self.open.items()}
        firsts: list[tuple[str, native.JobRun]] = []
        for row in rows:
            root, number = root_and_number(row.Id or "")
            if number > 1:
                groups.setdefault(root, {})[number] = row
            else:
                firsts.append((root, row))
        runs: list[JobRun[native.JobRun]] = []
        for root, row in firsts:
            retries = groups.pop(root, None)
            runs.append(
                run_from_row(self.job, root, row, 1) if retries is None else self._run(root, retries | {1: row})
            )
        return runs, msgspec.structs.replace(self, open=groups)

    def since(self, moment: datetime | None) -> "RetryFold":
        """Return the fold with those runs of which no attempt that is known started before that."""
        # A run is as old as its first attempt, and one attempt that is too old dates it, whatever else is known:
        #   since 10:00, and of run a
        #   a_attempt_2  10:20
        #   a_attempt_1  09:50     a itself has left the history: it began before 09:50, and is not one of these
        known = {root: [utc(row.StartedOn) for row in group.values()] for root, group in self.open.items()}
        kept = {
            root
            for root, times in known.items()
            if moment is not None and all(time is not None and time >= moment for time in times)
        }
        return msgspec.structs.replace(self, open={root: group for root, group in self.open.items() if root in kept})

    def earlier_ids(self) -> Iterable[Sequence[str]]:
        """Yield, for each run, the ids of its attempts before those that are known, the first one first."""
        for root, group in self.open.items():
            yield [attempt_id(root, number) for number in range(1, min(group))]

    def lost(self) -> list[JobRun[native.JobRun]]:
        """Return the runs whose first attempt the history no longer holds, dated by their oldest known attempt."""
        # They were met in the order of their latest attempts, and are told in that of their dates.
        runs = [self._run(root, group) for root, group in self.open.items()]
        return sorted(runs, key=lambda run: run.created_at.timestamp() if run.created_at else 0.0, reverse=True)

    def _run(self, root: str, group: Mapping[int, native.JobRun]) -> JobRun[native.JobRun]:
        return run_from_attempts(self.job, root, [group[number] for number in sorted(group)])


def waiting(fold: RetryFold | None) -> Mapping[str, datetime | None]:
    """Return the runs that are still to come, by their ids, each with the start of its first attempt that is known."""
    if fold is None:
        return {}
    return {root: utc(group[min(group)].StartedOn) for root, group in fold.open.items()}
