"""What the tests of waiting share."""

import asyncio
import gc
import sys
from collections import Counter, deque
from collections.abc import Callable, Sequence, Sized
from datetime import timedelta
from operator import attrgetter
from random import Random
from typing import TYPE_CHECKING, Any, Final

from aiobotocore.session import AioSession, get_session

from jobruns_sdk import JobRunsClient
from jobruns_sdk.testing import LocalService
from jobruns_sdk.testing.faults import FaultKind
from tests.transport.clients import settings_of

if TYPE_CHECKING:
    import pytest

ROLE: Final = "arn:aws:iam::111122223333:role/exec"
SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
_COLLECTIONS: tuple[type[Sized], ...] = (dict, list, set, frozenset, tuple, deque)


class Text(str):
    """Text as YAML readers and numpy give it."""

    __slots__ = ()


def _session() -> AioSession:
    session = get_session()
    session.set_credentials("local", "local")
    return session


_SESSION: Final = _session()  # it keeps the service models that it has loaded, which takes longer than most tests


def client_of(local: LocalService, **options: Any) -> JobRunsClient:  # noqa: ANN401  # JobRunsClient's own options
    """Return a client of a local service, not yet opened."""
    return JobRunsClient(**settings_of(local, session=_SESSION, **options))


def groups_of(client: JobRunsClient) -> int:
    """Return of how many jobs a client's poller thinks that somebody waits for runs."""
    return len(attrgetter("_poller._groups")(client))


def entries_of(*roots: object) -> int:
    """Return how many entries all collections together have that objects of this package hold, without the service."""
    seen: set[int] = set()
    left, count = list(roots), 0
    while left:
        one = left.pop()
        module = type(one).__module__
        is_ours = module.startswith("jobruns_sdk.") and not module.startswith("jobruns_sdk.testing.")
        if id(one) in seen or isinstance(one, type) or not (is_ours or isinstance(one, _COLLECTIONS)):
            continue
        seen.add(id(one))
        if isinstance(one, _COLLECTIONS):
            count += len(one)
        left += gc.get_referents(one)
    return count


async def others() -> set[str]:
    """Return the tasks that go on beside the test, after what was cancelled has had its turns."""
    for _ in range(3):
        await asyncio.sleep(0)
    return {str(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()}


def tell(capsys: "pytest.CaptureFixture[str]", line: str) -> None:
    """Show a figure that was measured."""
    with capsys.disabled():
        sys.stdout.write(f"\n{line}\n")


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something is so."""
    while not condition():  # noqa: ASYNC110  # the local service, in its own thread, sets no event of this loop
        await asyncio.sleep(0)


def calls_by_operation(local: LocalService) -> Counter[str]:
    """Return how often each operation was called."""
    return Counter(f"{request.service}:{request.operation}" for request in local.requests)


def runs_of(local: LocalService, job: str) -> list[str]:
    """Return the ids of a job's runs, in the order in which they were started."""
    return list(local.states(job))


def set_faults(local: LocalService, operation: str, chance: Random, count: int) -> list[tuple[FaultKind, bool]]:
    """Let the next calls of an operation go wrong, each in its own way; return how, and whether it takes effect."""
    faults: list[tuple[FaultKind, bool]] = []
    for _ in range(count):
        kind: FaultKind = chance.choice(_FAULTS)
        effect = kind in _MAY_HAVE_EFFECT and chance.random() < 0.5
        faults.append((kind, effect))
        local.fault(operation, kind, effect=effect)
    return faults


_FAULTS: Final[Sequence[FaultKind]] = (
    "throttle",
    "throttle",
    "error500",
    "html503",
    "reset_before",
    "reset_after",
    "truncate",
)
_MAY_HAVE_EFFECT: Final = frozenset({"error500", "html503", "reset_before"})
