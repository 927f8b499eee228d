"""The adapter of AWS Batch passes the suite that is shipped for adapters."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime

from jobruns_sdk.testing.contract import Case, Contract, Service
from tests.adapter.batch.entry import ENTRY
from tests.adapter.batch.translate import STATES
from tests.adapter.test_batch import Batch, job, milliseconds
from tests.transport.scripted import serving


class PlayedBatch(Batch):
    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[dict[str, object]] = []

    def add_run(self, *, state: str, created_at: datetime, message: str | None) -> str:
        row = {**job(len(self.jobs), state), "createdAt": milliseconds(created_at), "statusReason": message or ""}
        self.jobs.append(row)
        return str(row["jobId"])


@asynccontextmanager
async def batch() -> AsyncGenerator[Service]:
    played = PlayedBatch()
    async with serving(played) as server:
        played.url = server.url
        yield played


class TestBatch(Contract):
    case = Case(job="batch:queue", serve=batch, states=STATES, largest_page=100, adapters={"batch": ENTRY})
