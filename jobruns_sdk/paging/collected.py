"""The list that ``collect()`` returns: it shows as a table, and runs can be drawn."""

from datetime import datetime, tzinfo
from html import escape
from typing import TYPE_CHECKING, SupportsIndex, TypeVar, overload

from jobruns_sdk.model.tables import Terminal, all_shown, html_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jobruns_sdk.model.runs import Attempt, JobRun
    from jobruns_sdk.pictures import Picture
    from jobruns_sdk.pictures.lanes import LaneOf, Names

T = TypeVar("T")


class Collected(list[T]):
    """A list that shows as a table in notebooks and with rich, and so does a slice of it."""

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> T: ...
    @overload
    def __getitem__(self, index: slice, /) -> "Collected[T]": ...
    def __getitem__(self, index: SupportsIndex | slice, /) -> "T | Collected[T]":
        return Collected(super().__getitem__(index)) if isinstance(index, slice) else super().__getitem__(index)

    def timeline(
        self: "Sequence[JobRun[object]]",
        *,
        attempts: "Iterable[Attempt[object]] | None" = None,
        since: datetime | None = None,
        until: datetime | None = None,
        now: datetime | None = None,
        lane: "LaneOf" = "job",
        names: "Names | None" = None,
        zone: tzinfo | None = None,
    ) -> "Picture":
        """Return a picture of these runs in time; the same as ``jobruns_sdk.pictures.timeline(runs, ...)``."""
        from jobruns_sdk.pictures import timeline  # noqa: PLC0415  # few programs draw

        return timeline(self, attempts=attempts, since=since, until=until, now=now, lane=lane, names=names, zone=zone)

    def __rich__(self) -> object:
        """Return a table of rich's, which calls this."""
        shown = all_shown(self)
        return list(self) if shown is None else Terminal(shown)

    def _repr_html_(self) -> str:
        shown = all_shown(self)
        return f"<pre>{escape(repr(self))}</pre>" if shown is None else html_table(shown)
