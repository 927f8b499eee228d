"""Runs that stay when the services have forgotten them: a store in one file of SQLite.

from jobruns_sdk.history import RunStore

async with RunStore("runs.sqlite") as store:
    await store.sync(client, jobs)
    async for run in store.runs(states=UNSUCCESSFUL, ended_after=yesterday):
        ...
"""

from jobruns_sdk.history.reading import StoredOptions
from jobruns_sdk.history.store import RunStore
from jobruns_sdk.history.syncing import SyncReport

__all__ = ["RunStore", "StoredOptions", "SyncReport"]
