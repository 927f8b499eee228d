"""Every fault at every operation: how many requests it costs, and what the caller is told, against `expected`."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from socket import AF_INET, EAI_NONAME, AddressFamily, gaierror, socket
from ssl import SSLContext
from typing import Any, Final

import pytest
from aiobotocore.config import AioConfig
from aiohttp.abc import AbstractResolver, ResolveResult

from jobruns_sdk import JobRunsClient, JobRunsError
from jobruns_sdk.services.datazone import operations as datazone
from jobruns_sdk.services.emr_serverless import operations as emr_serverless
from jobruns_sdk.services.glue import operations as glue
from jobruns_sdk.testing import LocalService
from jobruns_sdk.testing.faults import FaultKind
from jobruns_sdk.transport.operation import Operation
from tests.dangers.faults.expected import PASSING, STAYING
from tests.dangers.faults.operations import JOBS, OPERATIONS, populate
from tests.transport.clients import CountingSession, client_at
from tests.transport.looptime import CALL_TIMEOUT, LoopTime
from tests.transport.scripted import Request, Server, answer, head, serving
from tests.truth.samples import own, own_body

IN_TIME: Final = 60.0
"""Seconds, of real and of virtual time, that any operation takes at most."""

Fault = tuple[FaultKind, Mapping[str, Any]]


def error(code: str, status: int, message: str = "Not now.") -> Fault:
    return "error", {"code": code, "status": status, "message": message}


FAULTS: Final[Mapping[str, Fault]] = {
    "expired credentials": error("ExpiredTokenException", 400),
    "clock wrong (signature expired)": error("InvalidSignatureException", 403, "Signature expired: 20261121T000000Z"),
    "clock wrong (RequestTimeTooSkewed)": error("RequestTimeTooSkewed", 403),
    "reset before the effect": ("reset_before", {}),
    "reset after the effect": ("reset_after", {}),
    "body cut in the middle": ("truncate", {}),
    "a byte now and then": ("drip", {"seconds": 1.0}),
    "silence": ("silence", {}),
    "500": ("error500", {}),
    "500 before the effect": ("error500", {}),
    "500 after the effect": ("error500", {"effect": True}),
    "503 with HTML": ("html503", {}),
    "503 with HTML after the effect": ("html503", {"effect": True}),
    "503 with nothing": ("html503", {"body": b""}),
    "429 with a code": error("TooManyRequestsException", 429),
    "429 without a code": error("", 429, ""),
    "throttling as 400": ("throttle", {}),
    "200 with HTML": ("wrong_content", {}),
}
ENDLESS: Final = {"a byte now and then", "silence"}
AT_THE_SERVICE: Final = [fault for fault in STAYING if fault in FAULTS]


@pytest.fixture
async def local() -> AsyncGenerator[LocalService]:
    async with LocalService() as local, asyncio.timeout(IN_TIME + len(OPERATIONS) * CALL_TIMEOUT):
        yield local


def test_every_operation_that_is_sent_is_in_the_table() -> None:
    modules = (emr_serverless, datazone, glue)
    sent: list[Operation[Any]] = [
        value for module in modules for value in vars(module).values() if isinstance(value, Operation)
    ]

    assert {f"{operation.service}:{operation.name}" for operation in sent} == OPERATIONS.keys()


async def told(client: JobRunsClient, name: str, run_id: str) -> JobRunsError | None:
    try:
        await OPERATIONS[name].ask(client, run_id)
    except JobRunsError as error:
        return error
    return None


LIMITS: Final[dict[str, Any]] = {"max_attempts": 3, "call_timeout": CALL_TIMEOUT}


@pytest.mark.parametrize("fault", AT_THE_SERVICE)
async def test_a_fault_that_stays(local: LocalService, loop_time: LoopTime, fault: str) -> None:
    runs = populate(local)
    for name in OPERATIONS:
        async with (
            client_at(local.url, throttle_timeout=timedelta(0), **LIMITS, clock=local.clock) as client,
            asyncio.TaskGroup() as tasks,
        ):
            if fault in ENDLESS:
                tasks.create_task(loop_time.forward_at(partial(local.calls, name), 1))
            await expect_to_stay(local, client, name, fault, runs)


async def expect_to_stay(
    local: LocalService, client: JobRunsClient, name: str, fault: str, runs: Mapping[str, str]
) -> None:
    kind, options = FAULTS[fault]
    row, asked = STAYING[fault], OPERATIONS[name]
    local.forget_requests()
    local.fault(name, kind, times=None, **options)
    begun = local.clock.monotonic()
    failure = await told(client, name, runs[name.partition(":")[0]])
    local.clear_faults()

    expected = row.error_of(asked.kind)
    assert (failure and type(failure), local.calls(name)) == (expected, row.requests[asked.kind]), name
    if failure is not None:
        assert f"{failure.service}:{failure.operation}" == name
        assert (failure.request_id is not None, failure.in_doubt) == (row.answered, row.in_doubt), name
        assert failure.retryable is (row.retryable and expected is row.error), name
    assert local.clock.monotonic() - begun < IN_TIME, name


class NoNames(AbstractResolver):
    """Knows no name, as the machine's resolver for one in ``.invalid``, which may take its time."""

    async def resolve(self, host: str, port: int = 0, family: AddressFamily = AF_INET) -> list[ResolveResult]:
        raise gaierror(EAI_NONAME, f"no such name: {host}, {port}, {family}")

    async def close(self) -> None:
        pass


@asynccontextmanager
async def nothing_to_talk_to(fault: str, tls: SSLContext) -> AsyncGenerator[tuple[str, Server | None]]:
    if "refused" in fault:
        with socket() as deaf:  # the port is taken, so that nobody else can listen there meanwhile
            deaf.bind(("127.0.0.1", 0))
            yield f"http://127.0.0.1:{deaf.getsockname()[1]}", None
            return
    async with serving(answer(b"{}"), tls=tls if "TLS" in fault else None) as server:
        yield "https://nowhere.invalid" if "DNS" in fault else server.url, server


@pytest.mark.parametrize("fault", [fault for fault, row in STAYING.items() if not row.arrives])
async def test_a_fault_on_the_way_to_the_service(untrusted: SSLContext, fault: str) -> None:
    row = STAYING[fault]
    session = CountingSession(access_key=None if fault == "no credentials" else "key")
    names = AioConfig(connector_args={"resolver": NoNames()} if "DNS" in fault else None)
    async with (
        asyncio.timeout(IN_TIME),
        nothing_to_talk_to(fault, untrusted) as (url, server),
        client_at(url, max_attempts=3, session=session, config=names) as client,
    ):
        for name, asked in OPERATIONS.items():
            session.sent = 0
            failure = await told(client, name, "r")

            assert failure is not None, name
            assert (type(failure), session.sent) == (row.error_of(asked.kind), row.requests[asked.kind]), name
            service, _, operation = name.partition(":")
            assert (failure.service, failure.operation) == (service, asked.first or operation)
            assert (failure.request_id, failure.in_doubt, failure.retryable) == (None, False, row.retryable), name
        assert server is None or server.requests == []


CUTS: Final = range(0, 3_000, 100)


def padded(name: str) -> bytes:
    """An answer of 3 kB."""
    service, _, operation = name.partition(":")
    _, body = next(own(service.replace("-", "_"), operation))
    members = json.loads(body)
    return json.dumps({"_": "x" * (3_000 - len(json.dumps({"_": "", **members}))), **members}).encode()


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_body_that_is_cut_at_any_byte(name: str) -> None:
    asked, row = OPERATIONS[name], STAYING["body cut at any byte"]
    whole, sent = padded(name), list[int]()

    async def script(request: Request, writer: asyncio.StreamWriter) -> None:
        target = request.headers.get("x-amz-target", name).rpartition(".")[2]
        if asked.first and target == asked.first:
            body = own_body("glue", "GetJobRun", "running")
            writer.write(head(200, len(body)) + body)
        elif target in {name, name.partition(":")[2]}:
            sent.append(len(sent))
            writer.write(head(200, len(whole)) + whole[:cut])
            writer.close()
        else:
            writer.write(head(200, 2) + b"{}")

    async with serving(script) as server, client_at(server.url, max_attempts=3) as client:
        for cut in CUTS:
            sent.clear()
            failure = await told(client, name, "r")

            assert failure is not None
            assert (type(failure), len(sent)) == (row.error_of(asked.kind), row.requests[asked.kind]), cut
            assert (failure.operation, failure.in_doubt) == (name.partition(":")[2], True)


@pytest.mark.parametrize("fault", PASSING)
async def test_a_fault_that_strikes_once(local: LocalService, fault: str) -> None:
    async with client_at(local.url, clock=local.clock) as client:
        for name in OPERATIONS:
            await strike_once(local, client, name, fault)


async def strike_once(local: LocalService, client: JobRunsClient, name: str, fault: str) -> None:
    kind, options = FAULTS[fault]
    service, _, operation = name.partition(":")
    row, asked, run_id = PASSING[fault], OPERATIONS[name], populate(local)[service]
    before = local.states(JOBS[service]).keys()
    usual = await asked.ask(client, run_id) if asked.kind in {"read", "post"} else None
    local.forget_requests()
    local.fault(name, kind, **options)
    failure, value = None, None
    try:
        value = await asked.ask(client, run_id)
    except JobRunsError as error:
        failure = error

    assert local.calls(name) == row.requests[asked.kind], name
    assert (type(failure) if failure else None) is (row.start if asked.kind == "start" else None), name
    if operation == "StartJobRun":
        started = [f"{JOBS[service]}/{run}" for run in local.states(JOBS[service]).keys() - before]
        assert started == ([] if failure else [str(value).partition("?")[0]])
    elif asked.kind in {"read", "post"} and operation != "GetDashboardForJobRun":  # whose link is new each time
        assert value == usual, name
