"""The bytes of a log file as lines: gzip of several members, of which the last may be cut, or plain text."""

import zlib
from collections.abc import Iterator
from typing import Final, Protocol

MOST: Final = 1 << 20
"""The most bytes that are taken from a file at once, and the longest line."""

_GZIP: Final = b"\x1f\x8b"


class _Member(Protocol):
    """The decompressor of a member, as zlib makes it."""

    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    def decompress(self, data: bytes, /, max_length: int) -> bytes: ...
    def flush(self) -> bytes: ...


class CorruptError(Exception):
    """The rest of a file is not gzip."""


class Unzipped:
    """Takes a file in pieces, and gives what it holds in pieces of a bounded size, however well it was compressed."""

    def __init__(self) -> None:
        self._left = b""
        self._member: _Member | None = None
        self._is_plain = self._is_begun = False

    def feed(self, data: bytes) -> None:
        """Take the next piece of the file; what was taken before has been read."""
        self._left += data
        if not self._is_begun and len(self._left) >= len(_GZIP):
            self._is_begun, self._is_plain = True, not self._left.startswith(_GZIP)

    def read(self) -> bytes:
        """Return more of what the file holds; nothing before more of it comes.

        Raises:
            CorruptError: It is neither gzip nor plain text from here on.
        """
        while self._left and self._is_begun:
            if self._is_plain:
                piece, self._left = self._left[:MOST], self._left[MOST:]
                return piece
            if self._member is None:
                self._left = self._left.lstrip(b"\0")  # members may be padded
                if len(self._left) < len(_GZIP):
                    break
                self._member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            try:
                piece = self._member.decompress(self._left, MOST)
            except zlib.error as error:
                raise CorruptError(str(error)) from error
            self._left = self._member.unconsumed_tail or self._member.unused_data
            if self._member.eof:
                self._member = None
            if piece:
                return piece
        return b""

    def rest(self) -> bytes:
        """Return what is left at the end of the file: of a member that was cut, or of a file of a single byte."""
        if self._member is not None:
            return self._member.flush()
        piece, self._left = (b"", self._left) if self._is_begun else (self._left, b"")
        return piece


class Told:
    """The part of a file that was told: one that was written again with more in it is gone on with behind that."""

    def __init__(self) -> None:
        self.size: int = 0
        self._sum = 0

    def add(self, data: bytes) -> None:
        """Take note of what is told."""
        self.size += len(data)
        self._sum = zlib.crc32(data, self._sum)

    def is_same(self, size: int, total: int) -> bool:
        """Return whether a file that begins with so many bytes of that checksum begins with what was told."""
        return size == self.size and total == self._sum


class LineCutter:
    """Cuts what comes in pieces into lines.

    Attributes:
        rest: What has come without the end of its line so far.
    """

    def __init__(self) -> None:
        self.rest: bytes = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield each line that is complete, with its end, and pieces of one that is longer than ``MOST``."""
        self.rest += data
        start = 0
        while (end := self.rest.find(b"\n", start) + 1) or len(self.rest) - start >= MOST:
            end = min(end or start + MOST, start + MOST)
            yield self.rest[start:end]
            start = end
        self.rest = self.rest[start:]


def text_of(line: bytes) -> str:
    """Return a line as a string, without its end."""
    return line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "replace")


def lines_of(message: str) -> list[str]:
    """Return the lines of an event's message, which mostly is one with or without its end."""
    return message.removesuffix("\n").removesuffix("\r").replace("\r\n", "\n").split("\n")
