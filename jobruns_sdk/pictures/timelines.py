"""The timeline: a lane for each job, a bar for each attempt."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, NamedTuple

import attrs

from jobruns_sdk import times
from jobruns_sdk.checks import check_moment, items_of, kind_of, optional
from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.model.labels import span
from jobruns_sdk.model.refs import RunRef
from jobruns_sdk.model.runs import Attempt, JobRun, check_run
from jobruns_sdk.pictures import text
from jobruns_sdk.pictures.axis import clock
from jobruns_sdk.pictures.bars import Bar, Piece, attempts_by_run, overlapping, pieces_of, runs_by_ref
from jobruns_sdk.pictures.drawing import Canvas, bar_shapes, legend_shapes
from jobruns_sdk.pictures.lanes import LaneOf, Names, Placed, bars_of, lanes_of
from jobruns_sdk.pictures.picture import WIDTH, Picture
from jobruns_sdk.pictures.shapes import Theme, svg
from jobruns_sdk.pictures.sums import MOST_BARS, ROWS, column_shapes, hours_of

_check_attempt: Final = kind_of(Attempt, "an Attempt, such as attempts() yields")
_check_zone: Final = optional(kind_of(tzinfo, "a time zone, such as ZoneInfo('Europe/Berlin')"))
_LEAST: Final = 4 / WIDTH  # of the axis: what a bar takes of its row at least
_SHORTEST: Final = timedelta(seconds=10)


class Window(NamedTuple):
    """The runs of a span of time, as they are drawn."""

    bars: tuple[Bar, ...]
    since: datetime
    until: datetime
    now: datetime
    notes: tuple[str, ...]
    drawn: frozenset[RunRef]


def timeline(
    runs: Iterable[JobRun[object]],
    *,
    attempts: Iterable[Attempt[object]] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    now: datetime | None = None,
    lane: LaneOf = "job",
    names: Names | None = None,
    zone: tzinfo | None = None,
) -> Picture:
    """Return a picture of runs in time: a lane for each job, a bar for each attempt.

    Runs that overlap lie in different rows of their lane. A run that is going on ends now and is hatched, one that is
    queued is hollow. Waiting is drawn as a line where the service tells it: before the start of a run's only attempt,
    and between attempts that are given. Any order of the runs will do; one that appears twice is drawn once, as it was
    last seen.

    Args:
        runs: The runs. Those that were created before ``since`` and go on belong to them: read with
            ``active_after=since``.
        attempts: Attempts, such as ``client.attempts(...)`` yields; of a run without any the bar is the whole run.
            Those of other runs are ignored.
        since: Where the axis begins; None for the first run.
        until: Where it ends; None for the last end, or now if a run is going on.
        now: When a bar ends that is going on; None for the present time.
        lane: What a lane is: ``"job"``; ``"name"``, a run's name without the date or the number at its end; or a
            function that returns the lane's name for a run.
        names: Names of jobs, such as those of EMR Serverless applications, for runs that do not know them.
        zone: The zone of the times on the axis; None for that of the machine.

    Raises:
        InvalidRequestError: An argument is something else, or ``since`` is not before ``until``.
    """
    check_zone(zone)
    found = windowed(runs, attempts, since, until, now, lane, names)
    lanes = len({bar.lane for bar in found.bars})
    title = f"Timeline of {len(found.drawn)} runs in {lanes} lanes" if found.bars else "Timeline without runs"
    return Timeline(title, found.bars, found.since, found.until, found.now, zone, found.notes)


def windowed(  # noqa: PLR0917  # all of them always
    runs: Iterable[JobRun[object]],
    attempts: Iterable[Attempt[object]] | None,
    since: datetime | None,
    until: datetime | None,
    now: datetime | None,
    lane: object,
    names: object,
) -> Window:
    """Return the bars of runs, with the span of time that was asked for or that they need."""
    listed = runs_by_ref(checked_runs(runs))
    tried = attempts_by_run(_checked_attempts(attempts))
    for name, moment in (("since", since), ("until", until), ("now", now)):
        optional(check_moment)(name, moment)
    present = times.now() if now is None else now.astimezone(UTC)
    pieces = {ref: pieces_of(run, tried.get(ref, ()), present) for ref, run in listed.items()}
    begin, end = span_of(pieces.values(), since, until, present)
    lanes = lanes_of(listed.values(), lane, names)
    drawn = [Placed(ref, lanes[ref], found) for ref, found in pieces.items() if overlapping(found, begin, end)]
    bars = bars_of(drawn, (end - begin) * _LEAST)
    notes = _notes(pieces, bars, outside=len(listed) - len(drawn))
    return Window(bars, begin, end, present, notes, frozenset(one.run for one in drawn))


def check_zone(zone: object) -> None:
    """Refuse anything but a time zone or None.

    Raises:
        InvalidRequestError: It is none.
    """
    _check_zone("zone", zone)


def checked_runs(runs: object) -> list[JobRun[object]]:
    """Return the runs of a collection.

    Raises:
        InvalidRequestError: They are something else.
    """
    listed: list[JobRun[object]] = items_of("runs", runs, "runs")  # type: ignore[arg-type]  # it is checked there
    for run in listed:
        check_run("each of runs", run)
    return listed


def _checked_attempts(attempts: object) -> list[Attempt[object]]:
    if attempts is None:
        return []
    listed: list[Attempt[object]] = items_of("attempts", attempts, "attempts")  # type: ignore[arg-type]  # as above
    for attempt in listed:
        _check_attempt("each of attempts", attempt)
    return listed


def span_of(
    pieces: Iterable[Sequence[Piece]], since: datetime | None, until: datetime | None, now: datetime
) -> tuple[datetime, datetime]:
    """Return the span of time that is drawn, which is never empty."""
    if since is not None and until is not None and since >= until:
        raise InvalidRequestError(f"since must be before until, got {since.isoformat()} and {until.isoformat()}")
    some = [piece for found in pieces for piece in found]
    begin = since.astimezone(UTC) if since else min((piece.begin for piece in some), default=None)
    end = until.astimezone(UTC) if until else max((piece.end for piece in some), default=None)
    if until is None and (end is None or any(piece.is_open for piece in some)):
        end = max(end or now, now)
    if begin is None:
        begin = (end or now) - timedelta(hours=1)
    end = end or now
    if end - begin < _SHORTEST:  # around a single moment, or before what was asked for
        return (end - _SHORTEST, end) if since is None and until is not None else (begin, begin + _SHORTEST)
    return begin, end


def _notes(pieces: Mapping[RunRef, Sequence[Piece]], bars: Sequence[Bar], outside: int) -> tuple[str, ...]:
    timeless = sum(1 for found in pieces.values() if not found)
    runs = len({bar.run for bar in bars})
    going = len({bar.run for bar in bars if bar.is_open})
    guessed = len({bar.run for bar in bars if bar.is_approximate})
    told = [f"{runs:,} {_runs(runs)}"]
    told += [f"{going:,} going on"] if going else []
    told += [f"of {guessed:,} the end is the last change"] if guessed else []
    told += [f"{outside - timeless:,} outside this time"] if outside > timeless else []
    told += [f"{timeless:,} without times"] if timeless else []
    return tuple(told)


def _runs(number: int) -> str:
    return "run" if number == 1 else "runs"


def footer_of(picture: Picture) -> str:
    """Return what a picture says below: its span of time, and what is not to be seen in it."""
    begin, end = clock(picture.since, picture.zone), clock(picture.until, picture.zone)
    return f"{begin} to {end}: {', '.join(picture.notes)}"


@attrs.frozen(repr=False)
class Timeline(Picture):
    """A picture of runs in time."""

    def _lanes(self) -> dict[str, list[Bar]]:
        lanes: dict[str, list[Bar]] = {}
        for bar in self.bars:
            lanes.setdefault(bar.lane, []).append(bar)
        return lanes

    def _told(self) -> str:
        """Return in words what the picture shows: how the runs of each lane stand."""
        ends: dict[str, dict[RunRef, str]] = {}
        for bar in self.bars:
            ends.setdefault(bar.lane, {})[bar.run] = bar.state
        counts = {lane: Counter(states.values()) for lane, states in ends.items()}
        told = (f"{lane}: {', '.join(f'{n} {state}' for state, n in by.items())}" for lane, by in counts.items())
        return "; ".join((footer_of(self), *told))

    def _svg(self, width: int, theme: Theme) -> str:
        lanes = self._lanes()
        is_summed = len(self.bars) > MOST_BARS
        canvas = Canvas.of(self, lanes, width, ROWS if is_summed else None)
        bars = column_shapes(canvas, lanes) if is_summed else bar_shapes(canvas, lanes)
        shapes = [*canvas.frame(), *bars, *canvas.now()]
        shown = [bar for bar in self.bars if bar.kind != "waiting"] if is_summed else self.bars
        per = (
            f"; columns count what began in {span(hours_of(canvas))}, unsuccessful runs below the line"
            if is_summed
            else ""
        )
        below, height = legend_shapes(width, canvas.bottom, shown, footer_of(self) + per)
        return svg(width, height, self.title, self._told(), [*shapes, *below], theme)

    def _lines(self, width: int, *, ascii: bool) -> Sequence[text.Line]:  # noqa: A002  # as in text()
        lanes = self._lanes()
        left = text.label_columns(lanes, width, ascii=ascii) + 2
        room = width - left
        lines = text.axis(self.since, self.until, self.zone, left, room) if lanes else []
        for name, bars in lanes.items():
            found = text.cells(bars, self.since, self.until, room)
            head = (text.padded(name, left - 2, ascii=ascii) + "  ", "bold")
            lines.append([head, *text.drawn(found, ascii=ascii)])
        signs = text.legend((bar.state for bar in self.bars), ascii=ascii)
        return [*lines, *text.folded(signs, width), *text.folded(footer_of(self), width)]
