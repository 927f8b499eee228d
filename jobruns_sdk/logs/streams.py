"""Reading a stream of CloudWatch Logs (GetLogEvents), from its beginning or its end, and on from there."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.logs import native
from jobruns_sdk.logs.operations import GET_LOG_EVENTS
from jobruns_sdk.logs.texts import lines_of
from jobruns_sdk.model.logs import LogLine
from jobruns_sdk.transport.operation import Call

MakeLine = Callable[[datetime | None, str], LogLine]
"""Makes a line of its time and its text."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def milliseconds(moment: datetime) -> int:
    """Return a time as the service has it."""
    return (moment - _EPOCH) // _MILLISECOND


class StreamReader:
    """A log stream that is read page by page.

    The end is the token that was given, and no empty page: of a stream with gaps most pages are empty. A token lives
    for a day. Where it was refused, reading begins again at the time of the last event, and passes what was told:

        told   10:00:00.001 a, 10:00:00.002 b, 10:00:00.002 c
        again  10:00:00.002 b, 10:00:00.002 c, 10:00:00.002 d, ...    the first two of that millisecond are passed
    """

    least_pause: float = 0.0

    def __init__(
        self, call: Call, group: str, stream: str, make: MakeLine, *, begin: int, end: int | None, limit: int
    ) -> None:
        """Stand at the beginning.

        Args:
            call: Calls the service.
            group: The log group.
            stream: The stream.
            make: Makes lines.
            begin: Milliseconds since 1970 of the first event that is wanted. Without it the service tells nothing of
                what was written days ago.
            end: The same of the first event that is not wanted any more, None for none.
            limit: How many events a page holds at most.
        """
        self._call = call
        self._make = make
        self._about: Mapping[str, object] = {"logGroupName": group, "logStreamName": stream, "limit": limit}
        self._until: Mapping[str, object] = {} if end is None else {"endTime": end}
        self._begin = begin
        self._token: str | None = None
        self._last = begin
        self._told = 0  # events of the millisecond ``_last``
        self._passes = 0  # events of that millisecond which are still to be passed

    async def page(self) -> Sequence[LogLine] | None:
        """Return the next lines, which may be none; None where there are no more so far."""
        asked = {} if self._token is None else {"nextToken": self._token}
        try:
            answer = await self._ask({"startFromHead": True, "startTime": self._begin, **asked})
        except InvalidRequestError:
            if self._token is None:
                raise
            self._token, self._begin, self._passes = None, self._last, self._told
            return ()
        is_end = answer.nextForwardToken in (None, self._token)
        self._token = answer.nextForwardToken
        lines = [*self._lines(answer.events or ())]
        return None if is_end and not lines else lines

    async def last(self, most: int) -> list[LogLine]:
        """Return the last lines so far, so many at most; ``page`` goes on behind them."""
        found: deque[LogLine] = deque()
        token: str | None = None
        while True:
            asked = {} if token is None else {"nextToken": token}
            answer = await self._ask({"startFromHead": False, "startTime": self._begin, **asked})
            if token is None:
                self._token = answer.nextForwardToken
                lines = [*self._lines(answer.events or ())]
            else:
                lines = [line for event in answer.events or () for line in self._of(event)]
            found.extendleft(reversed(lines))
            if len(found) >= most or answer.nextBackwardToken in (None, token):
                return [*found][-most:]
            token = answer.nextBackwardToken

    def rest(self) -> Sequence[LogLine]:
        """Return nothing: an event is complete."""
        return ()

    async def _ask(self, more: Mapping[str, object]) -> native.GetLogEventsResponse:
        reply = await self._call(GET_LOG_EVENTS, {**self._about, **self._until, **more})
        return GET_LOG_EVENTS.read(reply)

    def _lines(self, events: Sequence[native.OutputLogEvent]) -> Iterator[LogLine]:
        for event in events:
            at = event.timestamp or 0
            if self._passes and at == self._last:
                self._passes -= 1
                continue
            self._passes = 0
            self._last, self._told = at, self._told + 1 if at == self._last else 1
            yield from self._of(event)

    def _of(self, event: native.OutputLogEvent) -> Iterator[LogLine]:
        at = None if event.timestamp is None else _EPOCH + event.timestamp * _MILLISECOND
        for text in lines_of(event.message or ""):
            yield self._make(at, text)
