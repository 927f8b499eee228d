"""AWS's bulk price lists in CSV."""

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from jobruns_sdk import InvalidRequestError
from jobruns_sdk.costs import PriceTable

# The head of such a file, and its columns: https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/bulk-api.html
HEAD = [
    ["FormatVersion", "v1.0"],
    ["Disclaimer", "This pricing list is for informational purposes only."],
    ["Publication Date", "2026-11-20T00:00:00Z"],
    ["Version", "20261120000000"],
    ["OfferCode", "AWSGlue"],
]
COLUMNS = [
    "SKU",
    "OfferTermCode",
    "RateCode",
    "TermType",
    "PriceDescription",
    "EffectiveDate",
    "StartingRange",
    "EndingRange",
    "Unit",
    "PricePerUnit",
    "Currency",
    "Product Family",
    "serviceCode",
    "Location",
    "usageType",
    "operation",
    "Region Code",
    "serviceName",
]
LINE = {
    "TermType": "OnDemand",
    "StartingRange": "0",
    "EndingRange": "Inf",
    "Unit": "DPU-Hour",
    "PricePerUnit": "0.4400000000",
    "Currency": "USD",
    "usageType": "EU-ETL-DPU-Hour",
    "operation": "Jobrun",
    "Region Code": "eu-west-1",
}


def price_list(folder: Path, *lines: dict[str, str], name: str = "AWSGlue.csv") -> Path:
    with (folder / name).open("w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerows([*HEAD, COLUMNS])
        writer.writerows([[{**LINE, **line}.get(column, "x") for column in COLUMNS] for line in lines])
    return folder / name


def test_the_lines_of_job_runs_are_taken(tmp_path: Path) -> None:
    glue = price_list(
        tmp_path,
        {},
        {"usageType": "EU-ETL-Flex-DPU-Hour", "operation": "FlexJobrun", "PricePerUnit": "0.2900000000"},
        {"usageType": "USE1-ETL-DPU-Hour-Gen2", "Region Code": "us-east-1", "PricePerUnit": "0.5000000000"},
        {"usageType": "ETL-DPU-Hour", "Region Code": "us-east-1"},
        {"usageType": "EU-Crawler-DPU-Hour", "operation": "CrawlerRun"},
        {"usageType": "EU-Catalog-Storage", "operation": ""},
    )
    emr = price_list(
        tmp_path,
        {"usageType": "EU-EMR-SERVERLESS-vCPUHours", "operation": "Worker", "PricePerUnit": "0.0526240000"},
        {"usageType": "EU-EMR-SERVERLESS-ARM-vCPUHours", "operation": "Worker", "PricePerUnit": "0.0421000000"},
        {"usageType": "EU-BoxUsage:m5.xlarge", "operation": "RunInstances", "PricePerUnit": "0.0480000000"},
        name="ElasticMapReduce.csv",
    )

    assert PriceTable.from_price_list(glue, str(emr)) == PriceTable(
        "USD",
        {
            ("eu-west-1", "ETL-DPU-Hour"): Decimal("0.44"),
            ("eu-west-1", "ETL-Flex-DPU-Hour"): Decimal("0.29"),
            ("us-east-1", "ETL-DPU-Hour-Gen2"): Decimal("0.5"),
            ("us-east-1", "ETL-DPU-Hour"): Decimal("0.44"),
            ("eu-west-1", "EMR-SERVERLESS-vCPUHours"): Decimal("0.052624"),
            ("eu-west-1", "EMR-SERVERLESS-ARM-vCPUHours"): Decimal("0.0421"),
        },
    )


def test_a_free_tier_is_no_list_price(tmp_path: Path) -> None:
    free = {"EndingRange": "1000", "PricePerUnit": "0.0000000000"}
    table = PriceTable.from_price_list(price_list(tmp_path, free, {"StartingRange": "1000"}))
    assert table.rates == {("eu-west-1", "ETL-DPU-Hour"): Decimal("0.44")}


@pytest.mark.parametrize("first", [True, False])
def test_the_price_of_job_runs_comes_before_that_of_others(first: bool, tmp_path: Path) -> None:  # noqa: FBT001
    lines = [{}, {"operation": "DevEndpoint", "PricePerUnit": "0.9"}]
    table = PriceTable.from_price_list(price_list(tmp_path, *(lines if first else lines[::-1])))
    assert table.rates == {("eu-west-1", "ETL-DPU-Hour"): Decimal("0.44")}


def test_what_is_not_on_demand_is_left_out(tmp_path: Path) -> None:
    table = PriceTable.from_price_list(price_list(tmp_path, {}, {"TermType": "Reserved", "PricePerUnit": "0.1"}))
    assert table.rates == {("eu-west-1", "ETL-DPU-Hour"): Decimal("0.44")}


def test_two_prices_for_the_same_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"EU-ETL-DPU-Hour in eu-west-1 has two prices, 0\.44\d* and 0\.50"):
        PriceTable.from_price_list(price_list(tmp_path, {}, {"PricePerUnit": "0.50"}))


def test_currencies_are_never_mixed(tmp_path: Path) -> None:
    usd = price_list(tmp_path, {})
    cny = price_list(tmp_path, {"Currency": "CNY", "Region Code": "cn-north-1"}, name="China.csv")
    with pytest.raises(InvalidRequestError, match=r"a price table has one currency, got USD in .* CNY in .*China\.csv"):
        PriceTable.from_price_list(usd, cny)
    assert PriceTable.from_price_list(cny).currency == "CNY"


def test_a_list_without_job_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="has no price of job runs: give those of the offers AWSGlue and"):
        PriceTable.from_price_list(price_list(tmp_path, {"usageType": "EU-BoxUsage"}))


@pytest.mark.parametrize("text", ["", "SKU,Price\n1,2\n", "no list\n"])
def test_a_file_that_is_no_list_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text(text)
    with pytest.raises(InvalidRequestError, match=r"other\.csv' is not a price list in CSV: it has no column"):
        PriceTable.from_price_list(tmp_path / "other.csv")
    with pytest.raises(InvalidRequestError, match="needs one file or more"):
        PriceTable.from_price_list()
    with pytest.raises(FileNotFoundError):
        PriceTable.from_price_list(tmp_path / "missing.csv")
