"""Waits that a queue's events wake, beside the same waits that poll alone, at the same time.

    python -m tests.benchmarks.events [--runs 60] [--speed 8] [--seconds 300 900] [--drop 0.05] [--duplicate 0.1]
                                      [--page]

Each run is the only one of its job. Both ways have a local service of their own with the same runs, whose time is real
time so many times as fast: what a call and a message take is as much longer in its seconds. Every wait is made as by
default: polls from 10 seconds to a minute, or ten minutes while events are heard. A share of events is lost, another
one comes twice. `--page` puts the table into docs/benchmarks.md.
"""

import argparse
import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median
from typing import Final

import attrs

from jobruns_sdk import JobRunsClient
from jobruns_sdk.events import SqsEvents
from jobruns_sdk.testing import LocalService, SpeedClock
from tests.benchmarks import report

_HEADINGS: Final = ("", "runs that ended", "calls to Glue", "calls to SQS", "median delay", "longest delay")


@attrs.frozen(kw_only=True)
class Plan:
    """The runs of both ways, and what becomes of their events."""

    runs: int = 60
    speed: float = 8.0
    seconds: tuple[float, float] = (300.0, 900.0)
    drop: float = 0.05
    duplicate: float = 0.1


@attrs.frozen
class Figures:
    """The result of one way; delays are seconds of the service's time between the end of a run and its wait's."""

    ended: int
    calls: int
    messages: int
    delays: Sequence[float]


async def _wait(local: LocalService, client: JobRunsClient, plan: Plan) -> Figures:
    chance = Random(0)
    runs: list[str] = []
    for number in range(plan.runs):
        local.add_glue_job(f"job-{number}", startup=timedelta(0))
        duration = timedelta(seconds=chance.uniform(*plan.seconds))
        runs.append(f"glue:job-{number}/{local.add_run(f'glue:job-{number}', duration=duration)}")

    async def wait(run: str) -> float:
        ended = (await client.wait(run, timeout=timedelta(days=1))).raise_for_state()
        return (local.clock.now() - (ended.ended_at or local.clock.now())).total_seconds()

    delays = await asyncio.gather(*map(wait, runs))
    return Figures(len(delays), local.calls("glue:*"), local.calls("sqs:*"), delays)


async def _polled(plan: Plan) -> Figures:
    async with (
        LocalService(clock=SpeedClock(datetime.now(UTC), speed=plan.speed)) as local,
        local.client() as client,
    ):
        return await _wait(local, client, plan)


async def _woken(plan: Plan) -> Figures:
    async with (
        LocalService(clock=SpeedClock(datetime.now(UTC), speed=plan.speed)) as local,
        local.client() as client,
    ):
        queue = local.add_queue(drop=plan.drop, duplicate=plan.duplicate)
        async with client.listening(SqsEvents(queue)):
            return await _wait(local, client, plan)


async def compare(plan: Plan) -> tuple[Figures, Figures]:
    """Return what waits take that poll alone, and those that are woken."""
    polled, woken = await asyncio.gather(_polled(plan), _woken(plan))
    return polled, woken


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    usual = Plan()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=usual.runs)
    parser.add_argument("--speed", type=float, default=usual.speed)
    parser.add_argument("--seconds", type=float, nargs=2, default=usual.seconds)
    parser.add_argument("--drop", type=float, default=usual.drop)
    parser.add_argument("--duplicate", type=float, default=usual.duplicate)
    parser.add_argument("--page", action="store_true")
    given = parser.parse_args(arguments)
    least, most = given.seconds
    plan = Plan(
        runs=given.runs,
        speed=given.speed,
        seconds=(least, most),
        drop=given.drop,
        duplicate=given.duplicate,
    )
    polled, woken = asyncio.run(compare(plan))
    told = [
        (
            name,
            str(one.ended),
            str(one.calls),
            str(one.messages),
            f"{median(one.delays):.1f} s",
            f"{max(one.delays):.0f} s",
        )
        for name, one in (("polling alone", polled), ("`client.listening`", woken))
    ]
    calls, both = woken.calls / polled.calls, (woken.calls + woken.messages) / polled.calls
    delay = median(woken.delays) / median(polled.delays)
    ratio = f"{calls:.2f} of the calls to Glue, {both:.2f} with those to SQS, and {delay:.2f} of the median delay"
    text = (
        f"{plan.runs} runs of {least:g} to {most:g} s, each the only one of its job, {plan.drop:.0%} of events lost, "
        f"{plan.duplicate:.0%} doubled; time {plan.speed:g} times as fast; {report.where()}\n\n"
        f"{report.plain_table(_HEADINGS, told)}\n\nThat is {ratio}."
    )
    print(text)  # noqa: T201  # a benchmark prints
    if given.page:
        report.PAGE.write_text(report.with_results(report.PAGE.read_text("utf-8"), text, "events"), "utf-8")


if __name__ == "__main__":
    main()
