"""AWS's bulk price lists in CSV: https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/bulk-api-reading-price-list-files.html."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import dropwhile
from pathlib import Path
from typing import Final

from jobruns_sdk.errors import InvalidRequestError

_COLUMNS: Final = ("TermType", "EndingRange", "PricePerUnit", "Currency", "usageType", "operation", "Region Code")
# "USE1-ETL-DPU-Hour", "EU-EMR-SERVERLESS-vCPUHours": what comes before depends on the region, and may be nothing.
_OF_RUNS: Final = re.compile(r"(?:[A-Z0-9]+-)?((?:ETL|EMR-SERVERLESS)-.+)")
_OF_JOBS: Final = frozenset({"Jobrun", "FlexJobrun"})
"""The operations of Glue's job runs; interactive sessions and endpoints for development may be listed under others."""


def read_price_lists(files: Sequence[Path]) -> tuple[str, Mapping[tuple[str, str], str]]:
    """Return the currency, and the price of one unit by region and usage type.

    Raises:
        InvalidRequestError: A file is not a price list, has no price of job runs, or contradicts another; or their
            currencies differ.
        OSError: A file cannot be read.
    """
    if not files:
        raise InvalidRequestError("from_price_list needs one file or more")
    found: dict[tuple[str, str], dict[bool, str]] = {}
    currencies: dict[str, Path] = {}
    for file in files:
        is_empty = True
        for line in _lines(file):
            usage_type = _OF_RUNS.fullmatch(line["usageType"])
            # Of prices in steps the last one counts: free tiers are no list price.
            if usage_type is None or line["TermType"] != "OnDemand" or line["EndingRange"] not in ("", "Inf"):
                continue
            is_empty = False
            currencies.setdefault(line["Currency"], file)
            prices = found.setdefault((line["Region Code"], usage_type[1]), {})
            is_of_jobs = line["operation"] in _OF_JOBS
            if prices.setdefault(is_of_jobs, line["PricePerUnit"]) != line["PricePerUnit"]:
                other = prices[is_of_jobs]
                text = (
                    f"{line['usageType']} in {line['Region Code']} has two prices, {other} and {line['PricePerUnit']}"
                )
                raise InvalidRequestError(f"{str(file)!r}: {text}")
        if is_empty:
            text = "has no price of job runs: give those of the offers AWSGlue and ElasticMapReduce"
            raise InvalidRequestError(f"the price list {str(file)!r} {text}")
    if len(currencies) > 1:
        told = ", ".join(f"{name} in {str(file)!r}" for name, file in currencies.items())
        raise InvalidRequestError(f"a price table has one currency, got {told}")
    return next(iter(currencies)), {key: prices.get(True, prices.get(False, "")) for key, prices in found.items()}


def _lines(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        # Some lines about the file itself come before the heading.
        rows = csv.DictReader(dropwhile(lambda line: not line.lstrip('"').startswith("SKU"), text))
        missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
        if missing:
            raise InvalidRequestError(f"{str(file)!r} is not a price list in CSV: it has no column {missing[0]!r}")
        for row in rows:
            yield {name: row[name] or "" for name in _COLUMNS}
