"""Spans and metrics of a walk, a wait with a retry and a throttled call; one span a call, polls as roots with links."""

import asyncio
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from importlib.metadata import version
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from jobruns_sdk import InvalidRequestError, JobRunsClient, ServiceUnavailableError, sync
from jobruns_sdk.telemetry import Telemetry
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import session_of
from tests.observing.kit import Traced, id_of, told_of
from tests.transport.clients import settings_of
from tests.waiting.kit import HOUR, client_of

DEMO = timedelta(minutes=2)


@pytest.fixture
def traced() -> Traced:
    return Traced()


def test_a_walk_makes_a_span_a_call_and_an_event_where_it_ends(local: LocalService, traced: Traced) -> None:
    local.add_glue_job("etl")
    local.add_runs("glue:etl", 500)

    async def walk() -> None:
        async with client_of(local, telemetry=traced.telemetry) as client:
            with traced.tracers.get_tracer("mine").start_as_current_span("report"):
                assert len(await client.glue("etl").runs(page_size=200).collect()) == 500

    asyncio.run(walk())
    calls, (mine,) = traced.named("Glue.GetJobRuns"), traced.named("report")
    assert [span.name for span in traced.spans] == ["Glue.GetJobRuns"] * 3 + ["report"]
    assert [told_of(span) for span in calls] == [
        {
            "rpc.system.name": "aws-api",
            "rpc.method": "Glue/GetJobRuns",
            "cloud.region": "us-east-1",
            "jobruns.job": "glue:etl?region=us-east-1",
            "server.address": "127.0.0.1",
            "aws.request_id": request.request_id,
        }
        for request in local.requests
    ]
    assert {span.kind for span in calls} == {SpanKind.CLIENT}
    assert {span.parent and span.parent.span_id for span in calls} == {id_of(mine)}
    assert {span.status.status_code for span in calls} == {StatusCode.UNSET}
    (event,) = mine.events
    assert (event.name, event.attributes) == (
        "jobruns.walk",
        {
            "jobruns.walk.listing": "runs of glue:etl?region=us-east-1",
            "jobruns.walk.calls": 3,
            "jobruns.walk.pages": 3,
            "jobruns.walk.rows": 500,
            "jobruns.walk.failed": 0,
        },
    )
    scope = calls[0].instrumentation_scope
    assert scope is not None
    assert (scope.name, scope.version, scope.schema_url) == (
        "jobruns_sdk",
        version("jobruns_sdk"),
        "https://opentelemetry.io/schemas/1.44.0",
    )


async def test_a_wait_makes_a_root_for_each_poll_linked_to_who_waits(local: LocalService, traced: Traced) -> None:
    local.add_glue_job("etl", duration=DEMO, max_retries=1, outcome="FAILED")
    tracer = traced.tracers.get_tracer("mine")
    async with client_of(local, telemetry=traced.telemetry) as client:
        refs = [await client.glue("etl").start()]
        before = len(local.requests)
        with tracer.start_as_current_span("a") as first, tracer.start_as_current_span("b") as second:
            runs = await client.wait_all([*refs, *refs], timeout=HOUR)
        with tracer.start_as_current_span("c") as third:
            await client.wait(refs[0], timeout=HOUR)
    assert {(run.state, run.attempt) for run in runs} == {("FAILED", 2)}

    polls = traced.named("jobruns poll")
    assert polls
    assert {(span.parent, span.kind) for span in polls} == {(None, SpanKind.INTERNAL)}
    assert all(told_of(span)["jobruns.job"] == "glue:etl?region=us-east-1" for span in polls)
    assert told_of(polls[0])["jobruns.poll.waits"] == 2
    links = [[link.context.span_id for link in span.links] for span in polls]
    assert links[0] == [second.get_span_context().span_id]
    assert links[-1] == [third.get_span_context().span_id]
    assert first.get_span_context().span_id not in {one for found in links for one in found}
    # Each request of the wait belongs to the poll that made it, or, for what is asked once a job, to who asked.
    ids = set(map(id_of, polls))
    calls = [span for span in traced.spans if span.name.startswith("Glue.") and span.name != "Glue.StartJobRun"]
    assert len(calls) == len(local.requests) - before
    assert {span.name for span in calls if span.parent and span.parent.span_id not in ids} == {"Glue.GetJob"}
    changes = traced.counts("jobruns.run.state_changes", "jobruns.service", "jobruns.state", "jobruns.job")
    assert changes["glue", "RUNNING", None] == 2
    assert 1 <= changes["glue", "FAILED", None] <= 2


async def test_thirty_waits_for_runs_of_one_job_make_the_spans_of_one(local: LocalService, traced: Traced) -> None:
    local.add_glue_job("etl", duration=timedelta(minutes=10), max_concurrent_runs=100)
    tracer = traced.tracers.get_tracer("mine")
    async with client_of(local, telemetry=traced.telemetry) as client:
        refs = [await client.glue("etl").start() for _ in range(30)]

        async def wait(ref: Any) -> None:  # noqa: ANN401  # a RunRef
            with tracer.start_as_current_span("mine"):
                await client.wait(ref, timeout=HOUR)

        await asyncio.gather(*map(wait, refs))
        (waiting,) = traced.points("jobruns.client.waits")

    polls = traced.named("jobruns poll")
    calls = [span for span in traced.spans if span.name in {"Glue.GetJobRuns", "Glue.GetJobRun"}]
    assert max(len(span.links) for span in polls) == 30
    assert len(calls) == local.calls("GetJobRuns") + local.calls("GetJobRun") < 100
    assert waiting.value == 0


async def test_a_poll_has_128_links_at_most(local: LocalService, traced: Traced) -> None:
    local.add_glue_job("etl", duration=DEMO, max_concurrent_runs=200)
    tracer = traced.tracers.get_tracer("mine")
    async with client_of(local, telemetry=traced.telemetry) as client:
        refs = [await client.glue("etl").start() for _ in range(130)]

        async def wait(ref: Any) -> None:  # noqa: ANN401  # a RunRef
            with tracer.start_as_current_span("mine"):
                await client.wait(ref, timeout=HOUR)

        await asyncio.gather(*map(wait, refs))

    assert max(len(span.links) for span in traced.named("jobruns poll")) == 128


@pytest.mark.local("glue:etl")
async def test_a_throttled_call_is_one_span_with_its_tries(local: LocalService, traced: Traced) -> None:
    local.fault("GetJobRuns", "throttle", times=1)
    async with client_of(local, telemetry=traced.telemetry) as client, client.glue("etl").runs().open() as walk:
        await walk.next_page()
        waited = walk.report.waited

    (span,) = traced.spans
    assert told_of(span)["jobruns.call.attempts"] == 2
    assert waited > 0
    assert told_of(span)["jobruns.quota.wait"] == pytest.approx(waited)
    assert span.status.status_code is StatusCode.UNSET
    (event,) = span.events
    assert (event.name, event.attributes) == (
        "jobruns.retry",
        {"error.type": "ThrottlingException", "jobruns.call.attempt": 1, "jobruns.backoff": 0.0},
    )
    (duration,) = traced.points("rpc.client.call.duration")
    assert duration.attributes == {"rpc.system.name": "aws-api", "rpc.method": "Glue/GetJobRuns"}
    assert (duration.count, duration.sum) == (1, pytest.approx(waited))
    (attempts,) = traced.points("jobruns.client.call.attempts")
    assert (attempts.attributes, attempts.count, attempts.sum) == ({"rpc.method": "Glue/GetJobRuns"}, 1, 2)
    (turn,) = traced.points("jobruns.client.quota.wait.duration")
    assert (turn.attributes, turn.count, turn.sum) == (
        {"rpc.method": "Glue/GetJobRuns"},
        1,
        pytest.approx(waited),
    )


@pytest.mark.local("glue:etl")
async def test_a_call_that_has_failed_is_red_and_says_what_the_service_said(
    local: LocalService, traced: Traced
) -> None:
    local.fault("GetJobRuns", "error500", times=4)
    async with client_of(local, telemetry=traced.telemetry) as client:
        with pytest.raises(ServiceUnavailableError) as caught:
            await client.glue("etl").runs().collect()

    (span,) = traced.spans
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, caught.value.message)
    assert told_of(span)["error.type"] == "InternalServiceException"
    assert told_of(span)["aws.request_id"] == caught.value.request_id
    assert [dict(event.attributes or {})["jobruns.call.attempt"] for event in span.events] == [1, 2, 3]
    (duration,) = traced.points("rpc.client.call.duration")
    assert duration.attributes["error.type"] == "InternalServiceException"


@contextmanager
def instrumented(provider: TracerProvider) -> Generator[None]:
    """Let botocore's own instrumentation make spans of aiobotocore's requests."""
    instrumentor: Any = import_module("opentelemetry.instrumentation.botocore").AiobotocoreInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        yield
    finally:
        instrumentor.uninstrument()


@pytest.mark.local("glue:etl")
@pytest.mark.parametrize("is_on", [True, False])
async def test_instrumentation_of_botocore_makes_no_second_span(
    local: LocalService, traced: Traced, *, is_on: bool
) -> None:
    local.fault("GetJobRuns", "error500", times=2)
    options: dict[str, Any] = {"telemetry": traced.telemetry} if is_on else {}
    with instrumented(traced.tracers):
        async with client_of(local, **options) as client:
            await client.glue("etl").runs().collect()

    scopes = [span.instrumentation_scope.name for span in traced.spans if span.instrumentation_scope is not None]
    assert scopes == (["jobruns_sdk"] if is_on else ["opentelemetry.instrumentation.botocore"] * 3)


async def test_waits_are_spans_where_that_is_wanted(local: LocalService) -> None:
    traced = Traced(waits=True, jobs=True)
    local.add_glue_job("etl", duration=DEMO)
    async with client_of(local, telemetry=traced.telemetry) as client:
        ref = await client.glue("etl").start()
        await client.wait(ref, timeout=HOUR)

    (span,) = traced.named("jobruns wait")
    assert told_of(span) == {"jobruns.run": str(ref), "jobruns.state": "SUCCEEDED"}
    assert {link.context.span_id for poll in traced.named("jobruns poll") for link in poll.links} == {id_of(span)}
    changes = traced.counts("jobruns.run.state_changes", "jobruns.job", "jobruns.state")
    assert changes[str(ref.job), "SUCCEEDED"] == 1


@pytest.mark.local("glue:etl")
async def test_what_is_sampled_out_has_no_attributes_and_counts_all_the_same(local: LocalService) -> None:
    traced = Traced()
    telemetry = Telemetry(tracer_provider=TracerProvider(sampler=ALWAYS_OFF), meter_provider=traced.meters)
    async with client_of(local, telemetry=telemetry) as client:
        await client.glue("etl").runs().collect()

    (duration,) = traced.points("rpc.client.call.duration")
    assert duration.count == 1


def test_calls_of_the_synchronous_client_belong_to_the_span_of_their_thread(
    local: LocalService, traced: Traced
) -> None:
    local.add_glue_job("etl")
    options = settings_of(local, session=session_of(), telemetry=traced.telemetry)
    with sync.JobRunsClient(**options) as client, traced.tracers.get_tracer("mine").start_as_current_span("mine"):
        list(client.glue("etl").runs())

    (call,), (mine,) = traced.named("Glue.GetJobRuns"), traced.named("mine")
    assert call.parent is not None
    assert call.parent.span_id == id_of(mine)
    assert [event.name for event in mine.events] == ["jobruns.walk"]


@pytest.mark.local("glue:etl")
async def test_the_global_providers_are_taken_where_none_is_given(local: LocalService) -> None:
    async with client_of(local, telemetry=True) as client:  # which are OpenTelemetry's own, without its SDK
        await client.glue("etl").runs().collect()


def run(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)  # noqa: S603  # ours
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_nothing_of_opentelemetry_is_imported_unless_it_is_asked_for() -> None:
    script = (
        "import sys; from jobruns_sdk import JobRunsClient, Observer; from jobruns_sdk.telemetry import Telemetry;"
        "JobRunsClient(region_name='eu-west-1', observer=Observer()); Telemetry();"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    assert run(script) == "[]"


def test_only_its_api_is_imported_where_it_is() -> None:
    script = (
        "import sys; from jobruns_sdk import JobRunsClient; JobRunsClient(region_name='eu-west-1', telemetry=True);"
        "print('opentelemetry.trace' in sys.modules, 'opentelemetry.sdk' in sys.modules)"
    )
    assert run(script) == "True False"


def test_what_is_missing_is_named() -> None:
    script = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from jobruns_sdk import InvalidRequestError, JobRunsClient\n"
        "try: JobRunsClient(region_name='eu-west-1', telemetry=True)\n"
        "except InvalidRequestError as error: print(error)"
    )
    assert run(script) == "telemetry needs OpenTelemetry's API: pip install 'jobruns_sdk[otel]', or opentelemetry-api"


@pytest.mark.parametrize("telemetry", [None, 1, "yes", Telemetry])
def test_what_is_no_telemetry_is_refused(telemetry: Any) -> None:  # noqa: ANN401  # of a wrong type
    with pytest.raises(InvalidRequestError, match="telemetry"):
        JobRunsClient(region_name="eu-west-1", telemetry=telemetry)
