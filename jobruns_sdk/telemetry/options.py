"""The options of a client for observers and telemetry, and the observers that they make."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from jobruns_sdk.checks import Rule, check_flag, optional
from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.observing.observer import Observer
from jobruns_sdk.observing.seam import Observing, observers_of

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider
else:  # whoever asks for the types of a Telemetry's members need not have OpenTelemetry
    MeterProvider = TracerProvider = object

_check_tracers: Final = optional(
    Rule("a TracerProvider of OpenTelemetry", lambda value: callable(getattr(value, "get_tracer", None)))
)
_check_meters: Final = optional(
    Rule("a MeterProvider of OpenTelemetry", lambda value: callable(getattr(value, "get_meter", None)))
)
_check_telemetry: Final = Rule("True, False or a Telemetry", lambda value: isinstance(value, bool))


class Telemetry(msgspec.Struct, frozen=True, kw_only=True):
    """The places where a client's spans and metrics go, and how many there are; several clients may have the same.

    Attributes:
        tracer_provider: Where spans go; None for the global provider, as it is when the client is made.
        meter_provider: Where metrics go; None for the global provider, as it is when the client is made.
        waits: Whether each wait for a run is a span, too. It may last for hours, and is lost if the process ends before
            it does.
        jobs: Whether the counter of changes tells the jobs apart, which makes a series for each of them.
    """

    tracer_provider: TracerProvider | None = None
    meter_provider: MeterProvider | None = None
    waits: bool = False
    jobs: bool = False

    def __post_init__(self) -> None:
        """Reject a value that is not a provider or not a bool.

        Raises:
            InvalidRequestError: A provider makes no tracers or meters, or a flag is neither True nor False.
        """
        _check_tracers("tracer_provider", self.tracer_provider)
        _check_meters("meter_provider", self.meter_provider)
        check_flag("waits", self.waits)
        check_flag("jobs", self.jobs)

    def observers(self) -> tuple[Observer, Observer]:
        """Return the observers that make spans, and those that make metrics, as a client has them.

        Raises:
            InvalidRequestError: OpenTelemetry's API is not installed.
        """
        try:
            from jobruns_sdk.telemetry.metrics import Metrics  # noqa: PLC0415  # OpenTelemetry is an extra
            from jobruns_sdk.telemetry.spans import Spans  # noqa: PLC0415  # as above
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "opentelemetry":
                raise
            raise InvalidRequestError(
                "telemetry needs OpenTelemetry's API: pip install 'jobruns_sdk[otel]', or opentelemetry-api"
            ) from error
        spans = Spans(self.tracer_provider, waits=self.waits)
        return spans.observer, Metrics(self.meter_provider, jobs=self.jobs).observer


def observing_of(*, observer: Observer | Sequence[Observer] | None, telemetry: bool | Telemetry) -> Observing:
    """Return the observers of a client, of its options ``observer`` and ``telemetry``.

    Raises:
        InvalidRequestError: They are something else, or what ``telemetry`` needs is not installed.
    """
    given = observers_of(observer)
    if not isinstance(telemetry, Telemetry):
        _check_telemetry("telemetry", telemetry)
        if not telemetry:
            return Observing(given)
        telemetry = Telemetry()
    return Observing([*telemetry.observers(), *given])
