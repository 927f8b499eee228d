"""Times and spans of time as people write them: ``90m``, ``yesterday``, ``2026-11-29T04:00+01:00``."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final, TypeAlias

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SPAN: Final = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+")
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_DAYS: Final = {"today": 0, "yesterday": 1}
_FORMS: Final = "90m, 24h, 7d, 2w, today, yesterday, 2026-11-29 or 2026-11-29T04:00+01:00"

When: TypeAlias = Callable[[datetime, tzinfo | None], datetime]
"""Makes an instant (aware UTC) of the time now, and of the zone of times that name none: None for the terminal's."""


def span(text: str) -> timedelta:
    """Return a span of time, such as ``90m``, ``1h30m`` or ``7d``.

    Raises:
        ValueError: It is something else, or too long to reckon with.
    """
    if not _SPAN.fullmatch(text):
        raise ValueError(f"{text!r} is not a span of time, such as 30s, 90m, 2h, 1h30m, 7d or 2w")
    try:
        return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text)))
    except OverflowError:
        raise ValueError(f"{text!r} is too long a span of time") from None


def when(text: str) -> When:
    """Return a time, as a function of now: a span before now, a day, or a date with a time.

    Raises:
        ValueError: It is something else, or outside of the years 1 to 9999.
    """
    found = _when(text)
    try:
        found(datetime.now(UTC), None)
    except OverflowError:
        raise ValueError(f"{text!r} lies outside of the years 1 to 9999") from None
    return found


def _when(text: str) -> When:
    if text in _DAYS:
        return lambda now, zone: _in_zone(_midnight(now, zone) - timedelta(days=_DAYS[text]), zone)
    if _SPAN.fullmatch(text):
        ago = span(text)
        return lambda now, _: now - ago
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time, such as {_FORMS}") from None
    return lambda _, zone: _in_zone(moment, zone)


def _midnight(now: datetime, zone: tzinfo | None) -> datetime:
    return datetime.combine(now.astimezone(zone).date(), time())


def _in_zone(moment: datetime, zone: tzinfo | None) -> datetime:
    """Return an instant in UTC; a time without a zone is of that zone, or of the terminal's."""
    aware = moment if moment.tzinfo is not None or zone is None else moment.replace(tzinfo=zone)
    return aware.astimezone(UTC)  # without a zone it is taken for local time, with that day's offset
