"""The random driver of starting: one seed makes one schedule, which is played and handed to the judge."""

import asyncio
import base64
import contextlib
import inspect
import random
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest import mock

from aiobotocore.session import AioSession

from jobruns_sdk import JobRef, JobRunsClient, JobRunsError, Quota, Service, SparkSubmit
from jobruns_sdk.transport import quotas as pacing
from tests.oracle.starting_history import CALL, EMR, GLUE, JobKey, StartCall
from tests.oracle.starting_plans import FLAVOURS, Plan, cancellation, pause, plan_for, read_faults, start_faults
from tests.oracle.starting_reference import Reference
from tests.oracle.starting_truth import History
from tests.oracle.starting_wire import Arrived, Request, Serve, SkewedClock, VirtualLoop, after_turns, config_for, now
from tests.oracle.starting_world import World

PROFILES: dict[str | None, str] = {None: "111122223333", "twin": "111122223333", "else": "444455556666"}
ROLE = "arn:aws:iam::111122223333:role/exec"
APPLICATIONS = ("00f1abcdefgh0909", "00f1abcdefgh0911")
GLUE_REQUESTS: dict[str, tuple[dict[str, Any], ...]] = {
    "a": ({"arguments": {"--day": "1"}},),
    "b": ({"arguments": {"--day": "2"}},),
    "bare": ({}, {"arguments": {}}, {"arguments": None}),
    "sized": ({"arguments": {"--day": "1"}, "max_capacity": 10}, {"arguments": {"--day": "1"}, "max_capacity": 10.0}),
    "long": ({"arguments": {"--day": "1"}, "timeout": timedelta(hours=100)},),
}
EMR_REQUESTS: dict[str, tuple[dict[str, Any], ...]] = {
    "a": ({"day": "1"}, {"day": "1", "tags": {}}, {"day": "1", "tags": None}),
    "b": ({"day": "2"},),
}


def _access_key(account: str, salt: int) -> str:
    """Return an access key that says its account, as those of AWS do."""
    number = (int(account) << 7).to_bytes(6, "big")
    return "AKIA" + base64.b32encode(number + bytes([salt, 1, 2, 3])).decode()


def _session(account: str, key: str) -> AioSession:
    session = AioSession()
    session.set_credentials(key, "secret", account_id=account)
    return session


KEYS = {name: _access_key(account, salt) for salt, (name, account) in enumerate(PROFILES.items(), 1)}
SESSIONS = {name: _session(account, KEYS[name]) for name, account in PROFILES.items()}


@dataclass(eq=False)
class Member:
    """One client on its own machine."""

    name: str
    clock: SkewedClock
    client: Any
    told: bool
    calls: list[StartCall] = field(default_factory=list[StartCall])


class Schedule:
    """A world, its clients and what they do, made from one seed."""

    def __init__(self, seed: int, flavour: str | None = None, weakness: str | None = None) -> None:
        self.weakness = weakness
        self.rng = random.Random(seed)
        chosen = self.rng.choice(FLAVOURS)
        self.plan: Plan = plan_for(self.rng, flavour or chosen)
        self.world = World(self.rng, self.plan.habits, self.plan.fates, self._event)
        self.world.accounts = {KEYS[name]: account for name, account in PROFILES.items()}
        self.calls: list[StartCall] = []
        self.members: list[Member] = []
        self.log: list[str] = []

    # -- clients -----------------------------------------------------------------------------------------------------

    def _join(self) -> Member:
        name = f"c{len(self.members)}"
        skew = self.rng.choice((0.0, self.rng.uniform(-540, 540))) if self.plan.skewed else 0.0
        clock = SkewedClock(skew)
        told = self.rng.random() < 0.5

        async def serve(request: Request, read_timeout: float) -> Arrived:
            return await self.world.serve(name, request, read_timeout)

        if self.weakness is not None:
            client: Any = Reference(serve, clock, KEYS, self.world.accounts, told, self.weakness)
        else:
            client = self._package(serve, clock, told=told)
        member = Member(name, clock, client, told)
        self.members.append(member)
        self.log.append(f"{now():.2f} {name} opens, its clock {skew:+.0f} s")
        return member

    def _package(self, serve: Serve, clock: SkewedClock, *, told: bool) -> JobRunsClient:
        quotas = {("glue", "StartJobRun"): Quota(0.02, 1), (EMR, "StartJobRun"): Quota(0.02, 1)}
        return JobRunsClient(
            session=SESSIONS[None],
            sessions={"twin": SESSIONS["twin"], "else": SESSIONS["else"]},
            share_quotas={"twin": None} if told else None,
            region_name="eu-west-1",
            config=config_for(serve),
            quotas=quotas if self.plan.paced else None,
            clock=clock,
        )

    async def _kill(self, member: Member) -> None:
        """End a client as a process that dies: its calls end, and their requests go on."""
        self.log.append(f"{now():.2f} {member.name} is killed")
        for call in member.calls:
            if call.task is not None and not call.task.done():
                call.cancelled_at = call.cancelled_at if call.cancelled_at is not None else now()
                call.task.cancel()
        await self._finish(member.calls, 5)
        await member.client.__aexit__(None, None, None)

    async def _close(self, member: Member) -> None:
        """Close a client while its calls go on."""
        self.log.append(f"{now():.2f} {member.name} is closed")
        for call in member.calls:
            if call.ended is None:
                call.closed_at = now()
        await member.client.__aexit__(None, None, None)
        await self._finish(member.calls, 3600)

    async def _finish(self, calls: list[StartCall], limit: float) -> None:
        tasks = [call.task for call in calls if call.task is not None and not call.task.done()]
        if tasks:
            await asyncio.wait(tasks, timeout=limit)

    # -- calls -------------------------------------------------------------------------------------------------------

    def _event(self, call: StartCall, phase: str, number: int) -> None:
        if call.cancel is not None and call.cancel[:2] == (phase, float(number)):
            after_turns(call.cancel[2], lambda: _cancel(call))

    def _call(self, member: Member) -> StartCall:
        rng, plan = self.rng, self.plan
        service = EMR if plan.emr else GLUE
        profiles: tuple[str | None, ...] = (None, None, None, "twin", "else")
        profile = rng.choice(profiles) if plan.flavour == "profiles" or rng.random() < 0.15 else None
        name = "etl" if service == GLUE else (APPLICATIONS[0] if rng.random() < 0.7 else APPLICATIONS[1])
        key = rng.choice(("k1", "k1", "k1", "k2")) if rng.random() < plan.keyed else None
        requests = EMR_REQUESTS if plan.emr else GLUE_REQUESTS
        request = "a" if rng.random() < 0.8 else rng.choice(list(requests))
        account = PROFILES[profile]
        group = f"{member.name}:{account if member.told else profile}"
        restarts = rng.random() < (0.6 if plan.flavour == "restart" else 0.1)
        call = StartCall(len(self.calls), member.name, group, profile, JobKey(service, account, name), key, request)
        call.finds = key is not None and service == GLUE and rng.random() < 0.15
        if key is not None and not call.finds:
            call.on_failed = "restart" if restarts else "adopt"
            if rng.random() < 0.15 and service == GLUE:
                call.key_lifetime = rng.choice((60.0, 3600.0, 26 * 3600.0, 9 * 86400.0))
        if rng.random() < (0.6 if plan.flavour == "slots" else 0.05) and service == GLUE and not call.finds:
            call.slot_timeout = rng.choice((10.0, 120.0, 1200.0, 5000.0))
        call.faults = [fault for _ in range(3) for fault in start_faults(rng, plan.odd_starts)]
        call.read_faults = read_faults(rng, plan.odd_reads)
        call.cancel = cancellation(rng, plan.cancels)
        member.calls.append(call)
        self.calls.append(call)
        return call

    def _begin(self, member: Member) -> None:
        call = self._call(member)
        call.began = now()
        call.task = asyncio.create_task(_watched(call, self._request(member, call)))
        if call.cancel is not None and call.cancel[0] == "time":
            cancel = call.cancel

            def later() -> None:
                after_turns(cancel[2], lambda: _cancel(call))

            asyncio.get_running_loop().call_later(cancel[1], later)

    def _request(self, member: Member, call: StartCall) -> Coroutine[Any, Any, Any]:
        service = Service(call.job.service)
        handle: Any = member.client.handle(JobRef(service, (call.job.name,), profile=call.profile))
        known = inspect.signature(handle.start).parameters
        if call.finds and not hasattr(handle, "find"):
            call.finds = False  # a client that cannot find yet
        if call.finds:
            coroutine: Coroutine[Any, Any, Any] = handle.find(call.key)
            return coroutine
        options: dict[str, Any] = {"idempotency_key": call.key}
        if call.key is not None and (call.on_failed != "adopt" or self.rng.random() < 0.2):
            options["on_failed"] = call.on_failed
        if call.key_lifetime is not None:
            options["key_lifetime"] = timedelta(seconds=call.key_lifetime)
        if call.slot_timeout is not None:
            options["slot_timeout"] = timedelta(seconds=call.slot_timeout)
        for option in [name for name in options if name not in known]:
            del options[option]
        if "on_failed" not in known:
            call.on_failed = "adopt"
        call.key_lifetime = call.key_lifetime if "key_lifetime" in known else None
        call.slot_timeout = call.slot_timeout if "slot_timeout" in known else None
        started: Coroutine[Any, Any, Any]
        if call.job.service == GLUE:
            started = handle.start(**self.rng.choice(GLUE_REQUESTS[call.request]), **options)
        else:
            form = dict(self.rng.choice(EMR_REQUESTS[call.request]))
            driver = SparkSubmit("s3://b/main.py", arguments=[form.pop("day")])
            started = handle.start(driver, execution_role_arn=ROLE, **form, **options)
        return started

    # -- the schedule ------------------------------------------------------------------------------------------------

    async def play(self) -> History:
        """Play the schedule, and let all that it began come to an end."""
        alive: list[Member] = [self._join() for _ in range(self.rng.choice((1, 2, 2, 3)))]
        for member in alive:
            await member.client.__aenter__()
        for _ in range(self.rng.randrange(3, 9)):
            await self._step(alive)
            wait = pause(self.rng, self.plan)
            if wait > 3000:
                await self._finish(self.calls, 7200)
            await asyncio.sleep(wait)
        await self._finish(self.calls, 3 * 3600)
        for member in alive:
            await self._kill(member)
        await asyncio.sleep(200)
        return History(self.world, self.calls, now())

    async def _step(self, alive: list[Member]) -> None:
        rng, plan = self.rng, self.plan
        dice = rng.random()
        member = rng.choice(alive)
        if dice < plan.others:
            job = JobKey(GLUE, PROFILES[None], "etl")
            if not plan.emr and self.world.room(job, now()) > 0:
                run = self.world.make(job, {"--day": rng.choice("1112")}, None)
                self.log.append(f"{now():.2f} another program starts {run.id}")
        elif dice < plan.others + 0.07:
            alive.remove(member)
            await (self._kill if rng.random() < 0.7 else self._close)(member)
            alive.append(self._join())
            await alive[-1].client.__aenter__()
        elif dice < plan.others + 0.10 and plan.skewed:
            member.clock.skew = rng.uniform(-540, 540)
            self.log.append(f"{now():.2f} {member.name}'s clock is set to {member.clock.skew:+.0f} s")
        elif dice < plan.others + 0.2 and plan.fills:
            self.world.fill(JobKey(GLUE, PROFILES[None], "etl"), rng.choice((150, 2100)))
            self.log.append(f"{now():.2f} many runs of others")
        else:
            self._begin(member)


def _cancel(call: StartCall) -> None:
    if call.task is not None and not call.task.done():
        call.cancelled_at = call.cancelled_at if call.cancelled_at is not None else now()
        call.task.cancel()


async def _watched(call: StartCall, request: Coroutine[Any, Any, Any]) -> None:
    CALL.set(call)
    try:
        call.result = await request
    except JobRunsError as error:
        call.error = error
    except asyncio.CancelledError as error:
        if call.cancelled_at is None:
            call.odd = error
    except Exception as error:  # noqa: BLE001 - whatever else comes is for the judge
        call.odd = error
    finally:
        call.ended = now()


def play(seed: int, flavour: str | None = None, weakness: str | None = None) -> tuple[History, Schedule]:
    """Play one schedule in a loop of its own, with the package or, if a weakness is given, the reference ("": none)."""
    loop = VirtualLoop()
    try:
        with contextlib.closing(loop), mock.patch.object(pacing, "jitter", random.Random(seed)):
            schedule = Schedule(seed, flavour, weakness)
            return loop.run_until_complete(schedule.play()), schedule
    finally:
        asyncio.set_event_loop(None)
