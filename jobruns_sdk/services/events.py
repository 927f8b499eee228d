"""The seam between a client that listens and a source of events: hints to look, and nothing of how they arrive."""

from collections.abc import Awaitable, Collection
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import msgspec

from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.transport.operation import Call

Tells: TypeAlias = Literal["changes", "ends"]
"""The events of a job that are expected: each change of its runs, the first one included, or their ends alone."""


class RunHint(Protocol):
    """A hint to look at a run, such as a ``RunEvent``; it is never taken for an answer."""

    @property
    def id(self) -> str:
        """The same for each delivery of one hint: a second delivery is passed over."""
        ...

    @property
    def ref(self) -> RunRef:
        """The run."""
        ...

    @property
    def attempt(self) -> int | None:
        """The number of the attempt, from 1; None if the hint does not tell it."""
        ...

    @property
    def tells_change(self) -> bool:
        """True if the run's state, or its attempt, has changed."""
        ...

    @property
    def tells_end(self) -> bool:
        """True if the run, or the attempt, has ended."""
        ...


@runtime_checkable
class EventSource(Protocol):
    """A source of hints for ``client.listening``: any queue may be one, as ``SqsEvents`` shows.

    A source that cannot be read raises a ``JobRunsError`` or an ``OSError``, and is asked again later. Any other error
    ends the listening, and is raised where the block ends.
    """

    def tells_of(self, job: JobRef) -> Tells | None:
        """Return what events of a job's runs are expected: only these jobs are polled less often meanwhile."""
        ...

    async def receive(self) -> Collection[RunHint]:
        """Wait for hints for a while, such as 20 seconds, and return those that came, if any."""
        ...

    async def delivered(self) -> None:
        """Take note that the hints of the last ``receive`` were delivered: a queue deletes their messages."""
        ...


class Connected(msgspec.Struct, frozen=True):
    """The way to a service of AWS in the name of a client.

    Attributes:
        call: Calls the service.
        region: Its region.
        longest: Seconds after which an answer is not waited for any more.
    """

    call: Call
    region: str
    longest: float


class Connect(Protocol):
    """Connects to a service, as botocore names it, with the client's sessions, endpoints and settings."""

    def __call__(self, service: str, *, region: str | None, profile: str | None) -> Awaitable[Connected]:
        """Return the way to a service in a region, by default the client's, with one of its sessions.

        Raises:
            JobRunsError: The session or the region is not known, or credentials cannot be had.
        """
        ...


@runtime_checkable
class OpenedByClient(Protocol):
    """A source of hints that a client opens, such as ``SqsEvents``."""

    async def opened(self, connect: Connect) -> EventSource:
        """Return the source, open.

        Raises:
            JobRunsError: It cannot be read, and will not be by itself.
        """
        ...
