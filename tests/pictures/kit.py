"""Runs and attempts to draw."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from xml.etree import ElementTree as ET

import attrs

from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import Attempt, JobRun
from jobruns_sdk.model.states import RunState
from jobruns_sdk.pictures import Bar
from tests.unit.values import ATTEMPT, RUN

SVG: Final = "{http://www.w3.org/2000/svg}"
NOW: Final = datetime(2026, 11, 30, 19, 20, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
ETL: Final = JobRef("glue", ("nightly-etl",), "eu-west-1")
ANALYTICS: Final = JobRef("emr-serverless", ("00f1spark00demo9",), "eu-west-1", job_name="analytics")
EVIL: Final = JobRef("glue", ("<script>alert('x')</script>\x1b[2J\u202e & a name that goes on and on",), "eu-west-1")


def run(  # where each is plain
    run_id: str,
    begin: datetime = NOW - 4 * HOUR,
    took: timedelta | None = HOUR,
    state: RunState = RunState.SUCCEEDED,
    *,
    job: JobRef = ETL,
    queued: timedelta = timedelta(0),
    **more: Any,  # noqa: ANN401  # members of a run
) -> JobRun[Any]:
    """Return a run that was created then, queued so long and took so long; None while it goes on."""
    end = None if took is None else begin + queued + took
    given: dict[str, Any] = {
        "created_at": begin,
        "started_at": begin + queued,
        "ended_at": end,
        "updated_at": end or begin + queued,
        "message": None,
    }
    return attrs.evolve(RUN, job=job, id=run_id, state=state, native_state=str(state), **given | more)


def attempt(  # where each is plain
    of: JobRun[Any],
    number: int,
    begin: datetime,
    took: timedelta | None,
    state: RunState,
    **more: Any,  # noqa: ANN401  # members of an attempt
) -> Attempt[Any]:
    """Return an attempt of a run."""
    end = None if took is None else begin + took
    given: dict[str, Any] = {
        "created_at": begin,
        "started_at": begin,
        "ended_at": end,
        "updated_at": end or begin,
        "message": None,
    }
    facts: dict[str, Any] = {
        "run": of.ref,
        "id": f"{of.id}_attempt_{number}",
        "number": number,
        "native_state": str(state),
    }
    return attrs.evolve(ATTEMPT, state=state, **facts | given | more)


def brief(bars: Iterable[Bar]) -> list[tuple[str, str, int, int, int]]:
    """Return kind, state and attempt of bars, and their begin and end in minutes before the present time."""
    return [
        (bar.kind, str(bar.state), bar.attempt, (NOW - bar.begin) // MINUTE, (NOW - bar.end) // MINUTE) for bar in bars
    ]


def elements(svg: str, name: str) -> list[ET.Element]:
    """Return the elements of a picture that have that name; a picture that is not well-formed fails."""
    return list(ET.fromstring(svg).iter(f"{SVG}{name}"))  # noqa: S314  # made here


def drawn(svg: str) -> list[tuple[str | None, str | None]]:
    """Return the state and the run of each bar."""
    bars = [rect for rect in elements(svg, "rect") if rect.get("data-run")]
    return [((bar.get("class") or "").split()[-1], bar.get("data-run")) for bar in bars]
