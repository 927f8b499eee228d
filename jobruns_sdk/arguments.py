"""Checks of arguments that more than one call takes."""

from datetime import timedelta
from typing import Final

from jobruns_sdk.errors import InvalidRequestError

_MINUTE: Final = timedelta(minutes=1)
_SECOND: Final = timedelta(seconds=1)


def check_count(name: str, value: object) -> None:
    """Refuse what is no number of items.

    Raises:
        InvalidRequestError: It is neither None nor a whole number of 1 or more.
    """
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise InvalidRequestError(f"{name} is a whole number of 1 or more, or None, got {value!r}")


def page_size_of(asked: int | None, largest: int) -> int:
    """Return how many rows to ask a service for: the largest page unless told otherwise, never more."""
    check_count("page_size", asked)
    return min(asked or largest, largest)


def check_time(name: str, value: object) -> None:
    """Refuse what is no length of time.

    Raises:
        InvalidRequestError: It is neither None nor a timedelta.
    """
    if value is not None and not isinstance(value, timedelta):
        raise InvalidRequestError(f"{name} is a timedelta, such as timedelta(hours=2), or None, got {value!r}")


def whole_minutes(name: str, value: timedelta | None, *, least: int = 1) -> int | None:
    """Return a time in minutes, as the services take it.

    Raises:
        InvalidRequestError: It is not a whole number of minutes, or too short.
    """
    return None if value is None else _whole(name, value, _MINUTE, "minutes", least)


def whole_seconds(name: str, value: timedelta) -> int:
    """Return a time in seconds, as the services take it.

    Raises:
        InvalidRequestError: It is not a whole number of seconds.
    """
    return _whole(name, value, _SECOND, "seconds", 0)


def _whole(name: str, value: object, unit: timedelta, units: str, least: int) -> int:
    if not isinstance(value, timedelta) or value % unit or value < least * unit:
        raise InvalidRequestError(f"{name} is a timedelta of whole {units}, {least} or more, got {value!r}")
    return value // unit
