"""The bench of each test of the suite: a service with runs, a client of it, and the requests that were sent."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from jobruns_sdk.client import JobRunsClient
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.model.states import RunState
from jobruns_sdk.services.registry import Adapter

if TYPE_CHECKING:
    from jobruns_sdk.services.handle import Handle

FIRST: Final = datetime(2025, 12, 1, 8, tzinfo=UTC)
"""The time at which the first run of a test was created."""

MINUTE: Final = timedelta(minutes=1)


class Service(Protocol):
    """A service that is played on this machine: it answers at an address, and holds the runs of the case's job."""

    @property
    def url(self) -> str:
        """The address, such as ``http://127.0.0.1:8000``."""
        ...

    def add_run(self, *, state: str, created_at: datetime, message: str | None) -> str:
        """Add a run that is, and stays, in a state of the service's own; return its id.

        Runs are created in the order in which they are added, or given times between those of others.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Case:
    """A service as the suite sees it.

    Attributes:
        job: The text form of the job whose runs are read, without region and profile.
        serve: Opens a service that has this job, and no run of it; called for each test.
        states: Each of the service's states and what it means.
        largest_page: How many rows its largest page holds.
        adapters: What the client is given to know the service; None for a service of this package.
        unknown_state: A state that the service does not have yet; None where the service that is played takes none.
        missing_run: The id of a run that there is not.
    """

    job: str
    serve: "Callable[[], AbstractAsyncContextManager[Service]]"
    states: Mapping[str, RunState]
    largest_page: int
    adapters: Mapping[str, Adapter] | None = None
    unknown_state: str | None = "HIBERNATING"
    missing_run: str = "ffff"

    @property
    def ref(self) -> JobRef:
        """The job's reference as the suite's clients complete it."""
        return JobRef.parse(f"{self.job}?region={REGION}", services=tuple(self.adapters or ()))

    @property
    def ended(self) -> tuple[str, str]:
        """Two different states of runs that have ended, in the service's own words."""
        first, *others = [name for name, state in self.states.items() if state.is_terminal]
        return first, next(name for name in others if self.states[name] is not self.states[first])


REGION: Final = "us-east-1"


@cache
def _loader() -> object:
    """Return what keeps the service models that the sessions of all tests load."""
    from botocore.loaders import create_loader  # noqa: PLC0415  # loaded when a test runs

    return create_loader()


class RecordingClient(JobRunsClient):
    """A client that remembers which requests it has sent, and can be kept waiting for an answer.

    Attributes:
        calls: The names of the operations that were requested.
        answered: How many requests are answered; those after them wait for ever. None for all.
    """

    def __init__(self, url: str, adapters: Mapping[str, Adapter] | None) -> None:
        from aiobotocore.session import get_session  # noqa: PLC0415  # loaded when a test runs

        session = get_session()
        session.register_component("data_loader", _loader())
        session.set_credentials("local", "local")
        session.register("before-send", self._sending)
        super().__init__(
            session=session, region_name=REGION, endpoint_url=url, adapters=adapters, quotas=None, max_attempts=1
        )
        self.calls: list[str] = []
        self.answered: int | None = None

    async def _sending(self, event_name: str, **_: object) -> None:
        self.calls.append(event_name.rpartition(".")[2])
        if self.answered is not None and len(self.calls) > self.answered:
            await asyncio.Event().wait()

    async def until_called(self, times: int) -> None:
        """Return once so many calls were made."""
        while len(self.calls) < times:  # noqa: ASYNC110  # a call sets no event, and one more turn of the loop costs nothing
            await asyncio.sleep(0)


class Bench:
    """The objects that a test works on.

    Attributes:
        case: The service that is tested.
        service: The service as it is played.
        client: A client of it.
        job: The handle of the case's job.
    """

    def __init__(self, case: Case, service: Service, client: RecordingClient) -> None:
        self.case = case
        self.service = service
        self.client = client
        self.job: Handle = client.handle(case.job)
        self._added = 0

    def seed(self, count: int, *states: str, apart: timedelta = MINUTE) -> list[str]:
        """Add runs in these states by turns, one later than the other; return their ids, the newest first."""
        given = states or self.case.ended[:1]
        added = [self._add(given[index % len(given)], apart) for index in range(count)]
        return added[::-1]

    def _add(self, state: str, apart: timedelta) -> str:
        self._added += 1
        return self.service.add_run(state=state, created_at=FIRST + self._added * apart, message=None)

    def another(self) -> RecordingClient:
        """Return another client of the same service, not yet opened."""
        return RecordingClient(self.service.url, self.case.adapters)


def ids(runs: Sequence[JobRun[Any]]) -> list[str]:
    """Return the ids of runs."""
    return [run.id for run in runs]


class Subject(Protocol):
    """A class of tests that says its case."""

    @property
    def case(self) -> Case:
        """The service that is tested."""
        ...


@asynccontextmanager
async def _opened(case: Case) -> AsyncGenerator[Bench]:
    async with case.serve() as service, RecordingClient(service.url, case.adapters) as client:
        yield Bench(case, service, client)


def on_bench(test: Callable[[Bench], Awaitable[None]]) -> Callable[[Subject], None]:
    """Make a pytest test of what is done on a bench, in its own event loop: no plugin is needed for it."""

    def run(self: Subject) -> None:
        async def on_its_own() -> None:
            async with _opened(self.case) as bench:
                await test(bench)

        asyncio.run(on_its_own())

    # Not functools.wraps: pytest would look for a fixture of the wrapped function's argument's name.
    run.__name__, run.__qualname__, run.__doc__ = test.__name__, test.__qualname__, test.__doc__
    return run


def refusing(kind: type[Exception], call: Callable[[], object]) -> Exception:
    """Return the error of that kind which a call raises.

    Raises:
        AssertionError: The call raises none of that kind.
    """
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"nothing was refused: {kind.__name__} was expected")


async def failing(kind: type[Exception], awaited: Awaitable[object]) -> Exception:
    """Return the error of that kind which something awaited raises.

    Raises:
        AssertionError: It raises none of that kind.
    """
    try:
        await awaited
    except kind as error:
        return error
    raise AssertionError(f"nothing failed: {kind.__name__} was expected")
