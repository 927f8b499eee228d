"""The part of the client that reads logs."""

from collections.abc import AsyncGenerator, Iterable
from datetime import datetime, timedelta
from typing import Final, Literal, cast

from jobruns_sdk.errors import (
    AccessDeniedError,
    LimitExceededError,
    LogsUnavailableError,
    NotFoundError,
)
from jobruns_sdk.logs.finding import Found, each_in, nothing_in
from jobruns_sdk.logs.following import Following
from jobruns_sdk.logs.reading import LogRules, attempts_of, read_now
from jobruns_sdk.logs.reasons import first_line, last_exception, says_enough
from jobruns_sdk.model.logs import LogLine, LogLines, LogOptions, LogPlace, LogSource
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import RunLike, RunRef, ref_of
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.runs.naming import ClientNaming
from jobruns_sdk.runs.poll import Poller
from jobruns_sdk.services.handle import Handle
from jobruns_sdk.services.logs import KeepsLogs, ShowsLogs

_SOURCES: Final[tuple[LogSource, ...]] = ("driver",)
_LOOKED_AT: Final = 1000  # lines at the end of each log, for the reason why a run failed
_READ_FOR_THAT: Final = 64 << 20
_SETTLE: Final = timedelta(seconds=10)


class ClientLogs(ClientNaming):
    """Reads what runs wrote; ``JobRunsClient`` sets the attributes."""

    _poller: Poller

    def logs(
        self,
        run: RunLike,
        *,
        follow: bool = False,
        attempt: int | Literal["all"] | None = None,
        sources: Iterable[LogSource] = _SOURCES,
        tail: int | None = None,
        since: datetime | None = None,
        max_bytes: int | None = None,
        settle: timedelta = _SETTLE,
    ) -> LogLines:
        """Return the lines that a run wrote, to be read with ``async for``; nothing is requested before that.

        Read are CloudWatch Logs (DescribeLogStreams, GetLogEvents) and S3 (ListObjectsV2, GetObject), where the run,
        its job or its application says that it logs to; which streams are there decides. Several streams are merged by
        time; with ``follow`` lines come as they arrive, those of each stream in order. Of each stream a page is held at
        a time: memory does not grow with the length of a log.

        Args:
            run: The run.
            follow: Whether to go on, from attempt to attempt, until the run has ended as ``wait`` understands it, and
                ``settle`` after that. Objects in S3 are read again twice a minute at most.
            attempt: The number of an attempt, from 1, or ``"all"``. None is the latest, and with ``follow`` all that
                come after it as well.
            sources: Whose lines are wanted: ``"driver"`` (what the script prints), ``"error"`` (the engine's log, and
                what the script writes to standard error), ``"executor"`` and ``"progress"`` (Glue's progress bar).
            tail: The last lines alone, so many at most; ``follow`` goes on behind them. Of a file in S3 all is read.
            since: Only lines of this time (aware) or later. Lines in S3 have no time, and come all.
            max_bytes: The most bytes of lines that are read, None for all.
            settle: How long to go on after the run's end while no more lines come, with ``follow``; and how long after
                it there may be no log yet.

        Raises:
            InvalidRequestError: An argument is invalid.
            LogsUnavailableError: The service keeps no logs. While iterating: they cannot be read, since logging is off
                or they are where only a browser shows them, or there are none although the run has ended.
            LimitExceededError: While iterating: there is more than ``max_bytes``.
            NotFoundError: While iterating: there is no such run or attempt.
        """
        ref = ref_of(RunRef, run, self._services)
        options = LogOptions(
            follow=follow,
            attempt=attempt,
            sources=sources,
            tail=tail,
            since=since,
            max_bytes=max_bytes,
            settle=settle,
        )
        return self._read_logs(self.handle(ref.job), ref, options)

    async def log_places(self, run: RunLike, *, attempt: int | Literal["all"] | None = None) -> list[LogPlace]:
        """Return where the logs of a run lie, found as ``logs`` finds them, of all sources.

        A place where nothing was found is told with the reason why it was looked at. Storage that EMR Serverless
        manages has a link for a browser (GetDashboardForJobRun), which whoever has it can open.

        Args:
            run: The run.
            attempt: The number of an attempt, from 1, or ``"all"``; None for the latest.

        Raises:
            InvalidRequestError: An argument is invalid.
            LogsUnavailableError: The service keeps no logs.
            NotFoundError: There is no such run or attempt.
        """
        rules = LogRules(attempt=attempt)
        ref = ref_of(RunRef, run, self._services)
        handle = _keeping(self.handle(ref.job))
        places: list[LogPlace] = []
        for number in attempts_of(await handle.run(ref.run_id), rules):
            logs = await handle.attempt_logs(ref.run_id, number)
            for folder in logs.folders:
                call = self._call_for(handle.ref, handle.ref)
                found: list[Found] = [one async for one in each_in(call, folder) if one.file.attempt == number]
                places += [one.place for one in found] or [nothing_in(folder, number)]
            if logs.is_managed:
                places.append(await _managed(handle, ref.run_id, number))
        return places

    async def error_of(self, run: RunLike | JobRun[Native]) -> str | None:
        """Return in one line why a run failed, the best reason that there is; None if it has not failed.

        That is what the service says, as far as it says more than that the run failed, else the last exception at the
        end of the driver's logs. Logs that cannot be read are left out. What a program prints may hold secrets: treat
        the line as you treat its logs.

        Args:
            run: The run; one that was read is not read again, and a message that says enough costs no call.

        Raises:
            InvalidRequestError: The reference is malformed.
            NotFoundError: There is no such run.
        """
        ref = ref_of(RunRef, run, self._services)
        seen = cast("JobRun[Native]", run) if isinstance(run, JobRun) else await self.handle(ref.job).run(ref.run_id)
        if not seen.state.is_failure:
            return None
        if not says_enough(seen.message):
            try:
                lines = self.logs(ref, sources=("driver", "error"), tail=_LOOKED_AT, max_bytes=_READ_FOR_THAT)
                reason = last_exception([line.text for line in await lines.collect()])
            except (AccessDeniedError, LimitExceededError, LogsUnavailableError, NotFoundError):
                reason = None
            if reason is not None:
                return reason
        return first_line(seen.message) if seen.message else None

    def _read_logs(self, handle: Handle, run: RunRef, options: LogOptions) -> LogLines:
        rules = LogRules(**options)
        keeping = _keeping(handle)
        run = keeping.run_ref(run.run_id)
        call = self._call_for(handle.ref, handle.ref)

        def begin() -> AsyncGenerator[LogLine]:
            if rules.follow:
                return Following(self._poller, keeping, call, run, rules).lines()
            return read_now(keeping, call, run, rules, self._poller.clock)

        return LogLines(run, begin)


def _keeping(handle: Handle) -> KeepsLogs:
    if not isinstance(handle, KeepsLogs):
        raise LogsUnavailableError(
            f"{handle.ref.service} keeps no logs that can be read: a run's message and native tell what there is",
            service=handle.ref.service,
        )
    return handle


async def _managed(handle: KeepsLogs, run_id: str, number: int) -> LogPlace:
    why = "storage that the service manages, for 30 days; the link is good for an hour"
    url: str | None = None
    if isinstance(handle, ShowsLogs):
        try:
            url = await handle.dashboard_url(run_id, attempt=number)
        except (AccessDeniedError, NotFoundError, ValueError) as error:
            why = f"storage that the service manages, for 30 days; there was not a link: {error}"
    return LogPlace("managed", number, url=url, why=why)
