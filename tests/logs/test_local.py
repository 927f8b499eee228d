"""Logs of runs of the local service, read to their end and followed."""

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import pytest

from jobruns_sdk import (
    AccessDeniedError,
    InvalidRequestError,
    JobRunsClient,
    LimitExceededError,
    LogLine,
    LogPlace,
    LogsUnavailableError,
    NotFoundError,
    Observer,
    SparkSubmit,
    ThrottledError,
    from_dict,
    to_dict,
)
from jobruns_sdk.observing.values import CallEnded, CallStarted, WaitEnded, WaitStarted
from jobruns_sdk.testing import LocalService

if TYPE_CHECKING:
    from jobruns_sdk.model.logs import LogOptions

SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)
APP: Final = "00f1abc"
ROLE: Final = "arn:aws:iam::111122223333:role/exec"
IN_S3: Final = {"monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": "s3://own-logs/emr/"}}}
IN_BOTH: Final = {
    "monitoringConfiguration": {
        "s3MonitoringConfiguration": {"logUri": "s3://own-logs/emr/"},
        "cloudWatchLoggingConfiguration": {"enabled": True, "logGroupName": "/emr"},
    }
}


@pytest.fixture
async def client(local: LocalService) -> AsyncIterator[JobRunsClient]:
    async with local.client() as client:
        yield client


def texts(lines: list[LogLine]) -> list[str]:
    return [line.text for line in lines]


async def started(client: JobRunsClient, local: LocalService, *, fails: int = 0) -> str:
    """Start a run of Glue that runs for a minute from its tenth second, and is tried again after 30 s."""
    local.add_glue_job("etl", max_retries=2, fail_attempts=fails, duration=MINUTE)
    return str(await client.glue("etl").start())


async def test_what_is_there_is_read_by_time_with_its_source_and_attempt(
    local: LocalService, client: JobRunsClient
) -> None:
    run, now = await started(client, local), local.clock.now()
    local.add_log_lines(run, "driver", ["d1", "d2"], at=now + 20 * SECOND)
    local.add_log_lines(run, "error", ["e1"], at=now + 15 * SECOND)
    local.add_log_lines(run, "executor", ["x1"], at=now + 25 * SECOND)
    local.add_log_lines(run, "progress", ["p1"], at=now + 30 * SECOND)
    assert await client.logs(run).collect() == []  # nothing is there yet, while the run goes on
    local.advance(40)
    assert texts(await client.logs(run).collect()) == ["d1", "d2"]
    lines = await client.logs(run, sources=["driver", "error", "executor", "progress"]).collect()
    assert texts(lines) == ["e1", "d1", "d2", "x1", "p1"]
    assert [line.source for line in lines] == ["error", "driver", "driver", "executor", "progress"]
    assert {line.attempt for line in lines} == {1}
    assert lines[0].at == now + 15 * SECOND
    assert texts(await client.logs(run, sources={"driver", "error"}, tail=2).collect()) == ["d1", "d2"]
    assert texts(await client.logs(run, sources={"driver", "error"}, since=now + 18 * SECOND).collect()) == ["d1", "d2"]
    run_id = run.partition("/")[2].partition("?")[0]
    assert texts(await client.glue("etl").logs(run_id, tail=1).collect()) == ["d2"]


async def test_attempts_are_read_apart_and_together(local: LocalService, client: JobRunsClient) -> None:
    run = await started(client, local, fails=2)
    for attempt in (1, 2, 3):
        local.add_log_lines(run, "driver", [f"of {attempt}"], at=local.clock.now() + 20 * SECOND, attempt=attempt)
        local.advance(101)
    local.advance(60)
    assert texts(await client.logs(run).collect()) == ["of 3"]
    for attempt in (1, 2, 3):
        lines = await client.logs(run, attempt=attempt).collect()
        assert [(line.text, line.attempt) for line in lines] == [(f"of {attempt}", attempt)]
    assert texts(await client.logs(run, attempt="all").collect()) == ["of 1", "of 2", "of 3"]
    assert texts(await client.logs(run, attempt="all", tail=2).collect()) == ["of 2", "of 3"]
    with pytest.raises(NotFoundError, match="no attempt 4"):
        await client.logs(run, attempt=4).collect()


async def test_following_goes_from_attempt_to_attempt_to_a_line_after_the_end(
    local: LocalService, client: JobRunsClient
) -> None:
    run, start = await started(client, local, fails=1), local.clock.now()
    # attempt 1: 0:10 to 1:10; attempt 2: 1:50 to 2:50
    local.add_log_lines(run, "driver", ["1a"], at=start + 20 * SECOND)
    local.add_log_lines(run, "driver", ["1b"], at=start + 60 * SECOND)
    local.add_log_lines(run, "driver", ["1 late"], at=start + 105 * SECOND, attempt=1)
    local.add_log_lines(run, "driver", ["2a"], at=start + 120 * SECOND, attempt=2)
    seen: list[tuple[int, str]] = []
    async for line in client.logs(run, follow=True, settle=30 * SECOND):
        seen.append((line.attempt, line.text))
        if line.text == "2a":
            assert local.clock.now() - start < 3 * MINUTE
            local.add_log_lines(run, "driver", ["2 after the end"], at=start + 175 * SECOND, attempt=2)
    assert seen == [(1, "1a"), (1, "1b"), (1, "1 late"), (2, "2a"), (2, "2 after the end")]
    ended = await client.run(run)
    assert ended.succeeded
    assert ended.ended_at is not None
    assert local.clock.now() - ended.ended_at >= 30 * SECOND


async def test_each_loop_begins_from_the_start(local: LocalService, client: JobRunsClient) -> None:
    run = await started(client, local)
    local.add_log_lines(run, "driver", ["a"])
    lines = client.logs(run, follow=True)
    assert [line.text async for line in lines] == [line.text async for line in lines] == ["a"]


async def test_following_one_attempt_ends_with_it(local: LocalService, client: JobRunsClient) -> None:
    run, start = await started(client, local, fails=1), local.clock.now()
    local.add_log_lines(run, "driver", ["1"], at=start + 20 * SECOND)
    local.add_log_lines(run, "driver", ["2"], at=start + 120 * SECOND, attempt=2)
    assert texts(await client.logs(run, follow=True, attempt=1).collect()) == ["1"]
    assert not (await client.run(run)).is_terminal
    assert texts(await client.logs(run, follow=True, attempt=2).collect()) == ["2"]
    with pytest.raises(NotFoundError, match="without an attempt 3"):
        await client.logs(run, follow=True, attempt=3).collect()


async def test_following_from_the_last_lines_on(local: LocalService, client: JobRunsClient) -> None:
    run, start = await started(client, local), local.clock.now()
    local.add_log_lines(run, "driver", [f"old {number}" for number in range(50)], at=start + 15 * SECOND)
    local.add_log_lines(run, "driver", ["new"], at=start + 50 * SECOND)
    local.advance(20)
    assert texts(await client.logs(run, follow=True, tail=2).collect()) == ["old 48", "old 49", "new"]


async def test_ten_thousand_lines_come_each_once_in_order(local: LocalService, client: JobRunsClient) -> None:
    run, start = await started(client, local), local.clock.now()
    expected = [f"line {number}" for number in range(10_000)]
    for part in range(50):
        lines = expected[200 * part : 200 * part + 200]
        local.add_log_lines(run, "driver", lines, at=start + (11 + part) * SECOND)
    assert texts(await client.logs(run, follow=True).collect()) == expected
    assert texts(await client.logs(run).collect()) == expected


async def test_a_run_that_has_ended_without_logs_says_where_they_were_looked_for(
    local: LocalService, client: JobRunsClient
) -> None:
    run = await started(client, local)
    local.add_log_lines(run, "error", ["e"])
    for follow in (True, False):
        with pytest.raises(LogsUnavailableError) as caught:
            await client.logs(run, follow=follow).collect()
        for said in ("/aws-glue/jobs/output", "no log of driver", "there are logs of error: name them in sources="):
            assert said in str(caught.value)


async def test_a_service_that_answers_late_is_waited_for(local: LocalService) -> None:
    def answer_late(told: CallStarted | CallEnded) -> None:
        if isinstance(told, CallEnded) and told.call.operation == "DescribeLogStreams":
            local.clock.advance(15)  # more than ``settle``

    async with local.client(observer=Observer(call=answer_late)) as client:
        run = await started(client, local)
        with pytest.raises(LogsUnavailableError):
            await client.logs(run, follow=True).collect()


async def test_lines_in_s3_come_as_the_object_grows_with_a_get_each_half_minute_at_most(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_application(APP, duration=4 * MINUTE, native=IN_S3)
    run = await client.emr_serverless(APP).start(SparkSubmit("s3://b/main.py"), execution_role_arn=ROLE)
    start = local.clock.now()
    expected = [f"line {number}" for number in range(60)]
    for number, line in enumerate(expected):
        local.add_log_lines(str(run), "driver", [line], at=start + (40 + 4 * number) * SECOND)
    lines = await client.logs(run, follow=True).collect()
    assert texts(lines) == expected
    assert {(line.stream, line.at) for line in lines} == {("SPARK_DRIVER/stdout.gz", None)}
    gets = [request for request in local.requests if request.operation == "GetObject"]
    assert {request.status for request in gets} == {206, 304}
    assert all(b.at - a.at >= 30 * SECOND for a, b in pairwise(gets))
    assert texts(await client.emr_serverless(APP).logs(run.run_id, tail=3).collect()) == expected[-3:]


async def test_of_copies_in_cloudwatch_and_s3_one_is_read(local: LocalService, client: JobRunsClient) -> None:
    local.add_application(APP, duration=MINUTE, max_retries=1, fail_attempts=1, native=IN_BOTH)
    run = await client.emr_serverless(APP).start(SparkSubmit("s3://b/main.py"), execution_role_arn=ROLE)
    start = local.clock.now()
    local.add_log_lines(str(run), "driver", ["1"], at=start + 50 * SECOND, attempt=1)
    local.add_log_lines(str(run), "driver", ["2"], at=start + 140 * SECOND, attempt=2)
    lines = await client.logs(run, follow=True).collect()
    assert [(line.attempt, line.text) for line in lines] == [(1, "1"), (2, "2")]
    assert {line.stream for line in lines} == {
        f"applications/{APP}/jobs/{run.run_id}/attempts/{attempt}/SPARK_DRIVER/stdout" for attempt in (1, 2)
    }
    assert local.calls("GetObject") == 0


async def test_managed_storage_is_shown_by_a_link_and_not_read(local: LocalService, client: JobRunsClient) -> None:
    local.add_application(APP)
    run = f"emr-serverless:{APP}/{local.add_run(f'emr-serverless:{APP}', state='FAILED')}"
    with pytest.raises(LogsUnavailableError, match=r"dashboard_url\(run_id\)"):
        await client.logs(run).collect()
    (place,) = await client.log_places(run)
    assert (place.storage, place.attempt) == ("managed", 1)
    assert place.url is not None
    assert place.url not in repr(place)
    local.fault("GetDashboardForJobRun", "error", code="AccessDeniedException", message="not you", status=403)
    (place,) = await client.log_places(run)
    assert place.url is None
    assert "not you" in place.why


async def test_places_are_named_found_or_not(local: LocalService, client: JobRunsClient) -> None:
    local.add_application(APP, duration=MINUTE, native=IN_BOTH)
    run = await client.emr_serverless(APP).start(SparkSubmit("s3://b/main.py"), execution_role_arn=ROLE)
    places = await client.log_places(run)
    assert [(place.storage, place.source) for place in places] == [("cloudwatch", None), ("s3", None)]
    assert all("nothing of the run was found" in place.why for place in places)
    local.add_log_lines(str(run), "driver", ["a"])
    stream, uri = await client.log_places(run)
    path = f"applications/{APP}/jobs/{run.run_id}/SPARK_DRIVER/stdout"
    assert (stream.group, stream.stream, stream.source) == ("/emr", path, "driver")
    assert uri.uri == f"s3://own-logs/emr/{path}.gz"


async def test_datazone_keeps_no_logs(local: LocalService, client: JobRunsClient) -> None:
    local.add_datazone_job("dzd_x", "job42")
    run = f"datazone:dzd_x/job42/{local.add_run('datazone:dzd_x/job42', state='FAILED')}"
    with pytest.raises(LogsUnavailableError, match="datazone keeps no logs"):
        client.logs(run)
    with pytest.raises(LogsUnavailableError, match="datazone keeps no logs"):
        await client.log_places(run)
    assert "data warehouse" in (await client.error_of(run) or "")


async def test_expired_tokens_and_throttles_lose_nothing(local: LocalService, client: JobRunsClient) -> None:
    run, start = await started(client, local), local.clock.now()
    expected = [f"line {number}" for number in range(300)]
    for number in range(30):
        lines = expected[10 * number : 10 * number + 10]
        local.add_log_lines(run, "driver", lines, at=start + (11 + number) * SECOND)
    local.fault("GetLogEvents", "expired_token", times=3, after=2)
    local.fault("GetLogEvents", "throttle", times=4, after=6)
    local.fault("DescribeLogStreams", "error500", times=2)
    assert texts(await client.logs(run, follow=True).collect()) == expected


@pytest.mark.local(token_lifetime=5 * MINUTE)
async def test_a_token_that_was_held_for_too_long_is_replaced(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("slow", duration=40 * MINUTE)
    run, start = str(await client.glue("slow").start()), local.clock.now()
    for minutes in (1, 15, 38):
        local.add_log_lines(run, "driver", [f"{minutes} min"] * 2, at=start + minutes * MINUTE)
    expected = [f"{minutes} min" for minutes in (1, 1, 15, 15, 38, 38)]
    assert texts(await client.logs(run, follow=True).collect()) == expected
    assert {request.status for request in local.requests if request.operation == "GetLogEvents"} == {200, 400}


async def test_more_than_is_wanted_is_refused(local: LocalService, client: JobRunsClient) -> None:
    run = await started(client, local)
    local.add_log_lines(run, "driver", ["x" * 99] * 100)
    assert len(await client.logs(run, max_bytes=10_000).collect()) == 100
    limits: list[LogOptions] = [
        {"max_bytes": 9999},
        {"max_bytes": 9999, "tail": 1000},
        {"max_bytes": 9999, "follow": True},
    ]
    for options in limits:
        with pytest.raises(LimitExceededError, match="max_bytes=9999"):
            await client.logs(run, **options).collect()


async def test_what_must_not_be_looked_into_is_an_error_unless_it_may_be_elsewhere(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl", duration=MINUTE, default_arguments={"--custom-logGroup-prefix": "/own"})
    run = str(await client.glue("etl").start())
    local.add_log_lines(run, "driver", ["a"])
    denied = {"code": "AccessDeniedException", "message": "not you", "status": 400, "times": None}
    local.fault("DescribeLogStreams", "error", match={"logGroupName": "/own/output"}, **denied)  # type: ignore[arg-type]  # as above
    assert texts(await client.logs(run).collect()) == ["a"]
    local.fault("DescribeLogStreams", "error", **denied)  # type: ignore[arg-type]  # as above
    for follow in (True, False):
        with pytest.raises(AccessDeniedError, match="not you"):
            await client.logs(run, follow=follow).collect()


async def test_what_cannot_be_read_for_too_long_ends_it(local: LocalService) -> None:
    async with local.client(throttle_timeout=MINUTE) as client:
        run = await started(client, local)
        local.add_log_lines(run, "driver", ["a"])
        local.fault("GetLogEvents", "throttle", times=None)
        with pytest.raises(ThrottledError):
            await client.logs(run, follow=True).collect()


@pytest.mark.parametrize(
    "options",
    [
        {"attempt": 0},
        {"attempt": True},
        {"attempt": "last"},
        {"sources": ["stdout"]},
        {"sources": []},
        {"sources": "driver"},
        {"tail": 0},
        {"max_bytes": -1},
        {"follow": "yes"},
        {"settle": 10},
    ],
)
async def test_invalid_arguments_are_refused_at_once(
    local: LocalService, client: JobRunsClient, options: dict[str, object]
) -> None:
    with pytest.raises(InvalidRequestError):
        client.logs("glue:etl/jr_x", **options)  # type: ignore[arg-type]  # that is the point
    assert local.calls() == 0


def test_without_an_event_loop(local: LocalService) -> None:
    local.add_glue_job("etl", duration=MINUTE)
    with local.sync_client() as client:
        etl = client.glue("etl")
        run = etl.start()
        local.add_log_lines(str(run), "driver", ["a", "b"])
        assert [line.text for line in client.logs(run, follow=True)] == ["a", "b"]
        assert [line.text for line in etl.logs(run.run_id).collect()] == ["a", "b"]
        assert [place.source for place in client.log_places(run)] == ["driver", None]
        assert client.error_of(run) is None


async def test_leaving_a_loop_ends_the_wait(local: LocalService) -> None:
    told: list[WaitStarted | WaitEnded] = []
    async with local.client(observer=Observer(wait=told.append)) as client:
        run = await started(client, local)
        local.add_log_lines(run, "driver", ["a", "b"])
        lines = aiter(client.logs(run, follow=True))
        assert (await anext(lines)).text == "a"
        assert [type(one) for one in told] == [WaitStarted]
        await lines.aclose()
        assert [type(one) for one in told] == [WaitStarted, WaitEnded]


TRACEBACK: Final = """\
Traceback (most recent call last):
  File "/tmp/etl.py", line 12, in <module>
    main()
ValueError: the day 2026-02-30 does not exist
24/01/05 ERROR ProcessLauncher: the script ended badly""".splitlines()


async def test_the_reason_of_a_failure_is_the_services_or_that_of_the_log(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl")
    said, unsaid, fine = (
        local.add_run("glue:etl", state="FAILED", message="An error occurred while calling o122. Access Denied"),
        local.add_run("glue:etl", state="FAILED", message="Command failed with exit code 1"),
        local.add_run("glue:etl", state="SUCCEEDED"),
    )
    local.add_log_lines(f"glue:etl/{unsaid}", "driver", TRACEBACK, at=local.clock.now() - MINUTE)
    assert await client.error_of(f"glue:etl/{said}") == "An error occurred while calling o122. Access Denied"
    assert local.calls("logs:*") == 0
    assert await client.error_of(f"glue:etl/{unsaid}") == "ValueError: the day 2026-02-30 does not exist"
    assert await client.error_of(f"glue:etl/{fine}") is None
    local.fault("DescribeLogStreams", "error", code="AccessDeniedException", message="no", status=400, times=None)
    assert await client.error_of(f"glue:etl/{unsaid}") == "Command failed with exit code 1"


async def test_lines_and_places_become_dicts_and_a_link_only_if_secrets_may(
    local: LocalService, client: JobRunsClient
) -> None:
    run = await started(client, local)
    local.add_log_lines(run, "driver", ["a"])
    (line,) = await client.logs(run).collect()
    assert from_dict(to_dict(line)) == line
    place = LogPlace("managed", 1, url="https://signed", why="managed")
    assert to_dict(place, secrets=False)["url"] is None
    assert from_dict(to_dict(place)) == place
