"""The report: numbers, pictures and a table of runs in one HTML file that fetches nothing."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from hashlib import sha256
from typing import Final, NamedTuple

from jobruns_sdk.checks import check_text, kind_of, optional
from jobruns_sdk.costs import PriceTable
from jobruns_sdk.model.labels import short_ids, span
from jobruns_sdk.model.refs import RunRef
from jobruns_sdk.model.runs import Attempt, JobRun
from jobruns_sdk.model.states import UNSUCCESSFUL, RunState
from jobruns_sdk.pictures.axis import clock
from jobruns_sdk.pictures.bars import Bar, length_of, runs_by_ref
from jobruns_sdk.pictures.lanes import LaneOf, Names
from jobruns_sdk.pictures.scatter import durations
from jobruns_sdk.pictures.shapes import LIGHT_AND_DARK, marked, safe
from jobruns_sdk.pictures.timelines import checked_runs, timeline

_check_costs: Final = optional(kind_of(PriceTable, "a PriceTable of jobruns_sdk.costs"))
MOST_ROWS: Final = 1_000
_MESSAGE: Final = 300  # characters
_STATES: Final = (  # what a reader looks for first
    *(RunState.FAILED, RunState.TIMED_OUT, RunState.UNKNOWN, RunState.STOPPED, RunState.PARTIALLY_SUCCEEDED),
    *(RunState.STOPPING, RunState.RUNNING, RunState.STARTING, RunState.QUEUED),
)
_STYLE: Final = (
    "body{margin:0 auto;padding:1rem;max-width:76rem;background:var(--ground);color:var(--ink);"
    "font:15px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif}"
    "h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.1rem;margin:1.8rem 0 .5rem}p{margin:.3rem 0;color:var(--soft)}"
    "h1,p{overflow-wrap:anywhere}"
    "dl{display:flex;flex-wrap:wrap;gap:.6rem;margin:1rem 0}"
    "dl div{border:1px solid var(--rule);border-radius:8px;padding:.5rem 1rem;min-width:6rem}"
    "dt{color:var(--soft);font-size:.85rem}dd{margin:0;font-size:1.5rem;font-weight:600}"
    "figure{margin:0;overflow-x:auto}figure svg{display:block;min-width:720px;width:100%;max-width:none}"
    ".table{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}"
    "th,td{text-align:left;padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--rule);white-space:nowrap;"
    "vertical-align:top}td.job{white-space:normal;min-width:8rem;max-width:16rem;overflow-wrap:anywhere}"
    "td.message{white-space:normal;min-width:16rem;overflow-wrap:anywhere}"
    "td svg{width:14px;height:14px;vertical-align:-2px;margin-right:6px}td path{fill:none;stroke-width:2}"
    "input{font:inherit;padding:.3rem .6rem;border:1px solid var(--soft);border-radius:6px;width:min(22rem,100%);"
    "box-sizing:border-box;background:var(--ground);color:var(--ink)}.filter{margin:.5rem 0}"
    "@media print{body{max-width:none;padding:0;font-size:11px}figure,.table{overflow:visible}.filter{display:none}"
    "figure svg{min-width:0}tr,dl div{break-inside:avoid}h2{break-after:avoid}"
    "table{font-size:.8em}td.job{min-width:5rem}td.message{min-width:9rem}}"
)
_SCRIPT: Final = (
    "const box=document.getElementById('filter'),rows=[...document.querySelectorAll('tbody tr')],"
    "shown=document.getElementById('shown');if(box){box.parentElement.parentElement.hidden=false;"
    "box.addEventListener('input',()=>{const words=box.value.toLowerCase().split(/\\s+/);let left=0;"
    "for(const row of rows){const text=(row.textContent+' '+row.dataset.ref).toLowerCase();"
    "row.hidden=!words.every(word=>text.includes(word));left+=!row.hidden}"
    "shown.textContent=left+' of '+rows.length})}"
)
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    f"script-src 'sha256-{b64encode(sha256(_SCRIPT.encode()).digest()).decode()}'"
)


class _Row(NamedTuple):
    """A run of the table, with its lane and its first bar's begin."""

    run: JobRun[object]
    lane: str
    begin: datetime
    took: str


def report(
    runs: Iterable[JobRun[object]],
    *,
    attempts: Iterable[Attempt[object]] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    now: datetime | None = None,
    title: str = "Job runs",
    costs: PriceTable | None = None,
    lane: LaneOf = "job",
    names: Names | None = None,
    zone: tzinfo | None = None,
) -> str:
    """Return a report of runs as one HTML file: numbers, the timeline, durations, and the runs to look at.

    It fetches nothing, and its policy forbids it to; it can be printed, and its table be filtered. The table has the
    runs that go on or were unsuccessful, 1,000 at most. Neither arguments of jobs nor anything else of ``native`` is in
    the file: of what a service tells in words, only the first line of the message.

    Args:
        runs: The runs, as for ``timeline``.
        attempts: Their attempts, as for ``timeline``.
        since: Where the report begins; None for the first run.
        until: Where it ends; None for the last end, or now if a run is going on.
        now: The present time; None for that of the machine.
        title: Its heading.
        costs: The prices for a number of what the runs cost; runs of which that is not known are counted beside it.
        lane: As in ``timeline``.
        names: As in ``timeline``.
        zone: The zone of all times; None for that of the machine.

    Raises:
        InvalidRequestError: An argument is something else, or ``since`` is not before ``until``.
    """
    check_text("title", title)
    _check_costs("costs", costs)
    listed = runs_by_ref(checked_runs(runs))
    picture = timeline(
        listed.values(), attempts=attempts, since=since, until=until, now=now, lane=lane, names=names, zone=zone
    )
    rows = _rows(listed, picture.bars, picture.now)
    shown = [row.run for row in rows]
    lengths = durations(shown, now=picture.now, lane=lane, names=names, zone=zone)
    window = f"{clock(picture.since, zone)} to {clock(picture.until, zone)}"
    body = (
        f"<h1>{safe(title)}</h1><p>{safe(window)}, as seen at {safe(clock(picture.now, zone))}</p>"
        f"<dl>{''.join([*_numbers(shown), *_costs(shown, costs)])}</dl>"
        f"<h2>Timeline</h2><figure>{picture.svg()}</figure><h2>Durations</h2><figure>{lengths.svg()}</figure>"
        f"<h2>Unsuccessful or going on</h2>{_table(rows, zone)}"
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="referrer" content="no-referrer">'
        f"<title>{safe(title)}</title><style>{LIGHT_AND_DARK}{_STYLE}</style></head>"
        f"<body>{body}<script>{_SCRIPT}</script></body></html>\n"
    )


def _rows(listed: dict[RunRef, JobRun[object]], bars: Sequence[Bar], now: datetime) -> list[_Row]:
    """Return the runs that are in the picture, newest first."""
    firsts = {bar.run: bar for bar in reversed(bars)}
    found = [_Row(listed[ref], bar.lane, bar.begin, _took(listed[ref], now)) for ref, bar in firsts.items()]
    return sorted(found, key=lambda row: (row.begin, row.run.ref), reverse=True)


def _took(run: JobRun[object], now: datetime) -> str:
    piece = length_of(run, now)
    return "" if piece is None else span(piece.end - piece.begin) + ("+" if piece.is_open else "")


def _numbers(runs: Sequence[JobRun[object]]) -> Iterator[str]:
    ended = sum(run.is_terminal for run in runs)
    unsuccessful = sum(run.state in UNSUCCESSFUL for run in runs)
    share = f"{unsuccessful / ended:.1%}" if ended else "–"  # noqa: RUF001  # a dash, where there is no number
    told = {
        "Runs": f"{len(runs):,}",
        "Unsuccessful": f"{unsuccessful:,}",
        "of those that ended": share,
        "Going on": f"{len(runs) - ended:,}",
        "Retried": f"{sum(run.attempt > 1 for run in runs):,}",
    }
    for name, number in told.items():
        yield _number(name, number)


def _costs(runs: Sequence[JobRun[object]], prices: PriceTable | None) -> Iterator[str]:
    for row in [] if prices is None else prices.summary(runs):
        yield _number("Cost", "unknown" if row.amount is None else f"{row.amount:,.2f} {row.currency}")
        if row.unknown:
            yield _number("Runs without a known cost", f"{row.unknown:,}")


def _number(name: str, number: str) -> str:
    return f"<div><dt>{name}</dt><dd>{number}</dd></div>"


def _table(rows: Sequence[_Row], zone: tzinfo | None) -> str:
    listed = sorted((row for row in rows if row.run.state in _STATES), key=lambda row: _STATES.index(row.run.state))
    if not listed:
        return "<p>None.</p>"
    shorts = short_ids(row.run.id for row in rows)
    head = "".join(
        f'<th scope="col">{name}</th>' for name in ("State", "Job", "Run", "Attempt", "Created", "Took", "Message")
    )
    cells = "".join(_cells(row, shorts[row.run.id], zone) for row in listed[:MOST_ROWS])
    more = f"<p>and {len(listed) - MOST_ROWS:,} more</p>" if len(listed) > MOST_ROWS else ""
    return (
        '<div class="filter" hidden><label>Filter: <input id="filter" type="search" placeholder="state, job, message…">'
        '</label> <output id="shown" for="filter"></output></div>'
        f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table></div>{more}'
    )


def _cells(row: _Row, short: str, zone: tzinfo | None) -> str:
    run = row.run
    mark = marked(run.state, 7, 7, 4.5) or "M3 2L12 7L3 12Z"
    message = (run.message or "").strip().partition("\n")[0]
    message = message if len(message) <= _MESSAGE else f"{message[:_MESSAGE]}…"
    return (
        f'<tr data-ref="{safe(str(run.ref))}"><td><svg viewBox="0 0 14 14" aria-hidden="true"><path '
        f'style="stroke:var(--{run.state})" d="{mark}"/></svg>{run.state.replace("_", " ").lower()}</td>'
        f'<td class="job" title="{safe(str(run.job))}">{safe(row.lane)}</td>'
        f'<td title="{safe(str(run.ref))}">{safe(short)}</td>'
        f"<td>{run.attempt}</td><td>{safe(clock(run.created_at, zone)) if run.created_at else ''}</td>"
        f'<td>{row.took}</td><td class="message">{safe(message)}</td></tr>'
    )
