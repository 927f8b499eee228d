"""The text form of a position in a listing: opaque, versioned, and damage is noticed."""

import base64
import zlib
from hashlib import blake2b
from typing import Final, Self

import msgspec

from jobruns_sdk.errors import CursorError
from jobruns_sdk.times import Moment

# It says what the body means. A body of another meaning may well be read, and would go on at a wrong place in silence.
_VERSION: Final = "2"
_DEFLATED: Final = f"{_VERSION}z"
_LONG: Final = 2_000  # bytes of a body from which on it is compressed: places of many lists repeat each other
_MOST: Final = 1 << 26  # bytes that a compressed body may grow to: a forged one shall not fill the memory
_CHECKSUM_BYTES: Final = 8
_SHORT_BYTES: Final = 6

Query = dict[str, str | bool | list[str] | None]
"""Filters in a JSON-safe form."""


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """A row that was passed.

    Attributes:
        key: Its key.
        when: The time of whichever row up to it lies furthest on.
        passed: Rows before it by which the place is found when it has left: those of that time, and a few that stand
            next to it, as ``short`` makes their keys, the nearest first; None where they are not known.
    """

    key: str
    when: Moment | None
    passed: tuple[str, ...] | None = None


class Place(msgspec.Struct, frozen=True, array_like=True):
    """The position of a walk in one listing.

    Attributes:
        token: The service's token of the page to ask for, None for the first.
        after: The last row that was passed, or None if there was none.
        seeking: Whether rows are passed over until ``after`` is met: it is in that page, or further on.
        state: What the listing itself has to remember, such as groups that a page boundary has cut.
        passed: Rows that were passed in another list of the job, and may be in this one by now: those of the time
            ``since``, and the last few of any time. Their keys, as ``short`` makes them.
        since: The time up to which the stream has come. What lies ahead of it at the front of the list is passed over:
            it has turned up since, as in the other lists, whose places are further down.
    """

    token: str | None = None
    after: Mark | None = None
    seeking: bool = False
    state: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    since: Moment | None = None


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """A position in a stream of one or more listings.

    Attributes:
        listing: What is listed, in text.
        query: The filters in force.
        places: The place in each listing by its name, None for one that has ended; one that is missing has not begun.
    """

    listing: str
    query: Query
    places: dict[str, Place | None]

    def __str__(self) -> str:
        """Return the text that ``parse`` reads."""
        body = msgspec.json.encode(self)
        if len(body) >= _LONG:
            return f"{_DEFLATED}.{_armoured(_checksum(body) + zlib.compress(body, 1))}"
        return f"{_VERSION}.{_armoured(_checksum(body) + body)}"

    @classmethod
    def parse(cls, text: object, listing: str) -> Self:
        """Read a cursor that is to continue a listing.

        Raises:
            CursorError: The text is damaged, was written by another version, or belongs to another listing.
        """
        if not isinstance(text, str):
            raise CursorError(f"a cursor must be a string, got {type(text).__name__}")
        version, _, payload = text.partition(".")
        if version not in (_VERSION, _DEFLATED):
            raise CursorError(f"the cursor is damaged or of another version: it begins with {version[:20]!r}")
        try:
            raw = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
            body = raw[_CHECKSUM_BYTES:] if version == _VERSION else _inflated(raw[_CHECKSUM_BYTES:])
            # Other characters are passed over, and the last one may hold bits that nothing reads.
            sound = _armoured(raw) == payload and _checksum(body) == raw[:_CHECKSUM_BYTES]
            cursor = msgspec.json.decode(body, type=cls) if sound else None
        except (ValueError, RecursionError, zlib.error) as error:
            raise CursorError("the cursor is damaged") from error
        if cursor is None:
            raise CursorError("the cursor is damaged: its checksum does not match")
        # Told last, since what a damaged text continues is not known.
        if cursor.listing != listing:
            raise CursorError(f"the cursor continues {cursor.listing!r}, not {listing!r}")
        return cursor


def short(key: str) -> str:
    """Return eight characters that stand for a key: two of a thousand are alike once in 10^8 times."""
    # Not Python's own hash, which is another one in each process.
    return _armoured(blake2b(key.encode(), digest_size=_SHORT_BYTES).digest())


def _armoured(raw: bytes) -> str:
    # Its length says how many "=" there would be, which URLs would have to escape.
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _inflated(data: bytes) -> bytes:
    stream = zlib.decompressobj()
    body = stream.decompress(data, _MOST)
    if not stream.eof or stream.unused_data:
        raise ValueError("not one whole stream")
    return body


def _checksum(body: bytes) -> bytes:
    return blake2b(body, digest_size=_CHECKSUM_BYTES).digest()
