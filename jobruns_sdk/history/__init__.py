"""A store of runs in one file of SQLite, which keeps them when the services have forgotten them."""

from jobruns_sdk.history.reading import StoredOptions
from jobruns_sdk.history.store import RunStore
from jobruns_sdk.history.syncing import SyncReport

__all__ = ["RunStore", "StoredOptions", "SyncReport"]
