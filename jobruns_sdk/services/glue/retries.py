"""Folding Glue's retries into the run that they belong to.

Glue lists a retry as a run of its own, newest first: a run's retries come before the run itself, which a page, a cursor
or the edge of the history may cut off from them.
"""

from collections.abc import Iterable, Mapping

import msgspec

from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.services.glue import native
from jobruns_sdk.services.glue.translate import attempt_id, root_and_number, run_from_attempts, run_from_row


class RetryFold(msgspec.Struct, frozen=True):
    """The retries that were listed, and whose run has not come yet: a value, made anew with each page.

    Attributes:
        job: The job.
        open: The retries by their number, of each run by its id.
    """

    job: JobRef
    open: Mapping[str, Mapping[int, native.JobRun]] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the retries whose run has not come yet."""
        return tuple(attempt_id(root, number) for root, group in self.open.items() for number in group)

    def add(self, rows: Iterable[native.JobRun]) -> "tuple[list[JobRun[native.JobRun]], RetryFold]":
        """Take in rows, each with its id; return the runs that are complete with them, and the fold without these."""
        runs: list[JobRun[native.JobRun]] = []
        groups = {root: dict(group) for root, group in self.open.items()}
        for row in rows:
            root, number = root_and_number(row.Id or "")
            if number > 1:
                groups.setdefault(root, {})[number] = row
            elif root in groups:
                runs.append(self._run(root, groups.pop(root) | {1: row}))
            else:
                runs.append(run_from_row(self.job, root, row, 1))
        return runs, RetryFold(self.job, groups)

    def lost(self) -> list[JobRun[native.JobRun]]:
        """Return the runs whose first attempt the history no longer holds, dated by their oldest known attempt."""
        runs = [self._run(root, group) for root, group in self.open.items()]
        return sorted(runs, key=lambda run: run.created_at.timestamp() if run.created_at else 0.0, reverse=True)

    def _run(self, root: str, group: Mapping[int, native.JobRun]) -> JobRun[native.JobRun]:
        return run_from_attempts(self.job, root, [group[number] for number in sorted(group)])
