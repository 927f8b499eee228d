"""What is fuzzed: bytes go in, and a promise holds for what comes out."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, cast

import msgspec

from jobruns_sdk import CursorError, InvalidRequestError, JobRef, JobRunsError, RunRef, from_dict, to_dict
from jobruns_sdk.paging.cursor import Cursor, Mark, Place, Query
from jobruns_sdk.paging.pages import Pages
from tests.dangers.faults.bodies import check
from tests.dangers.faults.offline import Call, Offline, read, samples
from tests.dangers.faults.operations import OPERATIONS
from tests.unit.paging.test_cursor import sealed

_RUNNER: Final = asyncio.Runner()  # one loop for all inputs: to make another takes longer than most of them
_LISTINGS: Final[Sequence[Callable[[Offline, str | None], Pages[Any]]]] = (
    lambda client, cursor: client.emr_serverless("00f1").runs(cursor=cursor),
    lambda client, cursor: client.emr_serverless("00f1").attempts("r", cursor=cursor),
    lambda client, cursor: client.datazone("dzd_x", "j").runs(cursor=cursor),
    lambda client, cursor: client.datazone("dzd_x", "j").attempts("r", cursor=cursor),
    lambda client, cursor: client.glue("etl").runs(cursor=cursor),
    lambda client, cursor: client.glue("etl").attempts("jr_0", cursor=cursor),
)
_MOST: Final = 100


@dataclass(frozen=True)
class Target:
    """What is run with each input, and inputs to begin with."""

    run: Callable[[bytes], None]
    seeds: Sequence[bytes]


def _finished(work: Coroutine[Any, Any, object]) -> object:
    return _RUNNER.run(work)


def _answers(service: str) -> Target:
    names = [name for name in OPERATIONS if name.startswith(f"{service}:")]

    def run(data: bytes) -> None:
        name = names[data[0] % len(names)] if data else names[0]
        check(name, _finished(read(name, data[1:])))

    return Target(run, [bytes([index]) + body for index, name in enumerate(names) for body in samples(name)])


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _references(data: bytes) -> None:
    """A reference is read as it is written, or refused."""
    for kind in (JobRef, RunRef):
        with suppress(InvalidRequestError):
            ref = kind.parse(_text(data))
            assert kind.parse(str(ref)) == ref
            assert from_dict(to_dict(ref)) == ref


async def _first(pages: Pages[Any]) -> None:
    async with pages.open() as walk:
        for _ in range(_MOST):
            ended = await anext(walk, None) is None
            assert walk.cursor is None or str(Cursor.parse(walk.cursor, pages.plan.listing)) == walk.cursor
            if ended:
                return


def _cursors(data: bytes) -> None:
    """A cursor, also one with a checksum that is right, goes on somewhere or is refused."""
    with suppress(CursorError):
        Cursor.parse(_text(data), "runs")
    which = data[0] % len(_LISTINGS) if data else 0
    with suppress(JobRunsError):
        _finished(_first(_LISTINGS[which](Offline(Call("", b"")), sealed(data[1:]))))


def _dicts(data: bytes) -> None:
    """A dict is a value that makes the same dict again, or is refused."""
    try:
        members = json.loads(data)
    except (ValueError, RecursionError):
        return
    with suppress(InvalidRequestError):
        value = from_dict(members)
        assert repr(value)
        again = from_dict(json.loads(json.dumps(to_dict(value))))
        assert to_dict(again) == to_dict(value)


def _cursor_seeds() -> Iterable[bytes]:
    filters: Query = {"states": ["FAILED"], "created_after": "2026-11-20T00:00:00+00:00", "order": "newest"}
    for index, listing in enumerate(_LISTINGS):
        plan = listing(Offline(Call("", b"")), None).plan
        for place in (Place(), Place("2", Mark("jr_0", None), seeking=True, state=("jr_0_attempt_1",)), None):
            for query in (plan.query, {**plan.query, **filters}):
                cursor = Cursor(plan.listing, query, {source.name: place for source in plan.sources})
                yield bytes([index]) + msgspec.json.encode(cursor)


def _dict_seeds() -> Iterable[bytes]:
    for name in OPERATIONS:
        for body in islice(samples(name), 2):
            value = _finished(read(name, body))
            for one in cast("list[object]", value) if isinstance(value, list) else [value]:
                with suppress(InvalidRequestError):
                    yield json.dumps(to_dict(one)).encode()


_REFERENCE_SEEDS: Final = (
    b"glue:etl",
    b"glue:a%2Fb?region=eu-west-1",
    b"glue:etl/jr_0?profile=etl&region=eu-west-1",
    b"emr-serverless:00f1/00fr",
    b"datazone:dzd_x/job42/run?region=us-east-1",
)

TARGETS: Final[dict[str, Callable[[], Target]]] = {
    "emr_serverless": lambda: _answers("emr-serverless"),
    "datazone": lambda: _answers("datazone"),
    "glue": lambda: _answers("glue"),
    "references": lambda: Target(_references, _REFERENCE_SEEDS),
    "cursors": lambda: Target(_cursors, list(_cursor_seeds())),
    "from_dict": lambda: Target(_dicts, list(_dict_seeds())),
}
