"""Filters give the same answer on every service, whether it applies them itself or not."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from aiobotocore.session import AioSession

from jobruns_sdk import JobRun
from jobruns_sdk.testing import LocalService
from tests.contract.cases import MILLISECOND, MINUTE, TICK, Case, client_of


def created(run: JobRun[Any]) -> datetime:
    assert run.created_at is not None
    return run.created_at


@pytest.mark.parametrize("exclusive", [False, True])
async def test_a_window_is_exact_at_both_bounds(case: Case, session: AioSession, *, exclusive: bool) -> None:
    """Whatever the service makes of its own bounds."""
    with LocalService(check=True, exclusive_window=exclusive) as local:
        case.prepare(local)
        start = local.clock.now() - 60 * MINUTE
        for index in range(20):
            local.add_run(case.job, state="SUCCEEDED", created_at=start + index * MILLISECOND)
        async with client_of(local, session) as client:
            everything = await case.of(client).runs().collect()
            assert [created(run) for run in everything] == [start + index * MILLISECOND for index in range(19, -1, -1)]
            for after in (start + 3 * MILLISECOND + offset for offset in (-TICK, timedelta(0), TICK)):
                for before in (start + 7 * MILLISECOND + offset for offset in (-TICK, timedelta(0), TICK)):
                    inside = await case.of(client).runs(created_after=after, created_before=before).collect()
                    assert inside == [run for run in everything if after <= created(run) < before]
        assert local.problems == []
