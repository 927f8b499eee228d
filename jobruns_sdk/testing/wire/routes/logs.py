"""CloudWatch Logs' operations that read: awsJson 1.1, like Glue's."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

from jobruns_sdk.testing.wire.answers import Answer, ServiceError, without_none
from jobruns_sdk.testing.wire.routes import Call, Operation
from jobruns_sdk.testing.world.logs import Event, Stream
from jobruns_sdk.testing.world.pages import BadTokenError, Place, Query

_STREAMS: Final = 50
_EVENTS: Final = 10_000
_BYTES: Final = 1 << 20  # of a page; each event counts 26 more than its message
_OVERHEAD: Final = 26
_ALWAYS: Final = 1 << 62


def _streams(call: Call) -> dict[str, Stream]:
    streams = call.world.logs.streams(call.params.text("logGroupName"), call.now)
    if streams is None:
        raise ServiceError("ResourceNotFoundException", "The specified log group does not exist.")
    return streams


def describe_log_streams(call: Call) -> Answer:
    """DescribeLogStreams: the streams of a group, in the order of their names."""
    prefix, group = call.params.optional("logStreamNamePrefix") or "", call.params.text("logGroupName")
    streams = _streams(call)

    def names(place: Place | None) -> Iterator[str]:
        after = "" if place is None else str(place[0])
        return (name for name in sorted(streams) if name.startswith(prefix) and name > after)

    limit, token = call.params.number("limit", _STREAMS), call.params.optional("nextToken")
    query = Query(call.world.tokens, ["DescribeLogStreams", group, prefix], token, limit, call.now)
    found, token = query.page(names, lambda name: [name])
    shown: list[Answer] = [
        {
            "logStreamName": name,
            "firstEventTimestamp": streams[name].events[0].at,
            "lastEventTimestamp": streams[name].between((-1, 0), (call.now + 1, 0))[-1].at,
        }
        for name in found
    ]
    return without_none(logStreams=shown, nextToken=token)


def get_log_events(call: Call) -> Answer:
    """GetLogEvents: from the end backward unless told otherwise; the end is the token that was given."""
    name = call.params.text("logStreamName")
    stream = _streams(call).get(name)
    if stream is None:
        raise ServiceError("ResourceNotFoundException", "The specified log stream does not exist.")
    scope = ["GetLogEvents", call.params.text("logGroupName"), name]
    given = call.params.optional("nextToken")
    is_forward = call.params.flag("startFromHead") if given is None else given.startswith("f/")
    begin = (call.params.number("startTime", 0), -1)
    end = (min(call.params.number("endTime", _ALWAYS), call.now + 1), -1)
    if given is not None:
        # A token is checked as such: what expires, or is another stream's, is refused.
        if given[:2] not in {"f/", "b/"}:
            raise BadTokenError("The specified nextToken is invalid.")
        at, order = cast("tuple[int, int]", tuple(call.world.tokens.read(scope, given[2:], call.now)))
        begin, end = ((at, order), end) if is_forward else (begin, (at, order))
    events = _page(stream.between(begin, end), call.params.number("limit", _EVENTS), is_forward=is_forward)

    def token(way: str, place: tuple[int, int]) -> str:
        return f"{way}/{call.world.tokens.write(scope, place, call.now)}"

    forward, backward = (events[-1][:2], events[0][:2]) if events else (begin, end if given is None else begin)
    tokens = {"nextForwardToken": token("f", forward), "nextBackwardToken": token("b", backward)}
    if given is not None and not events:
        tokens["nextForwardToken" if is_forward else "nextBackwardToken"] = given
    shown = [{"timestamp": one.at, "message": one.message, "ingestionTime": one.at} for one in events]
    return {"events": shown, **tokens}


def _page(events: Sequence[Event], limit: int, *, is_forward: bool) -> Sequence[Event]:
    """The first events, or the last ones, of as many as there are: so many, and so many bytes, at most."""
    most, size = 0, 0
    for event in events if is_forward else reversed(events):
        size += len(event.message.encode()) + _OVERHEAD
        if most == limit or (most and size > _BYTES):
            break
        most += 1
    return events[:most] if is_forward else events[len(events) - most :]


OPERATIONS: Final[Mapping[str, Operation]] = {
    "DescribeLogStreams": describe_log_streams,
    "GetLogEvents": get_log_events,
}
