"""What a collector is sent: OpenTelemetry's own exporter, over HTTP, into a receiver that decodes its protocol."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from jobruns_sdk.telemetry import Telemetry
from jobruns_sdk.testing import LocalService
from tests.waiting.kit import HOUR, client_of


class Receiver:
    """A collector that keeps the spans and metrics that it is sent, decoded."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.metrics: list[Any] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # as http.server has it
                receiver.take(self.path, self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as http.server has it
                del format, args

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def take(self, path: str, body: bytes) -> None:
        """Decode a request."""
        request: Any = ExportTraceServiceRequest() if path == "/v1/traces" else ExportMetricsServiceRequest()
        request.ParseFromString(body)
        if path == "/v1/traces":
            scopes = [scope for resource in request.resource_spans for scope in resource.scope_spans]
            self.spans += [(scope.scope.name, span) for scope in scopes for span in scope.spans]
        elif path == "/v1/metrics":
            scopes = [scope for resource in request.resource_metrics for scope in resource.scope_metrics]
            self.metrics += [metric for scope in scopes for metric in scope.metrics]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        thread.join()
        receiver.server.server_close()


async def test_a_collector_is_sent_spans_and_metrics_that_it_can_decode(
    local: LocalService, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    tracers = TracerProvider()
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{receiver.url}/v1/traces")))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{receiver.url}/v1/metrics"))
    meters = MeterProvider([reader])
    local.add_glue_job("etl", duration=timedelta(minutes=2))
    local.fault("GetJobRun", "error500", times=1)
    telemetry = Telemetry(tracer_provider=tracers, meter_provider=meters, waits=True)
    async with client_of(local, telemetry=telemetry) as client:
        ref = await client.glue("etl").start()
        await client.wait(ref, timeout=HOUR)
    tracers.shutdown()
    meters.shutdown()

    assert {scope for scope, _ in receiver.spans} == {"jobruns_sdk"}
    spans = [span for _, span in receiver.spans]
    retried = [span for span in spans if [event.name for event in span.events] == ["jobruns.retry"]]
    (wait,) = (span for span in spans if span.name == "jobruns wait")
    polls = {span.span_id: span for span in spans if span.name == "jobruns poll"}
    assert [span.name for span in retried] == ["Glue.GetJobRun"]
    assert retried[0].parent_span_id in polls
    assert retried[0].kind == retried[0].SPAN_KIND_CLIENT
    attributes = {one.key: one.value for one in retried[0].attributes}
    assert attributes["rpc.method"].string_value == "Glue/GetJobRun"
    assert attributes["jobruns.call.attempts"].int_value == 2
    assert {one.value.string_value for one in wait.attributes} == {str(ref), "SUCCEEDED"}
    assert {link.span_id for span in polls.values() for link in span.links} == {wait.span_id}
    assert len(spans) == len(local.requests) - 1 + len(polls) + 1  # one request was a second try
    durations = next(metric for metric in receiver.metrics if metric.name == "rpc.client.call.duration")
    assert (durations.unit, durations.histogram.data_points[0].explicit_bounds[0]) == ("s", 0.005)
    assert {metric.name for metric in receiver.metrics} == {
        "rpc.client.call.duration",
        "jobruns.client.call.attempts",
        "jobruns.client.waits",
        "jobruns.run.state_changes",
    }
