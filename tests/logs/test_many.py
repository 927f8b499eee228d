"""Many runs followed at once share the quotas, and long logs take no more memory than short ones."""

import asyncio
import gc
import tracemalloc
from datetime import timedelta
from typing import Final

import pytest

from jobruns_sdk import JobRunsClient, Quota
from jobruns_sdk.testing import LocalService

RUNS: Final = 50
MINUTE: Final = timedelta(minutes=1)
# What the services allow, so that nothing is tried beyond it: the published rates are only where a client begins.
CEILINGS: Final = {("logs", "GetLogEvents"): Quota(10, 10), ("logs", "DescribeLogStreams"): Quota(5, 5)}


@pytest.mark.local(quotas=True)
@pytest.mark.parametrize("quotas", [CEILINGS, {}], ids=["at most", "to begin with"])
async def test_fifty_followers_keep_to_the_quotas_and_lose_nothing(
    local: LocalService, quotas: dict[tuple[str, str], Quota], capsys: pytest.CaptureFixture[str]
) -> None:
    local.add_glue_job("etl", duration=MINUTE)
    async with local.client(quotas=quotas) as client:
        runs = [str(await client.glue("etl").start()) for _ in range(RUNS)]
        start = local.clock.now()
        for run in runs:
            for second in range(15, 75, 10):
                local.add_log_lines(run, "driver", [f"at {second}"], at=start + timedelta(seconds=second))
        followed = await asyncio.gather(*(client.logs(run, follow=True).collect() for run in runs))
        took = (local.clock.now() - start).total_seconds()
        throttled = sum(pace.throttled for pace in client.pace.values())
    for run, lines in zip(runs, followed, strict=True):
        assert [line.text for line in lines] == [f"at {second}" for second in range(15, 75, 10)]
        assert {str(line.run) for line in lines} == {run}
    calls = {name: local.calls(f"logs:{name}") for _, name in CEILINGS}
    with capsys.disabled():
        print(f"\n{RUNS} followers for {took:.0f} s: {calls}, {throttled} throttled")  # noqa: T201  # figures for readers
    for (_, name), quota in CEILINGS.items():
        assert calls[name] - throttled <= quota.rate * took + quota.burst
    assert throttled == 0 if quotas else throttled < sum(calls.values()) / 10


async def _peak(client: JobRunsClient, run: str, expected: int) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        count = 0
        async for line in client.logs(run):
            assert line.text.endswith("x" * 180)
            count += 1
        assert count == expected
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.local(check=False)
@pytest.mark.parametrize("service", ["glue", "emr-serverless"])
async def test_memory_does_not_grow_with_a_log(
    local: LocalService, service: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # What the service itself holds and sends is in the same process: one answer's worth, as long as they are small.
    monkeypatch.setattr("jobruns_sdk.logs.objects.RANGE", 1 << 16)
    local.add_glue_job("etl")
    place = {"s3MonitoringConfiguration": {"logUri": "s3://own-logs/"}}
    local.add_application("00f1abc", native={"monitoringConfiguration": place})
    job = {"glue": "glue:etl", "emr-serverless": "emr-serverless:00f1abc"}[service]
    peaks: list[int] = []
    async with local.client(quotas=None) as client:
        for megabytes in (2, 20):
            run = f"{job}/{local.add_run(job, state='SUCCEEDED')}"
            lines = [f"{number:019d} {'x' * 180}" for number in range(5000)]
            for _ in range(megabytes):
                local.add_log_lines(run, "driver", lines, at=local.clock.now() - MINUTE)
            await client.logs(run, tail=1).collect()  # what is loaded once is loaded
            peaks.append(await _peak(client, run, 5000 * megabytes))
    with capsys.disabled():
        print(f"\n{service}: {peaks[0] / 1e6:.1f} MB at the peak for 2 MB, {peaks[1] / 1e6:.1f} MB for 20 MB")  # noqa: T201  # as above
    assert peaks[1] < 1.5 * peaks[0] + 2_000_000
