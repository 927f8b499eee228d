"""Starting runs on EMR Serverless: one run for one start, and every member of the request."""

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Final

import msgspec
import pytest

from jobruns_sdk import HiveQuery, JobRunsClient, RunRef, SparkSubmit
from jobruns_sdk.errors import (
    ConflictError,
    InvalidRequestError,
    JobRunsError,
    LimitExceededError,
    NotFoundError,
    StartOutcomeUnknownError,
)
from jobruns_sdk.services.emr_serverless import native
from jobruns_sdk.testing import LocalService
from jobruns_sdk.testing.faults import FaultKind
from tests.waiting.kit import MINUTE, ROLE, Text, client_of, runs_of, set_faults, until
from tests.waiting.shapes import filled, leaves_of, start_shape

SPARK: Final = SparkSubmit(entry_point="s3://b/main.py")
SEEDS: Final = 500
ATTEMPTS: Final = 4


async def start(client: JobRunsClient, app: str, key: str | None = None, name: str | None = None) -> RunRef:
    return await client.emr_serverless(app).start(SPARK, execution_role_arn=ROLE, name=name, idempotency_key=key)


async def outcome(client: JobRunsClient, app: str, key: str | None) -> RunRef | JobRunsError:
    try:
        return await start(client, app, key)
    except JobRunsError as error:
        return error


async def test_five_hundred_schedules_of_faults_start_one_run_each(local: LocalService) -> None:
    app = local.add_application(max_concurrent_runs=None)
    outcomes: Counter[str] = Counter()
    known: set[str] = set()
    async with client_of(local, quotas=None, max_attempts=ATTEMPTS) as client:
        for seed in range(SEEDS):
            chance = Random(seed)
            faults = set_faults(local, "emr-serverless:StartJobRun", chance, chance.randrange(ATTEMPTS + 2))
            key = f"key-{seed}" if seed % 2 else None
            came = await outcome(client, app, key)
            outcomes[type(came).__name__] += 1
            if not isinstance(came, RunRef):
                assert len(faults) >= ATTEMPTS, faults
                assert isinstance(came, StartOutcomeUnknownError) or {kind for kind, _ in faults} == {"throttle"}
            local.clear_faults()
            if key is not None:
                came = await start(client, app, key)
            started = set(runs_of(local, f"emr-serverless:{app}")) - known
            known |= started
            assert started == {came.run_id} if isinstance(came, RunRef) else len(started) <= 1, (seed, faults)
    assert outcomes["RunRef"] > SEEDS * 0.6
    assert outcomes["StartOutcomeUnknownError"] > 50


@pytest.mark.parametrize("kind", ["error500", "html503", "reset_before", "reset_after", "truncate", "throttle"])
async def test_fewer_faults_than_attempts_are_never_seen(
    local: LocalService, client: JobRunsClient, kind: FaultKind
) -> None:
    app = local.add_application()
    local.fault("StartJobRun", kind, times=ATTEMPTS - 1, effect=kind in ("error500", "html503"))
    ref = await start(client, app)
    assert runs_of(local, f"emr-serverless:{app}") == [ref.run_id]
    assert local.calls("StartJobRun") == ATTEMPTS
    assert len({str(request.params["clientToken"]) for request in local.requests}) == 1


async def test_throttles_alone_prove_that_nothing_was_started(local: LocalService, client: JobRunsClient) -> None:
    app = local.add_application()
    local.fault("StartJobRun", "throttle", times=1000)
    with pytest.raises(JobRunsError) as caught:
        await start(client, app)
    assert not isinstance(caught.value, StartOutcomeUnknownError)
    assert not caught.value.in_doubt
    assert runs_of(local, f"emr-serverless:{app}") == []


async def test_a_success_that_cannot_be_read_leaves_the_outcome_unknown(
    local: LocalService, client: JobRunsClient
) -> None:
    app = local.add_application()
    for body in (b"<html/>", b"{}", b""):
        local.fault("StartJobRun", "wrong_content", effect=True, body=body)
        with pytest.raises(StartOutcomeUnknownError):
            await start(client, app, "nightly")
    ref = await start(client, app, "nightly")
    assert runs_of(local, f"emr-serverless:{app}") == [ref.run_id]


async def test_a_key_means_one_run_in_every_client(local: LocalService, client: JobRunsClient) -> None:
    app = local.add_application()
    first = await start(client, app, "nightly")
    refs = await asyncio.gather(*(start(client, app, "nightly") for _ in range(5)))
    async with client_of(local) as second:
        refs.append(await start(second, app, "nightly"))
    assert set(refs) == {first}
    assert await start(client, app, "other") != first
    assert await start(client, app) != await start(client, app)


async def test_a_key_belongs_to_its_application(local: LocalService, client: JobRunsClient) -> None:
    one, other = local.add_application(), local.add_application()
    await start(client, one, "nightly")
    await start(client, other, "nightly")
    tokens = {request.params["clientToken"] for request in local.requests}
    assert len(tokens) == 2


async def test_an_answer_of_another_application_is_no_run_of_this_one(
    local: LocalService, client: JobRunsClient
) -> None:
    one, other = local.add_application(), local.add_application()
    body = msgspec.json.encode({"applicationId": other, "jobRunId": "00f1"})
    for key in ("nightly", None):
        local.fault("StartJobRun", "wrong_content", body=body, content_type="application/json")
        with pytest.raises(StartOutcomeUnknownError, match=other):
            await start(client, one, key)


async def test_no_tags_and_none_said_are_one_request(local: LocalService, client: JobRunsClient) -> None:
    app = client.emr_serverless(local.add_application())
    first = await app.start(SPARK, execution_role_arn=ROLE, idempotency_key="k")
    again = await app.start(
        SPARK, execution_role_arn=ROLE, tags={}, retry_policy=native.RetryPolicy(), idempotency_key="k"
    )
    assert again == first


async def test_a_key_whose_run_has_failed_is_restarted_once(local: LocalService, client: JobRunsClient) -> None:
    name = local.add_application(outcome="FAILED")
    app = client.emr_serverless(name)

    async def restart() -> RunRef:
        return await app.start(SPARK, execution_role_arn=ROLE, idempotency_key="k", on_failed="restart")

    first = await restart()
    assert await restart() == first  # it goes on
    local.advance(3600)
    assert await start(client, name, "k") == first
    refs = await asyncio.gather(*(restart() for _ in range(5)))
    assert set(refs) != {first}
    assert runs_of(local, f"emr-serverless:{name}") == [first.run_id, refs[0].run_id]
    assert len(set(refs)) == 1


async def test_room_is_waited_for(local: LocalService, client: JobRunsClient) -> None:
    app = client.emr_serverless(local.add_application())
    local.fault("StartJobRun", "error", code="ServiceQuotaExceededException", status=402, times=3)
    await app.start(SPARK, execution_role_arn=ROLE, slot_timeout=10 * MINUTE)
    assert local.calls("StartJobRun") == 4
    local.fault("StartJobRun", "error", code="ServiceQuotaExceededException", status=402, times=None)
    with pytest.raises(LimitExceededError):
        await app.start(SPARK, execution_role_arn=ROLE, slot_timeout=10 * MINUTE)


async def test_concurrent_first_starts_with_one_key_start_one_run(local: LocalService, client: JobRunsClient) -> None:
    app = local.add_application()
    refs = await asyncio.gather(*(start(client, app, "nightly") for _ in range(10)))
    assert runs_of(local, f"emr-serverless:{app}") == [refs[0].run_id]
    assert len(set(refs)) == 1


async def test_a_key_used_with_another_request_is_a_conflict(local: LocalService, client: JobRunsClient) -> None:
    app = local.add_application()
    await start(client, app, "nightly")
    with pytest.raises(ConflictError):
        await start(client, app, "nightly", name="another")
    async with client_of(local) as second:
        with pytest.raises(ConflictError):
            await start(second, app, "nightly", name="another")
    assert len(runs_of(local, f"emr-serverless:{app}")) == 1


async def test_a_start_that_was_cancelled_and_is_made_again_with_its_key_is_one_run(
    local: LocalService, client: JobRunsClient
) -> None:
    app = local.add_application()
    await client.run(local_run := client.emr_serverless(app).ref.run(local.add_run(f"emr-serverless:{app}")))
    task = asyncio.create_task(start(client, app, "nightly"))
    await until(lambda: local.calls("StartJobRun") > 0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    ref = await start(client, app, "nightly")
    assert runs_of(local, f"emr-serverless:{app}") == [local_run.run_id, ref.run_id]


async def test_what_the_service_refuses_is_raised_as_it_is(local: LocalService, client: JobRunsClient) -> None:
    with pytest.raises(NotFoundError):
        await start(client, "00f1missing")
    app = local.add_application()
    local.fault("StartJobRun", "error", code="ServiceQuotaExceededException", status=402)
    with pytest.raises(LimitExceededError):
        await start(client, app)


async def test_every_member_of_the_request_is_reachable(local: LocalService, client: JobRunsClient) -> None:
    app = client.emr_serverless(local.add_application())
    shape = start_shape("emr-serverless")
    given = filled(shape)
    given["retryPolicy"] = {"maxAttempts": 3}
    await app.start(
        SparkSubmit(entry_point="s3://b/main.py", arguments=["--day", "1"], parameters="--conf a=b"),
        execution_role_arn=ROLE,
        name="nightly",
        mode="BATCH",
        tags=given["tags"],
        execution_timeout=timedelta(hours=1),
        retry_policy=msgspec.convert(given["retryPolicy"], native.RetryPolicy),
        configuration_overrides=msgspec.convert(given["configurationOverrides"], native.ConfigurationOverrides),
        execution_iam_policy=msgspec.convert(given["executionIamPolicy"], native.JobRunExecutionIamPolicy),
        idempotency_key="nightly",
    )
    sent = leaves_of(local.requests[-1].params)
    await app.start(
        HiveQuery(query="SELECT 1", init_query_file="s3://b/init.sql", parameters="--hiveconf a=b"),
        execution_role_arn=ROLE,
        mode="STREAMING",
        retry_policy=native.RetryPolicy(maxFailedAttemptsPerHour=3),
    )
    sent |= leaves_of(local.requests[-1].params)
    expected = leaves_of(filled(shape))
    assert sent == expected
    assert len(expected) > 30


async def test_text_of_other_types_is_sent_as_text(local: LocalService, client: JobRunsClient) -> None:
    app = client.emr_serverless(local.add_application())
    driver = SparkSubmit(Text("s3://b/main.py"), arguments=[Text("--day")], parameters=Text("--conf a=b"))
    one = await app.start(driver, execution_role_arn=ROLE, tags={Text("a"): Text("b")}, idempotency_key=Text("key"))
    driver = SparkSubmit("s3://b/main.py", arguments=["--day"], parameters="--conf a=b")
    assert await app.start(driver, execution_role_arn=ROLE, tags={"a": "b"}, idempotency_key="key") == one


async def test_what_excludes_each_other_is_refused_before_anything_is_sent(
    local: LocalService, client: JobRunsClient
) -> None:
    app = client.emr_serverless(local.add_application())
    batch, streaming = native.RetryPolicy(maxAttempts=3), native.RetryPolicy(maxFailedAttemptsPerHour=3)
    refused: list[dict[str, object]] = [
        {"mode": "STREAMING", "retry_policy": batch},
        {"mode": "BATCH", "retry_policy": streaming},
        {"retry_policy": streaming},
        {"mode": "INTERACTIVE"},
        {"execution_timeout": timedelta(seconds=90)},
        {"execution_timeout": -MINUTE},
        {"idempotency_key": ""},
    ]
    for options in refused:
        with pytest.raises(InvalidRequestError):
            await app.start(SPARK, execution_role_arn=ROLE, **options)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(InvalidRequestError):
        SparkSubmit(entry_point="s3://b/main.py", arguments="--day 1")
    assert local.calls() == 0


async def test_no_execution_timeout_and_none_at_all_are_told_apart(local: LocalService, client: JobRunsClient) -> None:
    app = client.emr_serverless(local.add_application())
    await app.start(SPARK, execution_role_arn=ROLE, execution_timeout=timedelta(0))
    assert local.requests[-1].params["executionTimeoutMinutes"] == 0
    await app.start(SPARK, execution_role_arn=ROLE)
    assert "executionTimeoutMinutes" not in local.requests[-1].params


def test_drivers_show_nothing_of_what_they_hold() -> None:
    assert "secret" not in repr(SparkSubmit(entry_point="s3://secret", arguments=["secret"], parameters="secret"))
    assert "secret" not in repr(HiveQuery(query="secret", init_query_file="secret", parameters="secret"))
