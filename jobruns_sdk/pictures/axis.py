"""The axis of time: ticks at round times of a zone, also on the day that it changes its clocks."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from math import gcd
from typing import Final, NamedTuple

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")  # strftime's depend on the program's locale
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_STEPS: Final = (
    *(timedelta(seconds=seconds) for seconds in (1, 2, 5, 10, 15, 30)),
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * _HOUR for hours in (1, 2, 3, 6, 12)),
)
_DAY_STEPS: Final = (1, 2, 7, 14)
_YEAR: Final = 12  # months
_MONTH_STEPS: Final = (1, 2, 3, 6, 12, 24, 60, 120, 600, 1_200, 6_000, 12_000)
_ZONES: Final = timedelta(minutes=15)  # what the offsets of all zones of today are multiples of


class Tick(NamedTuple):
    """A place on the axis.

    Attributes:
        at: The instant (aware UTC).
        label: The time of day, or the date on an axis of days.
        day: The date, where the day begins or the axis does; else empty.
    """

    at: datetime
    label: str
    day: str


def local(moment: datetime, zone: tzinfo | None) -> datetime:
    """Return a time in a zone, None for that of the machine; in UTC where that zone cannot tell it."""
    try:
        return moment.astimezone(zone)
    except (OverflowError, OSError, ValueError):
        return moment.astimezone(UTC)


def clock(moment: datetime, zone: tzinfo | None) -> str:
    """Return a time in a zone to the second, such as ``2026-11-30 02:00:04 CET``."""
    there = local(moment, zone)
    return f"{there.replace(tzinfo=None).isoformat(' ', 'seconds')} {there.tzname()}"


def day(moment: datetime) -> str:
    """Return a date, such as ``Mon 30 Nov``."""
    return f"{_DAYS[moment.weekday()]} {moment.day} {_MONTHS[moment.month - 1]}"


def ticks(since: datetime, until: datetime, zone: tzinfo | None, most: int) -> list[Tick]:
    """Return the ticks of a span of time.

    Args:
        since: The beginning.
        until: The end.
        zone: The zone whose round times are wanted, None for that of the machine.
        most: How many there may be at most, about.
    """
    length = until - since
    step = next((step for step in _STEPS if length <= most * step), None)
    if step is not None:
        return list(_of_clock(since, until, zone, step))
    days = next((days for days in _DAY_STEPS if length <= most * days * _DAY), None)
    midnights = _by_days(since, until, days) if days else _by_months(since, until, most)
    found = [_of_date(midnight, zone, with_day=days is not None) for midnight in midnights]
    return [tick for tick in found if since <= tick.at <= until]


def _of_clock(since: datetime, until: datetime, zone: tzinfo | None, step: timedelta) -> Iterator[Tick]:
    """Yield the instants at which the clock shows a round time: each once, and twice what it shows twice."""
    stride = timedelta(seconds=gcd(int(step.total_seconds()), int(_ZONES.total_seconds())))
    at = since.astimezone(UTC)
    at -= (at - at.replace(hour=0, minute=0, second=0, microsecond=0)) % stride
    shown = ""
    while at <= until:
        there = local(at, zone)
        past = timedelta(hours=there.hour, minutes=there.minute, seconds=there.second)
        if at >= since and not past % step:
            today = day(there)
            label = f"{there:%H:%M}" if step >= _MINUTE else f"{there:%H:%M:%S}"
            yield Tick(at, label, today if today != shown else "")
            shown = today
        if until - at < stride:
            return
        at += stride


def _by_days(since: datetime, until: datetime, days: int) -> Iterator[datetime]:
    """Yield the midnights, of weeks those of Mondays, as naive times."""
    number = since.toordinal() - 1
    number -= (number - 1) % days  # day 1 was a Monday
    for ordinal in range(max(number, 1), min(until.toordinal() + 2, date.max.toordinal()), days):
        yield datetime.fromordinal(ordinal)


def _by_months(since: datetime, until: datetime, most: int) -> Iterator[datetime]:
    first, last = since.year * _YEAR + since.month - 1, until.year * _YEAR + until.month - 1
    step = next((step for step in _MONTH_STEPS if last - first <= most * step), _MONTH_STEPS[-1])
    for month in range(first - first % step, last + 2, step):
        if month >= _YEAR:  # year 1 is the first there is
            yield datetime(month // _YEAR, month % _YEAR + 1, 1)  # noqa: DTZ001  # its zone comes next


def _of_date(midnight: datetime, zone: tzinfo | None, *, with_day: bool) -> Tick:
    label = day(midnight) if with_day else f"{_MONTHS[midnight.month - 1]} {midnight.year}"
    try:
        at = midnight.replace(tzinfo=zone).astimezone(UTC)  # without a zone it is a time of the machine's
    except (OverflowError, OSError, ValueError):
        at = midnight.replace(tzinfo=UTC)
    return Tick(at, label, "")
