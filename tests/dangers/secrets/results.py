"""Every public call, with canaries in what it is given, and all that comes out of it."""

import inspect
from collections.abc import Iterator
from typing import Any, Final

from jobruns_sdk import JobRunsClient, LogLines, LogsUnavailableError
from jobruns_sdk.paging.pages import Pages
from tests.dangers.input.calls import CALLS, Call
from tests.dangers.secrets.canaries import ARGUMENTS, HIVE, OVERRIDES, SPARK

STARTS: Final[dict[str, list[dict[str, Any]]]] = {
    "glue.start": [{"arguments": ARGUMENTS}, {"arguments": ARGUMENTS, "idempotency_key": "nightly"}],
    "emr_serverless.start": [
        {"driver": driver, "configuration_overrides": OVERRIDES, "idempotency_key": key}
        for driver in (SPARK, HIVE)
        for key in (None, "nightly")
    ],
}


def sending() -> Iterator[tuple[Call, dict[str, Any]]]:
    """Yield every call that sends requests, and the arguments with canaries that it is given."""
    for name, call in CALLS.items():
        if "." in name and name[0].islower():
            for given in STARTS.get(name, [{}]):
                yield call, given


async def _read(pages: Any) -> list[object]:  # noqa: ANN401  # Pages of whatever
    async with pages.open() as walk:
        found = [pages.plan, walk, await walk.next_page(), walk.report, *await pages.collect()]
    return [*found, *[page async for page in pages.by_page()]]


async def results_of(client: JobRunsClient, call: Call, given: dict[str, Any]) -> list[object]:
    """Return everything that a call returns and that its results lead to."""
    result: Any = call.of(client)(**{**call.right, **given})
    found: list[object] = [client, result]
    if isinstance(result, LogLines):
        try:
            found += await result.collect()
        except LogsUnavailableError as error:
            found.append(error)
    elif isinstance(result, Pages):
        found += await _read(call.of(client)(**{**call.right, **given}))
    elif hasattr(result, "__anext__"):
        found.append(await anext(result))
        await result.aclose()
    elif inspect.isawaitable(result):
        outcome: Any = await result
        found += [outcome, *outcome] if isinstance(outcome, list) else [outcome]
    found += [getattr(value, "native", None) for value in found]
    return found
