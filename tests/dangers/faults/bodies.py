"""Hostile answers, and what may come of any answer at all."""

import json
from collections.abc import Iterator
from typing import Final, TypeAlias, cast

from jobruns_sdk import JobRunsError, ResponseFormatError, from_dict, to_dict

Json: TypeAlias = "dict[str, Json] | list[Json] | str | float | bool | None"

NO_ANSWERS: Final[dict[str, bytes]] = {
    "HTML": b"<html><body>It works!</body></html>",
    "nothing": b"",
    "blanks": b"   ",
    "null": b"null",
    "an empty list": b"[]",
    "a list": b'["a"]',
    "a text": b'"text"',
    "a number": b"7",
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "an open object": b'{"a": ',
    "two objects": b"{} {}",
    "a single quote": b"{'a': 1}",
    "a comma too many": b'{"a": 1,}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "bad UTF-8": b'"\xff"',
    "half a surrogate pair": b'"\\ud800"',
    "a control character": b'{"a\x00": 1}',
    "100 000 lists": b"[" * 100_000,
    "100 000 lists in a member": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "100 000 objects": b'{"a":' * 100_000,
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
}
"""What is no answer of any operation."""

MEMBERS: Final = (
    b"null",
    b"true",
    b"7",
    b"-1",
    b"0.5",
    b"1e20",
    b"-1e20",
    b"1e308",
    b"1e400",
    b"9" * 400,
    b"9" * 5_000,
    b"NaN",
    b"-Infinity",
    b'""',
    b'"text"',
    b'"NaN"',
    b'"Infinity"',
    b'"12"',
    b'"1795140004"',
    b'"' + b"9" * 400 + b'"',
    b"253402300799",
    b"253402300800",
    b"-62135596800",
    b'"9999-12-31T23:59:59-23:59"',
    b'"0001-01-01T00:00:00+23:59"',
    b'"2026-11-20T02:00:04"',
    b'"\\u0000"',
    b'"\\ud800"',
    b'"\xff"',
    b'"a/b?c#d"',
    b'".."',
    b'"jr_0_attempt_999999999"',
    b"[]",
    b"[null]",
    b"[[]]",
    b"[{}]",
    b'["a"]',
    b"{}",
    b'{"a": null}',
    b'{"a": {}}',
    b"[" * 1_100 + b"]" * 1_100,
)
"""What any member may hold instead of what it should."""

_MARK: Final = "\uffff here"


Place: TypeAlias = tuple[str | int, ...]


def places(node: Json, place: Place = ()) -> Iterator[Place]:
    """Yield the place of every member and row, at any depth, that of the whole first."""
    yield place
    if isinstance(node, dict):
        for key, value in node.items():
            yield from places(value, (*place, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from places(value, (*place, index))


def replaced(node: Json, place: Place, new: Json) -> Json:
    """Return the same with something else at a place."""
    if not place:
        return new
    first, rest = place[0], place[1:]
    if isinstance(node, dict):
        return {key: replaced(value, rest, new) if key == first else value for key, value in node.items()}
    if isinstance(node, list):
        return [replaced(value, rest, new) if index == first else value for index, value in enumerate(node)]
    return node


def with_each_member_replaced(answer: Json) -> Iterator[tuple[str, bytes]]:
    """Yield the answer with each of its members, at any depth, replaced by each hostile value, and what was done."""
    for place in places(answer):
        if not any(isinstance(step, int) and step > 1 for step in place):  # rows are read alike
            start, _, end = json.dumps(replaced(answer, place, _MARK)).partition(json.dumps(_MARK))
            for value in MEMBERS:
                yield f"{place} = {value[:40]!r}", start.encode() + value + end.encode()


def check(name: str, outcome: object) -> None:
    """Hold what came of an answer to the promise: a value that can be shown and stored, or ResponseFormatError."""
    if isinstance(outcome, JobRunsError):
        assert f"{outcome.service}:{outcome.operation}" == name
        # Glue refuses to stop a run in the body of an answer that says 200.
        if name != "glue:BatchStopJobRun" or isinstance(outcome, ResponseFormatError):
            assert isinstance(outcome, ResponseFormatError), repr(outcome)
            assert outcome.where.startswith("$")
            assert (outcome.http_status, outcome.request_id) == (200, "r-1")
        return
    values = cast("list[object]", outcome) if isinstance(outcome, list) else [outcome]
    for value in values:
        assert repr(value)
        if not isinstance(value, str | bool | None):
            assert from_dict(json.loads(json.dumps(to_dict(value)))) == value
