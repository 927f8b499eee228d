"""The capabilities of a job's handle, a protocol for each, and the small values that they take and return."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, runtime_checkable

import msgspec

from jobruns_sdk.errors import UnsupportedOperationError
from jobruns_sdk.loop.clock import Clock
from jobruns_sdk.loop.lifetime import Lifetime
from jobruns_sdk.model.logs import LogLines, LogOptions
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.model.reports import OnSourceError
from jobruns_sdk.model.runs import Attempt, Job, JobRun, StopOutcome
from jobruns_sdk.model.states import RunState
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.query import Order, RunQuery, Wanted
from jobruns_sdk.paging.source import AnySource
from jobruns_sdk.transport.operation import Operation


class Handle(Protocol):
    """A job of any service: its runs can be listed and got."""

    @property
    def ref(self) -> JobRef:
        """The job's reference, complete with its region."""
        ...

    def runs(
        self,
        *,
        states: Iterable[RunState | str] | None = None,
        native_states: Iterable[str] | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        order: Order | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> Pages[JobRun[Native]]:
        """Return the job's runs; nothing is requested until they are iterated."""
        ...

    async def run(self, run_id: str) -> JobRun[Native]:
        """Return a run in the state of its latest attempt."""
        ...


@runtime_checkable
class MakesSources(Handle, Protocol):
    """A job whose service lists runs by more than the window of their creation."""

    def sources(
        self, query: RunQuery, wanted: Wanted, *, page_size: int | None = None, on_error: OnSourceError = "raise"
    ) -> Sequence[AnySource[JobRun[Any]]]:
        """Return the lists that have the runs which a query wants.

        Args:
            query: The filters.
            wanted: The native states that can satisfy them.
            page_size: How many rows to ask for at once.
            on_error: How to handle a run that cannot be fetched to decide whether it matches: other than with
                ``"raise"`` it is taken as listed.
        """
        ...


@runtime_checkable
class ListsAttempts(Protocol):
    """A job whose runs have attempts."""

    def attempts(
        self, run_id: str, *, limit: int | None = None, page_size: int | None = None, cursor: str | None = None
    ) -> Pages[Attempt[Native]]:
        """Return the attempts of a run in order."""
        ...


@runtime_checkable
class TellsAttempt(Protocol):
    """A job whose listed runs tell of an attempt that is the only one."""

    def attempt_of(self, run: JobRun[Any], *, thin: bool) -> Attempt[Native] | None:
        """Return the only attempt of a run, None where it has others, or its row does not tell enough.

        Args:
            run: The run, as it was listed or got.
            thin: Whether what only a get tells may be missing.
        """
        ...


@runtime_checkable
class ListsFullAttempts(Protocol):
    """A job whose list of attempts tells less than a get of each does."""

    def full_attempts(
        self, run_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Pages[Attempt[Native]]:
        """Return the attempts of a run, first one first, each as a get tells it."""
        ...


@runtime_checkable
class DescribesJob(Protocol):
    """A job whose definition can be read."""

    async def job(self) -> Job[Native]:
        """Return the job."""
        ...


class Polling(msgspec.Struct, frozen=True):
    """The operations by which the runs of a job are polled.

    Attributes:
        list_operation: The operation that lists runs.
        get_operation: The operation that gets one.
        largest_page: The number of runs that a page of the list holds at most.
        thin: True if the list tells less of a run that has ended than a get does.
    """

    list_operation: Operation[Any]
    get_operation: Operation[Any]
    largest_page: int
    thin: bool

    def is_whole(self, run: JobRun[Any]) -> bool:
        """Return True if a listed run needs no get."""
        return not (self.thin and run.is_terminal)


@runtime_checkable
class Follows(Handle, Protocol):
    """A job whose runs can be waited for and watched."""

    def run_ref(self, run_id: str) -> RunRef:
        """Return the reference of a run, by the id that its list rows have."""
        ...

    @property
    def polling(self) -> Polling:
        """The operations by which its runs are polled."""
        ...

    def survey(self, since: datetime | None) -> Pages[JobRun[Native]]:
        """Return the runs created since then that go on; those that have ended, too, where no list tells them apart."""
        ...


@runtime_checkable
class Stops(Protocol):
    """A job whose runs can be stopped."""

    async def stop(self, run_ids: Sequence[str], *, grace_period: timedelta | None = None) -> list[StopOutcome]:
        """Ask for runs to be stopped; return an outcome for each id, in order."""
        ...


@runtime_checkable
class AsksToStop(Protocol):
    """A job whose ``stop`` does more than to ask once."""

    async def ask_to_stop(self, run_ids: Sequence[str], *, grace_period: timedelta | None = None) -> list[StopOutcome]:
        """Ask once for the attempts that go on to be stopped; return an outcome for each id, in order."""
        ...


@runtime_checkable
class Retries(Protocol):
    """A job whose failed runs may be tried again after they were seen as failed."""

    @property
    def ref(self) -> JobRef:
        """The job's reference."""
        ...

    async def retry_limit(self) -> int | None:
        """Return how many retries may follow a first attempt."""
        ...


class JobFacts(msgspec.Struct, frozen=True):
    """The members of a job's definition that decide how its runs are followed.

    Attributes:
        retry_limit: The number of retries that may follow a first attempt, None if the definition does not say.
        streaming: True if its runs go on until they are stopped.
        longest_life: The time after which the service ends an attempt, None if it never does.
    """

    retry_limit: int | None
    streaming: bool
    longest_life: timedelta | None


@runtime_checkable
class TellsFacts(Protocol):
    """A job whose definition tells how its runs are followed: one call answers for all waits of a client."""

    @property
    def ref(self) -> JobRef:
        """The job's reference."""
        ...

    async def facts(self) -> JobFacts:
        """Return the facts."""
        ...


@runtime_checkable
class ListsActive(Protocol):
    """A job whose service lists the runs that go on by their state."""

    def active(self) -> Sequence[Pages[JobRun[Any]]]:
        """Return the lists that together hold each run that goes on, in the order of a run's life."""
        ...


@runtime_checkable
class ListsRetries(Protocol):
    """A job whose service lists each attempt of a run as a separate row."""

    def attempt_rows(self) -> Pages[JobRun[Any]]:
        """Return the rows, newest first, each with its own id and attempt number."""
        ...


@runtime_checkable
class FoldsRetries(Protocol):
    """A job whose service lists each attempt of a run as a separate row, which belong to one run."""

    def attempt_rows_since(self, since: datetime | None) -> Pages[JobRun[Any]]:
        """Return the rows of attempts that started since then, newest first, and those that have no time yet."""
        ...

    def run_of_attempts(self, attempts: Sequence[JobRun[Any]]) -> JobRun[Any]:
        """Return the run that was tried by those attempts, as they were listed, in their order."""
        ...

    def run_ref(self, run_id: str) -> RunRef:
        """Return the reference of a run, by the id of any of its attempts."""
        ...


@runtime_checkable
class Streams(Protocol):
    """A job whose runs may go on for ever."""

    async def is_streaming(self, run: JobRun[Any]) -> bool:
        """Return True if a run does not end by itself."""
        ...


StopAll = Callable[[Sequence[tuple[Handle, str]]], Awaitable[list[StopOutcome]]]
"""Stops runs of any jobs, as a client does it."""

ReadLogs = Callable[[Handle, RunRef, LogOptions], LogLines]
"""Returns the lines that a run of a job wrote, as a client reads them."""


def no_logs(handle: Handle, _: RunRef, __: LogOptions) -> LogLines:
    """Refuse to read logs.

    Raises:
        UnsupportedOperationError: Always: the handle belongs to no client.
    """
    raise UnsupportedOperationError("logs are read by handles that a client has made", service=handle.ref.service)


AskFacts = Callable[[TellsFacts], Awaitable[JobFacts]]
"""Tells the facts about a job; a client asks for them once, however many calls need them."""


async def ask_facts(handle: TellsFacts) -> JobFacts:
    """Return the facts about a job, asked for now."""
    return await handle.facts()


class ClientParts(msgspec.Struct, frozen=True):
    """The parts of a client that the handles of a service may share.

    Attributes:
        clock: The client's clock.
        lifetime: The client's lifetime: with its end all that is under way ends.
        remember: Called with each run that is started here, which may not be visible in lists yet.
        stop: Stops runs and, where a service retries them, their retries.
        account: Returns a name of the account of a job's profile, as far as its credentials tell, else None.
        shared_profile: Returns the profile that a profile is said to share its account with, itself without a word.
        facts: Tells the facts about a job, which all that goes on in the client shares.
        logs: Reads the logs of a run.
    """

    clock: Clock
    lifetime: Lifetime
    remember: Callable[[RunRef], object]
    stop: StopAll
    account: Callable[[JobRef], Awaitable[str | None]]
    shared_profile: Callable[[str | None], str | None]
    facts: AskFacts = ask_facts
    logs: ReadLogs = no_logs
