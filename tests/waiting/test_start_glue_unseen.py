"""Starting Glue runs with a key where runs do not show their arguments, so that a key cannot be seen."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from jobruns_sdk import JobRunsClient, RunRef
from jobruns_sdk.errors import StartOutcomeUnknownError
from jobruns_sdk.testing import LocalService
from tests.waiting.kit import HOUR, MINUTE, client_of, runs_of

Row = Mapping[str, object]


async def start(client: JobRunsClient, key: str | None, **options: Any) -> RunRef:  # noqa: ANN401  # those of start()
    return await client.glue("etl").start(arguments={"--day": "1"}, idempotency_key=key, **options)


def row(local: LocalService, run_id: str, state: str, ago: timedelta = MINUTE, **members: object) -> Row:
    at = (local.clock.now() - ago).timestamp()
    ended = {} if state == "RUNNING" else {"CompletedOn": at}
    return {"Id": run_id, "JobName": "etl", "JobRunState": state, "StartedOn": at, **ended, **members}


def show(local: LocalService, *rows: Row) -> None:
    """Let both operations show these rows as they are."""
    answers: list[tuple[str, dict[str, str], object]] = [("GetJobRuns", {}, {"JobRuns": rows})]
    answers += [("GetJobRun", {"RunId": str(one["Id"])}, {"JobRun": one}) for one in rows]
    for operation, match, answer in answers:
        body = msgspec.json.encode(answer)
        kind = "application/x-amz-json-1.1"
        local.fault(operation, "wrong_content", body=body, content_type=kind, times=None, match=match)


@pytest.mark.parametrize("state", ["RUNNING", "SUCCEEDED", "FAILED"])
async def test_runs_none_of_which_shows_arguments_leave_doubt(local: LocalService, state: str) -> None:
    local.add_glue_job("etl")
    show(local, row(local, "jr_2", state), row(local, "jr_1", state))
    async with client_of(local) as client:
        with pytest.raises(StartOutcomeUnknownError, match="jr_2 and 1 more show no arguments") as caught:
            await start(client, "k")
        with pytest.raises(StartOutcomeUnknownError, match="show no arguments"):
            await client.glue("etl").find("k")
        assert "key_lifetime=timedelta(0)" in str(caught.value)
        assert local.calls("StartJobRun") == 0
        await start(client, None)


async def test_a_run_that_shows_arguments_tells_of_those_that_have_none(local: LocalService) -> None:
    local.add_glue_job("etl")
    show(
        local,
        row(local, "jr_3", "RUNNING"),
        row(local, "jr_2", "SUCCEEDED"),
        row(local, "jr_1", "SUCCEEDED", Arguments={"--day": "1"}),
    )
    async with client_of(local) as client:
        assert await client.glue("etl").find("k") is None
        assert local.calls("GetJobRun") == 2
        await start(client, "k")
        assert local.calls("GetJobRun") == 2  # what has no arguments has none later


async def test_what_runs_show_that_go_on_proves_nothing_for_one_that_failed(local: LocalService) -> None:
    local.add_glue_job("etl")
    shown = row(local, "jr_1", "SUCCEEDED", 2 * MINUTE, Arguments={"--day": "1"})
    failed = row(local, "jr_2", "FAILED")
    show(local, failed, shown)
    async with client_of(local) as client:
        with pytest.raises(StartOutcomeUnknownError, match="jr_2 show no arguments"):
            await start(client, "k")
        local.clear_faults()
        show(local, failed, shown, row(local, "jr_0", "FAILED", HOUR, Arguments={"--day": "1"}))
        await start(client, "k")


@pytest.mark.parametrize("members", [{"TriggerName": "nightly"}, {"Arguments": {}}])
async def test_a_run_that_can_have_no_key_leaves_no_doubt(local: LocalService, members: Mapping[str, object]) -> None:
    local.add_glue_job("etl")
    show(local, {**row(local, "jr_1", "FAILED"), **members})
    async with client_of(local) as client:
        await start(client, "k")
    assert local.calls("StartJobRun") == 1


async def test_a_client_s_own_run_without_a_key_leaves_no_doubt(local: LocalService) -> None:
    local.add_glue_job("etl")
    async with client_of(local) as client:
        mine = await client.glue("etl").start()
        assert await client.glue("etl").find("k") is None
        theirs = await start(client, "k")
    assert runs_of(local, "glue:etl") == [mine.run_id, theirs.run_id]


async def test_a_key_that_stands_for_active_runs_alone_lets_those_pass_that_have_ended(local: LocalService) -> None:
    local.add_glue_job("etl")
    show(local, row(local, "jr_2", "FAILED", HOUR), row(local, "jr_1", "SUCCEEDED", HOUR))
    async with client_of(local) as client:
        with pytest.raises(StartOutcomeUnknownError, match="jr_2 and 1 more"):
            await start(client, "k")
        with pytest.raises(StartOutcomeUnknownError, match="jr_1 show"):
            await start(client, "k", on_failed="restart")
        assert await client.glue("etl").find("k", key_lifetime=timedelta(0)) is None
        await start(client, "k", key_lifetime=timedelta(0))
        local.clear_faults()
        show(local, row(local, "jr_3", "RUNNING", HOUR), row(local, "jr_2", "FAILED", HOUR))
        with pytest.raises(StartOutcomeUnknownError, match="jr_3 show"):
            await start(client, "other", key_lifetime=timedelta(0), on_failed="restart")
    assert local.calls("StartJobRun") == 1


async def test_a_failed_run_that_may_have_been_restarted_unseen_leaves_doubt(local: LocalService) -> None:
    local.add_glue_job("etl", outcome="FAILED", duration=MINUTE)
    async with client_of(local) as client:
        first = await start(client, "k")
    local.advance(HOUR)
    async with client_of(local) as client:
        seen = (await client.glue("etl").run(first.run_id)).native
        assert await start(client, "k") == first
        arguments = {"Arguments": seen.Arguments}
        show(local, row(local, "jr_9", "RUNNING"), row(local, first.run_id, "FAILED", HOUR, **arguments))
    async with client_of(local) as client:
        for on_failed in ("adopt", "restart"):
            with pytest.raises(StartOutcomeUnknownError, match="jr_9 show no arguments"):
                await start(client, "k", on_failed=on_failed)
        with pytest.raises(StartOutcomeUnknownError, match="jr_9 show no arguments"):
            await client.glue("etl").find("k")
    assert local.calls("StartJobRun") == 1


async def test_a_run_that_goes_on_is_returned_whatever_is_not_seen(local: LocalService) -> None:
    local.add_glue_job("etl", duration=5 * HOUR)
    async with client_of(local) as client:
        first = await start(client, "k")
        seen = (await client.glue("etl").run(first.run_id)).native
    show(local, row(local, "jr_9", "FAILED"), row(local, first.run_id, "RUNNING", HOUR, Arguments=seen.Arguments))
    async with client_of(local) as client:
        assert await start(client, "k") == await client.glue("etl").find("k") == first


async def test_a_run_that_has_left_the_history_but_for_a_retry_is_got_by_that(local: LocalService) -> None:
    local.add_glue_job("etl")
    retry = row(local, "jr_1_attempt_1", "SUCCEEDED")
    show(local, retry)
    local.fault("GetJobRun", "error", code="EntityNotFoundException", status=400, times=None, match={"RunId": "jr_1"})
    async with client_of(local) as client:
        with pytest.raises(StartOutcomeUnknownError, match="jr_1 show no arguments"):
            await start(client, "k")
    assert local.calls("GetJobRun") == 2
