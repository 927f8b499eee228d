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

    async def stop(self, run_ids: Sequence[str]) -> list[StopOutcome]:
        """Ask for runs to be stopped; return an outcome for each id, in order."""
        ids = [self._job.run(run_id).run_id for run_id in items_of("run_ids", run_ids, "run ids")]
        roots = [root_and_number(run_id)[0] for run_id in ids]
        attempts: dict[str, str] = {}
        verdicts: dict[str, Verdict] = {}
        # A run that is named twice is asked for once, and has its outcome at each of its places.
        await concurrently(self._find_attempt(root, attempts, verdicts) for root in dict.fromkeys(roots))
        found = [(root, attempts[root]) for root in dict.fromkeys(roots) if root in attempts]
        batches = [found[start : start + _LARGEST_BATCH] for start in range(0, len(found), _LARGEST_BATCH)]
        await concurrently(self._stop_batch(batch, verdicts) for batch in batches)
        return [
            StopOutcome(self._job.run(root), verdicts[root] is None, verdicts[root], self._seen.get(root))
            for root in roots
        ]

    async def _find_attempt(self, root: str, attempts: dict[str, str], verdicts: dict[str, Verdict]) -> None:
        # Whether the bare id stops a retry is not documented, so the attempt that runs is named.
        try:
            run = await self._run(root)
        except ClientClosedError:
            raise
        except JobRunsError as error:
            verdicts[root] = error
            return
        self._seen[root] = run
        if run.is_terminal:
            verdicts[root] = self._error(InvalidRequestError, f"{run.ref} has ended: it is {run.native_state}", None)
        else:
            attempts[root] = run.native.Id or root

    async def _stop_batch(self, batch: Sequence[tuple[str, str]], verdicts: dict[str, Verdict]) -> None:
        members = {"JobName": self._job.path[0], "JobRunIds": [run_id for _, run_id in batch]}
        try:
            reply = await self._call(BATCH_STOP_JOB_RUN, members)
            answer = BATCH_STOP_JOB_RUN.read(reply)
        except ClientClosedError:
            raise
        except JobRunsError as error:
            # A batch that failed is told for its own runs: those of the other batches were stopped all the same.
            verdicts.update((root, error) for root, _ in batch)
            return
        # A success status says nothing: each run stands among the successes, among the errors, or in neither list.
        found: dict[str, Verdict] = {row.JobRunId or "": None for row in answer.SuccessfulSubmissions or ()}
        found.update((row.JobRunId or "", self._refusal(row.ErrorDetail)) for row in answer.Errors or ())
        for root, run_id in batch:
            fault = f"the answer does not mention {run_id}: it may be stopped or not"
            verdicts[root] = found.get(run_id, BATCH_STOP_JOB_RUN.malformed(fault, "$", reply))

    def _refusal(self, detail: native.ErrorDetail | None) -> JobRunsError:
        code = (detail and detail.ErrorCode) or ""
        message = (detail and detail.ErrorMessage) or "Glue refused to stop the run"
        return self._error(kind_from_code(code, CODES) or JobRunsError, message, code)

    def _error(self, kind: type[JobRunsError], message: str, code: str | None) -> JobRunsError:
        return kind(message, service=self._job.service, operation=BATCH_STOP_JOB_RUN.name, code=code or None)
