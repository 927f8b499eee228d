"""The answers of CloudWatch Logs as the service sends them, and a decoder for each operation."""

from typing import Final

from msgspec.json import Decoder

from jobruns_sdk.model.native import Integer, Native, Rows, Secret


class LogStream(Native, frozen=True, kw_only=True, gc=False):
    """A log stream as DescribeLogStreams lists it.

    Attributes:
        lastEventTimestamp: Milliseconds since 1970; it lags behind.
    """

    logStreamName: str | None = None
    lastEventTimestamp: Integer | None = None


class DescribeLogStreamsResponse(Native, frozen=True, kw_only=True, gc=False):
    """The answer of DescribeLogStreams: a page of streams."""

    logStreams: Rows[LogStream] | None = None
    nextToken: str | None = None


class OutputLogEvent(Native, frozen=True, kw_only=True, gc=False):
    """An event of a stream.

    Attributes:
        timestamp: Milliseconds since 1970.
        message: What a program has printed, which may be anything.
    """

    timestamp: Integer | None = None
    message: Secret[str | None] = None


class GetLogEventsResponse(Native, frozen=True, kw_only=True, gc=False):
    """The answer of GetLogEvents: a page of events, and the ways on from it in both directions."""

    events: Rows[OutputLogEvent] | None = None
    nextForwardToken: str | None = None
    nextBackwardToken: str | None = None


class NoJson(Native, frozen=True, kw_only=True, gc=False):
    """The answer of an operation of S3, which is XML, or an object."""


DESCRIBE_LOG_STREAMS: Final = Decoder(DescribeLogStreamsResponse, strict=False)
GET_LOG_EVENTS: Final = Decoder(GetLogEventsResponse, strict=False)
NO_JSON: Final = Decoder(NoJson, strict=False)
