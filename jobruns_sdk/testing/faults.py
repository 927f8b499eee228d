"""Faults on request: what goes wrong, for which operation, after how many calls and how often."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

FaultKind = Literal[
    "throttle",
    "error",
    "error500",
    "html503",
    "reset_before",
    "reset_after",
    "truncate",
    "drip",
    "delay",
    "silence",
    "wrong_content",
    "repeat_token",
    "cyclic_tokens",
    "empty_page",
    "expired_token",
    "stale_list",
]
"""The kinds of faults; `LocalService.fault` describes each of them."""

_REPLACING: Final = frozenset(
    {"throttle", "error", "error500", "html503", "reset_before", "silence", "wrong_content", "expired_token"}
)

HTML: Final = (
    b"<html><body><h1>503 Service Unavailable</h1>No server is available to handle this request.</body></html>"
)


@dataclass(slots=True, eq=False)
class Fault:
    """One fault that was asked for, and how far it has got. `LocalService.fault` tells what the options mean."""

    operation: str
    kind: FaultKind
    times: int | None = 1
    after: int = 0
    effect: bool = False
    at: int | None = None
    seconds: float = 0.0
    code: str = "InternalServerException"
    message: str = "The request failed because of an internal error."
    status: int = 500
    body: bytes = HTML
    content_type: str = "text/html"
    match: Mapping[str, object] = field(default_factory=dict[str, object])
    seen: int = 0
    applied: int = 0
    tokens: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"there is no fault {self.kind!r}: choose one of {', '.join(get_args(FaultKind))}")

    @property
    def keeps_effect(self) -> bool:
        """True if the operation is to take effect before something else is answered."""
        return self.kind == "reset_after" or (self.effect and self.kind in _REPLACING)

    def concerns(self, service: str, operation: str, members: Mapping[str, object], token: str | None) -> bool:
        """True if a call is one of those that the fault is meant for; a token can expire only where there is one."""
        if self.kind == "expired_token" and token is None:
            return False
        named = self.operation in {"*", operation, f"{service}:{operation}", f"{service}:*"}
        return named and self.match.items() <= members.items()

    def strikes(self) -> bool:
        """Count a call that it concerns; whether it is one of those to go wrong."""
        self.seen += 1
        return self.seen > self.after and (self.times is None or self.applied < self.times)

    def token(self, real: str | None, asked: str | None) -> str | None:
        """The page token to answer instead of the real one, which is None on the last page."""
        if self.kind == "repeat_token":
            return asked or real
        if real is not None and len(self.tokens) < (self.at or 2) and real not in self.tokens:
            self.tokens.append(real)
            return real
        if not self.tokens:
            return real
        following = self.tokens.index(asked) + 1 if asked in self.tokens else 0
        return self.tokens[following % len(self.tokens)]


@dataclass(slots=True)
class Faults:
    """The faults that are set, in the order in which they were asked for."""

    waiting: list[Fault] = field(default_factory=list[Fault])

    def next(self, service: str, operation: str, members: Mapping[str, object], token: str | None) -> Fault | None:
        """The fault that strikes a call: the first that is due; the others count the call and keep their turn."""
        struck: Fault | None = None
        for fault in self.waiting:
            if fault.concerns(service, operation, members, token) and fault.strikes() and struck is None:
                struck = fault
        if struck is not None:
            struck.applied += 1
            if struck.applied == struck.times:
                self.waiting.remove(struck)
        return struck
