"""``jobruns cost``: what runs cost, by groups."""

import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Final, cast, get_args

import attrs

from jobruns_sdk import InvalidRequestError
from jobruns_sdk.cli.fields import SHORT, Kind, Read
from jobruns_sdk.cli.options import Cost
from jobruns_sdk.cli.output import Output
from jobruns_sdk.cli.prices import read_prices
from jobruns_sdk.cli.reading import opened_reader
from jobruns_sdk.cli.shown import full_moment
from jobruns_sdk.cli.terminal import Terminal
from jobruns_sdk.cli.wanted import told, wanted_of, words_of
from jobruns_sdk.costs import CostRow, GroupBy

_FIELDS: Final[Mapping[str, Read]] = {
    "runs": lambda row: row.runs,
    "amount": lambda row: row.amount,
    "currency": lambda row: row.currency,
    "unsuccessful": lambda row: row.unsuccessful,
    "unknown": lambda row: row.unknown,
}
_CENT: Final = Decimal("0.01")
_FRACTION: Final = Decimal("0.000001")


async def run(options: Cost, terminal: Terminal) -> int:
    """Tell what runs cost, and return the exit code."""
    by = _groups(options.by)
    prices = read_prices(options.prices)
    words = words_of(options.words, os.environ.get("JOBRUNS_JOBS"))
    kind = _kind(by)
    output = Output(kind, attrs.evolve(options.form, fields=options.form.fields or (*kind.fields,)), terminal)
    wanted = wanted_of(options.filters, terminal, hydrate=True)  # lists of EMR Serverless tell no usage
    async with opened_reader(options.store, options.places, words) as reader:
        runs = [run async for run in reader.runs(words, wanted)]
    rows = prices.summary(runs, by=by, zone=terminal.zone)
    for row in _short(rows) if output.is_table else rows:
        output.put(_rounded(row, _CENT if output.is_table else _FRACTION))
    output.end()
    if wanted.active_after is not None and output.is_table:
        terminal.notice(f"since {full_moment(wanted.active_after, terminal)}")
    if unknown := sum(row.unknown for row in rows):
        terminal.notice(f"{unknown} of {len(runs)} runs are in no amount: their usage or its price is not known")
    return told(reader.failures, several=len(words) != 1 or options.places.are_several)


def _groups(names: Sequence[str]) -> list[GroupBy]:
    known = get_args(GroupBy)
    for name in names:
        if name not in known:
            raise InvalidRequestError(f"--by: unknown group {name!r:.80}, known are {', '.join(known)}")
    return cast("list[GroupBy]", [*names])


def _kind(by: Sequence[str]) -> Kind:
    """Return the columns of rows that are grouped so."""
    groups: dict[str, Read] = {SHORT.get(name, name): partial(_part, number) for number, name in enumerate(by)}
    fields = {**groups, **_FIELDS}
    return Kind(fields, (*fields,), (*fields,), lambda row: " ".join(row.group))


def _part(number: int, row: CostRow) -> str:
    return row.group[number]


def _short(rows: Sequence[CostRow]) -> list[CostRow]:
    """Return rows whose jobs have no region and profile where all have the same."""
    places = {text.partition("?")[2] for row in rows for text in row.group if "?" in text}
    if len(places) != 1:
        return [*rows]
    return [attrs.evolve(row, group=tuple(text.partition("?")[0] for text in row.group)) for row in rows]


def _rounded(row: CostRow, to: Decimal) -> CostRow:
    amount = None if row.amount is None else row.amount.quantize(to)
    return attrs.evolve(row, amount=amount, unsuccessful=row.unsuccessful.quantize(to))
