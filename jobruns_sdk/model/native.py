"""The base and the markers of AWS's own structures: secrets, timestamps, plain form."""

import json
import re
import reprlib
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache, reduce
from inspect import get_annotations
from operator import attrgetter
from types import UnionType
from typing import Annotated, Any, Final, TypeAlias, TypeVar, cast, get_type_hints

import msgspec

from jobruns_sdk.times import exact, real

T = TypeVar("T")
_EARLIEST: Final = exact(datetime.min.replace(tzinfo=UTC))
_LATEST: Final = exact(datetime.max.replace(tzinfo=UTC))
_PATH: Final = re.compile(r" - at `(?:key` in `)?(?P<path>\$[^`]*)`$")
_Json: TypeAlias = "dict[str, _Json] | list[_Json] | tuple[_Json, ...] | str | float | bool | None"

Integer = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""An integer that AWS can have sent: one of hundreds of digits would pass, and no computation with it."""

Integer32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
"""An integer of 32 bits, as columns of data frames have attempts."""

Real = Annotated[float, msgspec.Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
"""A number; the strings ``"NaN"`` and ``"Infinity"`` are none."""

Rows = Annotated[tuple[T, ...], msgspec.Meta(max_length=10_000)]
"""The rows of a page, of which no service sends more than a thousand."""


class _Mark:
    def __repr__(self) -> str:  # annotations are shown in documentation, where an address would differ each time
        return "SECRET"


_SECRET: Final = _Mark()

Secret = Annotated[T, _SECRET]
"""Marks a member whose value may hold a password, a query or a signed link: it never shows in a ``repr``."""


_SCALARS: Final = frozenset({str, int, float, bool})


class _Hidden:
    def __repr__(self) -> str:
        return "<hidden>"


_HIDDEN: Final = _Hidden()


def _real(hint: Any) -> Any:  # noqa: ANN401  # annotations
    if isinstance(hint, UnionType):
        return reduce(lambda one, other: one | other, map(_real, hint.__args__))
    kind = cast("type[Any]", hint)
    return real(kind) if isinstance(hint, type) and issubclass(kind, datetime) else hint


def _short_repr() -> reprlib.Repr:
    short = reprlib.Repr()
    short.maxstring = 80
    short.maxother = sys.maxsize
    return short


_SHORT: Final = _short_repr()


class Native(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the native structures: AWS's own shapes with AWS's own member names.

    Every member is None where the service left it out, which real answers do with members that are modelled as required
    too. Enumerations are strings and constraints are not enforced, so that tomorrow's values pass.
    """

    def __init_subclass__(cls) -> None:
        """Let members be real times where the class is made while a test has frozen time: it outlives the test."""
        super().__init_subclass__()
        hints = get_annotations(cls)
        # Type checkers would take a plain assignment for a member of their own finding.
        type.__setattr__(cls, "__annotations__", {name: _real(hint) for name, hint in hints.items()})

    def __repr__(self) -> str:
        """Return the members that are there, secrets hidden and long values cut."""
        members = ", ".join(f"{name}={_SHORT.repr(value)}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({members})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Return the same members for ``rich``, which would otherwise print the secrets."""
        secrets = secret_members(type(self))
        members = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return [(name, _HIDDEN if name in secrets else value) for name, value in members if value is not None]


N = TypeVar("N", bound=Native)


@cache
def secret_members(native: type[Native]) -> frozenset[str]:
    """Return the names of a structure's members that are marked ``Secret``."""
    hints = get_type_hints(native, include_extras=True)
    return frozenset(name for name, hint in hints.items() if _SECRET in getattr(hint, "__metadata__", ()))


def without_nulls(value: _Json) -> _Json:
    """Return JSON without its null members and items: AWS sends null for what is not there."""
    match value:
        case dict():
            return {key: without_nulls(item) for key, item in value.items() if item is not None}
        case list() | tuple():
            return [without_nulls(item) for item in value if item is not None]
        case _:
            return value


def members_of(native: Native | None) -> dict[str, object] | None:
    """Return a structure as a request takes it: the members that are there, by name."""
    if native is None:
        return None
    members: dict[str, _Json] = builtins_of(native)
    return {name: without_nulls(value) for name, value in members.items() if value is not None}


def builtins_of(value: object) -> Any:  # noqa: ANN401  # as msgspec has it
    """Return a structure as what JSON is made of; msgspec refuses subclasses of str, as of YAML readers and numpy."""
    return msgspec.to_builtins(value, enc_hook=lambda other: json.loads(json.dumps(other)))


@cache
def _shown(native: type[Native], *, secrets: bool) -> tuple[Sequence[str], Callable[[Native], Sequence[object]]]:
    """Return the names of a structure's members, without those that may hold secrets or with them; and what gets them.

    The getter returns a tuple only where there are two members or more.
    """
    hidden = frozenset[str]() if secrets else secret_members(native)
    names = tuple(name for name in native.__struct_fields__ if name not in hidden)
    if len(names) > 1:
        return names, attrgetter(*names)
    return names, lambda value: [getattr(value, name) for name in names]


def plain_members(native: Native, *, secrets: bool) -> dict[str, object]:
    """Return the members that are there in a form that JSON can hold, with those that may hold secrets or without."""
    names, get = _shown(type(native), secrets=secrets)
    return {
        name: value if type(value) in _SCALARS else _plain(value, secrets=secrets)
        for name, value in zip(names, get(native), strict=True)
        if value is not None
    }


def _plain(value: object, *, secrets: bool) -> object:
    # No ``match``, which takes twice as long: this is called for every time of every run that is stored or exported.
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Native):
        return plain_members(value, secrets=secrets)
    if isinstance(value, dict):
        return {key: _plain(item, secrets=secrets) for key, item in cast("dict[str, object]", value).items()}
    if isinstance(value, tuple):
        return [_plain(item, secrets=secrets) for item in cast("tuple[object, ...]", value)]
    return value


def fault_and_place(text: str) -> tuple[str, str]:
    """Return the two parts of what msgspec says of data that do not fit: the fault and its place, ``"$"`` if untold."""
    found = _PATH.search(text)
    if found is None:
        return text, "$"
    return text[: found.start()].rstrip(), found["path"]


def utc(value: datetime | None) -> datetime | None:
    """Return the same instant in UTC, or the nearest that there is; a time without a zone is taken as UTC."""
    if value is None or value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        return _EARLIEST if value.year == 1 else _LATEST
