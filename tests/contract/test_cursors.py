"""Where one process leaves off, another goes on."""

from datetime import timedelta
from typing import Any

import pytest
from aiobotocore.session import AioSession

from jobruns_sdk import CursorError, JobRunsClient, RunState
from jobruns_sdk.services.handle import Handle
from jobruns_sdk.testing import LocalService
from tests.contract.cases import CASES, MINUTE, Case, client_of, ids, seed, seed_in_turn


async def test_filters_left_out_are_restored_and_others_refused(local: LocalService, case: Case, job: Handle) -> None:
    seed_in_turn(local, case, 20, "SUCCEEDED", "FAILED")
    now, states = local.clock.now(), {RunState.FAILED}
    after = now - 75 * MINUTE
    pages = [page async for page in job.runs(states=states, created_after=after, page_size=4).by_page()]
    rest = [run for page in pages[1:] for run in page.items]
    cursor = pages[0].cursor

    assert rest
    assert await job.runs(cursor=cursor).collect() == rest
    assert await job.runs(cursor=cursor, states=states, created_after=after, order="newest").collect() == rest
    refused: list[dict[str, Any]] = [
        {"states": {RunState.SUCCEEDED}},
        {"native_states": {"FAILED"}},
        {"created_after": after - timedelta(seconds=1)},
        {"created_before": now},
        {"order": "oldest"},
    ]
    for other in refused:
        with pytest.raises(CursorError, match=next(iter(other))):
            job.runs(cursor=cursor, **other)


async def test_a_cursor_fits_one_listing_only(
    local: LocalService, case: Case, job: Handle, session: AioSession
) -> None:
    seed(local, case, 3)
    cursor = (await anext(job.runs(page_size=1).by_page())).cursor
    assert cursor is not None
    async with client_of(local, session) as other:
        for elsewhere in CASES:
            if elsewhere is not case:
                with pytest.raises(CursorError, match="continues"):
                    elsewhere.of(other).runs(cursor=cursor)
        for changed in (f"{case.job}x", f"{case.job}?region=eu-west-1"):
            with pytest.raises(CursorError, match="continues"):
                other.handle(changed).runs(cursor=cursor)
        with pytest.raises(CursorError, match="continues"):
            other.attempts(f"{case.job}/run", cursor=cursor)
        for place in range(0, len(cursor), 7):
            with pytest.raises(CursorError, match="damaged"):
                case.of(other).runs(cursor=f"{cursor[:place]}~{cursor[place + 1 :]}")


@pytest.mark.service(tokens="offset")
async def test_runs_that_are_added_shift_pages_and_nothing_comes_twice(
    local: LocalService, case: Case, job: Handle
) -> None:
    expected = seed(local, case, 12)
    for added in (1, 2, 3, 7):
        local.advance(MINUTE)
        before = ids(await job.runs().collect())
        async with job.runs(page_size=3).open() as walk:
            seen = [(await anext(walk)).id for _ in range(3)]
            add(local, case, added)
            seen += [run.id async for run in walk]
        assert seen == before
        cursor = (await anext(job.runs(page_size=3).by_page())).cursor
        before = ids(await job.runs().collect())
        add(local, case, added)
        assert ids(await job.runs(page_size=3, cursor=cursor).collect()) == before[3:]
    assert ids(await job.runs().collect())[-12:] == expected


def add(local: LocalService, case: Case, count: int) -> None:
    for _ in range(count):
        local.advance(timedelta(seconds=1))
        local.add_run(case.job, state="SUCCEEDED", created_at=local.clock.now())


@pytest.mark.service(token_lifetime=timedelta(hours=1))
async def test_an_expired_token_is_replaced_by_looking_for_the_place(
    local: LocalService, case: Case, client: JobRunsClient, session: AioSession
) -> None:
    expected = seed(local, case, 12)
    async with case.of(client).runs(page_size=3).open() as walk:
        seen = [(await anext(walk)).id for _ in range(4)]
        cursor = walk.cursor
        local.advance(timedelta(hours=2))
        add(local, case, 5)
        seen += [run.id async for run in walk]
    assert seen == expected
    async with client_of(local, session) as other:
        assert ids(await case.of(other).runs(page_size=3, cursor=cursor).collect()) == expected[4:]
