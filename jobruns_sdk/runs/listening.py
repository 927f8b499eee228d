"""Listening to events: hints to look at runs, and a slower pace of polls for as long as hints can be received.

An event is never an answer: it may come late, twice, out of order or not at all. All that it does is to let a run be
polled, so that neither order nor doubles matter, and a poll every ten minutes finds what was lost.

    08:00:00  a wait begins, and polls: RUNNING; the next poll is at 08:10:00
    08:03:07  an event tells that the run has ended: the wait polls, and the service still says RUNNING
    08:03:08  the wait polls once more: SUCCEEDED
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Iterator
from functools import partial
from types import TracebackType
from typing import Final, Self

from jobruns_sdk.checks import Rule
from jobruns_sdk.errors import ClientClosedError, InvalidRequestError, JobRunsError
from jobruns_sdk.hints import AsyncContext
from jobruns_sdk.loop.tasks import begun, cancelled
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.observing.logs import EVENTS, warn
from jobruns_sdk.runs.naming import ClientNaming
from jobruns_sdk.runs.poll import Poller
from jobruns_sdk.services.events import Connect, Connected, EventSource, OpenedByClient, RunHint, Tells

_AGAIN: Final = (1.0, 2.0, 5.0, 10.0)  # seconds after an end was told: a service may lag behind its events
_REMEMBERED: Final = 10_000
_LONGEST_PAUSE: Final = 60.0  # seconds until a source that cannot be read is asked again
_LONGEST_IDLE: Final = 20.0  # seconds for which a source that does not wait by itself is left alone
_AT_ONCE: Final = 0.5  # seconds: who answers that fast has not waited
_check_source: Final = Rule(
    "a source of events, such as SqsEvents(queue_url) of jobruns_sdk.events",
    lambda value: isinstance(value, (EventSource, OpenedByClient)) and not isinstance(value, type),
)


class Listener:
    """Hears the hints of one source, and lets the runs that they are about be polled.

    Attributes:
        is_hearing: True while the source can be read.
    """

    def __init__(self, poller: Poller, source: EventSource, profiles: Collection[str]) -> None:
        self.is_hearing: bool = False
        self._poller = poller
        self._source = source
        self._profiles = (None, *profiles)
        self._heard: OrderedDict[str, None] = OrderedDict()
        self._insisting: set[asyncio.Task[None]] = set()
        self._in_doubt = False

    def tells_of(self, job: JobRef) -> Tells | None:
        """Return what events of a job's runs are expected."""
        return self._source.tells_of(job)

    async def run(self) -> None:
        """Listen until cancelled, or until the client is closed.

        Raises:
            Exception: The source has failed in a way that it does not tell of: it is not asked again.
        """
        self._poller.rest.listeners.append(self)
        try:
            await self._listen()
        except ClientClosedError:
            pass
        except Exception as error:
            warn(EVENTS, "listening to events has ended by an error: runs are polled as usual", error=error)
            raise
        finally:
            self._poller.rest.listeners.remove(self)
            await cancelled(self._insisting)
            self._lose()

    async def _listen(self) -> None:
        failures = idle = 0
        while True:
            began = self._times()
            try:
                hints = await self._source.receive()
            except ClientClosedError:
                raise
            except (JobRunsError, OSError) as error:
                if not failures:
                    text = "events cannot be received: runs are polled as usual until they can be"
                    warn(EVENTS, f"{text}: {error}", source=repr(self._source))
                self._lose()
                await self._poller.sleep(min(2.0**failures, _LONGEST_PAUSE))
                failures = min(failures + 1, 10)
                continue
            failures, self.is_hearing = 0, True
            for hint in hints:
                self._deliver(hint)
            if hints:
                await self._confirm()
            # A queue waits for messages; what does not would be asked again and again.
            waited = any(now - then >= _AT_ONCE for now, then in zip(self._times(), began, strict=True))
            idle = 0 if hints or waited else min(idle + 1, 10)
            if idle > 1:
                await self._poller.sleep(min(2.0 ** (idle - 2), _LONGEST_IDLE))

    def _times(self) -> tuple[float, float]:
        return asyncio.get_running_loop().time(), self._poller.clock.monotonic()

    def _lose(self) -> None:
        """Go back to the usual pace: who is due by that polls now."""
        if self.is_hearing:
            self.is_hearing = False
            self._poller.wake_all(self.tells_of)

    def _deliver(self, hint: RunHint) -> None:
        if hint.id in self._heard:
            self._heard.move_to_end(hint.id)
            return
        self._heard[hint.id] = None
        if len(self._heard) > _REMEMBERED:
            self._heard.popitem(last=False)
        if not hint.tells_change and not hint.tells_end:
            return
        for run in self._named(hint.ref):
            self._poller.hint(run, is_end=hint.tells_end)
            if hint.tells_end:
                task = begun(self._insist(run, hint.attempt))
                self._insisting.add(task)
                task.add_done_callback(self._insisting.discard)

    def _named(self, ref: RunRef) -> Iterator[RunRef]:
        """Yield the run as it is named with each of the client's sessions: an event does not tell which is meant."""
        for profile in self._profiles:
            yield JobRef(ref.job.service, ref.job.path, ref.job.region, profile).run(ref.run_id)

    async def _insist(self, run: RunRef, attempt: int | None) -> None:
        waited = 0.0
        for seconds in _AGAIN:
            await self._poller.sleep(seconds - waited)
            waited = seconds
            if self._poller.awaits_end(run, attempt):
                self._poller.nudge(run)

    async def _confirm(self) -> None:
        try:
            await self._source.delivered()
        except ClientClosedError:
            raise
        except (JobRunsError, OSError) as error:
            if not self._in_doubt:
                text = "messages cannot be deleted, and will come again"
                warn(EVENTS, f"{text}: {error}", source=repr(self._source))
            self._in_doubt = True
        else:
            self._in_doubt = False


class Listening(AsyncContext):
    """The block in which a client listens, made by ``client.listening``: one task, which ends with it."""

    _opened_by = "async with"

    def __init__(
        self, poller: Poller, source: EventSource | OpenedByClient, connect: Connect, profiles: Collection[str]
    ) -> None:
        self._poller = poller
        self._given = source
        self._connect = connect
        self._profiles = profiles
        self._listener: Listener | None = None
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Listening: {self._given!r}, {'hearing' if self.is_hearing else 'not hearing'}>"

    @property
    def is_hearing(self) -> bool:
        """True while events can be received; else runs are polled as usual."""
        return self._listener is not None and self._listener.is_hearing

    async def __aenter__(self) -> Self:
        """Begin to listen.

        Raises:
            InvalidRequestError: It has begun before.
            JobRunsError: The source cannot be read, and will not be by itself.
        """
        if self._task is not None:
            raise InvalidRequestError("a block that listens is entered once: call client.listening(...) again")
        given = self._given
        source = await given.opened(self._connect) if isinstance(given, OpenedByClient) else given
        self._listener = Listener(self._poller, source, self._profiles)
        self._task = begun(self._listener.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End to listen; an error of the source is raised here, unless the block has failed by itself."""
        if self._task is None:
            return
        await cancelled([self._task])
        if error is None and not self._task.cancelled():
            self._task.result()


class ClientListening(ClientNaming):
    """Listens to events; ``JobRunsClient`` sets the attributes."""

    _poller: Poller

    def listening(self, events: EventSource | OpenedByClient) -> Listening:
        """Return a block, to be entered with ``async with``, in which events let runs be polled at once.

        An event is a hint to look, never an answer: waits and watches behave as ever. While events can be received,
        those of jobs that the source tells of poll every ten minutes, unless they were given a pace. Of Glue, which
        sends events of ends alone, watched jobs are searched for new runs as often as ever, and so are waits for other
        states than the end. When the events cannot be received, waits and watches go back to their usual pace, and the
        logger ``jobruns_sdk.events`` says so.

        Waits that began before the block are woken by its events, too. Those that outlive it go on at their usual pace.
        Several blocks may be open at the same time.

        Args:
            events: ``SqsEvents``, or another source.

        Raises:
            InvalidRequestError: It is not a source of events.
            JobRunsError: Entering the block: the source cannot be read, and will not be by itself.
        """
        _check_source("events", events)
        return Listening(self._poller, events, self._connect, self._connections.profiles)

    async def _connect(self, service: str, *, region: str | None, profile: str | None) -> Connected:
        region = self._region_for(service, region, profile)
        longest = await self._transport.longest_answer(service, region, profile)
        return Connected(partial(self._transport.call, region=region, profile=profile), region, longest)
