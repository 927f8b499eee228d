"""The search for the run of a start without a key: the only one alike that no other start can have made."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs

from jobruns_sdk.errors import NotFoundError
from jobruns_sdk.loop.clock import Clock
from jobruns_sdk.model.native import utc
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.services.glue import native
from jobruns_sdk.services.glue.key_search import SKEW, CutOffError, listed
from jobruns_sdk.services.glue.listing import get_attempt
from jobruns_sdk.services.glue.start_request import StartRequest
from jobruns_sdk.services.glue.translate import root_and_number
from jobruns_sdk.transport.operation import Call, Reply

# The members of a request that its run shows as they were said.
_SHOWN: Final = (
    "ExecutionClass",
    "JobRunQueuingEnabled",
    "MaxCapacity",
    "NumberOfWorkers",
    "SecurityConfiguration",
    "Timeout",
    "WorkerType",
)
_CLOSE: Final = timedelta(minutes=1)


@attrs.frozen
class Likeness:
    """The looks of the run of a start.

    Attributes:
        job: The job.
        call: Calls the service.
        request: The request of the start.
        begun: When it was sent, in seconds of the client's clock.
        clock: The client's clock, which tells spans, never the time.
        is_claimed: Tells of the id of a run whether another start has it.
    """

    job: JobRef
    call: Call
    request: StartRequest
    begun: float
    clock: Clock
    is_claimed: Callable[[str], bool]

    async def only(self) -> str | None:
        """Return the id of the run that the start must have made, None where there is none or that is in doubt.

        The service's time tells what began after the start, its Date header and how long ago that was. What began
        within a minute before is doubt: clocks of a service differ, and of two that are alike neither is proof.

            09:59:30  jr_1  --day 1       another program's: with it alone, or with jr_2, nothing is known
            10:00:00        the start is sent
            10:00:01  jr_2  --day 1       ours, if jr_1 was not there
        """
        begun = near = datetime.max.replace(tzinfo=UTC)

        def end_of(reply: Reply) -> datetime:
            nonlocal begun, near
            passed = timedelta(seconds=self.clock.monotonic() - self.begun)
            # Without a Date the client's own clock may be wrong by as much as AWS accepts, and proves nothing.
            said = reply.service_time
            begun = (self.clock.now() + SKEW if said is None else said) - passed
            near = begun - (2 * SKEW if said is None else _CLOSE)
            return near

        alike: list[native.JobRun] = []
        async for row in listed(self.job, self.call, end_of):
            root, number = root_and_number(row.Id or "")
            started = utc(row.StartedOn)
            if number > 1 or self.is_claimed(root) or (started is not None and started < near):
                continue
            full = row if row.Arguments and started else await self._full(row, root)
            started = utc(full.StartedOn)
            if self._is_alike(full) and (started is None or started >= near):
                alike.append(full)
        started = utc(alike[0].StartedOn) if len(alike) == 1 else None
        return alike[0].Id if started is not None and started >= begun else None

    def _is_alike(self, run: native.JobRun) -> bool:
        said = {name: self.request.members.get(name) for name in _SHOWN}
        other = any(
            value is not None and shown is not None and value != shown
            for value, shown in ((value, getattr(run, name)) for name, value in said.items())
        )
        return not other and (run.Arguments or {}) == self.request.arguments

    async def _full(self, row: native.JobRun, root: str) -> native.JobRun:
        try:
            return (await get_attempt(self.call, self.job, root))[0]
        except NotFoundError:
            raise CutOffError(f"{row.Id} is listed without its arguments, and is not to be got") from None
