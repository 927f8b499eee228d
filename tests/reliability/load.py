"""Load: loops and waits by the thousand on one client for a minute, without quotas and with them."""

from collections.abc import Sequence

from tests.benchmarks.report import circumstances
from tests.dangers.load.busy import Figures, check, measured
from tests.dangers.load.service import Plan

EXACT = False
PLANS = (
    Plan(seconds=60, iterations=2_000, waits=5_000),
    Plan(seconds=60, iterations=2_000, waits=5_000, rate=200),
)


def _cells(plan: Plan, figures: Figures) -> Sequence[str]:
    slowest, median, fastest = figures.pages
    warm, end = (size / 1e6 for size in figures.memory)
    return (
        "none" if plan.rate is None else f"GetJobRuns {plan.rate} a second, the others as published",
        f"{figures.warming:.0f} s, and {plan.seconds:.0f} s",
        f"{figures.service['calls']:,}",
        "0",
        f"{slowest}, {median}, {fastest}",
        f"{figures.done:,}",
        f"{figures.latest:.1f} s" if figures.latest else "all had ended before",
        f"{warm:.0f} MB, {end:.0f} MB",
        f"{figures.ends['ClientClosedError']:,} in {figures.closing:.2f} s",
    )


_NAMES = (
    "quotas",
    "time: until all had begun, and from then on",
    "requests",
    "errors, throttled answers, waits without a look",
    "pages of a loop: fewest, median, most",
    "waits that saw the end of their run",
    "latest notice of an end after all had begun, polls every 5 s",
    "resident memory: when all had begun, at the end",
    "closed while busy: calls that got `ClientClosedError`",
)


def render() -> str:
    columns: list[Sequence[str]] = [_NAMES]
    for plan in PLANS:
        figures = measured(plan)
        check(figures, plan)
        columns.append(_cells(plan, figures))
    rows = ["| " + " | ".join(cells) + " |" for cells in zip(*columns, strict=True)]
    told = circumstances()
    return "\n".join(
        [
            rows[0],
            "| --- " * len(columns) + "|",
            *rows[1:],
            "",
            f"Measured {told['date']}: Python {told['python']}, aiobotocore {told['aiobotocore']},",
            f"aiohttp {told['aiohttp']}; {told['machine']}, shared (load {told['load']}),",
            "client and service in a process each.",
        ]
    )
