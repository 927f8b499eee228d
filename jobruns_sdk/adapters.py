"""The parts of an adapter for another service: all that it may import besides ``jobruns_sdk`` itself.

A client takes adapters by their service's name, ``JobRunsClient(adapters={"batch": BatchQueue})``; each is called with
a complete ``JobRef`` and a ``Call``, and returns a ``Handle``. What more the handle can do is said by further
protocols, one for each capability; the client finds out by itself which of them a handle has.
"""

from jobruns_sdk.checks import page_size_of
from jobruns_sdk.loop.clock import Clock
from jobruns_sdk.model.native import Native, Secret, utc
from jobruns_sdk.model.refs import check_name
from jobruns_sdk.paging.lists import attempt_pages, run_pages
from jobruns_sdk.paging.query import Order, RunOptions, RunQuery, Wanted
from jobruns_sdk.paging.source import Batch, Listing, Named, Source, Undecoded
from jobruns_sdk.services.handle import DescribesJob, Follows, Handle, ListsAttempts, Polling, Retries, Stops, Streams
from jobruns_sdk.transport.operation import Call, Operation, Reply

__all__ = [
    "Batch",
    "Call",
    "Clock",
    "DescribesJob",
    "Follows",
    "Handle",
    "Listing",
    "ListsAttempts",
    "Named",
    "Native",
    "Operation",
    "Order",
    "Polling",
    "Reply",
    "Retries",
    "RunOptions",
    "RunQuery",
    "Secret",
    "Source",
    "Stops",
    "Streams",
    "Undecoded",
    "Wanted",
    "attempt_pages",
    "check_name",
    "page_size_of",
    "run_pages",
    "utc",
]
