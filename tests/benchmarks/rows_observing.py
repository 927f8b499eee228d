"""What it costs a call to be observed: the instrumentation alone, without the call."""

import statistics
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import partial
from logging import DEBUG, Handler, LogRecord, getLogger
from typing import Final

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NoOpTracerProvider

from jobruns_sdk import JobRef, Observer
from jobruns_sdk.observing.seam import Observing
from jobruns_sdk.services.glue.operations import GET_JOB_RUNS
from jobruns_sdk.telemetry import Telemetry
from jobruns_sdk.transport.observed import observed
from jobruns_sdk.transport.operation import Reply
from tests.benchmarks.report import Row

_JOB: Final = JobRef("glue", "nightly-etl", "eu-west-1")
_URL: Final = "https://glue.eu-west-1.amazonaws.com"
_REPLY: Final = Reply(b"{}", "00000000-0000-4000-8000-000000000000", http_status=200)
_PAGE: Final = 2.4e-3  # seconds of a processor that a page of 200 Glue runs takes, see docs/design.md


class _Nowhere(Handler):
    def emit(self, record: LogRecord) -> None:
        """Write the record, and throw it away."""
        self.format(record)


def _calls(observing: Observing, count: int) -> float:
    """Return the seconds of a processor that so many calls are observed in."""
    began = time.process_time()
    for _ in range(count):
        told = observed(observing, GET_JOB_RUNS, "eu-west-1", None, job=_JOB, seconds=time.monotonic)
        if told is not None:
            with told:
                told.sends(_URL, 0.0)
                told.answered(_REPLY)
    return time.process_time() - began


@contextmanager
def _logged() -> Generator[None]:
    logger, handler = getLogger("jobruns_sdk"), _Nowhere()
    logger.addHandler(handler)
    logger.setLevel(DEBUG)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(0)
        logger.propagate = True


def _telemetry(tracers: object, meters: object) -> Observing:
    return Observing(Telemetry(tracer_provider=tracers, meter_provider=meters).observers())  # type: ignore[arg-type]  # of whatever kind


def observing(*, rounds: int, calls: int) -> list[Row]:
    """Microseconds a call, in the median of the rounds; a page of Glue runs takes 2 400."""
    batching = TracerProvider()
    batching.add_span_processor(BatchSpanProcessor(InMemorySpanExporter()))
    contest = {
        "observed call: nobody observes": (Observing(), 1.0),
        "- one observer that does nothing": (Observing([Observer(call=lambda _: None)]), None),
        "- telemetry, OpenTelemetry's API alone": (_telemetry(NoOpTracerProvider(), NoOpMeterProvider()), 15.0),
        "- its SDK, sampled out": (_telemetry(TracerProvider(sampler=ALWAYS_OFF), _meters()), None),
        "- its SDK, batches of spans, metrics": (_telemetry(batching, _meters()), 150.0),
    }
    found: dict[str, list[float]] = {name: [] for name in contest}
    for _ in range(rounds + 1):
        for name, (one, _) in contest.items():
            found[name].append(_calls(one, calls) / calls)
    rows = [_row(name, found[name][1:], contest[name][1]) for name in contest]
    with _logged():
        measure = partial(_calls, Observing(), calls)
        rows.append(_row("- the loggers at DEBUG", [measure() / calls for _ in range(rounds + 1)][1:], None))
    batching.shutdown()
    return rows


def _meters() -> MeterProvider:
    return MeterProvider([InMemoryMetricReader()])


def _row(name: str, seconds: Sequence[float], goal: float | None) -> Row:
    figure = statistics.median(seconds)
    share = f"a page 2,400 us: {figure / _PAGE:.2%}"
    return Row(name, f"{figure * 1e6:.1f} us", share, figure * 1e6, goal, "us")
