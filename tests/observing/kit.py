"""What the tests of observing share: an observer that keeps what it is told, and clients that are traced."""

from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from jobruns_sdk import Observer
from jobruns_sdk.telemetry import Telemetry


class Told:
    """Keeps all that an observer is told, in order."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        tell = self.values.append
        self.observer = Observer(call=tell, retry=tell, turn=tell, poll=tell, wait=tell, change=tell, walk=tell)

    @property
    def kinds(self) -> list[str]:
        """The names of the values' classes."""
        return [type(value).__name__ for value in self.values]

    def of(self, kind: type) -> list[Any]:
        """Return the values of a class."""
        return [value for value in self.values if isinstance(value, kind)]


class Traced:
    """Providers in memory, and what came to them."""

    def __init__(self, **options: bool) -> None:
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.meters = MeterProvider([self._reader])
        self.telemetry = Telemetry(tracer_provider=self.tracers, meter_provider=self.meters, **options)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """The spans that have ended, in the order in which they did."""
        return self._exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        """Return the spans of a name."""
        return [span for span in self.spans if span.name == name]

    def points(self, metric: str) -> list[Any]:
        """Return the points of a metric."""
        data = self._reader.get_metrics_data()
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
        found = [one for scope in scopes for one in scope.metrics if one.name == metric]
        return [point for one in found for point in one.data.data_points]

    def counts(self, metric: str, *names: str) -> dict[tuple[object, ...], float]:
        """Return the value of each point of a counter, by its attributes of those names."""
        found: dict[tuple[object, ...], float] = {}
        for point in self.points(metric):
            attributes: dict[str, object] = dict(point.attributes)
            found[tuple(attributes.get(name) for name in names)] = point.value
        return found


def id_of(span: ReadableSpan) -> int:
    """Return a span's id."""
    assert span.context is not None
    number: int = span.context.span_id
    return number


def told_of(span: ReadableSpan) -> dict[str, Any]:
    """Return a span's attributes."""
    return dict(span.attributes or {})
