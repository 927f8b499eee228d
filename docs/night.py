"""The pictures of a night of runs, drawn by the package: ``python -m docs.night`` makes ``docs/night.svg`` again."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from jobruns_sdk import Attempt, JobRun
from jobruns_sdk.pictures import Picture, durations, timeline
from jobruns_sdk.testing import LocalService

FILE: Final = Path(__file__).with_name("night.svg")

_MIDNIGHT: Final = datetime(2026, 1, 5, tzinfo=UTC)
_END: Final = _MIDNIGHT + timedelta(hours=6)
_WIDTH: Final = 800  # pixels, so that it is legible in a column of text
_JOBS: Final = {
    "glue:nightly-etl": "Glue nightly-etl",
    "glue:hourly-ingest": "Glue hourly-ingest",
    "emr-serverless:00f1spark00demo9": "EMR analytics",
    "datazone:dzd_4p9n6sw4qt9xgn/lineage": "DataZone lineage",
}
_RUNS: Final = (  # the job, when it starts and how long it takes in minutes, the service's state, attempts
    ("glue:nightly-etl", 20, 200, "SUCCEEDED", 3),
    *(("glue:hourly-ingest", hour * 60 + 5, 22, "SUCCEEDED", 1) for hour in (0, 1, 3)),
    ("glue:hourly-ingest", 125, 40, "SUCCEEDED", 2),
    ("glue:hourly-ingest", 245, 44, "FAILED", 2),
    ("emr-serverless:00f1spark00demo9", 30, 70, "SUCCESS", 1),
    ("emr-serverless:00f1spark00demo9", 135, 110, "SUCCESS", 2),
    ("emr-serverless:00f1spark00demo9", 275, 65, "CANCELLED", 1),
    ("datazone:dzd_4p9n6sw4qt9xgn/lineage", 230, 50, "PARTIALLY_SUCCEEDED", 1),
)
_GOING_ON: Final = (("glue:hourly-ingest", 335, "RUNNING"), ("emr-serverless:00f1spark00demo9", 350, "QUEUED"))


class Night(NamedTuple):
    """The runs of a night and their attempts, as a client reads them."""

    runs: Sequence[JobRun[Any]]
    attempts: Sequence[Attempt[Any]]


async def lived() -> Night:
    """Read the night's runs and their attempts from a local service."""
    async with LocalService(start=_END) as local:
        local.add_glue_job("nightly-etl", max_retries=2)
        local.add_glue_job("hourly-ingest", max_retries=1)
        local.add_application("00f1spark00demo9", max_retries=1)
        local.add_datazone_job("dzd_4p9n6sw4qt9xgn", "lineage")
        for number, (job, start, minutes, state, attempts) in enumerate(_RUNS):
            begin = _MIDNIGHT + timedelta(minutes=start)
            end = begin + timedelta(minutes=minutes)
            local.add_run(job, run_id=_id(job, number), state=state, attempts=attempts, created_at=begin, ended_at=end)
        for number, (job, start, state) in enumerate(_GOING_ON, len(_RUNS)):
            begin = _MIDNIGHT + timedelta(minutes=start)
            local.add_run(job, run_id=_id(job, number), state=state, created_at=begin)
        async with local.client(quotas=None) as client:
            runs = await client.runs(list(_JOBS), hydrate=True).collect()
            return Night(runs, await client.attempts(runs, hydrate=True).collect())


def _id(job: str, number: int) -> str:
    return f"jr_{number:064x}" if job.startswith("glue:") else f"00f1night{number:07}"


def picture(night: Night) -> Picture:
    """Return the timeline of the night."""
    return timeline(night.runs, attempts=night.attempts, since=_MIDNIGHT, now=_END, names=_JOBS, zone=UTC)


def lengths(night: Night) -> Picture:
    """Return the durations of the night's runs."""
    return durations(night.runs, now=_END, names=_JOBS, zone=UTC)


def write(folder: Path) -> None:
    """Write the pictures into a folder, each for a light page and for a dark one."""
    night = asyncio.run(lived())
    for name, drawn in (("night", picture(night)), ("durations", lengths(night))):
        (folder / f"{name}.svg").write_text(drawn.svg(width=_WIDTH, theme="light"), encoding="utf-8")
        (folder / f"{name}-dark.svg").write_text(drawn.svg(width=_WIDTH, theme="dark"), encoding="utf-8")


def front_of(night: Night) -> str:
    """Return the picture of the README, which follows the reader's system."""
    return picture(night).svg(width=_WIDTH)


if __name__ == "__main__":
    FILE.write_text(front_of(asyncio.run(lived())), encoding="utf-8")
