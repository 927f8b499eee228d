"""Runs are listed and got, whole and in order."""

import json

import pytest
from aiobotocore.session import AioSession

from jobruns_sdk import InvalidRequestError, JobRunsClient, NotFoundError, RunState
from jobruns_sdk.services.handle import Handle
from jobruns_sdk.testing import LocalService
from tests.contract.cases import EMR_SERVERLESS, GLUE, MINUTE, Case, client_of, ids, seed, until_asked


async def test_runs_come_newest_first_as_they_are(local: LocalService, case: Case, job: Handle) -> None:
    now = local.clock.now()
    old = local.add_run(case.job, state="SUCCEEDED", created_at=now - 90 * MINUTE, ended_at=now - 60 * MINUTE)
    new = local.add_run(case.job, state="FAILED", created_at=now - 30 * MINUTE, message="boom")
    runs = await job.runs().collect()

    assert [(run.id, run.state, run.attempt, run.created_at) for run in runs] == [
        (new, RunState.FAILED, 1, now - 30 * MINUTE),
        (old, RunState.SUCCEEDED, 1, now - 90 * MINUTE),
    ]
    assert {run.job for run in runs} == {case.ref}
    assert [run.ref for run in runs] == [case.ref.run(new), case.ref.run(old)]
    assert await job.runs().first() == runs[0]


async def test_a_listed_run_and_the_run_that_is_got_are_the_same(local: LocalService, case: Case, job: Handle) -> None:
    local.add_run(case.job, state="FAILED", message="boom")
    (listed,) = await job.runs().collect()
    got = await job.run(listed.id)

    for name in (
        "ref",
        "name",
        "state",
        "native_state",
        "message",
        "attempt",
        "created_at",
        "updated_at",
        "created_by",
    ):
        assert getattr(got, name) == getattr(listed, name), name
    assert got.ended_at is not None
    assert got.duration is not None


async def test_messages_are_kept_as_they_are_and_empty_ones_are_none(
    local: LocalService, case: Case, job: Handle
) -> None:
    longest = 256 if case is EMR_SERVERLESS else 20_000
    for message in ("", "one\ntwo\n  three: été \U0001f525\r\n\ttab", "x" * longest):
        local.advance(MINUTE)
        run_id = local.add_run(case.job, state="FAILED", message=message)
        listed = await job.runs().first()

        assert listed is not None
        assert listed.message == (await job.run(run_id)).message == (message or None)


async def test_a_job_that_is_not_there_is_not_found(client: JobRunsClient) -> None:
    for missing in ("glue:none", "emr-serverless:00fnone", "datazone:dzd_x/none", "datazone:dzd_none/x"):
        with pytest.raises(NotFoundError):
            await client.handle(missing).runs().collect()


async def test_a_run_id_that_could_read_as_something_else_in_a_path_is_not_sent(
    local: LocalService, case: Case, job: Handle
) -> None:
    for run_id in ("", "x" * 300, "a\n", ".", "..", "a/b", "a?b", "%2e%2e"):
        if case is GLUE and len(run_id) in range(1, 7) and "\n" not in run_id:
            with pytest.raises(NotFoundError):  # it travels in a body, where it can do no harm
                await job.run(run_id)
        else:
            with pytest.raises(InvalidRequestError, match="a run id"):
                await job.run(run_id)
    if case is not GLUE:
        assert local.calls() == 0


async def test_the_largest_page_is_asked_for(local: LocalService, case: Case, job: Handle) -> None:
    expected = seed(local, case, 2 * case.largest_page + 1)
    async with job.runs().open() as walk:
        assert ids([run async for run in walk]) == expected
        assert (walk.report.calls, walk.report.pages, walk.report.rows) == (3, 3, len(expected))
    assert case.asked(local, case.page_size) == [case.largest_page] * 3


async def test_the_page_size_is_a_hint(local: LocalService, case: Case, job: Handle) -> None:
    expected = seed(local, case, 9)
    for asked, sent in ((1, 1), (7, 7), (10**6, case.largest_page)):
        local.forget_requests()
        assert ids(await job.runs(page_size=asked).collect()) == expected
        assert set(case.asked(local, case.page_size)) == {sent}


async def test_the_limit_is_of_what_is_yielded_and_not_the_page_size(
    local: LocalService, case: Case, job: Handle
) -> None:
    expected = seed(local, case, 20)
    assert ids(await job.runs(limit=7).collect()) == expected[:7]
    assert ids(await job.runs(limit=8, page_size=4).collect()) == expected[:8]
    assert case.asked(local, case.page_size) == [case.largest_page, 4, 4]
    assert ids(await job.runs(limit=10**9, page_size=15).collect()) == expected


async def test_the_next_page_is_fetched_while_the_caller_works(local: LocalService, case: Case, job: Handle) -> None:
    expected = seed(local, case, 6)
    async with job.runs(page_size=2).open() as walk:
        await anext(walk)
        await until_asked(local, case.list_runs, 2)
        await job.run(expected[0])  # time enough for a third request, if there were one
        assert local.calls(case.list_runs) == 2
        assert ids([run async for run in walk]) == expected[1:]
    assert local.calls(case.list_runs) == 3


async def test_a_row_without_a_creation_time_is_read_but_in_no_window(
    local: LocalService, case: Case, job: Handle
) -> None:
    body = json.dumps({case.rows: [{case.run_id: "0dateless", case.status: "FAILED"}]}).encode()
    local.fault(case.list_runs, "wrong_content", times=None, body=body, content_type="application/json")
    now = local.clock.now()

    (run,) = await job.runs(states={RunState.FAILED}).collect()
    assert (run.id, run.created_at, run.message) == ("0dateless", None, None)
    assert await job.runs(created_after=now - 10_000 * MINUTE).collect() == []
    assert await job.runs(created_before=now + 10_000 * MINUTE).collect() == []


async def test_runs_that_go_on_are_seen_as_they_are_now(local: LocalService, case: Case, session: AioSession) -> None:
    run_id = local.add_run(case.job)
    seen: list[RunState] = []
    async with client_of(local, session) as client:
        for _ in range(3):
            seen.append((await case.of(client).run(run_id)).state)
            listed = await case.of(client).runs().first()
            assert listed is not None
            assert listed.state is seen[-1]
            local.advance(3 * MINUTE)
    assert seen[1:] == [RunState.RUNNING, RunState.SUCCEEDED]
    assert seen[0].is_active
