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
        self._at_once = at_once
        # In one piece: a page's cursor may be read in another thread than that of the walk.
        self._decoded: tuple[int, Sequence[T]] = (0, list(wanted[:at_once]))

    def __len__(self) -> int:
        return len(self._positions)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        first, decoded = self._decoded
        if not first <= index < first + len(decoded):
            # With the row before, of which a cursor is made once it is consumed.
            rows, first = self._decode(), max(0, index - 1)
            decoded = [rows[at] for at in self._positions[first : index + self._at_once]]
            self._decoded = first, decoded
        return decoded[index - first]


def rows_of(listing: Listing[Any, Any, T], answer: object, state: object) -> Sequence[T]:
    """Return the rows of a page that was kept as bytes."""
    batch, _ = listing.read(answer, state)
    return batch.rows
