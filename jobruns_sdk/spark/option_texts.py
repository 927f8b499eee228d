"""The text of options as values: times, lists, pairs, quotas. Each reader says what would be right."""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar
from urllib.parse import urlsplit

from jobruns_sdk.costs import PriceTable
from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.model.states import RunState
from jobruns_sdk.services.registry import ENTRIES, OPERATIONS, Entry, quotas_of
from jobruns_sdk.spark.access import QuotaTable, table_of
from jobruns_sdk.transport.quotas import Quota, quotas_with

T = TypeVar("T")

_SEPARATOR: Final = re.compile(r"[\s,]+")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_ROLE: Final = re.compile(r"arn:[\w-]+:iam::\d{12}:role/[\w+=.@/-]+")
_IMPORT_PATH: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_SECONDS: Final[Mapping[str, int]] = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "false": False}


class MalformedError(ValueError):
    """An option's text is not of its form; the message says what is."""


def texts(text: str) -> tuple[str, ...]:
    """Return what stands between commas, spaces and line ends."""
    found = tuple(filter(None, _SEPARATOR.split(text)))
    if not found:
        raise MalformedError("expected at least one name, separated by commas or spaces")
    return found


def names(text: str) -> frozenset[str]:
    """Return the different names that stand between commas, spaces and line ends."""
    return frozenset(texts(text))


def paths(text: str) -> tuple[str, ...]:
    """Return the paths of files, separated by commas."""
    return tuple(filter(None, (path.strip() for path in text.split(","))))


def pairs(text: str) -> dict[str, str]:
    """Return ``name=value`` pairs."""
    found = [item.partition("=") for item in texts(text)]
    if not all(name and value for name, _, value in found) or len({name for name, _, _ in found}) < len(found):
        raise MalformedError("expected name=value for different names, separated by commas or spaces")
    return {name: value for name, _, value in found}


def shares(text: str) -> tuple[tuple[str, str], ...]:
    """Return which profile's calls count for which other profile's quotas."""
    return tuple(sorted(pairs(text).items()))


def roles(text: str) -> dict[str, str]:
    """Return the ARNs of roles by profile."""
    found = pairs(text)
    if not all(_ROLE.fullmatch(role) for role in found.values()):
        raise MalformedError("expected profile=arn:aws:iam::111122223333:role/name")
    return found


def boolean(text: str) -> bool:
    """Return true or false."""
    if text.lower() not in _BOOLEANS:
        raise MalformedError("expected true or false")
    return _BOOLEANS[text.lower()]


def prices(text: str) -> PriceTable:
    """Return the table of prices that a file on the driver's machine holds."""
    try:
        return PriceTable.load(text)
    except OSError as error:
        raise MalformedError(
            f"expected a file that can be read, as PriceTable.save writes it: {error.strerror}"
        ) from error
    except InvalidRequestError as error:
        raise MalformedError(f"expected a file as PriceTable.save writes it: {error}") from error


def count(text: str) -> int:
    """Return a whole number from 1."""
    if not text.strip().isdecimal() or int(text) < 1:
        raise MalformedError("expected a whole number from 1")
    return int(text)


def moment(text: str) -> datetime:
    """Return a time in UTC."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        at = datetime.min  # noqa: DTZ901  # refused below, as any time without a zone is
    if at.tzinfo is None:
        raise MalformedError("expected an ISO time with its zone, such as 2026-11-21T00:00:00Z")
    return at.astimezone(UTC)


def duration(text: str) -> timedelta:
    """Return a length of time."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise MalformedError("expected a length of time such as 30s, 5m, 1h or 7d")
    try:
        return timedelta(seconds=float(found[1]) * _SECONDS[found[2]])
    except OverflowError:
        raise MalformedError("expected a length of time of less than a million years") from None


def some_time(text: str) -> timedelta:
    """Return a length of time, more than none."""
    length = duration(text)
    if length <= timedelta(0):
        raise MalformedError("expected a length of time of more than 0s")
    return length


def seconds(text: str) -> float:
    """Return a length of time in seconds, more than none."""
    return some_time(text).total_seconds()


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a reader of one of some words."""

    def chosen(text: str) -> str:
        if text.lower() not in choices:
            raise MalformedError(f"expected {' or '.join(choices)}")
        return text.lower()

    return chosen


def states(text: str) -> frozenset[RunState]:
    """Return states of runs."""
    chosen = names(text.upper())
    if strange := chosen.difference(RunState):
        raise MalformedError(f"no state is called {', '.join(sorted(strange))}; states are {', '.join(RunState)}")
    return frozenset(map(RunState, chosen))


def adapters(text: str) -> tuple[tuple[str, str], ...]:
    """Return where to import the adapters of services from."""
    found = pairs(text)
    for path in found.values():
        if not _IMPORT_PATH.fullmatch(path):
            raise MalformedError("expected service=module:name, such as batch=my_company.batch:ENTRY")
    return tuple(sorted(found.items()))


def services(text: str, known: Collection[str]) -> tuple[str, ...]:
    """Return services whose jobs can be discovered."""
    chosen = texts(text.lower())
    if not set(chosen) <= {*known}:
        raise MalformedError(f"expected {' or '.join(known)}; jobs of other services cannot be discovered: name them")
    return tuple(dict.fromkeys(chosen))


def endpoint(text: str) -> str:
    """Return an address without credentials in it."""
    try:
        parts = urlsplit(text.strip())
        secret = parts.username is not None or parts.password is not None or parts.query or parts.fragment
    except ValueError:
        secret = True
    if secret:
        raise MalformedError("expected an address without user, password and query: Spark shows options in its plans")
    return text.strip()


def quotas(text: str, entries: Mapping[str, Entry]) -> QuotaTable | None:
    """Return quotas by service and operation, those that are not named as published; None for none at all."""
    if text.strip().lower() == "none":
        return None
    said = {_operation(name, entries): _quota(value) for name, value in pairs(text).items()}
    others = entries.keys() - ENTRIES.keys()
    try:
        return table_of(quotas_with(said, quotas_of(entries), OPERATIONS, others) or {})
    except InvalidRequestError as error:
        raise MalformedError(error.message.removeprefix("quotas: ")) from None


def _operation(name: str, services: Collection[str]) -> tuple[str, str]:
    service, _, operation = name.partition(":")
    if service not in services or not operation.isalpha():
        raise MalformedError("expected service:Operation=rate/burst, such as emr-serverless:ListJobRuns=1/25")
    return service, operation


def _quota(text: str) -> Quota:
    rate, _, burst = text.partition("/")
    try:
        return Quota(float(rate), int(burst))
    except (ValueError, TypeError):
        raise MalformedError("expected calls a second and how many at once, such as 1/25") from None


def read(name: str, reader: Callable[[str], T], text: str, *, shown: bool = True) -> T:
    """Read an option's text.

    Raises:
        InvalidRequestError: It is not of its form; the message names the option, and its text if that may be shown.
    """
    try:
        return reader(text)
    except MalformedError as error:
        got = f", got {text!r:.100}" if shown else ""
        raise InvalidRequestError(f"option {name}: {error}{got}") from None
