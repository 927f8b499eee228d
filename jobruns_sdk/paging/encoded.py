"""Rows of a page that are kept as bytes while other lists go first."""

from array import array
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, overload

from jobruns_sdk.paging.source import Listing

T = TypeVar("T")


class EncodedRows(Sequence[T]):
    """Rows of a page of which most are kept as bytes: they are decoded a few at a time, when it is their turn."""

    def __init__(
        self, decode: Callable[[], Sequence[T]], rows: Sequence[T], wanted: Sequence[T], *, at_once: int
    ) -> None:
        """Keep what decodes the bytes, which of their rows are wanted, and so many of these decoded."""
        index = {id(row): position for position, row in enumerate(rows)}
        self._decode = decode
        self._positions = array("L", [index[id(row)] for row in wanted])
        self._first = 0
        self._at_once = at_once
        self._decoded = list(wanted[:at_once])

    def __len__(self) -> int:
        return len(self._positions)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        if not self._first <= index < self._first + len(self._decoded):
            # With the row before, of which a cursor is made once it is consumed.
            rows = self._decode()
            self._first = max(0, index - 1)
            self._decoded = [rows[at] for at in self._positions[self._first : index + self._at_once]]
        return self._decoded[index - self._first]


def rows_of(listing: Listing[Any, Any, T], answer: object, state: object) -> Sequence[T]:
    """Return the rows of a page that was kept as bytes."""
    batch, _ = listing.read(answer, state)
    return batch.rows
