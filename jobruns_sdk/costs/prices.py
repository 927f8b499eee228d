"""Prices by region and usage type, and the cost of a run by them."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, tzinfo
from decimal import Decimal, InvalidOperation
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self, cast

from jobruns_sdk.checks import Rule, check_text, kind_of, mapping_of, one_of, optional, refusal
from jobruns_sdk.costs.amounts import Cost, CostBasis, CostPart
from jobruns_sdk.costs.metering import Architecture, Row, job_of, metered
from jobruns_sdk.costs.price_list import read_price_lists
from jobruns_sdk.costs.summary import CostRow, GroupBy, summarize
from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import Attempt, JobRun


def _is_key(value: object) -> bool:
    parts = cast("tuple[object, ...]", value) if isinstance(value, tuple) else ()
    return len(parts) == 2 and all(map(check_text.holds, parts))  # noqa: PLR2004  # region and usage type


_NO_PRICE: Final = Decimal("NaN")
_FORMAT: Final = "a price table, as PriceTable.save writes it"
_check_row: Final = kind_of((JobRun, Attempt), "a JobRun or an Attempt")
_check_architecture: Final = optional(one_of("X86_64", "ARM64"))
_check_usage_type: Final = optional(check_text)
_check_key: Final = Rule("(region, usage type), as in ('eu-west-1', 'ETL-DPU-Hour')", _is_key)
_check_job: Final = kind_of((JobRef, str), "a JobRef or its text form")
_CODE: Final = re.compile(r"[A-Za-z]{3}")
_check_currency: Final = Rule(
    "a code of three letters, such as 'USD'", lambda value: isinstance(value, str) and bool(_CODE.fullmatch(value))
)


class PriceTable:
    """List prices by region and usage type, in one currency.

    The keys are AWS's own usage types without the region's prefix: ``ETL-DPU-Hour``, ``ETL-Flex-DPU-Hour`` and
    ``ETL-MemOptimized-DPU-Hour``, each also with ``-Gen2`` (Glue 6 and newer); ``EMR-SERVERLESS-vCPUHours``,
    ``EMR-SERVERLESS-MemoryGBHours``, ``EMR-SERVERLESS-ARM-vCPUHours``, ``EMR-SERVERLESS-ARM-MemoryGBHours`` and
    ``EMR-SERVERLESS-StorageGBHours``. No price of another region ever stands in for one that is missing.

    Attributes:
        currency: The currency's code.
    """

    def __init__(
        self,
        currency: str,
        rates: Mapping[tuple[str, str], Decimal | str | int],
        *,
        architectures: Mapping[JobRef | str, str | None] = MappingProxyType({}),
    ) -> None:
        """Keep the prices.

        Args:
            currency: The currency's code, such as ``"USD"``.
            rates: The price of one unit (a DPU-hour, a vCPU-hour, a GB-hour) by region and usage type, such as
                ``{("eu-west-1", "ETL-DPU-Hour"): "0.44"}``.
            architectures: As for `with_architectures`.

        Raises:
            InvalidRequestError: A currency, region, usage type or price is invalid; floats are, since 0.44 is none.
        """
        _check_currency("currency", currency)
        self.currency: str = currency.upper()
        right = "a mapping of (region, usage type) to the price of one unit"
        priced = mapping_of("rates", right, rates)
        self._rates = {_key(key): _rate(key, one) for key, one in priced}
        named = mapping_of("architectures", "a mapping of applications to architectures", architectures)
        self._architectures: dict[JobRef, Architecture] = {_job(job): _architecture(job, one) for job, one in named}

    @property
    def rates(self) -> Mapping[tuple[str, str], Decimal]:
        """The price of one unit by region and usage type."""
        return MappingProxyType(self._rates)

    def __repr__(self) -> str:
        return (
            f"PriceTable({self.currency!r}, {len(self._rates)} rates in {len({one for one, _ in self._rates})} regions)"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PriceTable):
            return NotImplemented
        same = self.currency == other.currency and self._rates == other._rates
        return same and self._architectures == other._architectures

    def __hash__(self) -> int:
        return hash((self.currency, frozenset(self._rates.items())))

    @classmethod
    def from_price_list(cls, *files: str | PathLike[str]) -> Self:
        """Read AWS's bulk price lists in CSV: those of the offers AWSGlue and ElasticMapReduce.

        They are at ``https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AWSGlue/current/index.csv`` and, for one
        region, ``.../current/REGION/index.csv``. Of all lines those are taken whose usage type is one of job runs.

        Args:
            files: The files, of one or several offers and regions.

        Raises:
            InvalidRequestError: A file is not a price list, has no price of job runs, or contradicts another; or their
                currencies differ.
            OSError: A file cannot be read.
        """
        currency, rates = read_price_lists([Path(file) for file in files])
        return cls(currency, rates)

    @classmethod
    def load(cls, file: str | PathLike[str]) -> Self:
        """Read a table that `save` has written.

        Raises:
            InvalidRequestError: The file holds something else.
            OSError: The file cannot be read.
        """
        try:
            found: Any = json.loads(Path(file).read_bytes())
            rates = {
                (region, name): rate for region, by_name in found["rates"].items() for name, rate in by_name.items()
            }
            return cls(found["currency"], rates)
        except (ValueError, KeyError, TypeError, AttributeError, InvalidRequestError) as error:
            raise InvalidRequestError(f"{str(file)!r} is not {_FORMAT}: {error}") from error

    def save(self, file: str | PathLike[str]) -> None:
        """Write the table as JSON, to be kept beside a program and read by `load`.

        Raises:
            OSError: The file cannot be written.
        """
        regions: dict[str, dict[str, str]] = {}
        for (region, name), rate in sorted(self._rates.items()):
            regions.setdefault(region, {})[name] = str(rate)
        Path(file).write_text(
            json.dumps({"currency": self.currency, "rates": regions}, indent=1) + "\n", encoding="utf-8"
        )

    def with_architectures(self, architectures: Mapping[JobRef | str, str | None]) -> Self:
        """Return the same prices for applications whose architecture is known: ARM costs a fifth less.

        No run tells its application's architecture. `client.jobs` does:
        ``{job.ref: job.native.architecture async for job in client.jobs("emr-serverless")}``.

        Args:
            architectures: ``"X86_64"`` or ``"ARM64"`` by application; None, and all others, count as ``"X86_64"``.

        Raises:
            InvalidRequestError: A job or an architecture is invalid.
        """
        return type(self)(self.currency, self.rates, architectures=architectures)

    def cost(self, row: Row, *, architecture: Architecture | None = None, usage_type: str | None = None) -> Cost | None:
        """Return what a run or an attempt costs, or None where its usage is not known.

        The cost of a run is that of all its attempts. On EMR Serverless rows of lists have no usage: use
        ``hydrate=True``. DataZone tells no usage.

        Args:
            row: The run or attempt.
            architecture: The architecture of an EMR Serverless application; unless given that of
                `with_architectures`, or else ``"X86_64"``.
            usage_type: The usage type of a Glue run that does not tell it: a Ray job, or a run without ``native``.

        Raises:
            InvalidRequestError: An argument is invalid.
        """
        _check_row("row", row)
        _check_architecture("architecture", architecture)
        _check_usage_type("usage_type", usage_type)
        job, parts, unknown = job_of(row), list[CostPart](), list[str]()
        if architecture is None:
            architecture = self._architectures.get(job, "X86_64")
        amount = Decimal(0)
        for one in metered(row, architecture, usage_type):
            rate = self._rates.get((job.region or "", one.usage_type or ""))
            if one.quantity is not None and not one.quantity:
                product: Decimal | None = Decimal(0)  # nothing was used, whatever it costs
            else:
                product = None if rate is None or one.quantity is None else one.quantity * rate
            parts.append(CostPart(one.usage_type, one.quantity, one.unit, rate, product))
            if product is None:
                unknown.append(one.usage_type or "?")
            else:
                amount += product
        if not parts or row.usage is None:
            return None
        basis: CostBasis = row.usage.basis if row.is_terminal else "running"
        return Cost(None if unknown else amount, self.currency, basis, tuple(parts), tuple(unknown))

    def summary(
        self,
        rows: Iterable[Row],
        *,
        by: GroupBy | Sequence[GroupBy] = (),
        zone: tzinfo | None = UTC,
    ) -> list[CostRow]:
        """Return the cost of many runs, or attempts, by groups.

        Args:
            rows: The runs or attempts; not both of the same run, which would count it twice.
            by: What to group by, one or several: ``"job"``, ``"job_name"`` (the job's name or else its id),
                ``"service"``, ``"region"``, ``"profile"``, ``"state"``, ``"day"`` (of creation); one group of all
                unless given.
            zone: The time zone of days; None for that of this machine.

        Returns:
            A row for each group, the most expensive first. Runs whose cost is not known are counted in ``unknown``, and
            are not in ``amount``.

        Raises:
            InvalidRequestError: An argument is invalid.
        """
        return summarize(self.cost, rows, by, currency=self.currency, zone=zone)


def _key(key: object) -> tuple[str, str]:
    _check_key("each key in rates", key)
    region, usage_type = cast("tuple[str, str]", key)
    return region, usage_type


def _job(job: object) -> JobRef:
    _check_job("each application in architectures", job)
    return job if isinstance(job, JobRef) else JobRef.parse(str(job))


def _architecture(job: object, architecture: object) -> Architecture:
    _check_architecture(f"architectures[{str(job)!r:.80}]", architecture)
    return "ARM64" if architecture == "ARM64" else "X86_64"


def _rate(key: object, rate: object) -> Decimal:
    try:
        price = Decimal(rate) if isinstance(rate, str | int | Decimal) and not isinstance(rate, bool) else _NO_PRICE
    except InvalidOperation:
        price = _NO_PRICE
    if not price.is_finite() or price < 0:
        raise refusal(f"rates[{key!r:.80}]", "a price as a string, an integer or a Decimal, not below 0", rate)
    return price
