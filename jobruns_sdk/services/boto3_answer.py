"""An answer that boto3 has parsed, read member by member."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Final, TypeVar, cast, get_args, get_type_hints

import msgspec

from jobruns_sdk.errors import ResponseFormatError
from jobruns_sdk.model.native import Native, fault_and_place, utc
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.times import exact

N = TypeVar("N", bound=Native)
_LAST_SECOND: Final = 253_402_300_800  # seconds until the year 10000


class Boto3Answer:
    """An answer of a service as boto3 returned it, and the place in it that is being read.

    Attributes:
        members: The members that are at that place.
        where: The place, such as ``"$.JobRun"``.
    """

    def __init__(self, service: str, data: object, region_name: str | None) -> None:
        self._service = service
        self._region_name = region_name
        self.where: str = "$"
        self.members: Mapping[str, object] = self._mapping(data)

    def enter(self, name: str) -> None:
        """Go on inside a member, if there is one of that name."""
        if self.members.get(name) is not None:
            self.where = f"$.{name}"
            self.members = self._mapping(self.members[name])

    def rename(self, names: Mapping[str, str]) -> None:
        """Let members be read by other names: an event of EventBridge has other names."""
        self.members = {names.get(name, name): value for name, value in self.members.items()}

    def text(self, name: str) -> str:
        """Return a member that has to be there.

        Raises:
            ResponseFormatError: It is missing, empty or no string.
        """
        value = self.members.get(name)
        if not isinstance(value, str) or not value:
            raise self._fault(f"expected a string, got {type(value).__name__}", f"{self.where}.{name}")
        return value

    def job(self, *names: str) -> JobRef:
        """Return the job that those members name.

        Raises:
            ResponseFormatError: One of them is missing.
        """
        return JobRef(self._service, tuple(map(self.text, names)), self._region_name)

    def native(self, kind: type[N]) -> N:
        """Return the service's structure of what is there.

        Raises:
            ResponseFormatError: It does not fit, or a time has no zone.
        """
        try:
            members = {name: self._in_seconds(kind, name, value) for name, value in self.members.items()}
            native = msgspec.convert(_clean(members), kind, strict=False)
        except msgspec.ValidationError as error:
            fault, place = fault_and_place(str(error))
            raise self._fault(fault, self.where + place.removeprefix("$")) from error
        for place in _naive(native, self.where):
            raise self._fault("expected a time with its zone, got one without", place)
        return native

    @staticmethod
    def _in_seconds(kind: type[Native], name: str, value: object) -> object:
        """Return a time in seconds where it is in milliseconds, as Step Functions has them: no date has so many."""
        if isinstance(value, int | float) and value > _LAST_SECOND and name in _times_of(kind):
            return value / 1000
        return value

    def _mapping(self, data: object) -> Mapping[str, object]:
        if not isinstance(data, Mapping):
            raise self._fault(f"expected a dict, got {type(data).__name__}", self.where)
        return cast("Mapping[str, object]", data)

    def _fault(self, fault: str, where: str) -> ResponseFormatError:
        return ResponseFormatError(f"the answer cannot be read at {where}: {fault}", where=where, service=self._service)


@cache
def _times_of(kind: type[Native]) -> frozenset[str]:
    return frozenset(name for name, hint in get_type_hints(kind).items() if datetime in (hint, *get_args(hint)))


def _clean(value: object) -> object:
    """Return the value with times in UTC, where boto3 has them in the machine's zone, and without nulls."""
    match value:
        case datetime() if value.utcoffset() is not None:
            return exact(utc(value) or value)
        case Mapping():
            members = cast("Mapping[object, object]", value)
            return {name: _clean(item) for name, item in members.items() if item is not None}
        case list() | tuple():
            return [_clean(item) for item in cast("list[object]", value) if item is not None]
        case _:
            return value


def _naive(value: object, where: str) -> Iterator[str]:
    """Yield the places of times without a zone."""
    match value:
        case datetime() if value.utcoffset() is None:
            yield where
        case Native():
            for name in value.__struct_fields__:
                yield from _naive(getattr(value, name), f"{where}.{name}")
        case tuple():
            for index, item in enumerate(cast("tuple[object, ...]", value)):
                yield from _naive(item, f"{where}[{index}]")
        case _:
            pass
