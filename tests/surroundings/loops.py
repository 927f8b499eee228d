"""Event loops x programs x frozen time: a client lists, starts, waits and fails as it does in a quiet room.

The package is imported when a cell says so, and never by this module.
"""

import asyncio
import importlib
import sys
import uuid
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, timedelta
from typing import Any, Final

from tests.surroundings.matrix import WORD, Cell, Facts, Part, run_cells

HOME: Final = "jobruns_sdk"  # imported when it is said
RUNS: Final = 3
SECRETS: Final = {"AWS_SECRET_ACCESS_KEY": f"{WORD}/secret", "AWS_SESSION_TOKEN": f"{WORD}/token"}
ARGUMENTS: Final = {"--password": WORD}
DAY: Final = timedelta(days=1)
POLLS: Final = timedelta(seconds=0.05)

Window = Callable[[], AbstractContextManager[object]]
Used = tuple[Mapping[str, object], list[str]]
Program = Callable[[str, Window], list[Used]]


def foreseen(cell: Cell) -> Facts | None:
    """Return what the contract says of a cell: the same in all of them."""
    has_own_loop = cell["program"] in ASYNCHRONOUS
    if not has_own_loop and cell["loop"] != "asyncio":
        return None  # a synchronous client brings the loop that it runs in
    if "threads" in cell["program"] and cell["time"] == "frozen in a window":
        return None  # freezegun itself breaks when several threads begin and end to freeze time
    used = {"listed": True, "started once": True, "ended": "SUCCEEDED", "told": "NotFoundError"}
    return {"used": [used] * (1 if cell["program"] in {"one client", "synchronous", "gevent"} else RUNS)}


@contextmanager
def serving() -> Generator[Mapping[str, str]]:
    """Serve in the judge's process, where time is real."""
    testing: Any = importlib.import_module(f"{HOME}.testing")
    with testing.LocalService(speed=3600) as local:
        local.add_glue_job("etl", duration=timedelta(seconds=1))
        local.add_runs("glue:etl", RUNS)
        yield {**local.environment, **SECRETS}


async def used(client: Any, window: Window) -> Used:  # noqa: ANN401  # of a package not imported yet
    """Do what programs do."""
    etl = client.glue("etl")
    with window():
        now = sys.modules["datetime"].datetime.now(UTC)
        listed = await etl.runs(created_after=now - 9000 * DAY, created_before=now + 9000 * DAY).collect()
        key = uuid.uuid4().hex
        refs = [await etl.start(arguments=ARGUMENTS, idempotency_key=key) for _ in range(2)]
        ended = await client.wait(refs[0], timeout=DAY, poll_interval=POLLS)
        try:
            await etl.run("jr_none")
            told = None
        except Exception as error:  # noqa: BLE001  # the judge looks at it
            told = error
    return _facts(listed, refs, ended, told)


def used_at_once(client: Any, window: Window) -> Used:  # noqa: ANN401  # as above
    """Do the same with a synchronous client."""
    etl = client.glue("etl")
    with window():
        now = sys.modules["datetime"].datetime.now(UTC)
        listed = etl.runs(created_after=now - 9000 * DAY, created_before=now + 9000 * DAY).collect()
        key = uuid.uuid4().hex
        refs = [etl.start(arguments=ARGUMENTS, idempotency_key=key) for _ in range(2)]
        ended = client.wait(refs[0], timeout=DAY, poll_interval=POLLS)
        try:
            etl.run("jr_none")
            told = None
        except Exception as error:  # noqa: BLE001  # the judge looks at it
            told = error
    return _facts(listed, refs, ended, told)


def _facts(listed: list[Any], refs: list[Any], ended: Any, told: Exception | None) -> Used:  # noqa: ANN401  # as above
    canaries: Any = importlib.import_module("tests.dangers.secrets.canaries")
    texts = [] if told is None else [canaries.chain_of(told), canaries.texts_of(told)]
    facts = {
        "listed": len(listed) >= RUNS,
        "started once": refs[0] == refs[1],
        "ended": str(ended.state),
        "told": type(told).__name__,
    }
    return facts, [*texts, canaries.texts_of(ended)]


def _run(loop: str, session: Any, window: Window) -> Used:  # noqa: ANN401  # aiobotocore's
    async def main() -> Used:
        package: Any = importlib.import_module(HOME)
        async with package.JobRunsClient(session=session) as client:
            return await used(client, window)

    factory = importlib.import_module("uvloop").new_event_loop if loop == "uvloop" else None
    with asyncio.Runner(debug=loop != "asyncio", loop_factory=factory) as runner:
        return runner.run(main())


def _session() -> Any:  # noqa: ANN401  # aiobotocore's
    return importlib.import_module("aiobotocore.session").get_session()


def one_client(loop: str, window: Window) -> list[Used]:
    return [_run(loop, None, window)]


def session_in_turn(loop: str, window: Window) -> list[Used]:
    session = _session()
    return [_run(loop, session, window) for _ in range(RUNS)]


def session_in_threads(loop: str, window: Window) -> list[Used]:
    session = _session()
    with ThreadPoolExecutor(RUNS) as threads:
        return [one.result() for one in [threads.submit(_run, loop, session, window) for _ in range(RUNS)]]


def synchronous(_: str, window: Window) -> list[Used]:
    package: Any = importlib.import_module(f"{HOME}.sync")
    with package.JobRunsClient() as client:
        return [used_at_once(client, window)]


def synchronous_in_threads(_: str, window: Window) -> list[Used]:
    package: Any = importlib.import_module(f"{HOME}.sync")
    with package.JobRunsClient() as client, ThreadPoolExecutor(RUNS) as threads:
        return [one.result() for one in [threads.submit(used_at_once, client, window) for _ in range(RUNS)]]


ASYNCHRONOUS: Final[Mapping[str, Program]] = {
    "one client": one_client,
    "a session in turn": session_in_turn,
    "a session in threads": session_in_threads,
}
PROGRAMS: Final[Mapping[str, Program]] = {
    **ASYNCHRONOUS,
    "synchronous": synchronous,
    "synchronous in threads": synchronous_in_threads,
    "gevent": synchronous,
}
TIMES: Final = ("real", "frozen at import", "frozen from the start", "frozen in a window", "after it was frozen")
PART: Final = Part(
    "loops",
    {"loop": ("asyncio", "asyncio in debug", "uvloop"), "program": (*PROGRAMS,), "time": TIMES},
    foreseen,
    apart=["loop", "program", "time"],
    every=23,
    serving=serving,
)


def brought_about(cell: Cell) -> tuple[Facts, list[str]]:
    """Run the cell's program in its time."""
    if cell["program"] == "gevent":
        importlib.import_module("gevent.monkey").patch_all()
    time: Any = importlib.import_module("freezegun")
    program = PROGRAMS[cell["program"]]

    def frozen() -> Any:  # noqa: ANN401  # freezegun's
        return time.freeze_time("2026-01-04T12:00:00Z", real_asyncio=cell["program"] in ASYNCHRONOUS)

    if cell["time"] != "frozen at import":
        importlib.import_module(f"{HOME}.sync")
        importlib.import_module(f"{HOME}.client")
    if cell["time"] in {"real", "frozen in a window"}:
        came = program(cell["loop"], nullcontext if cell["time"] == "real" else frozen)
    else:
        with frozen():
            came = program(cell["loop"], nullcontext)
        if cell["time"].startswith("after"):
            came = program(cell["loop"], nullcontext)
    return {"used": [facts for facts, _ in came]}, [text for _, texts in came for text in texts]


if __name__ == "__main__":
    run_cells(brought_about)
