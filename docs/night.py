"""The picture of a night's runs on the front pages: ``python -m docs.night`` makes ``docs/night.svg`` anew."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from docs.drawing import COLOURS, for_either, save, svg
from jobruns_sdk import JobRunsClient, RunState
from jobruns_sdk.testing import LocalService

FILE: Final = Path(__file__).with_name("night.svg")

_MIDNIGHT: Final = datetime(2026, 1, 5, tzinfo=UTC)
_HOURS: Final = 6
_LEFT, _TOP, _HOUR, _LINE, _BAR = 196, 40, 92, 44, 28  # pixels
_JOBS: Final = {
    "glue:nightly-etl": "Glue nightly-etl",
    "glue:hourly-ingest": "Glue hourly-ingest",
    "emr-serverless:00f1spark00demo9": "EMR analytics",
    "datazone:dzd_4p9n6sw4qt9xgn/lineage": "DataZone lineage",
}
_RUNS: Final = (  # the job, when it starts and how long it takes in minutes, the service's state, attempts
    ("glue:nightly-etl", 20, 200, "SUCCEEDED", 3),
    *(("glue:hourly-ingest", hour * 60 + 5, 22, "SUCCEEDED", 1) for hour in (0, 1, 3, 5)),
    ("glue:hourly-ingest", 125, 40, "SUCCEEDED", 2),
    ("glue:hourly-ingest", 245, 44, "FAILED", 2),
    ("emr-serverless:00f1spark00demo9", 30, 70, "SUCCESS", 1),
    ("emr-serverless:00f1spark00demo9", 135, 110, "SUCCESS", 2),
    ("emr-serverless:00f1spark00demo9", 275, 65, "CANCELLED", 1),
    ("datazone:dzd_4p9n6sw4qt9xgn/lineage", 230, 50, "PARTIALLY_SUCCEEDED", 1),
)


class Bar(NamedTuple):
    """An attempt of a run."""

    number: int
    state: RunState
    begin: datetime
    end: datetime


class Run(NamedTuple):
    """A run of a job, with its attempts in order."""

    job: str
    state: RunState
    attempts: Sequence[Bar]


async def lived() -> list[Run]:
    """Read the night's runs and their attempts, oldest first, from a local service."""
    async with LocalService(start=_MIDNIGHT + timedelta(hours=_HOURS)) as local:
        local.add_glue_job("nightly-etl", max_retries=2)
        local.add_glue_job("hourly-ingest", max_retries=1)
        local.add_application("00f1spark00demo9", max_retries=1)
        local.add_datazone_job("dzd_4p9n6sw4qt9xgn", "lineage")
        for job, start, minutes, state, attempts in _RUNS:
            begin = _MIDNIGHT + timedelta(minutes=start)
            end = begin + timedelta(minutes=minutes)
            local.add_run(job, state=state, attempts=attempts, created_at=begin, ended_at=end)
        async with local.client(quotas=None) as client:
            return await _read(client)


async def _read(client: JobRunsClient) -> list[Run]:
    found: list[Run] = []
    for listed in reversed(await client.runs(list(_JOBS)).collect()):
        run = await client.run(listed.ref)
        attempts = await client.attempts(run.ref).collect()
        begins = [attempt.created_at for attempt in attempts]
        bars = [
            Bar(attempt.number, attempt.state, begin, end)
            for attempt, (begin, end) in zip(attempts, pairwise([*begins, run.ended_at]), strict=True)
            if begin and end
        ]
        found.append(Run(str(run.ref.job).partition("?")[0], run.state, bars))
    return found


def picture(found: Sequence[Run]) -> str:
    """Return the picture: a line for each job, a frame for each run, a box for each attempt."""
    bottom = _TOP + len(_JOBS) * _LINE
    shapes = [_hour(hour, bottom) for hour in range(_HOURS + 1)]
    for line, (job, name) in enumerate(_JOBS.items()):
        y = _TOP + line * _LINE + (_LINE - _BAR) // 2
        shapes.append(f'<text class="label" x="{_LEFT - 14}" y="{y + 19}" style="text-anchor:end">{name}</text>')
        shapes += [_drawn(run, y) for run in found if run.job == job]
    shapes += _legend(
        sorted({bar.state for run in found for bar in run.attempts}, key=list(COLOURS).index), bottom + 28
    )
    told = "; ".join(f"{_JOBS[run.job]}: {run.state} after {len(run.attempts)} attempts" for run in found)
    return svg(_LEFT + _HOURS * _HOUR + 30, bottom + 62, "A night of job runs, retries folded in", told, shapes)


def _x(moment: datetime) -> float:
    return _LEFT + (moment - _MIDNIGHT) / timedelta(hours=1) * _HOUR


def _hour(hour: int, bottom: int) -> str:
    x = _LEFT + hour * _HOUR
    return (
        f'<path class="rule" d="M{x} {_TOP - 4}V{bottom + 4}"/><text class="small" x="{x}" y="26">{hour:02d}:00</text>'
    )


def _drawn(run: Run, y: int) -> str:
    boxes = "".join(
        f'<rect class="box" data-state="{bar.state}" x="{_x(bar.begin):.1f}" y="{y}" '
        f'width="{_x(bar.end) - _x(bar.begin):.1f}" height="{_BAR}" rx="4" fill="{COLOURS[bar.state]}"/>'
        for bar in run.attempts
    )
    numbers = "".join(
        f'<text class="native" x="{(_x(bar.begin) + _x(bar.end)) / 2:.0f}" y="{y + 19}">{bar.number}</text>'
        for bar in run.attempts
        if len(run.attempts) > 1
    )
    left, right = _x(run.attempts[0].begin) - 3, _x(run.attempts[-1].end) + 3
    frame = (
        f'<rect class="axis" data-run="{run.state}" x="{left:.1f}" y="{y - 3}" width="{right - left:.1f}" '
        f'height="{_BAR + 6}" rx="6"/>'
    )
    return f"{frame}{boxes}{numbers}"


def _legend(states: Sequence[RunState], y: int) -> list[str]:
    shapes: list[str] = []
    x = 24
    for state in states:
        shapes.append(f'<rect class="box" x="{x}" y="{y}" width="16" height="16" rx="3" fill="{COLOURS[state]}"/>')
        shapes.append(f'<text class="small" x="{x + 22}" y="{y + 13}" style="text-anchor:start">{state}</text>')
        x += 38 + round(len(state) * 8.2)
    told = "frame = run, number = attempt"
    return [*shapes, f'<text class="small" x="{x}" y="{y + 13}" style="text-anchor:start">{told}</text>']


def write(folder: Path) -> None:
    """Write the picture into a folder."""
    save(folder, FILE.stem, picture(asyncio.run(lived())))


if __name__ == "__main__":
    FILE.write_text(for_either(picture(asyncio.run(lived()))), encoding="utf-8")
