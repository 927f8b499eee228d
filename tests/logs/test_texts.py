"""Log files as lines, however they are packed, cut and fed."""

import gzip
import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobruns_sdk.logs.texts import MOST, CorruptError, LineCutter, Unzipped, lines_of, text_of

LINE = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=30)


def read(data: bytes, sizes: Sequence[int]) -> bytes:
    """What a file holds that comes in pieces of those sizes, again and again."""
    unzipped, found, at = Unzipped(), b"", 0
    turns = 0
    while at < len(data):
        size = sizes[turns % len(sizes)]
        unzipped.feed(data[at : at + size])
        at, turns = at + size, turns + 1
        while piece := unzipped.read():
            assert len(piece) <= MOST
            found += piece
    return found + unzipped.rest()


@given(st.lists(st.lists(LINE, min_size=1), max_size=4), st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_members_are_read_as_one_text_in_whatever_pieces_they_come(members: list[list[str]], sizes: list[int]) -> None:
    texts = ["".join(f"{line}\n" for line in member).encode() for member in members]
    packed = b"".join(map(gzip.compress, texts))
    assert read(packed, sizes) == b"".join(texts)


@given(st.binary(min_size=1, max_size=500), st.integers(20, 600))
def test_of_a_member_that_is_cut_what_is_there_is_read(data: bytes, cut: int) -> None:
    whole = gzip.compress(b"first\n") + gzip.compress(data)
    found = read(whole[: len(gzip.compress(b"first\n")) + cut], [17])
    assert found.startswith(b"first\n")
    assert (b"first\n" + data).startswith(found)
    if len(gzip.compress(b"first\n")) + cut >= len(whole):
        assert found == b"first\n" + data


@pytest.mark.parametrize("data", [b"", b"a", b"plain text\nof two lines", b"\x1f", b"\0\0"])
def test_what_is_not_packed_is_read_as_it_is(data: bytes) -> None:
    assert read(data, [1]) == read(data, [100]) == data


def test_members_may_be_padded_with_zeros() -> None:
    assert read(gzip.compress(b"one\n") + b"\0" * 100 + gzip.compress(b"two\n") + b"\0" * 7, [11]) == b"one\ntwo\n"


def test_what_is_damaged_is_said() -> None:
    packed = bytearray(gzip.compress(bytes(range(256)) * 40))
    packed[30] ^= 0xFF
    with pytest.raises(CorruptError):
        read(bytes(packed), [1000])
    with pytest.raises(CorruptError):
        read(gzip.compress(b"one\n") + b"this is something else", [1000])


def test_what_is_packed_a_thousandfold_comes_in_bounded_pieces() -> None:
    packed = gzip.compress(b"\n" * (50 * MOST))
    assert len(packed) < MOST
    unzipped, total = Unzipped(), 0
    unzipped.feed(packed)
    while piece := unzipped.read():
        assert len(piece) <= MOST
        total += len(piece)
    assert total + len(unzipped.rest()) == 50 * MOST


@given(st.lists(LINE), LINE, st.integers(1, 40))
def test_lines_are_cut_in_whatever_pieces_they_come(lines: list[str], rest: str, size: int) -> None:
    data = ("".join(f"{line}\n" for line in lines) + rest).encode()
    cutter = LineCutter()
    found = [line for at in range(0, len(data), size) for line in cutter.feed(data[at : at + size])]
    assert [text_of(line) for line in found] == [line.removesuffix("\r") for line in lines]
    assert cutter.rest == rest.encode()


def test_a_line_without_end_comes_in_pieces() -> None:
    cutter = LineCutter()
    found = [piece for _ in range(40) for piece in cutter.feed(b"x" * (MOST // 10))]
    assert [len(piece) for piece in found] == [MOST] * (40 * (MOST // 10) // MOST)
    assert len(cutter.rest) < MOST


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert text_of(b"gr\xfcn\r\n") == "gr\N{REPLACEMENT CHARACTER}n"


@pytest.mark.parametrize(
    ("message", "lines"),
    [("one", ["one"]), ("one\n", ["one"]), ("one\r\ntwo\n", ["one", "two"]), ("", [""]), ("\n\n", ["", ""])],
)
def test_a_message_is_one_line_or_several(message: str, lines: list[str]) -> None:
    assert lines_of(message) == lines


def test_a_stream_that_is_not_gzip_is_zlibs_error_underneath() -> None:
    with pytest.raises(CorruptError) as caught:
        read(b"\x1f\x8bxxxxxxxxxxxxxxxx", [100])
    assert isinstance(caught.value.__cause__, zlib.error)
