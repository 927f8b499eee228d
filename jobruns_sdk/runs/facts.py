"""Facts about jobs that decide how their runs are followed, asked for once a job however many waits need them."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from jobruns_sdk.errors import (
    CallTimeoutError,
    ClientClosedError,
    CredentialsError,
    JobRunsError,
    ResponseFormatError,
)
from jobruns_sdk.loop.clock import Clock
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.observing.logs import POLLS, warn
from jobruns_sdk.services.handle import Handle, JobFacts, Retries, Streams, TellsFacts

if TYPE_CHECKING:
    from jobruns_sdk.model.refs import JobRef

T = TypeVar("T")

_VALID: Final = 24 * 3600.0  # seconds: a job may be updated while a client lives for weeks
_DENIED: Final = 300.0  # seconds: a role that may not read the job may be given leave to
_FAILED: Final = 5.0  # seconds: waits that ask at the same moment share an answer that may pass


class _Asked(Generic[T]):
    """A question about a job, and its last answer."""

    def __init__(self) -> None:
        self.asking: asyncio.Lock = asyncio.Lock()
        self.answer: tuple[T] | JobRunsError | None = None
        self.until = float("-inf")


class FactBook:
    """The facts about all jobs of a client, as far as they have been asked for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked: dict[tuple[JobRef, str], _Asked[Any]] = {}
        self._told: set[JobRef] = set()

    async def retry_limit(self, handle: Retries) -> int | None:
        """Return how many retries may follow a first attempt of a job, None if nobody can tell.

        Where it could not be read for the moment, any number may follow: that it is refused is another thing.

        Raises:
            ClientClosedError: The client was closed.
        """
        try:
            if isinstance(handle, TellsFacts):
                return (await self.of(handle)).retry_limit
            return await self._once(handle.ref, "retry_limit", handle.retry_limit)
        except ClientClosedError:
            raise
        except JobRunsError as error:
            if _may_pass(error):
                return sys.maxsize
            if handle.ref not in self._told:
                self._told.add(handle.ref)
                text = (
                    f"MaxRetries of {handle.ref} cannot be read ({error}): while it cannot, an attempt that failed "
                    "counts as the last one where no retry follows within 5 minutes"
                )
                warn(POLLS, text, job=str(handle.ref))
            return None

    async def is_streaming(self, handle: Handle, run: JobRun[Any]) -> bool:
        """Return True if a run does not end by itself.

        Raises:
            JobRunsError: That could not be found out.
        """
        if isinstance(handle, TellsFacts):
            return (await self.of(handle)).streaming
        return isinstance(handle, Streams) and await handle.is_streaming(run)

    async def of(self, handle: TellsFacts) -> JobFacts:
        """Return the facts about a job.

        Raises:
            JobRunsError: They cannot be read.
        """
        return await self._once(handle.ref, "facts", handle.facts)

    async def _once(self, job: "JobRef", name: str, ask: Callable[[], Awaitable[T]]) -> T:
        asked = cast("_Asked[T]", self._asked.setdefault((job, name), _Asked()))
        async with asked.asking:
            if asked.answer is None or asked.until <= self._clock.monotonic():
                try:
                    asked.answer, valid = (await ask(),), _VALID
                except JobRunsError as error:
                    asked.answer, valid = error, _FAILED if _may_pass(error) else _DENIED
                asked.until = self._clock.monotonic() + valid
            if isinstance(asked.answer, JobRunsError):
                raise asked.answer
            return asked.answer[0]


def _may_pass(error: JobRunsError) -> bool:
    """Return True for a failure to read a definition that says nothing about whether it may be read."""
    return error.retryable or isinstance(error, CallTimeoutError | CredentialsError | ResponseFormatError)
