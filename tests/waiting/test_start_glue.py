"""Starting runs on Glue, which has no token: never two for one start, and no start that nobody can account for."""

import asyncio
from collections import Counter
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any, Final

import msgspec
import pytest
from aiobotocore.session import AioSession, get_session

from jobruns_sdk import JobRef, JobRunsClient, Quota, RunRef
from jobruns_sdk.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidRequestError,
    JobRunsError,
    LimitExceededError,
    NotFoundError,
    StartOutcomeUnknownError,
    ThrottledError,
)
from jobruns_sdk.services.glue import GlueJob
from jobruns_sdk.services.glue.start_request import MARKER
from jobruns_sdk.testing import LocalService, VirtualClock
from jobruns_sdk.testing.faults import FaultKind
from tests.waiting.kit import HOUR, MINUTE, Text, client_of, runs_of, set_faults, until
from tests.waiting.shapes import filled, leaves_of, start_shape

SEEDS: Final = 500
ATTEMPTS: Final = 4


async def start(client: JobRunsClient, job: str = "etl", key: str | None = None, day: str = "1") -> RunRef:
    return await client.glue(job).start(arguments={"--day": day}, idempotency_key=key)


async def outcome(client: JobRunsClient, job: str, key: str | None) -> RunRef | JobRunsError:
    try:
        return await start(client, job, key)
    except JobRunsError as error:
        return error


async def test_five_hundred_schedules_of_faults_never_start_two_runs(local: LocalService) -> None:
    outcomes: Counter[str] = Counter()
    async with (
        client_of(local, quotas=None, max_attempts=ATTEMPTS) as client,
        client_of(local, quotas=None, max_attempts=ATTEMPTS) as second,
    ):
        for seed in range(SEEDS):
            job, key = f"etl-{seed}", f"key-{seed}" if seed % 2 else None
            chance = Random(seed)
            local.add_glue_job(job)
            faults = set_faults(local, "glue:StartJobRun", chance, chance.randrange(ATTEMPTS + 2))
            # The first look of a start with a key comes before it sends anything, and is not to be disturbed.
            late: FaultKind = chance.choice(("throttle", "error500", "stale_list"))
            local.fault("glue:GetJobRuns", late, times=chance.randrange(6), after=1 if key else 0, seconds=600)
            came = await outcome(client, job, key)
            started = runs_of(local, f"glue:{job}")
            outcomes[type(came).__name__] += 1
            assert len(started) <= 1, (seed, faults)
            local.clear_faults()
            if isinstance(came, RunRef):
                assert started == [came.run_id], (seed, faults)
            elif not isinstance(came, StartOutcomeUnknownError):
                assert isinstance(came, ThrottledError)
                assert started == [], (seed, faults)
            if key is None:
                continue
            again = await outcome(client, job, key)
            if isinstance(came, StartOutcomeUnknownError) and not started:
                assert isinstance(again, StartOutcomeUnknownError), (seed, faults)
            else:
                assert isinstance(again, RunRef), (seed, faults)
            elsewhere = await start(second, job, key)
            assert runs_of(local, f"glue:{job}") == [elsewhere.run_id], (seed, faults)
            assert not isinstance(again, RunRef) or again == elsewhere
    assert outcomes["RunRef"] > SEEDS * 0.5
    assert outcomes["StartOutcomeUnknownError"] > SEEDS * 0.1


@pytest.mark.parametrize("key", [None, "nightly"])
@pytest.mark.parametrize("kind", ["error500", "html503", "reset_after", "truncate", "wrong_content"])
async def test_a_run_whose_answer_was_lost_is_found(
    local: LocalService, client: JobRunsClient, kind: FaultKind, key: str | None
) -> None:
    local.add_glue_job("etl")
    for day in ("1", "2"):
        await start(client, day=day)
    local.advance(5)
    local.fault("StartJobRun", kind, effect=kind != "truncate")
    ref = await start(client, key=key)
    assert runs_of(local, "glue:etl")[2:] == [ref.run_id]
    assert local.calls("StartJobRun") == 3


@pytest.mark.parametrize("key", [None, "nightly"])
@pytest.mark.parametrize("kind", ["error500", "html503", "reset_before", "wrong_content"])
async def test_a_start_that_may_have_happened_is_not_sent_again(
    local: LocalService, client: JobRunsClient, kind: FaultKind, key: str | None
) -> None:
    local.add_glue_job("etl")
    local.fault("StartJobRun", kind)
    with pytest.raises(StartOutcomeUnknownError, match="may have been started or not") as caught:
        await start(client, key=key)
    assert caught.value.__cause__ is not None
    assert caught.value.in_doubt is True
    assert (caught.value.request_id is None) is (kind == "reset_before")
    assert ("idempotency_key" if key is None else MARKER) in str(caught.value)
    assert local.calls("StartJobRun") == 1
    assert local.clock.monotonic() == pytest.approx(60)


async def test_a_run_that_shows_late_is_found_while_it_settles(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    local.fault("StartJobRun", "reset_after")
    local.fault("GetJobRuns", "stale_list", times=None, seconds=20)
    ref = await start(client)
    assert runs_of(local, "glue:etl") == [ref.run_id]
    assert 20 <= local.clock.monotonic() < 60


async def test_no_time_to_settle_means_no_look(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    local.fault("StartJobRun", "reset_after")
    with pytest.raises(StartOutcomeUnknownError):
        await client.glue("etl").start(settle=timedelta(0))
    assert local.calls("GetJobRuns") == 0


async def test_what_proves_that_nothing_happened_is_raised_as_it_is(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", max_concurrent_runs=1)
    refusals: list[tuple[str, type[JobRunsError]]] = [
        ("InvalidInputException", InvalidRequestError),
        ("EntityNotFoundException", NotFoundError),
        ("AccessDeniedException", AccessDeniedError),
        ("ResourceNumberLimitExceededException", LimitExceededError),
    ]
    for code, kind in refusals:
        for key in (None, "nightly"):
            local.fault("StartJobRun", "error", code=code, status=400)
            with pytest.raises(kind):
                await start(client, key=key)
    local.fault("StartJobRun", "throttle", times=1000)
    with pytest.raises(ThrottledError):
        await start(client, key="nightly")
    local.clear_faults()
    assert runs_of(local, "glue:etl") == []
    ref = await start(client, key="nightly")
    with pytest.raises(LimitExceededError):
        await start(client)
    assert runs_of(local, "glue:etl") == [ref.run_id]


async def test_a_connection_that_is_refused_proves_that_nothing_happened(local: LocalService) -> None:
    local.add_glue_job("etl")
    async with client_of(local, endpoint_url="http://127.0.0.1:9") as client:
        with pytest.raises(JobRunsError) as caught:
            await start(client)
    assert not isinstance(caught.value, StartOutcomeUnknownError)
    assert not caught.value.in_doubt


async def test_a_key_means_one_run_in_every_client(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    first = await start(client, key="nightly")
    refs = await asyncio.gather(*(start(client, key="nightly") for _ in range(5)))
    local.advance(HOUR)
    async with client_of(local) as second:
        refs.append(await start(second, key="nightly"))
        assert await start(second, key="other") != first
    assert set(refs) == {first}
    assert await start(client) != await start(client)
    assert local.calls("StartJobRun") == 4


async def test_a_key_is_found_behind_retries_and_other_runs(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", max_retries=2, fail_attempts=2)
    first = await start(client, key="nightly")
    local.advance(HOUR)
    local.add_runs("glue:etl", 500, every=timedelta(seconds=5))
    async with client_of(local) as second:
        assert await start(second, key="nightly") == first


async def test_a_key_that_a_retry_carries_too_is_that_of_its_run(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    first = await start(client, key="nightly")
    native = (await client.glue("etl").run(first.run_id)).native
    retry = {
        "Id": f"{first.run_id}_attempt_1",
        "StartedOn": local.clock.now().timestamp(),
        "Arguments": native.Arguments,
    }
    body = msgspec.json.encode({"JobRuns": [retry]})
    local.fault("GetJobRuns", "wrong_content", body=body, content_type="application/x-amz-json-1.1")
    async with client_of(local) as second:
        assert await start(second, key="nightly") == first


@pytest.mark.parametrize(("timeout", "kept", "forgotten"), [(2880, 47, 50), (60, 23, 25), (None, 47, 50)])
async def test_a_key_stands_as_long_as_a_run_may_be_active(
    local: LocalService, client: JobRunsClient, timeout: int | None, kept: int, forgotten: int
) -> None:
    local.add_glue_job("etl", timeout_minutes=timeout)
    first = await start(client, key="nightly")
    local.advance(kept * HOUR)
    async with client_of(local) as second:
        assert await start(second, key="nightly") == first
    local.advance((forgotten - kept) * HOUR)
    async with client_of(local) as third:
        assert await third.glue("etl").find("nightly") is None
        again = await start(third, key="nightly")
    assert again != first
    assert await client.glue("etl").find("nightly") == again


async def test_a_lifetime_is_for_runs_that_have_ended(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", duration=2 * HOUR)
    etl = client.glue("etl")
    first = await etl.start(idempotency_key="k", key_lifetime=HOUR)
    local.advance(1.5 * HOUR)
    assert await etl.start(idempotency_key="k", key_lifetime=HOUR) == first
    local.advance(1.5 * HOUR)
    second = await etl.start(idempotency_key="k", key_lifetime=HOUR)
    assert second != first
    async with client_of(local) as other:
        assert await other.glue("etl").start(idempotency_key="k", key_lifetime=HOUR) == second
    assert len(runs_of(local, "glue:etl")) == 2


async def test_a_run_that_goes_on_is_found_whatever_stands_before_it(local: LocalService) -> None:
    local.add_glue_job("etl", duration=47 * HOUR)
    async with client_of(local) as client:
        first = await start(client, key="nightly")
    local.advance(40 * HOUR)
    local.add_glue_job("etl", duration=timedelta(seconds=30))
    local.add_runs("glue:etl", 2_100, every=timedelta(seconds=1))
    async with client_of(local) as client:
        assert await client.glue("etl").find("nightly") == first
        assert await start(client, key="nightly") == first


async def test_whole_pages_of_yesterday_do_not_end_the_look_for_a_run_that_goes_on(local: LocalService) -> None:
    local.add_glue_job("etl", duration=47 * HOUR)
    async with client_of(local) as client:
        first = await start(client, key="nightly")
    local.advance(10 * HOUR)
    local.add_glue_job("etl", duration=timedelta(seconds=30))
    local.add_runs("glue:etl", 500, every=timedelta(seconds=1))
    local.advance(30 * HOUR)
    async with client_of(local) as client:
        assert await client.glue("etl").find("nightly") == first
        assert await start(client, key="nightly") == first


async def test_a_search_that_is_cut_off_sends_nothing(local: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobruns_sdk.services.glue.key_search.LOOK_LIMIT", 400)
    local.add_glue_job("etl", duration=47 * HOUR)
    async with client_of(local) as client:
        first = await start(client, key="nightly")
    local.advance(HOUR)
    local.add_glue_job("etl", duration=timedelta(seconds=30))
    local.add_runs("glue:etl", 600, every=timedelta(seconds=1))
    async with client_of(local) as client:
        with pytest.raises(StartOutcomeUnknownError, match="nothing was sent"):
            await start(client, key="nightly")
        with pytest.raises(StartOutcomeUnknownError):
            await client.glue("etl").find("nightly")
    assert local.calls("StartJobRun") == 1
    assert first.run_id in runs_of(local, "glue:etl")


@pytest.mark.parametrize("lacks", ["Arguments", "StartedOn"])
async def test_a_row_that_cannot_be_told_apart_is_got(local: LocalService, client: JobRunsClient, lacks: str) -> None:
    local.add_glue_job("etl")
    first = await start(client, key="nightly")
    row: dict[str, object] = {"Id": first.run_id, "JobName": "etl", "JobRunState": "FAILED"}
    if lacks == "Arguments":
        row["StartedOn"] = local.clock.now().timestamp()
    body = msgspec.json.encode({"JobRuns": [row]})
    local.fault("GetJobRuns", "wrong_content", body=body, content_type="application/x-amz-json-1.1", times=None)
    async with client_of(local) as second:
        assert await start(second, key="nightly") == first
        local.fault("GetJobRun", "error", code="EntityNotFoundException", status=400, times=None)
        with pytest.raises(JobRunsError):
            await start(second, key="other")
    assert local.calls("StartJobRun") == 1


async def test_a_client_sees_that_a_service_shows_no_keys(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    first = await start(client, key="nightly")
    row = {"Id": first.run_id, "JobName": "etl", "JobRunState": "RUNNING"}
    for operation, answer in (("GetJobRuns", {"JobRuns": [row]}), ("GetJobRun", {"JobRun": row})):
        body = msgspec.json.encode(answer)
        local.fault(operation, "wrong_content", body=body, content_type="application/x-amz-json-1.1", times=None)
    with pytest.raises(StartOutcomeUnknownError, match="does not show the arguments"):
        await start(client, key="other")
    assert local.calls("StartJobRun") == 1


async def test_find_starts_nothing(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    assert await client.glue("etl").find("nightly") is None
    first = await start(client, key="nightly")
    async with client_of(local) as second:
        assert await second.glue("etl").find("nightly") == first
        assert await second.glue("etl").find("other") is None
    assert local.calls("StartJobRun") == 1


async def test_a_key_whose_run_has_failed_is_restarted_once(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", outcome="FAILED")
    etl = client.glue("etl")
    first = await etl.start(idempotency_key="k")
    assert await etl.start(idempotency_key="k", on_failed="restart") == first  # it goes on
    local.advance(HOUR)
    local.add_glue_job("etl")
    assert await etl.start(idempotency_key="k") == first
    refs = await asyncio.gather(*(etl.start(idempotency_key="k", on_failed="restart") for _ in range(5)))
    assert set(refs) != {first}
    assert len(set(refs)) == 1
    local.advance(HOUR)
    async with client_of(local) as second:
        job = second.glue("etl")
        assert await job.start(idempotency_key="k", on_failed="restart") == refs[0]
        assert await job.find("k") == await job.start(idempotency_key="k") == refs[0]
    assert len(runs_of(local, "glue:etl")) == 2


async def test_a_run_that_may_be_retried_is_not_restarted(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", fail_attempts=1, max_retries=1, retry_delay=10 * MINUTE)
    etl = client.glue("etl")
    first = await etl.start(idempotency_key="k")
    local.advance(8 * MINUTE)
    assert (await etl.run(first.run_id)).native_state == "FAILED"
    assert await etl.start(idempotency_key="k", on_failed="restart") == first
    assert runs_of(local, "glue:etl") == [first.run_id]


async def test_room_is_waited_for(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", max_concurrent_runs=1, duration=10 * MINUTE)
    etl = client.glue("etl")
    first = await etl.start()
    with pytest.raises(LimitExceededError):
        await etl.start(slot_timeout=MINUTE)
    second = await etl.start(idempotency_key="k", slot_timeout=HOUR)
    assert second != first
    assert await etl.start(idempotency_key="k") == second


@pytest.mark.parametrize("key", [None, "nightly"])
async def test_a_start_that_is_cancelled_before_it_is_sent_leaves_no_doubt(
    local: LocalService, key: str | None
) -> None:
    local.add_glue_job("etl")
    quotas = {("glue", "StartJobRun"): Quota(rate=0.01, burst=1)}
    async with client_of(local, quotas=quotas) as client:
        await start(client, day="2")
        task = asyncio.create_task(start(client, key=key))
        await until(lambda: local.calls("GetJobRuns") > 0 if key else client_sleeps(local))
        await until(lambda: client_sleeps(local))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        local.fault("StartJobRun", "reset_after")
        ref = await start(client, key=key)
    assert runs_of(local, "glue:etl")[1:] == [ref.run_id]


def sent_more(local: LocalService, calls: int) -> bool:
    return local.calls("StartJobRun") > calls


def client_sleeps(local: LocalService) -> bool:
    assert isinstance(local.clock, VirtualClock)
    return local.clock.sleepers > 0


@pytest.mark.parametrize("starts", [1, 20])
async def test_a_run_of_a_cancelled_start_is_no_other_start_s(
    local: LocalService, client: JobRunsClient, starts: int
) -> None:
    local.add_glue_job("etl", duration=HOUR)
    await client.glue("etl").job()
    for _ in range(starts):
        local.fault("StartJobRun", "silence", effect=True)
        task = asyncio.create_task(start(client))
        await until(partial(sent_more, local, local.calls("StartJobRun")))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    local.fault("StartJobRun", "reset_before")
    with pytest.raises(StartOutcomeUnknownError):
        await start(client)
    assert len(runs_of(local, "glue:etl")) == starts


@pytest.mark.parametrize("share", ["access key", "word"])
async def test_two_profiles_of_one_account_are_one_client(local: LocalService, share: str) -> None:
    local.add_glue_job("etl")
    sessions = {"b": session_of("local" if share == "access key" else "other")}
    shared = None if share == "access key" else {"b": None}
    async with client_of(local, sessions=sessions, share_quotas=shared) as client:
        handles = [client.handle(JobRef("glue", "etl", "us-east-1", profile)) for profile in (None, "b")]
        jobs = [handle for handle in handles if isinstance(handle, GlueJob)]
        refs = await asyncio.gather(*(job.start(idempotency_key="k") for job in jobs * 5))
        assert {ref.run_id for ref in refs} == set(runs_of(local, "glue:etl"))
        assert len(refs) == 10
        local.fault("StartJobRun", "reset_before")
        with pytest.raises(StartOutcomeUnknownError):
            await jobs[0].start()
        local.fault("StartJobRun", "reset_after")
        with pytest.raises(StartOutcomeUnknownError):
            await jobs[1].start()
    assert local.calls("StartJobRun") == 3


def session_of(key: str) -> AioSession:
    session = get_session()
    session.set_credentials(key, key)
    return session


@pytest.mark.parametrize("off", [-4 * MINUTE, timedelta(0), 4 * MINUTE, -48 * HOUR, 48 * HOUR])
@pytest.mark.parametrize("before", [timedelta(seconds=5), 2 * MINUTE, HOUR])
async def test_a_wrong_clock_makes_no_other_program_s_run_ours(
    local: LocalService, off: timedelta, before: timedelta
) -> None:
    local.add_glue_job("etl", duration=2 * HOUR)
    async with client_of(local) as other:
        theirs = await start(other)
        keyed = await start(other, key="k", day="2")
    local.advance(before)
    async with client_of(local, clock=Wrong(local.clock, off)) as client:
        local.fault("StartJobRun", "reset_before")
        with pytest.raises(StartOutcomeUnknownError):
            await start(client)
        assert await start(client, key="k", day="2") == keyed
    async with client_of(local, clock=Wrong(local.clock, off)) as client:
        local.advance(2 * MINUTE)
        local.fault("StartJobRun", "reset_after")
        ours = await start(client)
    assert runs_of(local, "glue:etl") == [theirs.run_id, keyed.run_id, ours.run_id]


class Wrong:
    """A clock that is off."""

    def __init__(self, clock: Any, by: timedelta) -> None:  # noqa: ANN401  # that of the local service
        self.monotonic, self.sleep, self.calling = clock.monotonic, clock.sleep, clock.calling
        self.now = lambda: clock.now() + by


async def test_concurrent_first_starts_with_one_key_start_one_run(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    refs = await asyncio.gather(*(start(client, key="nightly") for _ in range(10)))
    assert runs_of(local, "glue:etl") == [refs[0].run_id]
    assert len(set(refs)) == 1
    assert local.calls("StartJobRun") == 1


async def test_a_key_used_with_another_request_is_a_conflict(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    await start(client, key="nightly")
    with pytest.raises(ConflictError):
        await start(client, key="nightly", day="2")
    with pytest.raises(ConflictError):
        await client.glue("etl").start(arguments={"--day": "1"}, worker_type="G.2X", idempotency_key="nightly")
    async with client_of(local) as second:
        with pytest.raises(ConflictError):
            await start(second, key="nightly", day="2")
    assert len(runs_of(local, "glue:etl")) == 1
    local.add_glue_job("other")
    await start(client, job="other", key="nightly", day="2")


async def test_the_order_of_arguments_makes_no_other_request(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    one = await client.glue("etl").start(arguments={"--a": "1", "--b": "2"}, idempotency_key="nightly")
    assert await client.glue("etl").start(arguments={"--b": "2", "--a": "1"}, idempotency_key="nightly") == one


async def test_equal_values_of_other_types_make_no_other_request(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    one = await client.glue("etl").start(arguments={"--a": "1"}, max_capacity=10, idempotency_key="nightly")
    arguments: dict[str, str] = {Text("--a"): Text("1")}
    again = await client.glue("etl").start(arguments=arguments, max_capacity=10.0, idempotency_key=Text("nightly"))
    assert again == one


@pytest.mark.parametrize("moment", ["under way", "searching"])
async def test_a_start_that_was_cancelled_is_not_sent_again_with_its_key(local: LocalService, moment: str) -> None:
    local.add_glue_job("etl")
    async with client_of(local, quotas=None) as client:
        await client.glue("etl").runs().collect()
        local.fault("StartJobRun", "delay" if moment == "under way" else "reset_before", seconds=0.05)
        task = asyncio.create_task(start(client, key="nightly"))
        await until(lambda: local.calls("StartJobRun") > 0)
        if moment == "searching":
            await until(lambda: local.clock.monotonic() > 0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        again = await outcome(client, "etl", "nightly")
        assert local.calls("StartJobRun") == 1
    started = runs_of(local, "glue:etl")
    if moment == "under way":
        assert isinstance(again, RunRef)
        assert started == [again.run_id]
    else:
        assert isinstance(again, StartOutcomeUnknownError)
        assert started == []


async def test_two_alike_starts_without_a_key_are_never_mixed_up(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    local.fault("StartJobRun", "reset_after", times=2)
    came = await asyncio.gather(outcome(client, "etl", None), outcome(client, "etl", None))
    assert len(runs_of(local, "glue:etl")) == 2
    assert [type(one) for one in came] == [StartOutcomeUnknownError] * 2
    local.fault("StartJobRun", "reset_after", times=2)
    keyed = await asyncio.gather(outcome(client, "etl", "a"), outcome(client, "etl", "b"))
    assert {one.run_id for one in keyed if isinstance(one, RunRef)} == set(runs_of(local, "glue:etl")[2:])


async def test_a_clock_that_is_wrong_does_not_hide_a_run_that_has_its_key(local: LocalService) -> None:
    local.add_glue_job("etl")
    ahead = VirtualClock(local.clock.now() + 4 * MINUTE)
    async with client_of(local, clock=ahead) as client:
        local.fault("StartJobRun", "reset_after")
        ref = await start(client, key="nightly")
    assert runs_of(local, "glue:etl") == [ref.run_id]


@pytest.mark.filterwarnings("ignore:argument 'x' does not begin")
async def test_every_member_of_the_request_is_reachable(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    job, shape = client.glue("etl"), start_shape("glue")
    first = await start(client)
    given: dict[str, Any] = {
        "arguments": filled(shape.members["Arguments"]),
        "timeout": HOUR,
        "execution_class": "FLEX",
        "notify_delay_after": 10 * MINUTE,
        "security_configuration": "safe",
        "job_run_queuing_enabled": True,
        "execution_role_session_policy": "{}",
        "retry_of": first.run_id,
    }
    await job.start(**given, worker_type="G.1X", number_of_workers=2)
    sent = leaves_of(local.requests[-1].params)
    await job.start(**given, max_capacity=1.5)
    sent |= leaves_of(local.requests[-1].params)
    with pytest.warns(DeprecationWarning, match="allocated_capacity"):
        await job.start(**given, allocated_capacity=2)
    sent |= leaves_of(local.requests[-1].params)
    assert sent == leaves_of(filled(shape))
    assert local.requests[-1].params["Timeout"] == 60
    assert local.requests[-1].params["NotificationProperty"] == {"NotifyDelayAfter": 10}


async def test_what_excludes_each_other_is_refused_before_anything_is_sent(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl")
    refused: list[dict[str, Any]] = [
        {"worker_type": "G.1X", "number_of_workers": 2, "max_capacity": 2.0},
        {"worker_type": "G.1X", "max_capacity": 2.0},
        {"number_of_workers": 2, "max_capacity": 2.0},
        {"max_capacity": 2.0, "allocated_capacity": 2},
        {"worker_type": "G.1X", "allocated_capacity": 2},
        {"number_of_workers": 0, "worker_type": "G.1X"},
        {"timeout": timedelta(seconds=90)},
        {"timeout": timedelta(0)},
        {"notify_delay_after": timedelta(seconds=1)},
        {"idempotency_key": ""},
        {"idempotency_key": "nightly", "arguments": {MARKER: "x"}},
        {"arguments": {MARKER: "x"}},
    ]
    for options in refused:
        with pytest.raises(InvalidRequestError):
            await client.glue("etl").start(**options)
    assert local.calls() == 0


async def test_an_attempt_of_an_earlier_run_may_be_tried_again(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    failed = local.add_run("glue:etl", state="FAILED", attempts=2)
    await client.glue("etl").start(retry_of=f"{failed}_attempt_1")
    assert local.requests[-1].params["JobRunId"] == f"{failed}_attempt_1"


async def test_a_run_of_a_key_that_another_client_has_started_since_is_the_key_s(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl", outcome="FAILED")
    first = await start(client, key="nightly")
    calls = local.calls()
    assert await start(client, key="nightly") == first
    assert local.calls() == calls
    local.advance(HOUR)
    async with client_of(local) as second:
        again = await second.glue("etl").start(arguments={"--day": "1"}, idempotency_key="nightly", on_failed="restart")
    assert again != first
    assert await start(client, key="nightly") == again
