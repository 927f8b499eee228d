"""The picture of a cursor in the middle of a page, made by walking through pages of the local service."""

import asyncio
from pathlib import Path
from typing import NamedTuple

from docs.drawing import save, svg
from jobruns_sdk.testing import LocalService

_RUNS, _PAGE, _TAKEN = 10, 4, 6
_LEFT, _TOP, _BOX, _STEP, _BETWEEN = 24, 48, 44, 52, 26  # pixels


class Walked(NamedTuple):
    """How many runs each page held, how many were taken, and which follow the cursor."""

    pages: list[int]
    taken: list[str]
    rest: list[str]


async def walked() -> Walked:
    """Leave a walk in the middle of a page, and go on from its cursor."""
    with LocalService() as local:
        local.add_glue_job("etl")
        local.add_runs("glue:etl", _RUNS)
        async with local.client() as client:
            runs = client.glue("etl").runs(page_size=_PAGE)
            pages = [len(page.items) async for page in runs.by_page()]
            async with runs.open() as walk:
                taken = [(await anext(walk)).id for _ in range(_TAKEN)]
                cursor = walk.cursor
            rest = await client.glue("etl").runs(cursor=cursor).collect()
    return Walked(pages, taken, [run.id for run in rest])


def picture(found: Walked) -> str:
    """Return the picture."""
    shapes: list[str] = []
    number, x = 0, _LEFT
    for page, size in enumerate(found.pages, start=1):
        shapes.append(_text(x + (size * _STEP - _STEP + _BOX) // 2, _TOP - 16, f"page {page}", "label"))
        for _ in range(size):
            number += 1
            kind = "taken" if number <= len(found.taken) else "left"
            fill = "#a9cdf6" if kind == "taken" else "#ffffff"
            shapes.append(
                f'<rect class="box" data-run="{kind}" x="{x}" y="{_TOP}" width="{_BOX}" height="{_BOX}" rx="6" '
                f'fill="{fill}"/>{_text(x + _BOX // 2, _TOP + 27, str(number), "native")}'
            )
            if number == len(found.taken):
                at = x + (_STEP + _BOX) // 2
                shapes.append(f'<path class="mark" d="M{at} {_TOP - 8}V{_TOP + _BOX + 12}"/>')
                shapes.append(_text(at, _TOP + _BOX + 30, "cursor", "label"))
            x += _STEP
        x += _BETWEEN
    told = f"{len(found.taken)} of {sum(found.pages)} runs have been returned; the cursor is before the next one"
    return svg(x - _BETWEEN + _LEFT, _TOP + _BOX + 48, "A cursor in the middle of a page", told, shapes)


def _text(x: int, y: int, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{text}</text>'


def write(folder: Path) -> None:
    """Write the picture into a folder."""
    save(folder, "cursor", picture(asyncio.run(walked())))
