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
_DATE: Final = timedelta(seconds=1)  # to which a Date is cut


@attrs.define
class Likeness:
    """The looks of the run of a start, over as many looks at the list as the caller takes.

    Attributes:
        job: The job.
        call: Calls the service.
        request: The request of the start.
        sent: When it was written, in seconds of the client's clock.
        lost: When it was known that its answer does not come, in the same.
        clock: The client's clock, which tells spans, never the time.
        is_claimed: Tells of the id of a run whether another start has it.
    """

    job: JobRef
    call: Call
    request: StartRequest
    sent: float
    lost: float
    clock: Clock
    is_claimed: Callable[[str], bool]
    _first: datetime = attrs.field(default=datetime.min.replace(tzinfo=UTC), init=False)
    _last: datetime = attrs.field(default=datetime.max.replace(tzinfo=UTC), init=False)

    async def only(self) -> str | None:
        """Return the id of the run that the start must have made, None where there is none or that is in doubt.

        It began while the request was on its way, by the service's time, and is the only one alike. One that began
        within a minute before is doubt: clocks of a service differ. So is one that began since: somebody else starts
        such runs, and may have done so before.

            09:59:30  jr_1  --day 1       another program's: with it alone, or with jr_2, nothing is known
            10:00:00        the start is sent
            10:00:01  jr_2  --day 1       ours, if neither jr_1 nor jr_3 is there
            10:00:02        the connection breaks
            10:00:20  jr_3  --day 1       another program's, or ours that was slow: with it nothing is known, either
        """
        asked = self.clock.monotonic()
        near = datetime.max.replace(tzinfo=UTC)

        def end_of(reply: Reply) -> datetime:
            nonlocal near
            self._learn(reply.service_time, asked)
            # Without a Date the client's own clock may be wrong by as much as AWS accepts, and proves nothing.
            passed = timedelta(seconds=self.clock.monotonic() - self.sent)
            near = self._first - _CLOSE if reply.service_time else self.clock.now() - SKEW - passed
            return near

        alike: list[native.JobRun] = []
        async for row in listed(self.job, self.call, end_of):
            root, number = root_and_number(row.Id or "")
            started = utc(row.StartedOn)
            if number > 1 or self.is_claimed(root) or (started is not None and started < near):
                continue
            # A queued run may be listed without its start, and one that failed without its arguments.
            full = row if row.Arguments and started else await self._full(row, root)
            started = utc(full.StartedOn)
            if self._is_alike(full) and (started is None or started >= near):
                alike.append(full)
        started = utc(alike[0].StartedOn) if len(alike) == 1 else None
        is_ours = started is not None and self._first <= started <= self._last != datetime.max.replace(tzinfo=UTC)
        return alike[0].Id if is_ours else None

    def _learn(self, said: datetime | None, asked: float) -> None:
        """Bound the request's time on its way by the service's time, which a Date tells to the second.

        It was made after the list was asked for, and before its answer came. Each look narrows what the others left:

            asked at 3.2 s, Date 10:00:05, answer at 3.5 s    sent at 0 s: not before 10:00:01.5, not after 10:00:02.8
        """
        if said is not None:
            self._first = max(self._first, said - timedelta(seconds=self.clock.monotonic() - self.sent))
            self._last = min(self._last, said + _DATE - timedelta(seconds=asked - self.lost))

    def _is_alike(self, run: native.JobRun) -> bool:
        said = {name: self.request.members.get(name) for name in _SHOWN}
        other = any(
            value is not None and shown is not None and value != shown
            for value, shown in ((value, getattr(run, name)) for name, value in said.items())
        )
        return not other and run.TriggerName is None and (run.Arguments or {}) == self.request.arguments

    async def _full(self, row: native.JobRun, root: str) -> native.JobRun:
        try:
            return (await get_attempt(self.call, self.job, root))[0]
        except NotFoundError:
            raise CutOffError(f"{row.Id} is listed without its arguments, and is not to be got") from None
