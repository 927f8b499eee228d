"""The filters of a list of runs, checked once, the same on every service."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, Self, TypedDict

import attrs
import msgspec

from jobruns_sdk.checks import check_flag, check_moment, check_some_time, items_of, one_of, optional, refusal, validated
from jobruns_sdk.errors import CursorError, InvalidRequestError, UnsupportedOperationError
from jobruns_sdk.model.native import builtins_of, utc
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.model.states import RunState, states_of
from jobruns_sdk.paging.cursor import Cursor, Query
from jobruns_sdk.times import Moment, exact

Order = Literal["newest", "oldest"]
"""The newest run first, or the oldest."""


class RunOptions(TypedDict, total=False):
    """The keyword arguments that ``runs()`` of every handle takes.

    Attributes:
        states: The states that are wanted.
        native_states: The service's own states to include.
        created_after: Only runs created at this time (aware) or later.
        created_before: Only runs created before this time (aware).
        ended_after: Only runs that ended at this time (aware) or later.
        ended_before: Only runs that ended before this time (aware).
        active_after: Only runs that ended at this time (aware) or later, or are still active.
        reach: How far back by creation runs are read for ``ended_after`` and ``active_after``; 7 days by default.
        order: Which end of the list comes first.
        limit: The maximum number of runs.
        page_size: Rows to request at once.
        cursor: The cursor to resume from.
    """

    states: Iterable[RunState | str] | None
    native_states: Iterable[str] | None
    created_after: datetime | None
    created_before: datetime | None
    ended_after: datetime | None
    ended_before: datetime | None
    active_after: datetime | None
    reach: timedelta | None
    order: Order | None
    limit: int | None
    page_size: int | None
    cursor: str | None


Wanted = tuple[str, ...] | None
"""Native states in the order of the service's table, or None for all of them, those that nobody knows yet included."""

# No run is older, so that such a bound need not be sent; botocore writes years before 1000 with too few digits.
_EARLIEST: Final = exact(datetime(1970, 1, 1, tzinfo=UTC))
_LATEST: Final = exact(datetime.max.replace(tzinfo=UTC))
REACH: Final = timedelta(days=7)
"""The default reach: the span of creation times that is read for windows by end."""

_DEFAULTS: Final[Mapping[str, object]] = {"order": "newest", "collapse_retries": True, "reach": REACH}


def _states(values: Iterable[RunState | str] | None) -> frozenset[RunState] | None:
    names = _names("states", {values} if isinstance(values, RunState) else values)
    return None if names is None else states_of("states", names)


def _native_states(values: Iterable[str] | None) -> frozenset[str] | None:
    return _names("native_states", values)


def _names(name: str, values: Iterable[str] | None) -> frozenset[str] | None:
    if values is None:
        return None
    chosen: list[object] = [*items_of(name, values, "states, such as {'FAILED'}")]
    if not chosen:
        raise InvalidRequestError(f"{name} must hold at least one state, or be None for all of them")
    for state in chosen:
        if not isinstance(state, str):
            raise refusal(f"each of {name}", "a state, such as 'FAILED'", state)
    return frozenset(map(str, chosen))


def _check_window(query: "RunQuery", bound: "attrs.Attribute[Any]", until: datetime | None) -> None:
    name = bound.name.replace("before", "after")
    since = getattr(query, name)
    if since is not None and until is not None and since > until:
        raise InvalidRequestError(f"{name} must not be later than {bound.name}, got {since!r} and {until!r}")


def _check_reach(query: "RunQuery", _: object, reach: timedelta | None) -> None:
    if reach is not None and query.ended_since is None:
        raise InvalidRequestError("reach says how far back is read for ended_after or active_after: give one of them")


_MOMENT: Final = validated(optional(check_moment))


def _instant(moment: datetime | None) -> datetime | None:
    # Two times of one zone are compared, and a span taken off, by its wall clock, which jumps twice a year:
    # https://peps.python.org/pep-0495/. And classes of others, such as pendulum's, are not to be met further on.
    instant = utc(moment) if check_moment.holds(moment) else None
    return moment if instant is None else exact(instant).replace(tzinfo=UTC)


@attrs.frozen(kw_only=True)
class RunQuery:
    """The filters of a list of runs; None where nothing was said.

    Attributes:
        states: The states that are wanted.
        native_states: The service's own states to include.
        created_after: Runs created then or later, in UTC whatever zone it was given in.
        created_before: Runs created earlier than that, in UTC too.
        ended_after: Runs that have ended, then or later, in UTC too.
        ended_before: Runs that have ended, earlier than that, in UTC too.
        active_after: Runs that had not ended before that, in UTC too.
        reach: How far back by creation is read for the windows of ends; ``REACH`` unless told otherwise.
        order: Which end of the list comes first; the newest unless told otherwise.
        mode: ``"BATCH"`` or ``"STREAMING"``, on EMR Serverless.
        collapse_retries: Whether a Glue run and its retries are one run; they are unless told otherwise.
    """

    states: frozenset[RunState] | None = attrs.field(default=None, converter=_states)
    native_states: frozenset[str] | None = attrs.field(default=None, converter=_native_states)
    created_after: Moment | None = attrs.field(default=None, converter=_instant, validator=_MOMENT)
    created_before: Moment | None = attrs.field(default=None, converter=_instant, validator=[_MOMENT, _check_window])
    ended_after: Moment | None = attrs.field(default=None, converter=_instant, validator=_MOMENT)
    ended_before: Moment | None = attrs.field(default=None, converter=_instant, validator=[_MOMENT, _check_window])
    active_after: Moment | None = attrs.field(default=None, converter=_instant, validator=_MOMENT)
    reach: timedelta | None = attrs.field(default=None, validator=[validated(optional(check_some_time)), _check_reach])
    order: Order | None = attrs.field(default=None, validator=validated(optional(one_of("newest", "oldest"))))
    mode: str | None = None
    collapse_retries: bool | None = attrs.field(default=None, validator=validated(optional(check_flag)))

    @property
    def newest_first(self) -> bool:
        """True if the newest run comes first."""
        return self.order != "oldest"

    def only_newest_first(self, service: str) -> Self:
        """Return this query, for a service that lists the newest run first and cannot do otherwise.

        Raises:
            UnsupportedOperationError: It asks for the oldest first.
        """
        if not self.newest_first:
            raise UnsupportedOperationError("only DataZone can list the oldest runs first", service=service)
        return self

    def wanted(self, table: Mapping[str, RunState]) -> Wanted:
        """Return the native states that can satisfy the query.

        Args:
            table: What the service's states mean.

        Raises:
            InvalidRequestError: ``native_states`` names a state that the service does not have.
        """
        strange = (self.native_states or frozenset()).difference(table)
        if strange:
            raise InvalidRequestError(f"unknown native_states {sorted(strange)}, known are {', '.join(sorted(table))}")
        for since, until in ((self.created_after, self.created_before), (self.ended_after, self.ended_before)):
            if since is not None and since == until:
                return ()  # an empty window, as programs have it that go on from where they were
        chosen = tuple(
            name
            for name, state in table.items()
            if (self.native_states is None or name in self.native_states)
            and (self.states is None or state in self.states)
        )
        unknown_too = self.native_states is None and (self.states is None or RunState.UNKNOWN in self.states)
        return None if unknown_too or len(chosen) == len(table) else chosen

    @property
    def ended_since(self) -> datetime | None:
        """The time before which no run that is wanted has ended; None where nothing was said of that."""
        return max((at for at in (self.ended_after, self.active_after) if at is not None), default=None)

    @property
    def read_from(self) -> datetime | None:
        """The time of creation back to which runs are read; None for all there are."""
        since = self.ended_since
        if since is None:
            return self.created_after
        reach = REACH if self.reach is None else self.reach
        bound = since - reach if since - _EARLIEST > reach else _EARLIEST
        return bound if self.created_after is None else max(self.created_after, bound)

    def within_reach(self) -> Self:
        """Return the query with the window of creation that is read: no run ends before it was created."""
        ends = [at for at in (self.created_before, self.ended_before) if at is not None]
        since, until = self.read_from, min(ends, default=None)
        return attrs.evolve(
            self, created_after=since if until is None or since is None else min(since, until), created_before=until
        )

    def created_after_less(self, slack: timedelta) -> datetime | None:
        """Return ``created_after`` less some slack for rows that come late, None where no row can be older."""
        since = self.created_after
        return None if since is None or since < _EARLIEST + slack else since - slack

    def created_before_plus(self, slack: timedelta) -> datetime | None:
        """Return ``created_before`` plus some slack."""
        until = self.created_before
        return None if until is None else max(_EARLIEST, min(until, _LATEST - slack)) + slack

    def accepts(self, run: JobRun[Any]) -> bool:
        """True if a run matches the filters on state and time; without a creation time it matches no creation window.

        A run whose end is not told counts as ended when it was last updated.
        """
        if self.states is not None and run.state not in self.states:
            return False
        if self.native_states is not None and run.native_state not in self.native_states:
            return False
        if self.created_after is not None and (run.created_at is None or run.created_at < self.created_after):
            return False
        if self.created_before is not None and (run.created_at is None or run.created_at >= self.created_before):
            return False
        return not self.filters_ends or self._accepts_end(run)

    @property
    def filters_ends(self) -> bool:
        """True if runs are chosen by their ends."""
        return not (self.ended_after is self.ended_before is self.active_after is None)

    def _accepts_end(self, run: JobRun[Any]) -> bool:
        if not run.is_terminal:
            return self.ended_after is self.ended_before is None
        bound = self.read_from
        if bound is not None and run.created_at is not None and run.created_at < bound:
            return False  # it lies beyond what is read, and comes with it by accident
        ended, since = run.ended_at or run.updated_at, self.ended_since
        if ended is None:
            return True  # better one run too many than one lost
        return (since is None or ended >= since) and (self.ended_before is None or ended < self.ended_before)

    def knows_end(self, run: JobRun[Any]) -> bool:
        """True if a listed run tells enough of its end to be judged: it ended between its creation and its last change.

        Of three runs that list no end, only the last one has to be got to know whether it has ended since 10:00:
            created 09:00, changed 09:40    it ended before
            created 10:10, changed 10:30    it ended since
            created 09:50, changed 10:30
        """
        if not (self.filters_ends and run.is_terminal) or run.ended_at is not None or run.updated_at is None:
            return True
        earliest, latest = run.created_at or _EARLIEST, run.updated_at
        return all(at is None or earliest >= at or latest < at for at in (self.ended_since, self.ended_before))

    @property
    def filter(self) -> Callable[[JobRun[Any]], bool] | None:
        """The predicate of the runs that are wanted; None if all are."""
        chosen = (self.states, self.native_states, self.created_after, self.created_before)
        return None if all(value is None for value in chosen) and not self.filters_ends else self.accepts

    def to_cursor(self) -> Query:
        """Return the filters as a cursor carries them."""
        said: Query = builtins_of(self)
        return {name: value for name, value in said.items() if value is not None}

    def resumed(self, cursor: Cursor) -> "RunQuery":
        """Return the cursor's query, unless this one says otherwise.

        Raises:
            CursorError: A filter is given here that is not the cursor's.
        """
        strange = cursor.query.keys() - attrs.fields_dict(RunQuery).keys()
        if strange:
            raise CursorError(f"the cursor was made by another version: unknown filters {sorted(strange)}")
        try:
            kept = msgspec.convert(cursor.query, RunQuery)
        except msgspec.ValidationError as error:
            raise CursorError(f"the cursor was made by another version: {error}") from error
        for field in attrs.fields(RunQuery):
            here, there = getattr(self, field.name), getattr(kept, field.name)
            if here is not None and here != (_DEFAULTS.get(field.name) if there is None else there):
                raise CursorError(
                    f"the cursor was made with {field.name}={there!r}, it cannot go on with {here!r}: "
                    "leave the filters out, the cursor holds them"
                )
        return kept
