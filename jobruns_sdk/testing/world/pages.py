"""Pages of a list operation, and the opaque tokens that lead from one to the next.

A token holds the place after the last row by that row's key, so that pages do not shift while runs are added; a service
made with `tokens="offset"` counts rows instead, and its pages shift as those of many real services do. A token is good
for the query it was given out for, and for a limited time.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, TypeVar, cast

T = TypeVar("T")
Place = Sequence[int | str]
"""The end of a page: the key of its last row, or a number of rows."""

TokenKind = Literal["key", "offset"]


class BadTokenError(Exception):
    """A token that this query did not give out, or that is too old."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Writes and reads tokens; `lifetime` is in milliseconds, and one with another `salt` is another query's."""

    kind: TokenKind = "key"
    lifetime: int = 86_400_000
    salt: str = ""

    def write(self, scope: Sequence[object], place: Place, now: int) -> str:
        """The token for a place in a query."""
        body = json.dumps([now, _digest([self.salt, *scope]), list(place)], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(zlib.crc32(body).to_bytes(4, "big") + body).decode()

    def read(self, scope: Sequence[object], token: str, now: int) -> Place:
        """The place that a token names.

        Raises:
            BadTokenError: The token is damaged, expired, or another query's.
        """
        try:
            raw = base64.urlsafe_b64decode(token.encode())
            issued, digest, place = cast("tuple[int, int, Place]", json.loads(raw[4:]))
        except (ValueError, binascii.Error) as error:
            raise BadTokenError("The pagination token is invalid.") from error
        if zlib.crc32(raw[4:]) != int.from_bytes(raw[:4], "big") or digest != _digest([self.salt, *scope]):
            raise BadTokenError("The pagination token is invalid.")
        if now - issued > self.lifetime:
            raise BadTokenError("The pagination token has expired.")
        return place


@dataclass(frozen=True, slots=True)
class Query:
    """One call of a list operation: what identifies its listing, where it goes on, how much it may answer."""

    tokens: Tokens
    scope: Sequence[object]
    token: str | None
    limit: int
    now: int

    def page(
        self, rows: Callable[[Place | None], Iterable[T]], place_of: Callable[[T], Place]
    ) -> tuple[list[T], str | None]:
        """The rows of this page and the token of the next one, None after the last.

        `rows` gives the rows from the beginning (None) or after a place.

        Raises:
            BadTokenError: The query's token is not good for it.
        """
        start = None if self.token is None else self.tokens.read(self.scope, self.token, self.now)
        if self.tokens.kind == "offset":
            skipped = 0 if start is None else int(start[0])
            found = _taken(islice(iter(rows(None)), skipped, None), self.limit + 1)
            place: Place = [skipped + self.limit]
        else:
            found = _taken(iter(rows(start)), self.limit + 1)
            place = place_of(found[self.limit - 1]) if len(found) > self.limit else ()
        more = len(found) > self.limit
        return found[: self.limit], self.tokens.write(self.scope, place, self.now) if more else None


def _taken(rows: Iterator[T], count: int) -> list[T]:
    return list(islice(rows, count))


def _digest(scope: Sequence[object]) -> int:
    return zlib.crc32(json.dumps(scope, sort_keys=True, default=str).encode())
