"""A stream is read to its end, each event once, whatever its pages and tokens are like."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobruns_sdk import InvalidRequestError, LogLine, RunRef
from jobruns_sdk.logs.streams import StreamReader
from jobruns_sdk.transport.operation import Operation, Reply

RUN = RunRef.parse("glue:etl/jr_x")


class Scripted:
    """A stream whose pages have so many events each, which may be none; its tokens are places in it."""

    def __init__(self, times: Sequence[int], sizes: Sequence[int]) -> None:
        self.events = [{"timestamp": at, "message": f"line {number}"} for number, at in enumerate(times)]
        self.sizes = [*sizes]
        self.asked: list[Mapping[str, object]] = []
        self.expired: set[int] = set()  # the calls whose token is refused

    async def __call__(self, operation: Operation[Any], params: Mapping[str, object]) -> Reply:
        self.asked.append(params)
        token, begin = params.get("nextToken"), params["startTime"]
        assert isinstance(begin, int)
        if token is not None and len(self.asked) in self.expired:
            raise InvalidRequestError("The specified nextToken is invalid.", operation=operation.name)
        first = next((at for at, one in enumerate(self.events) if one["timestamp"] >= begin), len(self.events))  # type: ignore[operator]  # times are numbers
        at = first if token is None else int(str(token).partition("/")[0])
        if at >= len(self.events) and token is not None:
            return self._reply([], str(token))
        size = self.sizes.pop(0) if self.sizes else 3
        # An empty page has another token all the same: it is not the end.
        return self._reply(self.events[at : at + size], f"{min(at + size, len(self.events))}/{len(self.asked)}")

    def _reply(self, events: Sequence[object], token: str) -> Reply:
        return Reply(json.dumps({"events": events, "nextForwardToken": token, "nextBackwardToken": "b"}).encode())


def reader_of(scripted: Scripted, begin: int = 0) -> StreamReader:
    make = partial(LogLine, RUN, 1, "driver", "s")
    return StreamReader(scripted, "g", "s", make, begin=begin, end=None, limit=100)


async def drained(reader: StreamReader) -> list[str]:
    found: list[str] = []
    while (page := await reader.page()) is not None:
        found += [line.text for line in page]
    return found


def lines(*numbers: int) -> list[str]:
    return [f"line {number}" for number in numbers]


async def test_empty_pages_in_between_are_no_end() -> None:
    scripted = Scripted(range(10), [2, 0, 0, 3, 0, 5])
    reader = reader_of(scripted)
    assert await drained(reader) == lines(*range(10))
    calls = len(scripted.asked)
    assert await drained(reader) == []
    assert len(scripted.asked) == calls + 1  # the end is asked for once, and costs one call
    scripted.events.append({"timestamp": 11, "message": "line 10"})
    assert await drained(reader) == lines(10)


async def test_each_call_says_where_to_begin_and_in_which_direction() -> None:
    scripted = Scripted(range(100, 110), [])
    assert await drained(reader_of(scripted, 104)) == lines(*range(4, 10))
    assert {(asked["startFromHead"], asked["startTime"]) for asked in scripted.asked} == {(True, 104)}


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=25).map(sorted),
    st.lists(st.integers(0, 4), max_size=10),
    st.sets(st.integers(1, 20), max_size=4),
)
async def test_expired_tokens_neither_lose_nor_double_an_event(
    times: list[int], sizes: list[int], expired: set[int]
) -> None:
    scripted = Scripted(times, sizes)
    # Where it begins again, a token is given by the next call at the earliest.
    scripted.expired = {call for call in expired if call - 1 not in expired}
    assert await drained(reader_of(scripted)) == lines(*range(len(times)))


async def test_a_first_call_that_is_refused_raises() -> None:
    async def refuse(operation: Operation[Any], params: Mapping[str, object]) -> Reply:
        assert "nextToken" not in params
        raise InvalidRequestError("no such thing", operation=operation.name)

    reader = StreamReader(refuse, "g", "s", partial(LogLine, RUN, 1, "driver", "s"), begin=0, end=None, limit=1)
    with pytest.raises(InvalidRequestError, match="no such thing"):
        await reader.page()
