"""What the parts ask of each other, as protocols and small values."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, runtime_checkable

import msgspec

from jobruns_sdk.model.changes import StopOutcome
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.model.runs import Attempt, Job, JobRun
from jobruns_sdk.model.states import RunState
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.query import Order
from jobruns_sdk.transport.operation import Operation


class Handle(Protocol):
    """A job of whatever service: its runs can be listed and got."""

    @property
    def ref(self) -> JobRef:
        """The job's reference, complete with its region."""
        ...

    def runs(
        self,
        *,
        states: Iterable[RunState] | None = None,
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
class ListsAttempts(Protocol):
    """A job whose runs have attempts."""

    def attempts(
        self, run_id: str, *, limit: int | None = None, page_size: int | None = None, cursor: str | None = None
    ) -> Pages[Attempt[Native]]:
        """Return the attempts of a run, first one first."""
        ...


@runtime_checkable
class DescribesJob(Protocol):
    """A job whose definition can be read."""

    async def job(self) -> Job[Native]:
        """Return the job."""
        ...


class Polling(msgspec.Struct, frozen=True):
    """How the runs of a job are polled.

    Attributes:
        list_operation: What the list costs.
        get_operation: What a get costs.
        largest_page: How many runs a page of the list holds.
        thin: Whether the list tells less of a run that has ended than a get does.
    """

    list_operation: Operation[Any]
    get_operation: Operation[Any]
    largest_page: int
    thin: bool

    def is_whole(self, run: JobRun[Any]) -> bool:
        """Whether a listed run needs no get."""
        return not (self.thin and run.is_terminal)


@runtime_checkable
class Follows(Handle, Protocol):
    """A job whose runs can be waited for and watched."""

    def run_ref(self, run_id: str) -> RunRef:
        """Return the reference of a run, by the id that its list rows have."""
        ...

    @property
    def polling(self) -> Polling:
        """How its runs are polled."""
        ...

    def survey(self, since: datetime | None) -> Pages[JobRun[Native]]:
        """Return the runs created since then of which the service knows, those that have ended if it cannot tell."""
        ...


@runtime_checkable
class Stops(Protocol):
    """A job whose runs can be stopped."""

    async def stop(self, run_ids: Sequence[str], *, grace_period: timedelta | None = None) -> list[StopOutcome]:
        """Ask for runs to be stopped; return an outcome for each id, in order."""
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


@runtime_checkable
class Streams(Protocol):
    """A job whose runs may go on for ever."""

    async def is_streaming(self, run: JobRun[Any]) -> bool:
        """Whether a run does not end by itself."""
        ...
