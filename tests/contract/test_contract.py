"""The services of this package pass the suite that adapters are given."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta

from jobruns_sdk.testing import LocalService
from jobruns_sdk.testing import contract as shipped
from tests.contract import cases


class Played:
    """The runs of one job of a local service."""

    def __init__(self, local: LocalService, job: str) -> None:
        self._local = local
        self._job = job

    @property
    def url(self) -> str:
        return self._local.url

    def add_run(self, *, state: str, created_at: datetime, message: str | None) -> str:
        ended = created_at + timedelta(seconds=1)
        return self._local.add_run(self._job, state=state, created_at=created_at, ended_at=ended, message=message)


def playing(case: cases.Case) -> Callable[[], AbstractAsyncContextManager[shipped.Service]]:
    @asynccontextmanager
    async def serve() -> AsyncGenerator[shipped.Service]:
        with LocalService() as local:
            case.prepare(local)
            yield Played(local, case.job)
            assert local.problems == []

    return serve


def case_of(case: cases.Case) -> shipped.Case:
    return shipped.Case(job=case.job, serve=playing(case), states=case.states, largest_page=case.largest_page)


class TestGlue(shipped.Contract):
    case = case_of(cases.GLUE)


class TestEmrServerless(shipped.Contract):
    case = case_of(cases.EMR_SERVERLESS)


class TestDataZone(shipped.Contract):
    case = case_of(cases.DATAZONE)
