"""Attempts, on services that list them, keep them as runs, or know none."""

from typing import Any

import pytest
from aiobotocore.session import AioSession

from jobruns_sdk import Attempt, CursorError, InvalidRequestError, JobRunsClient, NotFoundError, RunState
from jobruns_sdk.testing import LocalService
from tests.contract.cases import DATAZONE, GLUE, MINUTE, Case, client_of


def most_attempts(case: Case) -> int:
    return 1 if case is DATAZONE else 3


async def test_attempts_come_first_one_first(local: LocalService, case: Case, client: JobRunsClient) -> None:
    created_at = local.clock.now() - 90 * MINUTE
    count = most_attempts(case)
    run_id = local.add_run(case.job, state="SUCCEEDED", created_at=created_at, attempts=count, message="boom")
    attempts = await client.attempts(f"{case.job}/{run_id}").collect()

    assert [attempt.number for attempt in attempts] == list(range(1, count + 1))
    assert [attempt.state for attempt in attempts] == [RunState.FAILED] * (count - 1) + [RunState.SUCCEEDED]
    assert {attempt.run for attempt in attempts} == {case.ref.run(run_id)}
    assert [attempt.id for attempt in attempts] == [
        f"{run_id}_attempt_{retry}" if case is GLUE and retry else run_id for retry in range(count)
    ]
    times = [attempt.created_at for attempt in attempts if attempt.created_at is not None]
    assert times[0] == created_at
    assert times == sorted(times)
    assert len(times) == count
    assert all(attempt.is_terminal for attempt in attempts)


async def test_a_run_is_in_the_state_of_its_latest_attempt(
    local: LocalService, case: Case, client: JobRunsClient
) -> None:
    created_at = local.clock.now() - 90 * MINUTE
    count = most_attempts(case)
    run_id = local.add_run(case.job, state="FAILED", created_at=created_at, attempts=count, message="boom")
    run, listed = await client.run(f"{case.job}/{run_id}"), await case.of(client).runs().collect()

    assert [(found.id, found.attempt, found.created_at) for found in (run, *listed)] == [
        (run_id, count, created_at)
    ] * 2
    assert (run.state, run.message) == (RunState.FAILED, "boom")


async def test_attempts_have_limits_pages_and_cursors(
    local: LocalService, case: Case, client: JobRunsClient, session: AioSession
) -> None:
    run_id = local.add_run(case.job, state="SUCCEEDED", attempts=most_attempts(case))
    text = f"{case.job}/{run_id}"
    everything = await client.attempts(text).collect()

    assert await client.attempts(text, limit=2).collect() == everything[:2]
    assert await client.attempts(text, page_size=1).collect() == everything
    assert await client.attempts(text).first() == everything[0]
    seen: list[Attempt[Any]] = []
    cursor: str | None = None
    while len(seen) < len(everything):
        async with (
            client_of(local, session) as other,
            other.attempts(text, limit=1, page_size=1, cursor=cursor).open() as walk,
        ):
            seen += [attempt async for attempt in walk]
            cursor = walk.cursor
    assert seen == everything
    if cursor is not None:
        assert await client.attempts(text, cursor=cursor).collect() == []


async def test_attempts_of_a_run_that_is_not_there(local: LocalService, case: Case, client: JobRunsClient) -> None:
    for run_id in ("none", "0none"):
        with pytest.raises(NotFoundError):
            await client.attempts(f"{case.job}/{run_id}").collect()
    local.forget_requests()
    with pytest.raises(InvalidRequestError, match="limit"):
        client.attempts(f"{case.job}/run", limit=0)
    with pytest.raises(InvalidRequestError, match="page_size"):
        client.attempts(f"{case.job}/run", page_size=0)
    with pytest.raises(CursorError):
        client.attempts(f"{case.job}/run", cursor="nonsense")
    assert local.calls() == 0


async def test_attempts_that_come_while_one_looks(local: LocalService, case: Case, client: JobRunsClient) -> None:
    count = most_attempts(case)
    run_id = local.add_run(case.job, attempts=count)
    text = f"{case.job}/{run_id}"
    seen: list[list[tuple[int, bool]]] = []
    for _ in range(count):
        attempts = await client.attempts(text).collect()
        seen.append([(attempt.number, attempt.is_terminal) for attempt in attempts])
        local.advance(6 * MINUTE)
    (finished,) = [attempt for attempt in await client.attempts(text).collect() if attempt.state is RunState.SUCCEEDED]

    for number, ended in enumerate(seen, 1):
        assert ended == [(earlier, earlier < number) for earlier in range(1, number + 1)]
    assert finished.number == count
    assert (await client.run(text)).succeeded
