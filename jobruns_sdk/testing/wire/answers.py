"""Inputs and answers of operations, before either takes the form of HTTP."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from jobruns_sdk.testing.clock import milliseconds

Answer = dict[str, object]
"""The members of an operation's output, as in the JSON body."""


class ServiceError(Exception):
    """An error that a service answers with: its code, its message and the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def validation_error(message: str) -> ServiceError:
    """Return the error with which all three services refuse an input that breaks a rule."""
    return ServiceError("ValidationException", message)


@dataclass(frozen=True, slots=True)
class Params:
    """The input of an operation, already checked against its model, by AWS's member names."""

    members: Mapping[str, object]

    def text(self, name: str) -> str:
        """A member that the model requires."""
        return str(self.members[name])

    def optional(self, name: str) -> str | None:
        """A string member that may be left out."""
        value = self.members.get(name)
        return None if value is None else str(value)

    def number(self, name: str, default: int) -> int:
        """A whole number, or what stands for it when it is left out."""
        value = self.members.get(name)
        return value if isinstance(value, int) else default

    def flag(self, name: str) -> bool:
        """A truth value, false when it is left out."""
        return self.members.get(name) is True

    def texts(self, name: str) -> list[str]:
        """A list of strings, empty when it is left out."""
        return [str(item) for item in cast("Iterable[object]", self.members.get(name) or ())]

    def mapping(self, name: str) -> dict[str, object]:
        """A structure or map, empty when it is left out."""
        return dict(cast("Mapping[str, object]", self.members.get(name) or {}))

    def moment(self, name: str) -> int | None:
        """A timestamp in milliseconds since the epoch."""
        value = self.members.get(name)
        return milliseconds(value) if isinstance(value, datetime) else None

    def chosen(self, names: Iterable[str]) -> Answer:
        """Those of the named members that were given."""
        return {name: self.members[name] for name in names if self.members.get(name) is not None}


def without_none(**members: object) -> Answer:
    """An answer without the members that are absent."""
    return {name: value for name, value in members.items() if value is not None}
