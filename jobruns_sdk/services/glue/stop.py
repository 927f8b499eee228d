"""Stopping Glue runs, 25 at a time."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from jobruns_sdk.checks import items_of
from jobruns_sdk.errors import ClientClosedError, InvalidRequestError, JobRunsError
from jobruns_sdk.loop.tasks import concurrently
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import JobRun, StopOutcome
from jobruns_sdk.services.glue import native
from jobruns_sdk.services.glue.operations import BATCH_STOP_JOB_RUN, CODES
from jobruns_sdk.services.glue.translate import root_and_number
from jobruns_sdk.transport.error_answers import kind_from_code
from jobruns_sdk.transport.operation import Call

# https://docs.aws.amazon.com/glue/latest/webapi/API_BatchStopJobRun.html
_LARGEST_BATCH: Final = 25
_ROUNDS: Final = 3  # no attempt lives so short a time that a stop would come too late for more of them

Verdict = JobRunsError | None
"""The reason why a run is not stopped; None if it is."""


class Stopper:
    """Stops runs of one job."""

    def __init__(self, job: JobRef, call: Call, run: Callable[[str], Awaitable[JobRun[native.JobRun]]]) -> None:
        """Begin with nothing asked; ``run`` gets a run in the state of its latest attempt."""
        self._job = job
        self._call = call
        self._run = run
        self._seen: dict[str, JobRun[native.JobRun]] = {}
        self._verdicts: dict[str, Verdict] = {}

    async def stop(self, run_ids: Sequence[str]) -> list[StopOutcome]:
        """Ask for runs to be stopped; return an outcome for each id, in order."""
        ids = [self._job.run(run_id).run_id for run_id in items_of("run_ids", run_ids, "run ids")]
        roots = [root_and_number(run_id)[0] for run_id in ids]
        # A run that is named twice is asked for once, and has its outcome at each of its places.
        left, attempts = list(dict.fromkeys(roots)), dict[str, str]()
        for _ in range(_ROUNDS):
            asked, attempts = attempts, dict[str, str]()
            await concurrently(self._find_attempt(root, asked.get(root), attempts) for root in left)
            found = [(root, attempts[root]) for root in left if root in attempts]
            batches = [found[start : start + _LARGEST_BATCH] for start in range(0, len(found), _LARGEST_BATCH)]
            refused = await concurrently(self._stop_batch(batch) for batch in batches)
            left = [root for roots_of_batch in refused for root in roots_of_batch]
            if not left:
                break
        return [
            StopOutcome(self._job.run(root), self._verdicts[root] is None, self._verdicts[root], self._seen.get(root))
            for root in roots
        ]

    async def _find_attempt(self, root: str, refused: str | None, attempts: dict[str, str]) -> None:
        """Find the attempt that is to be stopped.

        An attempt may fail between the two calls, and Glue says then that nothing goes on; a retry may be to come:

            08:00:00.0  GetJobRun: attempt 1 is RUNNING
            08:00:00.2  attempt 1 fails
            08:00:00.3  BatchStopJobRun: it cannot be stopped
            08:00:00.5  GetJobRun: attempt 1 is FAILED

        Args:
            root: The id of the first attempt.
            refused: The id of the attempt that was not stopped a moment ago, None at first.
            attempts: Where the id of the attempt is put, unless there is nothing to stop.
        """
        # Whether the bare id stops a retry is not documented, so the attempt that runs is named.
        try:
            run = await self._run(root)
        except ClientClosedError:
            raise
        except JobRunsError as error:
            self._verdicts.setdefault(root, error)
            return
        self._seen[root] = run
        attempt = run.native.Id or root
        if run.is_terminal:
            fault = f"{run.ref} has ended: it is {run.native_state}"
            self._verdicts[root] = self._error(InvalidRequestError, fault, None)
        elif attempt != refused:
            attempts[root] = attempt

    async def _stop_batch(self, batch: Sequence[tuple[str, str]]) -> list[str]:
        """Ask for attempts to be stopped; return the roots of those that Glue has refused one by one."""
        members = {"JobName": self._job.path[0], "JobRunIds": [run_id for _, run_id in batch]}
        try:
            reply = await self._call(BATCH_STOP_JOB_RUN, members)
            answer = BATCH_STOP_JOB_RUN.read(reply)
        except ClientClosedError:
            raise
        except JobRunsError as error:
            # A batch that failed is told for its own runs: those of the other batches were stopped all the same.
            self._verdicts.update((root, error) for root, _ in batch)
            return []
        # A success status says nothing: each run stands among the successes, among the errors, or in neither list.
        found: dict[str, Verdict] = {row.JobRunId or "": None for row in answer.SuccessfulSubmissions or ()}
        found.update((row.JobRunId or "", self._refusal(row.ErrorDetail)) for row in answer.Errors or ())
        for root, run_id in batch:
            fault = f"the answer does not mention {run_id}: it may be stopped or not"
            self._verdicts[root] = found.get(run_id, BATCH_STOP_JOB_RUN.malformed(fault, "$", reply))
        return [root for root, run_id in batch if found.get(run_id) is not None]

    def _refusal(self, detail: native.ErrorDetail | None) -> JobRunsError:
        code = (detail and detail.ErrorCode) or ""
        message = (detail and detail.ErrorMessage) or "Glue refused to stop the run"
        return self._error(kind_from_code(code, CODES) or JobRunsError, message, code)

    def _error(self, kind: type[JobRunsError], message: str, code: str | None) -> JobRunsError:
        return kind(message, service=self._job.service, operation=BATCH_STOP_JOB_RUN.name, code=code or None)
