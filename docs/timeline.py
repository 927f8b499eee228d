"""The picture of a run with retries: what Glue lists, and the one run that it is here; the local service lives it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from docs.drawing import COLOURS, save, svg
from jobruns_sdk import RunState
from jobruns_sdk.testing import LocalService

_LEFT, _TOP, _BAR, _LINE, _LONG = 172, 52, 30, 44, 600  # pixels
_RUN: Final = "jr_0123"


class Bar(NamedTuple):
    """A stretch of time in which something ended in a state."""

    name: str
    begin: datetime
    end: datetime
    state: RunState


class Lived(NamedTuple):
    """A run: Glue's rows, oldest first, its attempts, and itself."""

    rows: Sequence[Bar]
    attempts: Sequence[Bar]
    run: Bar


async def lived() -> Lived:
    """Let a run fail twice, and look at it."""
    with LocalService() as local:
        local.add_glue_job("etl", max_retries=2, fail_attempts=2, duration=timedelta(minutes=20))
        local.add_run("glue:etl", run_id=_RUN)
        async with local.client() as client:
            etl = client.glue("etl")
            run = await client.wait(etl.ref.run(_RUN), timeout=timedelta(hours=3))
            rows = await etl.runs(collapse_retries=False).collect()
            attempts = await etl.attempts(_RUN).collect()
    return Lived(
        [_bar(row.id, row.created_at, row.ended_at, row.state) for row in reversed(rows)],
        [_bar(str(each.number), each.created_at, each.ended_at, each.state) for each in attempts],
        _bar(run.id, run.created_at, run.ended_at, run.state),
    )


def _bar(name: str, begin: datetime | None, end: datetime | None, state: RunState) -> Bar:
    if begin is None or end is None:
        raise ValueError(f"{name} has not ended")
    return Bar(name, begin, end, state)


def picture(found: Lived) -> str:
    """Return the picture."""
    begin, span = found.run.begin, found.run.end - found.run.begin
    shapes = [_name(30, "Glue lists"), _name(_y(len(found.rows)) + 20, "jobruns_sdk")]
    for line, row in enumerate(found.rows):
        shapes += [_name(_y(line) + 20, row.name), *_drawn(row, "row", begin, span, _y(line))]
    y = _y(len(found.rows)) + 34
    shapes.append(_name(y + 20, found.run.name))
    for attempt in found.attempts:
        shapes += _drawn(attempt, "attempt", begin, span, y)
    told = f"Glue lists {len(found.rows)} runs; here they are one, {found.run.state}, of {len(found.attempts)} attempts"
    return svg(_LEFT + _LONG + 24, y + _BAR + 24, "A run with two retries", told, shapes)


def _y(line: int) -> int:
    return _TOP + line * _LINE


def _drawn(bar: Bar, kind: str, begin: datetime, span: timedelta, y: int) -> list[str]:
    left, right = (_LEFT + (moment - begin) / span * _LONG for moment in (bar.begin, bar.end))
    label = f"attempt {bar.name}: {bar.state}" if kind == "attempt" else str(bar.state)
    box = (
        f'<rect class="box" data-{kind}="{bar.name}" data-state="{bar.state}" x="{left:.1f}" y="{y}" '
        f'width="{right - left:.1f}" height="{_BAR}" rx="5" fill="{COLOURS[bar.state]}"/>'
    )
    return [box, f'<text class="native" x="{(left + right) / 2:.0f}" y="{y + 20}">{label}</text>']


def _name(y: int, text: str) -> str:
    return f'<text class="label" x="{_LEFT - 12}" y="{y}" style="text-anchor:end">{text}</text>'


def write(folder: Path) -> None:
    """Write the picture into a folder."""
    save(folder, "attempts", picture(asyncio.run(lived())))
