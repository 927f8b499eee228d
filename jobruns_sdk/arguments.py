"""Checks of arguments that more than one call takes: what is refused is named, and told what it should have been.

A check takes the argument's name and its value; ``validated`` makes an attrs validator of it.
"""

import re
from collections.abc import Callable, ItemsView, Iterable, Mapping
from datetime import date, timedelta
from math import inf
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from jobruns_sdk.errors import InvalidRequestError

if TYPE_CHECKING:
    import attrs

T = TypeVar("T")

Check = Callable[[str, object], None]
"""Refuses a value, given the argument's name."""

_MINUTE: Final = timedelta(minutes=1)
_SECOND: Final = timedelta(seconds=1)
_SHOWN: Final = (str, int, float, date, timedelta, type(None))
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def hidden(value: object) -> str:
    """Return what an error may show of a value that may be a secret: its type."""
    return f"a value of type {type(value).__name__}"


def shown(value: object) -> str:
    """Return what an error may show of a value: of a structure, which may hold secrets, the type only."""
    return f"{value!r:.200}" if isinstance(value, _SHOWN) else hidden(value)


def refusal(name: str, right: str, value: object) -> InvalidRequestError:
    """Return the error that says what an argument should be, and what it is."""
    return InvalidRequestError(f"{name} is {right}, got {shown(value)}")


def validated(check: Check) -> Callable[[Any, "attrs.Attribute[Any]", Any], None]:
    """Return a check as attrs wants it."""
    return lambda _, attribute, value: check(attribute.name.removeprefix("_"), value)


def optional(check: Check) -> Check:
    """Return a check that lets None pass."""
    return lambda name, value: None if value is None else check(name, value)


def required(check: Check) -> Check:
    """Return a check that refuses None, whatever it would say."""

    def check_all(name: str, value: object) -> None:
        if value is None:
            raise InvalidRequestError(f"{name} has to be given, got None")
        check(name, value)

    return check_all


def is_text(value: object) -> bool:
    """Whether a value is text that can be sent: not empty, and no half of a character in it."""
    return isinstance(value, str) and value != "" and (value.isascii() or _SURROGATE.search(value) is None)


def check_text(name: str, value: object) -> None:
    """Refuse what is no text, without showing it.

    Raises:
        InvalidRequestError: It is something else, empty, or holds a lone surrogate.
    """
    if not is_text(value):
        flaw = hidden(value)
        if isinstance(value, str):
            flaw = "one with a lone surrogate" if value else "an empty one"
        raise InvalidRequestError(f"{name} is a text, got {flaw}")


def check_texts(**given: object) -> None:
    """Refuse arguments, by their names, that are neither None nor text.

    Raises:
        InvalidRequestError: One is something else, empty, or holds a lone surrogate.
    """
    for name, value in given.items():
        optional(check_text)(name, value)


def check_flag(name: str, value: object) -> None:
    """Refuse what is neither True nor False: a text such as ``"no"`` would count as True.

    Raises:
        InvalidRequestError: It is something else.
    """
    if not isinstance(value, bool):
        raise refusal(name, "True or False", value)


def check_callable(name: str, value: object) -> None:
    """Refuse what cannot be called.

    Raises:
        InvalidRequestError: It cannot.
    """
    if not callable(value):
        raise refusal(name, "something to call", value)


def check_kind(kind: type | tuple[type, ...], right: str) -> Check:
    """Return a check that refuses what is not of a kind, which it tells in those words."""

    def check(name: str, value: object) -> None:
        if not isinstance(value, kind):
            raise refusal(name, right, value)

    return check


def check_number(name: str, value: object) -> None:
    """Refuse what is no number of more than 0.

    Raises:
        InvalidRequestError: It is something else, or not a number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise refusal(name, "a number of more than 0", value)


def check_amount(name: str, value: object) -> None:
    """Refuse what is no number of more than 0 that can be written.

    Raises:
        InvalidRequestError: It is something else, infinite or not a number.
    """
    check_number(name, None if value == inf else value)


def check_count(name: str, value: object) -> None:
    """Refuse what is no number of items.

    Raises:
        InvalidRequestError: It is neither None nor a whole number of 1 or more.
    """
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise refusal(name, "a whole number of 1 or more, or None", value)


def check_time(name: str, value: object) -> None:
    """Refuse what is no length of time.

    Raises:
        InvalidRequestError: It is neither None nor a timedelta.
    """
    if value is not None and not isinstance(value, timedelta):
        raise refusal(name, "a timedelta, such as timedelta(hours=2), or None", value)


def items_of(name: str, values: Iterable[T], what: str) -> list[T]:
    """Return the values of a collection.

    Raises:
        InvalidRequestError: It is none, or a text, which would be taken letter by letter.
    """
    if not _is_collection(values):
        raise refusal(name, f"a list or another collection of {what}", values)
    return list(values)


def _is_mapping(values: object) -> bool:
    return isinstance(values, Mapping)


def _is_collection(values: object) -> bool:
    return isinstance(values, Iterable) and not isinstance(values, (str, bytes))


def mapping_of(name: str, right: str, values: object) -> ItemsView[object, object]:
    """Return the items of a mapping.

    Raises:
        InvalidRequestError: It is none.
    """
    if not isinstance(values, Mapping):
        raise refusal(name, right, values)
    return cast("Mapping[object, object]", values).items()


def pairs_of(name: str, values: Mapping[str, str] | None) -> dict[str, str]:
    """Return texts by their names, none for None.

    Raises:
        InvalidRequestError: It is no mapping of texts to texts, whose values are not shown.
    """
    if values is not None and not _is_mapping(values):
        raise InvalidRequestError(f"{name} is a mapping of names to texts, or None, got {hidden(values)}")
    for key, value in (values or {}).items():
        check_text(f"each name in {name}", key)
        if value != "":
            check_text(f"{name}[{key!r:.200}]", value)
    return dict(values or {})


def page_size_of(asked: int | None, largest: int) -> int:
    """Return how many rows to ask a service for: the largest page unless told otherwise, never more."""
    check_count("page_size", asked)
    return min(asked or largest, largest)


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
        raise refusal(name, f"a timedelta of whole {units}, {least} or more", value)
    return value // unit
