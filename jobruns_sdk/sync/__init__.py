"""The same for programs without an event loop: scripts, notebooks, and tools that call back in threads.

    from jobruns_sdk.sync import JobRunsClient

    with JobRunsClient(region_name="eu-west-1") as client:
        for run in client.glue("nightly-etl").runs(limit=20):
            print(run.id, run.state)

Names, arguments, results and errors are those of the async client, whose calls are carried over a ``Bridge``.
"""

from jobruns_sdk.sync.client import JobRunsClient
from jobruns_sdk.sync.handles import DataZoneJob, EmrServerlessApplication, GlueJob, Handle
from jobruns_sdk.sync.listening import Listening
from jobruns_sdk.sync.logs import LogLines
from jobruns_sdk.sync.paging import Pages, Walk

__all__ = [
    "DataZoneJob",
    "EmrServerlessApplication",
    "GlueJob",
    "Handle",
    "JobRunsClient",
    "Listening",
    "LogLines",
    "Pages",
    "Walk",
]
