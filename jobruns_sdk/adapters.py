"""The parts of an adapter for another service: all that it may import besides ``jobruns_sdk`` itself.

A client takes adapters by their service's name, ``JobRunsClient(adapters={"batch": Entry(handle=BatchQueue, ...)})``.
The entry says what the client knows of a built-in service; ``BatchQueue`` alone is enough to read jobs by name. It is
called with a complete ``JobRef`` and a ``Call``, and returns a ``Handle``. What more the handle can do is said by
further protocols, one for each capability; the client finds out by itself which of them a handle has.
"""

from jobruns_sdk.checks import check_flag, page_size_of
from jobruns_sdk.hints import Hinted
from jobruns_sdk.loop.clock import Clock
from jobruns_sdk.model.native import Integer, Native, Rows, Secret, utc
from jobruns_sdk.model.refs import check_name, name_like
from jobruns_sdk.model.reports import OnSourceError
from jobruns_sdk.paging.lists import attempt_pages, job_pages, run_pages
from jobruns_sdk.paging.query import Order, RunOptions, RunQuery, Wanted
from jobruns_sdk.paging.source import AnySource, Batch, Listing, MovingSource, Named, Source
from jobruns_sdk.services.boto3_answer import Boto3Answer
from jobruns_sdk.services.handle import (
    ClientParts,
    DescribesJob,
    Follows,
    Handle,
    JobFacts,
    ListsAttempts,
    MakesSources,
    Polling,
    Retries,
    Stops,
    Streams,
    TellsFacts,
)
from jobruns_sdk.services.registry import Adapter, Entry
from jobruns_sdk.transport.operation import Call, Operation, Reply

__all__ = [
    "Adapter",
    "AnySource",
    "Batch",
    "Boto3Answer",
    "Call",
    "ClientParts",
    "Clock",
    "DescribesJob",
    "Entry",
    "Follows",
    "Handle",
    "Hinted",
    "Integer",
    "JobFacts",
    "Listing",
    "ListsAttempts",
    "MakesSources",
    "MovingSource",
    "Named",
    "Native",
    "OnSourceError",
    "Operation",
    "Order",
    "Polling",
    "Reply",
    "Retries",
    "Rows",
    "RunOptions",
    "RunQuery",
    "Secret",
    "Source",
    "Stops",
    "Streams",
    "TellsFacts",
    "Wanted",
    "attempt_pages",
    "check_flag",
    "check_name",
    "job_pages",
    "name_like",
    "page_size_of",
    "run_pages",
    "utc",
]
