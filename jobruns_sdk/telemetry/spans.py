"""Spans: one for each call, one for each poll, and one for each wait where that is wanted."""

from typing import TYPE_CHECKING, Final

from opentelemetry import context, trace
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from jobruns_sdk.observing.observer import Observer
from jobruns_sdk.observing.values import (
    CallEnded,
    CallRetried,
    CallStarted,
    Failure,
    PollEnded,
    PollStarted,
    WaitEnded,
    WaitStarted,
    WalkEnded,
)
from jobruns_sdk.telemetry import names

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, SpanContext, TracerProvider

_LINKS: Final = 128  # which is the most that OpenTelemetry keeps, unless told otherwise
_DESCRIPTION: Final = 200  # characters: a service's words may be long, and hold data
# What instrumentations look for in the context: botocore's own would make a span of each request.
_SUPPRESSED: Final = "suppress_instrumentation"


class Spans:
    """The spans of one client, those under way by the value that began them.

    A span is entered in the context of the task in which it begins, so that logs and requests belong to it, and left in
    the same one.
    """

    def __init__(self, provider: "TracerProvider | None", *, waits: bool) -> None:
        self._tracer = trace.get_tracer(names.SCOPE, names.version(), provider, names.SCHEMA_URL)
        self._has_waits = waits
        self._open: dict[CallStarted | PollStarted, tuple[Span, Token[Context]]] = {}
        self._waits: dict[WaitStarted, tuple[Span | None, SpanContext]] = {}

    @property
    def observer(self) -> Observer:
        """The observer that makes them."""
        return Observer(call=self._call, retry=self._retry, poll=self._poll, wait=self._wait, walk=self._walk)

    def _call(self, event: CallStarted | CallEnded) -> None:
        if isinstance(event, CallStarted):
            self._begin_call(event)
        else:
            self._end_call(event)

    def _begin_call(self, call: CallStarted) -> None:
        attributes = {
            names.RPC_SYSTEM_NAME: names.SYSTEM,
            names.RPC_METHOD: names.method(call.service, call.operation),
        }
        name = names.span_name(call.service, call.operation)
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        if span.is_recording():
            if call.region is not None:
                span.set_attribute(names.CLOUD_REGION, call.region)
            if call.job is not None:
                span.set_attribute(names.JOB, str(call.job))
        within = context.set_value(_SUPPRESSED, True, trace.set_span_in_context(span))  # noqa: FBT003  # as it is
        self._open[call] = (span, context.attach(within))

    def _end_call(self, event: CallEnded) -> None:
        span, token = self._open.pop(event.call)
        context.detach(token)
        if span.is_recording():
            if event.server is not None:
                span.set_attribute(names.SERVER_ADDRESS, event.server)
            if event.request_id is not None:
                span.set_attribute(names.AWS_REQUEST_ID, event.request_id)
            if event.requests > 1:
                span.set_attribute(names.ATTEMPTS, event.requests)
            if event.waited:
                span.set_attribute(names.QUOTA_WAIT, event.waited)
            _mark(span, event.failure)
        span.end()

    def _retry(self, event: CallRetried) -> None:
        span, _ = self._open[event.call]
        if span.is_recording():
            attributes: dict[str, str | float] = {
                names.ERROR_TYPE: event.failure.type,
                names.ATTEMPT: event.requests,
                names.BACKOFF: event.pause,
            }
            span.add_event(names.RETRY, attributes)

    def _poll(self, event: PollStarted | PollEnded) -> None:
        if isinstance(event, PollStarted):
            # Whoever is due polls for all, so that no wait is its parent.
            contexts = (self._waits[wait][1] for wait in event.waits if wait in self._waits)
            apart = {(one.trace_id, one.span_id): one for one in contexts if one.is_valid}
            links = [Link(one) for one in [*apart.values()][:_LINKS]]
            span = self._tracer.start_span(names.POLL, context.Context(), links=links)
            if span.is_recording():
                span.set_attribute(names.JOB, str(event.job))
                span.set_attribute(names.POLL_RUNS, event.runs)
                span.set_attribute(names.POLL_WAITS, len(event.waits))
            self._open[event] = (span, context.attach(trace.set_span_in_context(span)))
            return
        span, token = self._open.pop(event.poll)
        context.detach(token)
        if span.is_recording():
            span.set_attribute(names.POLL_HIDDEN, event.hidden)
            _mark(span, event.failure)
        span.end()

    def _wait(self, event: WaitStarted | WaitEnded) -> None:
        if isinstance(event, WaitStarted):
            span: Span | None = None
            if self._has_waits:
                span = self._tracer.start_span(names.WAIT)
                if span.is_recording():
                    span.set_attribute(names.RUN, str(event.run))
            self._waits[event] = (span, (span or trace.get_current_span()).get_span_context())
            return
        span, _ = self._waits.pop(event.wait)
        if span is not None:
            if span.is_recording():
                if event.state is not None:
                    span.set_attribute(names.STATE, event.state.value)
                _mark(span, event.failure)
            span.end()

    def _walk(self, event: WalkEnded) -> None:
        span = trace.get_current_span()
        if span.is_recording():
            report = event.report
            attributes: dict[str, str | int] = {
                names.WALK_LISTING: event.listing,
                names.WALK_CALLS: report.calls,
                names.WALK_PAGES: report.pages,
                names.WALK_ROWS: report.rows,
                names.WALK_FAILED: len(report.failed),
            }
            if event.failure is not None:
                attributes[names.ERROR_TYPE] = event.failure.type
            span.add_event(names.WALK, attributes)


def _mark(span: "Span", failure: Failure | None) -> None:
    if failure is not None:
        span.set_attribute(names.ERROR_TYPE, failure.type)
        span.set_status(Status(StatusCode.ERROR, failure.message[:_DESCRIPTION]))
