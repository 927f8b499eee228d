import json
import string
import zlib
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import blake2b
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobruns_sdk.errors import CursorError, InvalidRequestError, PaginationError
from jobruns_sdk.paging.cursor import Cursor, Mark, Place

LISTING = "runs of glue:etl?region=eu-west-1"
MARK = Mark("jr_1", datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC))
CURSOR = Cursor(
    LISTING,
    {"states": ["FAILED"], "collapse_retries": False, "created_after": "2026-11-20T00:00:00Z"},
    {"": Place("token/+==", MARK, seeking=True, state=("jr_2_attempt_1",)), "x": Place(None, Mark("k", None))},
)
TEXT = str(CURSOR)

names = st.text(max_size=8)
marks = st.builds(Mark, names, st.none() | st.datetimes(timezones=st.just(UTC)))
places = st.builds(Place, st.none() | names, st.none() | marks, st.booleans(), st.lists(names, max_size=3).map(tuple))
cursors = st.builds(
    Cursor,
    names,
    st.dictionaries(names, names | st.booleans() | st.none() | st.lists(names, max_size=3), max_size=3),
    st.dictionaries(names, places, max_size=3),
)


def sealed(body: bytes) -> str:
    """What a cursor of that body would look like."""
    return "2." + urlsafe_b64encode(blake2b(body, digest_size=8).digest() + body).decode().rstrip("=")


@given(cursors)
def test_text_and_back(cursor: Cursor) -> None:
    assert Cursor.parse(str(cursor), cursor.listing) == cursor


def test_the_text_needs_no_escaping_anywhere() -> None:
    assert json.loads(json.dumps(TEXT)) == TEXT
    assert set(TEXT) <= set(string.ascii_letters + string.digits + "-_.")


def test_it_says_its_version() -> None:
    assert TEXT.startswith("2.")
    for version in ("0", "1", "11", "", " 1", "x" * 1000):
        with pytest.raises(CursorError, match="version"):
            Cursor.parse(f"{version}.{TEXT[2:]}", LISTING)


def long_cursor() -> Cursor:
    return Cursor(LISTING, {}, {f"glue:nightly-{at}": Place(f"token-{at}", MARK) for at in range(2_000)})


def test_a_long_cursor_is_compressed() -> None:
    cursor = long_cursor()
    text = str(cursor)

    assert Cursor.parse(text, LISTING) == cursor
    assert text.startswith("2z.")
    assert len(text) < 0.25 * len(sealed(msgspec.json.encode(cursor)))
    assert set(text) <= set(string.ascii_letters + string.digits + "-_.")


def test_damage_of_a_long_cursor_is_noticed() -> None:
    text = str(long_cursor())
    rng = Random(1)
    for at in [3, 4, 12, len(text) - 1, *(rng.randrange(3, len(text)) for _ in range(200))]:
        for damaged in (text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :], text[:at], text + text[at:]):
            with pytest.raises(CursorError, match="damaged"):
                Cursor.parse(damaged, LISTING)
    for other in (text.replace("2z.", "2."), TEXT.replace("2.", "2z.")):
        with pytest.raises(CursorError, match="damaged"):
            Cursor.parse(other, LISTING)


def test_a_forged_cursor_does_not_fill_the_memory() -> None:
    body = zlib.compress(b" " * (1 << 27), 9)
    forged = "2z." + urlsafe_b64encode(b"8 bytes." + body).decode().rstrip("=")

    with pytest.raises(CursorError, match="damaged"):
        Cursor.parse(forged, LISTING)


# Three lengths, since the last character of the text holds two, four or six bits.
three_lengths = pytest.mark.parametrize("listing", ["", "a", "ab"])


@three_lengths
def test_a_changed_character_is_noticed_wherever_it_stands(listing: str) -> None:
    text = str(Cursor(listing, CURSOR.query, CURSOR.places))
    for place, character in enumerate(text):
        for other in set(string.printable + "é\0") - {character}:
            with pytest.raises(CursorError, match="damaged"):
                Cursor.parse(text[:place] + other + text[place + 1 :], listing)


@three_lengths
def test_a_lost_or_doubled_part_is_noticed(listing: str) -> None:
    text = str(Cursor(listing, CURSOR.query, CURSOR.places))
    for place in range(len(text)):
        for changed in (text[:place], text[place + 1 :], text[:place] + text[place + 1 :], text[: place + 1] + text):
            with pytest.raises(CursorError, match="damaged"):
                Cursor.parse(changed, listing)


@pytest.mark.parametrize("ending", ["=", "==", "A", "\n", " ", ".", TEXT])
def test_something_added_is_noticed(ending: str) -> None:
    with pytest.raises(CursorError, match="damaged"):
        Cursor.parse(TEXT + ending, LISTING)


@given(st.text())
def test_other_text_is_no_cursor(text: str) -> None:
    for candidate in (text, f"2.{text}"):
        with pytest.raises(CursorError, match="damaged"):
            Cursor.parse(candidate, LISTING)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{}",
        b"[]",
        b'["a",{},{"":[1]}]',
        b'["a",{},{"":["1",["r","2026-11-20T00:00:00"]]}]',
        b'["\xff",{},{}]',
        b"[" * 9999,
        b'["a",{},{},' + b"[" * 99_999,
    ],
)
def test_a_body_that_is_no_cursor_is_refused_although_its_checksum_is_right(body: bytes) -> None:
    with pytest.raises(CursorError, match="damaged"):
        Cursor.parse(sealed(body), LISTING)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (5, "a cursor must be a string, got int"),
        ("1.abc", "the cursor is damaged or of another version: it begins with '1'"),
        ("x" * 30, "the cursor is damaged or of another version: it begins with 'xxxxxxxxxxxxxxxxxxxx'"),
        ("2.a.b", "the cursor is damaged"),
        ("2.!", "the cursor is damaged: its checksum does not match"),
        (sealed(b"null"), "the cursor is damaged"),
        (sealed(b"[]") + "A", "the cursor is damaged: its checksum does not match"),
    ],
)
def test_what_is_wrong_with_a_cursor_is_told(text: object, told: str) -> None:
    with pytest.raises(CursorError) as caught:
        Cursor.parse(text, LISTING)
    assert caught.value.message == told


def test_a_cursor_of_another_listing_is_refused() -> None:
    with pytest.raises(CursorError, match=r"continues 'runs of glue:etl\?region=eu-west-1', not 'jobs of glue'"):
        Cursor.parse(TEXT, "jobs of glue")


def test_the_error_is_of_both_kinds() -> None:
    with pytest.raises(CursorError) as caught:
        Cursor.parse("", LISTING)
    assert isinstance(caught.value, InvalidRequestError)
    assert isinstance(caught.value, PaginationError)
