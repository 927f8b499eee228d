"""The place that runs are read from: the services, or a file."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from typing import Any

from jobruns_sdk.cli.options import Places
from jobruns_sdk.cli.services import Live, opened_client
from jobruns_sdk.cli.wanted import Reader
from jobruns_sdk.cli.words import JobWord


@asynccontextmanager
async def opened_reader(store: str | None, places: Places, words: Sequence[JobWord]) -> AsyncGenerator[Reader]:
    """Open the place that has runs: the file where one is named, else the services.

    Raises:
        StoreError: There is no such file, or it is something else.
    """
    async with AsyncExitStack() as stack:
        if store is None:
            yield Live(await stack.enter_async_context(opened_client(places, words)), places)
            return
        stored: Any = import_module("jobruns_sdk.cli.stored")  # SQLite is loaded where it is needed
        yield stored.Stored(await stack.enter_async_context(stored.opened_store(store)), places)
