"""The table of quotas, and the picture of one: as the client lets calls go where it is given as the ceiling."""

from pathlib import Path
from typing import Final

from docs.drawing import save, svg
from jobruns_sdk import Quota
from jobruns_sdk.services.registry import QUOTAS
from jobruns_sdk.transport.pace import PaceKeeper
from jobruns_sdk.transport.quotas import UNPUBLISHED

_SHOWN: Final = ("emr-serverless", "ListJobRuns")
_CALLS: Final = 60
_LEFT, _BOTTOM, _SECOND, _CALL = 60, 250, 16, 3.4  # pixels


def write(folder: Path) -> None:
    """Write both into a folder."""
    (folder / "quotas.md").write_text(table(), encoding="utf-8")
    save(folder, "quota", picture())


def table() -> str:
    """Return the table in Markdown."""
    lines = ["| service | operation | calls per second | burst |", "|---|---|---|---|"]
    lines += [_row(f"{service} | {operation}", quota) for (service, operation), quota in sorted(QUOTAS.items())]
    return "\n".join([*lines, _row("any | any other", UNPUBLISHED)]) + "\n"


def _row(names: str, quota: Quota) -> str:
    return f"| {names} | {quota.rate} | {quota.burst} |"


def instants() -> list[float]:
    """Return when each of the calls goes, in seconds, where all are asked for at once."""
    keeper, now, sent = PaceKeeper(QUOTAS[_SHOWN], QUOTAS[_SHOWN]), 0.0, list[float]()
    for _ in range(_CALLS):
        now += keeper.wait(now)
        keeper.sent(now)
        sent.append(now)
    return sent


def picture() -> str:
    """Return the picture."""
    points = [f"M{_LEFT} {_BOTTOM}"]
    for number, instant in enumerate(instants(), start=1):
        points.append(f"H{_LEFT + instant * _SECOND:.0f}V{_BOTTOM - number * _CALL:.0f}")
    width = round(_LEFT + instants()[-1] * _SECOND + 40)
    shapes = [
        f'<path class="axis" d="M{_LEFT} 24V{_BOTTOM}H{width - 20}"/>',
        f'<path class="curve" d="{"".join(points)}"/>',
        *(
            f'<text class="small" x="{_LEFT + second * _SECOND}" y="{_BOTTOM + 20}">{second} s</text>'
            for second in range(0, round(instants()[-1]) + 1, 5)
        ),
        *(
            f'<text class="small" x="{_LEFT - 26}" y="{_BOTTOM - calls * _CALL + 4:.0f}">{calls}</text>'
            for calls in (0, QUOTAS[_SHOWN].burst, _CALLS)
        ),
    ]
    told = f"{_CALLS} calls of {_SHOWN[1]} at once: {QUOTAS[_SHOWN].burst} are sent immediately, then one per second"
    return svg(width, _BOTTOM + 36, told, told, shapes)
