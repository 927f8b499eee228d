"""Starting a Glue run once. Glue takes no token, so the key travels as a job argument, and is looked for.

What is in doubt is never sent again: Glue may have started the run, https://github.com/apache/airflow/issues/59075.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal

import attrs

from jobruns_sdk.errors import (
    ConflictError,
    JobRunsError,
    NotFoundError,
    StartOutcomeUnknownError,
    answer_of,
)
from jobruns_sdk.loop.deadline import DeadlineError, deadline
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.model.states import UNSUCCESSFUL
from jobruns_sdk.services.glue import native
from jobruns_sdk.services.glue.horizon import KEY_LIFETIME, Horizon, horizon_of
from jobruns_sdk.services.glue.key_search import CutOffError, Found, Search
from jobruns_sdk.services.glue.likeness import Likeness
from jobruns_sdk.services.glue.operations import START_JOB_RUN
from jobruns_sdk.services.glue.start_memory import Known, Starts
from jobruns_sdk.services.glue.start_request import MARKER, Mark, StartRequest
from jobruns_sdk.services.glue.translate import root_and_number, run_from_row
from jobruns_sdk.services.room import room_made
from jobruns_sdk.transport.operation import Call, Reply, Sending, tracked

OnFailed = Literal["adopt", "restart"]
"""The fate of a key whose run has failed or was stopped."""

SETTLE: Final = timedelta(seconds=60)
"""The time for which a run whose start was not answered is looked for, unless told otherwise."""

_FIRST_LOOK: Final = 1.0
_FRESH: Final = timedelta(minutes=5)  # after a start, for which its run is taken for the key's latest without a look

_SLACK: Final = timedelta(minutes=5)


@attrs.frozen
class Rules:
    """The rules of a start for its key, its doubt and a full job.

    Attributes:
        on_failed: The fate of a key whose run has failed or was stopped.
        key_lifetime: How long a key stands for a run that has ended, None for the default.
        settle: How long a run whose start was not answered is looked for.
        slot_timeout: How long room is waited for, None for not at all.
    """

    on_failed: OnFailed = "adopt"
    key_lifetime: timedelta | None = None
    settle: timedelta = SETTLE
    slot_timeout: timedelta | None = None


class Starter:
    """Starts runs of one job."""

    def __init__(
        self, job: JobRef, call: Call, starts: Starts, get: Callable[[str], Awaitable[JobRun[native.JobRun]]]
    ) -> None:
        """Take over what is needed of a handle.

        Args:
            job: The job.
            call: Calls the service.
            starts: The client's memory.
            get: Returns a run in the state of its latest attempt.
        """
        self._job = job
        self._call = call
        self._starts = starts
        self._get = get

    async def start(self, request: StartRequest, rules: Rules) -> RunRef:
        """Start a run, or return the one that was started with the key; see ``GlueJob.start``."""
        key, place = request.key, await self._starts.place_of(self._job)
        if key is None:

            async def begin() -> str:
                return await self._send_alone(place, request, rules.settle)

            return self._job.run(await room_made(begin, self._starts, rules.slot_timeout))

        async def once() -> str:
            return await self._once(place, request, key, rules)

        async with self._starts.lock(place, key):
            return self._job.run(await room_made(once, self._starts, rules.slot_timeout))

    async def find(self, key: str, key_lifetime: timedelta | None) -> RunRef | None:
        """Return the run that a key stands for; see ``GlueJob.find``."""
        place = await self._starts.place_of(self._job)
        known = self._starts.known(place, key)
        horizon = await horizon_of(self._job, self._call, self._starts.clock, key_lifetime)
        best, doubt = await self._latest(place, key, horizon, known, restarts=False)
        if best is None and known is not None and known.run_id is None:
            raise self._unknown(key)
        if best is None:
            self._refuse(key, doubt)
            return None
        run = await self._state(best)
        final = run is not None and horizon.is_final(run)
        if run is not None and final and not _is_sure(run, horizon):
            self._refuse(key, doubt)
        return self._job.run(best.root) if run is None or not final or horizon.stands(run) else None

    async def _once(self, place: JobRef, request: StartRequest, key: str, rules: Rules) -> str:
        starts = self._starts
        known = starts.known(place, key)
        age = timedelta(seconds=0 if known is None else starts.clock.monotonic() - known.at)
        if known is not None and (known.run_id is None or age <= (rules.key_lifetime or KEY_LIFETIME)):
            if known.digest != request.digest:
                raise ConflictError("the idempotency_key was used for another request", service=self._job.service)
            # Later it may have ended, and another client may have started the next run of the key: that is looked for.
            if known.run_id is not None and rules.on_failed == "adopt" and age <= _FRESH:
                return known.run_id
        own = request.members.get("Timeout")
        horizon = await horizon_of(self._job, self._call, starts.clock, rules.key_lifetime, own)
        if known is not None and horizon.reach is not None and age > horizon.reach:
            known = None  # if there was a run, it has ended, and the key stands for it no more
            starts.remember(place, key, None)
        restarts = rules.on_failed == "restart"
        best, doubt = await self._latest(place, key, horizon, known, restarts=restarts)
        # Of a restart that is in doubt, only a run with its count tells anything: the one before it is there anyway.
        if known is not None and known.run_id is None and (best is None or best.mark.count < known.count):
            raise self._unknown(key)
        if best is None:
            self._refuse(key, doubt)
            return await self._send_marked(place, request, key, 1, rules)
        run = await self._state(best)
        final = run is not None and horizon.is_final(run)
        if run is not None and final and not _is_sure(run, horizon):
            self._refuse(key, doubt)
        if run is None or not final or horizon.stands(run):
            request.check(best.mark, best.root)
            if run is None or not final or not restarts or run.state not in UNSUCCESSFUL:
                created = None if run is None else run.created_at
                passed = 0.0 if created is None else max(0.0, (horizon.now - created).total_seconds())
                at = starts.clock.monotonic() - passed
                starts.remember(place, key, Known(request.digest, best.mark.count, best.root, at))
                return best.root
        # All who restart after the same failure send the same count, and find each other's run by it:
        #   k    FAILED     the first client that restarts sends k~2
        #   k~2  RUNNING    the next one finds that, and sends nothing
        return await self._send_marked(place, request, key, best.mark.count + 1, rules)

    async def _latest(
        self, place: JobRef, key: str, horizon: Horizon, known: Known | None, *, restarts: bool
    ) -> tuple[Found | None, CutOffError | None]:
        """Return the latest run of a key, as listed or as this client knows it, and why there may be a later one."""

        def is_over(row: native.JobRun) -> bool:
            root, number = root_and_number(row.Id or "")
            run = run_from_row(self._job, root, row, number)
            return horizon.is_final(run) and (not horizon.stands(run) or (restarts and run.state in UNSUCCESSFUL))

        found, doubt = await self._search(place, lambda mark: mark.key == key, horizon.since, is_over).run()
        best = max(found, key=lambda one: one.mark.count, default=None)
        if known is not None and known.run_id is not None and (best is None or best.mark.count < known.count):
            best = Found(known.run_id, Mark(key, known.digest, known.count), native.JobRun(Id=known.run_id))
        return best, doubt

    def _search(
        self,
        place: JobRef,
        wanted: Callable[[Mark], bool],
        since: Callable[[datetime], datetime | None],
        is_over: Callable[[native.JobRun], bool],
    ) -> Search:
        return Search(
            job=self._job,
            place=place,
            call=self._call,
            starts=self._starts,
            wanted=wanted,
            since=since,
            is_over=is_over,
        )

    def _refuse(self, key: str, doubt: CutOffError | None) -> None:
        """Refuse to go on where the key may have a run that was not seen."""
        if doubt is not None:
            raise self._unknown(key, doubt, nothing_sent=True) from doubt

    async def _state(self, found: Found) -> JobRun[native.JobRun] | None:
        try:
            return await self._get(found.root)
        except NotFoundError:
            return None

    async def _send_marked(self, place: JobRef, request: StartRequest, key: str, count: int, rules: Rules) -> str:
        starts = self._starts
        before, at = starts.known(place, key), starts.clock.monotonic()
        # In doubt from here on, also if this is cancelled; unless the request was never written.
        starts.remember(place, key, Known(request.digest, count, None, at))
        mark = Mark(str(key), request.digest, count)

        def looking(sending: Sending) -> Callable[[], Awaitable[str | None]]:
            begun = starts.clock.monotonic() if sending.sent_at is None else sending.sent_at

            async def look() -> str | None:
                since = partial(self._since, begun)
                search = self._search(place, lambda one: one == mark, since, lambda _: False)
                found, _ = await search.run()
                # A key that stands for an old run no more may have the same mark again.
                return next((one.root for one in found if not search.is_old(one.row)), None)

            return look

        run_id = await self._send(request, mark, looking, rules.settle, lambda: starts.remember(place, key, before))
        starts.remember(place, key, Known(request.digest, count, run_id, at))
        return run_id

    async def _send_alone(self, place: JobRef, request: StartRequest, settle: timedelta) -> str:
        starts = self._starts
        with starts.sending(place, request.arguments) as ticket:

            def looking(sending: Sending) -> Callable[[], Awaitable[str | None]]:
                now = starts.clock.monotonic()
                alike = Likeness(
                    job=self._job,
                    call=self._call,
                    request=request,
                    sent=now if sending.sent_at is None else sending.sent_at,
                    lost=now if sending.lost_at is None else sending.lost_at,
                    clock=starts.clock,
                    is_claimed=lambda run_id: starts.is_claimed(place, run_id),
                )
                # Another program's run may be listed before ours: the first look that sees one alone proves little.
                sure = now + settle.total_seconds() / 2

                async def look() -> str | None:
                    # Two that look alike and may both have made a run cannot be told apart, nor can they meanwhile.
                    if starts.has_rivals(place, ticket):
                        return None
                    asked = starts.clock.monotonic()  # the list is no younger than that, however late it comes
                    found = await alike.only()
                    is_sure = asked >= sure and not starts.has_rivals(place, ticket)
                    return found if found and is_sure and not starts.is_claimed(place, found) else None

                return look

            def undo() -> None:
                ticket.known = True

            run_id = await self._send(request, None, looking, settle, undo)
            starts.claim(place, run_id)
            ticket.known = True
            return run_id

    def _since(self, begun: float, now: datetime) -> datetime:
        # The service tells what time it is, and this client how long ago the start was.
        return now - timedelta(seconds=self._starts.clock.monotonic() - begun) - _SLACK

    async def _send(
        self,
        request: StartRequest,
        mark: Mark | None,
        looking: Callable[[Sending], Callable[[], Awaitable[str | None]]],
        settle: timedelta,
        undo: Callable[[], None],
    ) -> str:
        """Send a start once, and look for its run if the answer is lost.

        Args:
            request: The request.
            mark: What its run carries, None for nothing.
            looking: Returns what looks for its run and returns the id, None where it is not to be seen, given what is
                known of the sending.
            settle: How long to look.
            undo: Called where it is certain that nothing was started.
        """
        with tracked() as sending:
            try:
                return _started(await self._call(START_JOB_RUN, request.marked(mark)))
            except JobRunsError as error:
                if not error.in_doubt:
                    undo()
                    raise
                lost = error
            except BaseException:
                # Cancelled: nobody looks for the run now, and the doubt stays for the starts that follow.
                if not sending.in_doubt:
                    undo()
                raise
        found = await self._settled(looking(sending), settle, request.key)
        if found is None:
            raise self._unknown(request.key, lost) from lost
        return found

    async def _settled(
        self, look: Callable[[], Awaitable[str | None]], settle: timedelta, key: str | None
    ) -> str | None:
        """Look for the run of a start whose answer was lost, until it has had time to show."""
        clock = self._starts.clock
        until, pause = clock.monotonic() + settle.total_seconds(), _FIRST_LOOK
        while (left := until - clock.monotonic()) > 0:
            try:
                await self._starts.sleep(min(pause, left))
                pause *= 2
                async with deadline(clock, settle.total_seconds()):  # a look may be throttled for longer than that
                    found = await look()
            except (CutOffError, DeadlineError):
                continue
            except JobRunsError as error:
                if not error.retryable:
                    raise self._unknown(key) from error
                continue
            if found:
                return found
        return None

    def _unknown(
        self, key: str | None, cause: CutOffError | JobRunsError | None = None, *, nothing_sent: bool = False
    ) -> StartOutcomeUnknownError:
        how = (
            "look in runs() for one with the same native.Arguments; an idempotency_key would tell for sure"
            if key is None
            else f"look in runs() for one whose native.Arguments[{MARKER!r}] ends in {':' + str(key)!r}, "
            "or start again with the same idempotency_key, which looks again and sends nothing while in doubt"
        )
        text = f"a run of {self._job} may have been started or not, nothing was sent again: {how}"
        if nothing_sent:
            text = f"a run of {self._job} may have this idempotency_key already, nothing was sent ({cause}): {how}"
        answer = answer_of(cause if isinstance(cause, JobRunsError) else None)
        return StartOutcomeUnknownError(text, service=self._job.service, operation=START_JOB_RUN.name, **answer)


def _started(reply: Reply) -> str:
    run_id = START_JOB_RUN.read(reply).JobRunId
    if not run_id:
        raise START_JOB_RUN.lacks("$.JobRunId", reply)
    return run_id


def _is_sure(run: JobRun[native.JobRun], horizon: Horizon) -> bool:
    # What has succeeded is not started again while it stands; what has failed may have been, by whoever restarts.
    return run.succeeded and horizon.stands(run)
