"""Checks of arguments that more than one call takes: what is refused is named, and told what it should have been.

A check takes the argument's name and its value; most are rules. ``validated`` makes an attrs validator of one.
"""

import re
from collections.abc import Callable, ItemsView, Iterable, Mapping
from datetime import date, datetime, timedelta
from inspect import iscoroutine, iscoroutinefunction
from sys import float_info
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
    if iscoroutine(value):
        return f"a coroutine: await it first, as in `await {value.__name__}(...)`"
    return f"a value of type {type(value).__name__}"


def shown(value: object) -> str:
    """Return what an error may show of a value: of a structure, which may hold secrets, the type only."""
    return f"{value!r:.200}" if isinstance(value, _SHOWN) else hidden(value)


def refusal(name: str, right: str, value: object, show: Callable[[object], str] = shown) -> InvalidRequestError:
    """Return the error that says what an argument should be, and what it is."""
    return InvalidRequestError(f"{name} must be {right}, got {show(value)}")


class Rule:
    """A condition on a value: called with an argument's name and its value, it refuses any value that breaks it."""

    def __init__(self, right: str, holds: Callable[[Any], bool], show: Callable[[object], str] = shown) -> None:
        """Make a rule.

        Args:
            right: What a value must be, in words.
            holds: Whether it is.
            show: What an error may show of one that is not.
        """
        self.right = right
        self.holds = holds
        self.show = show

    def __call__(self, name: str, value: object) -> None:
        """Refuse a value that is something else.

        Raises:
            InvalidRequestError: It is.
        """
        if not self.holds(value):
            raise refusal(name, self.right, value, self.show)


def optional(rule: Rule) -> Rule:
    """Return the rule that lets None pass as well."""
    return Rule(f"{rule.right}, or None", lambda value: value is None or rule.holds(value), rule.show)


def validated(check: Check) -> Callable[[Any, "attrs.Attribute[Any]", Any], None]:
    """Return a check as attrs wants it."""
    return lambda _, attribute, value: check(attribute.name.removeprefix("_"), value)


def is_text(value: object) -> bool:
    """True if a value is a string that can be sent: not empty, and no half of a character in it."""
    return isinstance(value, str) and value != "" and (value.isascii() or _SURROGATE.search(value) is None)


def is_callback(value: object) -> bool:
    """True if a value can be called for its effect: a coroutine function would only make what nobody awaits."""
    return callable(value) and not (iscoroutinefunction(value) or iscoroutinefunction(type(value).__call__))


def _flaw(value: object) -> str:
    if not isinstance(value, str):
        return hidden(value)
    return "one with a lone surrogate" if value else "an empty one"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_count(value: object) -> bool:
    return _is_whole(value) and value != 0


def kind_of(kind: type | tuple[type, ...], right: str) -> Rule:
    """Return the rule that a value is of a kind, which it tells in those words."""
    return Rule(right, lambda value: isinstance(value, kind))


def one_of(*choices: str) -> Rule:
    """Return the rule that a value is one of those strings."""
    return Rule(" or ".join(map(repr, choices)), lambda value: isinstance(value, str) and value in choices)


check_text: Final = Rule("a string", is_text, _flaw)
"""Text that can be sent, which is never shown."""

# A string such as "no" would count as True.
check_flag: Final = Rule("True or False", lambda value: isinstance(value, bool))

check_callable: Final = Rule("a callable that is not a coroutine function", is_callback)

check_number: Final = Rule("a number greater than 0", _is_number)

check_amount: Final = Rule(
    "a finite number greater than 0", lambda value: _is_number(value) and value <= float_info.max
)

check_count: Final = Rule("an integer of 1 or more", _is_count)

check_whole: Final = Rule("an integer of 0 or more", _is_whole)

check_moment: Final = Rule(
    "a datetime with a time zone, such as datetime.now(UTC)",
    # The time zone first: a NaT of pandas is a datetime without one, whose offset is not to be asked for.
    lambda value: isinstance(value, datetime) and value.tzinfo is not None and value.utcoffset() is not None,
)

check_time: Final = Rule(
    "a timedelta of 0 or more, such as timedelta(minutes=5)",
    lambda value: isinstance(value, timedelta) and value >= timedelta(0),
)

check_some_time: Final = Rule(
    "a timedelta greater than 0, such as timedelta(hours=2)",
    lambda value: isinstance(value, timedelta) and value > timedelta(0),
)

check_limit: Final = optional(check_count)
"""The largest number of items that is wanted, None for all."""


def check_texts(**given: object) -> None:
    """Refuse arguments, by their names, that are neither None nor strings.

    Raises:
        InvalidRequestError: One is something else, empty, or holds a lone surrogate.
    """
    for name, value in given.items():
        optional(check_text)(name, value)


def items_of(name: str, values: Iterable[T], what: str) -> list[T]:
    """Return the values of a collection.

    Raises:
        InvalidRequestError: It is none, or a string, which would be taken letter by letter.
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
    """Return strings by their names, none for None.

    Raises:
        InvalidRequestError: It is not a mapping of strings to strings, whose values are not shown.
    """
    if values is not None and not _is_mapping(values):
        raise InvalidRequestError(f"{name} must be a mapping of names to strings, or None, got {hidden(values)}")
    for key, value in (values or {}).items():
        check_text(f"each name in {name}", key)
        if value != "":
            check_text(f"{name}[{key!r:.200}]", value)
    return dict(values or {})


def seconds_of(name: str, value: object) -> float:
    """Return a time that is given in seconds or as a timedelta, in seconds.

    Raises:
        InvalidRequestError: It is neither, or not more than 0.
    """
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if not check_number.holds(seconds):
        raise refusal(name, "a number of seconds greater than 0, or a timedelta", value)
    return cast("float", seconds)


def page_size_of(asked: int | None, largest: int) -> int:
    """Return how many rows to ask a service for: the largest page unless told otherwise, never more."""
    check_limit("page_size", asked)
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
