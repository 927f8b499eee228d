"""The client, with calls that wait."""

from collections.abc import Generator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Literal, Self, Unpack, overload

from jobruns_sdk import client
from jobruns_sdk.bridge import Bridge
from jobruns_sdk.client import WaitOptions
from jobruns_sdk.errors import JobRunsError
from jobruns_sdk.hints import CLIENT_NAMES
from jobruns_sdk.model.changes import StateChange
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import RunLike, Runs
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.runs.watch import Watch
from jobruns_sdk.sync.carry import Carrier, blocking, constructed_like, listed, wrapped
from jobruns_sdk.sync.handles import DataZoneJob, EmrServerlessApplication, GlueJob, handle_from
from jobruns_sdk.sync.listening import Listening
from jobruns_sdk.sync.logs import LogLines
from jobruns_sdk.sync.paging import paged
from jobruns_sdk.transport.pace import Pace


def _changes(bridge: Bridge, watch: Watch) -> Generator[StateChange]:
    return bridge.iterate(watch, ahead=0)


class _Carried(client.JobRunsClient):
    _opened_by = "with"


class JobRunsClient(Carrier[client.JobRunsClient]):
    """Reads the job runs of EMR Serverless, DataZone and Glue; used in ``with``, by any number of threads.

    An interrupt ends the call that is under way, and nothing else. Callbacks (``on_poll``, ``progress``, ``on_error``,
    an ``observer``'s) are called in the thread of the private event loop, and cannot call the client.
    """

    _hints = CLIENT_NAMES

    @constructed_like(client.JobRunsClient)
    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  # those of the asynchronous client
        super().__init__(Bridge(), _Carried(*args, **options))

    def __enter__(self) -> Self:
        self.bridge.enter(self.carried)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> Self:
        """Open the client, and return it: for notebooks, where no ``with`` goes over cells. ``close`` closes it."""
        return self.__enter__()

    def close(self) -> None:
        """Close every connection; what is under way in other threads fails with ``ClientClosedError``."""
        self.bridge.close()

    emr_serverless: Final = wrapped(client.JobRunsClient.emr_serverless, EmrServerlessApplication)
    datazone: Final = wrapped(client.JobRunsClient.datazone, DataZoneJob)
    glue: Final = wrapped(client.JobRunsClient.glue, GlueJob)
    handle: Final = wrapped(client.JobRunsClient.handle, handle_from)
    runs: Final = paged(client.JobRunsClient.runs)
    changes: Final = paged(client.JobRunsClient.changes)
    run: Final = blocking(client.JobRunsClient.run)
    attempts: Final = paged(client.JobRunsClient.attempts)
    job: Final = blocking(client.JobRunsClient.job)
    jobs: Final = paged(client.JobRunsClient.jobs)
    discover: Final = paged(client.JobRunsClient.discover)
    listening: Final = wrapped(client.JobRunsClient.listening, Listening)
    logs: Final = wrapped(client.JobRunsClient.logs, LogLines)
    log_places: Final = blocking(client.JobRunsClient.log_places)
    error_of: Final = blocking(client.JobRunsClient.error_of)
    stop: Final = blocking(client.JobRunsClient.stop)
    wait: Final = blocking(client.JobRunsClient.wait)
    watch: Final = wrapped(client.JobRunsClient.watch, _changes)

    @property
    def pace(self) -> Mapping[tuple[str | None, str | None, str, str], Pace]:
        """The pace of each operation that was called; see the asynchronous ``pace``."""

        async def looking() -> Mapping[tuple[str | None, str | None, str, str], Pace]:
            return self.carried.pace

        return self.bridge.run(looking())

    def nudge(self, run: RunLike) -> None:
        """Let waits and watches of other threads poll a run now; see the asynchronous ``nudge``."""

        async def nudging() -> None:
            self.carried.nudge(run)

        self.bridge.run(nudging())

    # A type checker takes only the first overload of what is handed to ``blocking``.
    @overload
    def wait_all(
        self, runs: Runs, *, return_exceptions: Literal[False] = False, **options: Unpack[WaitOptions]
    ) -> list[JobRun[Native]]: ...
    @overload
    def wait_all(
        self, runs: Runs, *, return_exceptions: Literal[True], **options: Unpack[WaitOptions]
    ) -> list[JobRun[Native] | JobRunsError]: ...
    @overload
    def wait_all(
        self, runs: Runs, *, return_exceptions: bool, **options: Unpack[WaitOptions]
    ) -> Sequence[JobRun[Native] | JobRunsError]: ...
    def wait_all(
        self, runs: Runs, *, return_exceptions: bool = False, **options: Unpack[WaitOptions]
    ) -> Sequence[JobRun[Native] | JobRunsError]:
        """Wait until all runs have ended for good, and return them in order; see the asynchronous ``wait_all``."""
        return self.bridge.run(self.carried.wait_all(listed(runs), return_exceptions=return_exceptions, **options))
