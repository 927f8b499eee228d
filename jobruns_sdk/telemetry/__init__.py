"""Traces and metrics by OpenTelemetry; needs the extra ``otel``, which brings OpenTelemetry's API alone.

    from jobruns_sdk import JobRunsClient
    from jobruns_sdk.telemetry import Telemetry

    JobRunsClient(telemetry=True)                                       # the global providers
    JobRunsClient(telemetry=Telemetry(tracer_provider=provider))        # given ones

A call is one span, however often it is retried; a poll, which serves many waits, is the root of a separate trace,
linked to theirs. Rows make no spans.
"""

from jobruns_sdk.telemetry.options import Telemetry

__all__ = ["Telemetry"]
