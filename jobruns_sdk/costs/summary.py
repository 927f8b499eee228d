"""The cost of many runs, by groups."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import tzinfo
from decimal import Decimal
from typing import Final, Literal, TypeAlias

import attrs

from jobruns_sdk.checks import kind_of, optional, refusal
from jobruns_sdk.costs.amounts import Cost
from jobruns_sdk.costs.metering import Row, job_of
from jobruns_sdk.model.states import UNSUCCESSFUL

GroupBy: TypeAlias = Literal["job", "job_name", "service", "region", "profile", "state", "day"]
"""The names that costs are grouped by."""

_check_zone: Final = optional(kind_of(tzinfo, "a time zone, such as datetime.UTC or ZoneInfo('Europe/Berlin')"))


@attrs.frozen
class CostRow:
    """The cost of the runs of a group.

    Attributes:
        group: The value of each part of ``by``, as strings; days as ``"2026-11-30"``, ``""`` where there is none.
        amount: The sum over the runs whose cost is known, not rounded; None where none is.
        unsuccessful: What of it went into runs that failed, were stopped or timed out.
        currency: The currency's code.
        runs: The number of runs.
        unknown: How many of them have no known cost, and are not in ``amount``.
    """

    group: tuple[str, ...]
    amount: Decimal | None
    unsuccessful: Decimal
    currency: str
    runs: int
    unknown: int


@attrs.define
class _Sum:
    amount: Decimal = Decimal(0)
    unsuccessful: Decimal = Decimal(0)
    runs: int = 0
    unknown: int = 0

    def row(self, group: tuple[str, ...], currency: str) -> CostRow:
        amount = None if self.unknown == self.runs else self.amount
        return CostRow(group, amount, self.unsuccessful, currency, self.runs, self.unknown)


def summarize(
    priced: Callable[[Row], Cost | None],
    rows: Iterable[Row],
    by: GroupBy | Sequence[GroupBy],
    *,
    currency: str,
    zone: tzinfo | None,
) -> list[CostRow]:
    """Return a row for each group; see ``PriceTable.summary``."""
    _check_zone("zone", zone)
    names = [by] if isinstance(by, str) else [*by]
    for name in names:
        if name not in _GROUPS:
            raise refusal("by", f"of {', '.join(map(repr, _GROUPS))}", name)
    sums: dict[tuple[str, ...], _Sum] = {}
    for row in rows:
        cost = priced(row)
        one = sums.setdefault(tuple([_GROUPS[name](row, zone) for name in names]), _Sum())
        one.runs += 1
        if cost is None or cost.amount is None:
            one.unknown += 1
            continue
        one.amount += cost.amount
        if row.state in UNSUCCESSFUL:
            one.unsuccessful += cost.amount
    made = [one.row(group, currency) for group, one in sums.items()]
    return sorted(made, key=lambda row: (row.amount is None, -(row.amount or 0), row.group))


def _day(row: Row, zone: tzinfo | None) -> str:
    return "" if row.created_at is None else f"{row.created_at.astimezone(zone):%Y-%m-%d}"


_GROUPS: Final[Mapping[str, Callable[[Row, tzinfo | None], str]]] = {
    "job": lambda row, _: str(job_of(row)),
    "job_name": lambda row, _: job_of(row).job_name or job_of(row).path[-1],
    "service": lambda row, _: str(job_of(row).service),
    "region": lambda row, _: job_of(row).region or "",
    "profile": lambda row, _: job_of(row).profile or "",
    "state": lambda row, _: str(row.state),
    "day": _day,
}
