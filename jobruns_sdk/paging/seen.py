"""A bounded memory of row keys, so that each row is yielded once."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


class SeenRows:
    """The rows seen lately: at least the last ``size``, at most twice that and a page, so that memory stays flat.

    It holds hashes of 64 bits: in ten thousand rows two are alike by chance once in 10^11 times.

    Attributes:
        lasting: Rows, by the hashes of their keys, that are never forgotten.
    """

    def __init__(self, size: int = 5_000) -> None:
        self._size = size
        self._recent: set[int] = set()
        self._older: set[int] = set()
        self.lasting: set[int] = set()

    def fresh(self, rows: Sequence[T], key: Callable[[T], str]) -> Sequence[T]:
        """Return the rows that were not seen before, and remember them."""
        if self.lasting:
            rows = [row for row in rows if hash(key(row)) not in self.lasting]
        keys = list(map(hash, map(key, rows)))
        # Nearly all pages are new as a whole: then no row has to be looked at alone.
        if len(set(keys)) < len(keys) or not (self._recent.isdisjoint(keys) and self._older.isdisjoint(keys)):
            rows = [row for row_key, row in zip(keys, rows, strict=True) if self._is_new(row_key)]
        self._recent.update(keys)
        # The older half is let go of at once: nobody has to know the age of each row.
        if len(self._recent) >= self._size:
            self._older, self._recent = self._recent, set()
        return rows

    def __contains__(self, key: str) -> bool:
        """True if a row of that key was seen, as far as is remembered."""
        return any(hash(key) in keys for keys in (self.lasting, self._recent, self._older))

    def _is_new(self, key: int) -> bool:
        new = key not in self._recent and key not in self._older
        self._recent.add(key)
        return new
