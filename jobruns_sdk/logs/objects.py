"""Reading an object of S3 (GetObject), in ranges of a bounded size, and again when it was written again."""

import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Final

from jobruns_sdk.errors import JobRunsError, NotFoundError, ResponseFormatError
from jobruns_sdk.logs.operations import GET_OBJECT
from jobruns_sdk.logs.streams import MakeLine
from jobruns_sdk.logs.texts import CorruptError, LineCutter, Told, Unzipped, text_of
from jobruns_sdk.model.logs import LogLine
from jobruns_sdk.transport.operation import Call

RANGE: Final = 4 << 20
_PAUSE: Final = 30.0  # seconds: the service writes an object again every few minutes


class _Pass:
    """One reading of an object as it was at some time.

    Attributes:
        etag: The version that is read.
        at: How many bytes of it have come.
        is_whole: Whether all of it has come.
    """

    def __init__(self, etag: str | None) -> None:
        self.etag = etag
        self.at = 0
        self.is_whole = False
        self.unzipped = Unzipped()
        self.cutter = LineCutter()
        self.passed = 0  # bytes that were told by an earlier reading, and their checksum
        self.sum = 0

    def take(self, data: bytes) -> None:
        self.at += len(data)
        self.is_whole = len(data) < RANGE
        self.unzipped.feed(data)


class ObjectReader:
    """An object that is read range by range, so that it takes no more memory for being large.

    It is not appended to but written again. Each reading after the first asks for another version than the last one,
    and goes on behind what was told; where it does not begin with that, it is another file, and told from its start.
    """

    least_pause = _PAUSE

    def __init__(self, call: Call, bucket: str, key: str, make: MakeLine) -> None:
        self._call = call
        self._make = make
        self._uri = f"s3://{bucket}/{key}"
        self._about = {"Bucket": bucket, "Key": key}
        self._told = Told()
        self._read: str | None = None  # the version that was read to its end
        self._pass: _Pass | None = None
        self._rest = b""  # of the last line, whose end has not come
        self._is_at_end = False  # which is still to be said, after the last lines

    async def page(self) -> Sequence[LogLine] | None:
        """Return the next lines, which may be none; None where there are no more so far.

        Raises:
            ResponseFormatError: It is damaged.
        """
        if self._is_at_end:
            self._is_at_end = False
            return None
        if self._pass is None:
            self._pass = await self._begin()
            if self._pass is None:
                return None
        elif (piece := self._piece(self._pass)) is not None:
            return [self._make(None, text_of(line)) for line in self._lines(self._pass, piece)]
        elif self._pass.is_whole:
            return self._end(self._pass)
        else:
            await self._more(self._pass)
        return ()

    async def last(self, most: int) -> list[LogLine]:
        """Return the last lines so far, so many at most, for which all of it is read; ``page`` goes on behind them."""
        found: deque[LogLine] = deque(maxlen=most)
        while (lines := await self.page()) is not None:
            found.extend(lines)
        return [*found]

    def rest(self) -> Sequence[LogLine]:
        """Return the last line, if its end has not come: that of a program that was ended while it wrote."""
        rest, self._rest = self._rest, b""
        self._told.add(rest)
        return [self._make(None, text_of(rest))] if rest else ()

    async def _begin(self) -> _Pass | None:
        known = {} if self._read is None else {"IfNoneMatch": self._read}
        try:
            reply = await self._call(GET_OBJECT, {**self._about, "Range": f"bytes=0-{RANGE - 1}", **known})
        except NotFoundError:  # it was listed, and is gone
            return None
        except JobRunsError as error:
            if error.http_status != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise
            return None  # it is empty
        if reply.http_status == HTTPStatus.NOT_MODIFIED:
            return None
        begun = _Pass(reply.etag)
        begun.take(reply.body)
        return begun

    async def _more(self, reading: _Pass) -> None:
        same = {} if reading.etag is None else {"IfMatch": reading.etag}
        span = f"bytes={reading.at}-{reading.at + RANGE - 1}"
        try:
            reading.take((await self._call(GET_OBJECT, {**self._about, "Range": span, **same})).body)
        except JobRunsError as error:
            if error.http_status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                reading.take(b"")
            elif error.http_status == HTTPStatus.PRECONDITION_FAILED:  # it was written again meanwhile
                self._pass = None
            else:
                raise

    def _piece(self, reading: _Pass) -> bytes | None:
        try:
            piece = reading.unzipped.read()
        except CorruptError as error:
            self._pass, self._read = None, reading.etag
            fault = f"{self._uri} is damaged: not all of its first {reading.at} bytes are gzip"
            raise ResponseFormatError(f"{fault} ({error})", service="s3", operation=GET_OBJECT.name) from error
        return piece or None

    def _lines(self, reading: _Pass, piece: bytes) -> Iterator[bytes]:
        if reading.passed < self._told.size:
            known = piece[: self._told.size - reading.passed]
            reading.passed += len(known)
            reading.sum = zlib.crc32(known, reading.sum)
            piece = piece[len(known) :]
            if reading.passed == self._told.size and not self._told.is_same(reading.passed, reading.sum):
                self._start_over()
                return
        for line in reading.cutter.feed(piece):
            self._told.add(line)
            reading.passed += len(line)
            yield line

    def _end(self, reading: _Pass) -> Sequence[LogLine] | None:
        rest = reading.unzipped.rest()
        lines = [self._make(None, text_of(line)) for line in self._lines(reading, rest)] if rest else []
        if self._pass is None:  # it was found to be another file
            return lines
        if reading.passed < self._told.size:
            self._start_over()
            return lines
        self._rest = reading.cutter.rest
        self._pass, self._read = None, reading.etag
        self._is_at_end = bool(lines)
        return lines or None

    def _start_over(self) -> None:
        self._told, self._pass, self._read, self._rest = Told(), None, None, b""
