"""Processes: each has a client, a clock of its own that may be wrong, and what it has stored; each can be killed."""

import asyncio
import base64
import contextlib
import contextvars
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

from aiobotocore.session import AioSession
from attrs import define, field

from jobruns_sdk import JobRunsClient
from tests.oracle.waiting_programs import Record
from tests.oracle.waiting_time import EPOCH
from tests.simulation.loop import OWNER, Owner
from tests.simulation.network import Network
from tests.simulation.programs import CLIENT, PROGRAM, now


class ProcessClock:
    """A machine's clock: so many seconds fast, and set anew at some moments. What it counts goes right."""

    def __init__(self, skew: float, steps: list[tuple[float, float]]) -> None:
        self.skews = [(float("-inf"), skew), *sorted(steps)]

    def skew_at(self, moment: float) -> float:
        return next(skew for since, skew in reversed(self.skews) if since <= moment)

    def now(self) -> datetime:
        moment = now()
        return EPOCH + timedelta(seconds=moment + self.skew_at(moment))

    def monotonic(self) -> float:
        return now()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def calling(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def true(self, told: datetime, by: float) -> list[float]:
        """Return the moments that may be meant by what was told by some moment, the likeliest first.

        A clock that was set meanwhile tells of what was seen before that in its new time.
        """
        wall = (told - EPOCH).total_seconds()
        past = [(since, skew) for since, skew in reversed(self.skews) if since <= by]
        found = [wall - skew for since, skew in past if since <= wall - skew <= by + 0.001]
        return [*found, *(wall - skew for _, skew in past)]


def _access_key(account: str) -> str:
    """Return an access key that says its account, as those of AWS do."""
    return "AKIA" + base64.b32encode((int(account) << 7).to_bytes(6, "big") + b"\1\1\2\3").decode()


@define(eq=False)
class Process:
    """One life of a process: from when it begins until it is killed or closes its client."""

    name: str
    account: str
    region: str
    clock: ProcessClock
    network: Network
    models: Any
    options: dict[str, Any] = field(factory=dict[str, Any])
    owner: Owner = field(init=False)
    client: JobRunsClient = field(init=False)
    began: float = 0.0
    killed_at: float | None = None
    records: list[Record] = field(factory=list[Record])
    _context: contextvars.Context = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.owner = Owner(self.name)
        self._context = contextvars.copy_context()
        self._context.run(OWNER.set, self.owner)
        self._context.run(CLIENT.set, self.name)

    def task(self, work: Coroutine[Any, Any, Any], program: int = -1) -> "asyncio.Task[Any]":
        """Do some work in this process."""
        context = self._context.copy()
        context.run(PROGRAM.set, program)
        return asyncio.get_running_loop().create_task(work, context=context)

    async def open(self) -> None:
        self.began = now()
        self.client = self._context.run(self._make)
        await asyncio.wait([self.task(self.client.open())])

    def _make(self) -> JobRunsClient:
        session = AioSession()
        session.register_component("data_loader", self.models)
        session.set_credentials(_access_key(self.account), "secret", account_id=self.account)
        return JobRunsClient(
            session=session,
            region_name=self.region,
            clock=self.clock,
            config=self.network.config_for(self.name, self.account),
            **self.options,
        )

    def kill(self) -> None:
        """End it in the middle of whatever it does: nothing of it runs any more, its requests go on."""
        if self.killed_at is None:
            self.owner.alive = False
            self.killed_at = now()
