"""Folding Glue's retries into the run that they belong to.

Glue lists a retry as a run of its own, newest first: a run's retries come before the run itself, which a page, a cursor
or the edge of the history may cut off from them.
"""

from collections.abc import Iterable

from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.services.glue import native
from jobruns_sdk.services.glue.translate import attempt_id, root_and_number, run_from_attempts, run_from_row


class RetryFold:
    """Collects the retries that were listed, until the run that they belong to comes."""

    def __init__(self, job: JobRef) -> None:
        """Begin with no retry seen."""
        self._job = job
        self._open: dict[str, dict[int, native.JobRun]] = {}

    def copy(self) -> "RetryFold":
        """Return a fold that has collected the same, so that a page can be read again."""
        other = RetryFold(self._job)
        other._open = {root: dict(group) for root, group in self._open.items()}
        return other

    @property
    def state(self) -> tuple[str, ...]:
        """The ids of the retries whose run has not come yet."""
        return tuple(attempt_id(root, number) for root, group in self._open.items() for number in group)

    def add(self, rows: Iterable[native.JobRun]) -> list[JobRun[native.JobRun]]:
        """Take in rows, each with its id; return the runs that are complete with them."""
        runs: list[JobRun[native.JobRun]] = []
        for row in rows:
            root, number = root_and_number(row.Id or "")
            if number > 1:
                self._open.setdefault(root, {})[number] = row
            elif root in self._open:
                runs.append(self._run(root, self._open.pop(root) | {1: row}))
            else:
                runs.append(run_from_row(self._job, root, row, 1))
        return runs

    def flush(self) -> Iterable[JobRun[native.JobRun]]:
        """Return the runs whose first attempt the history no longer holds, dated by their oldest known attempt."""
        runs = [self._run(root, group) for root, group in self._open.items()]
        self._open.clear()
        return sorted(runs, key=lambda run: run.created_at.timestamp() if run.created_at else 0.0, reverse=True)

    def _run(self, root: str, group: dict[int, native.JobRun]) -> JobRun[native.JobRun]:
        return run_from_attempts(self._job, root, [group[number] for number in sorted(group)])
