"""``jobruns cost``: sums of a file of prices, in every form, and what is wrong with its options."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from jobruns_sdk.costs import PriceTable
from jobruns_sdk.testing import LocalService
from tests.cli.kit import Shell

RATES = {
    "ETL-DPU-Hour": "0.44",
    "EMR-SERVERLESS-vCPUHours": "0.052624",
    "EMR-SERVERLESS-MemoryGBHours": "0.0057785",
    "EMR-SERVERLESS-StorageGBHours": "0.000111",
}


@pytest.fixture(scope="module")
def prices(folder: Path) -> str:
    path = folder / "prices.json"
    PriceTable("USD", {("us-east-1", name): rate for name, rate in RATES.items()}).save(path)
    return str(path)


def test_sums_are_those_of_the_runs_that_are_listed(jobruns: Shell, prices: str, service: LocalService) -> None:
    job = "glue:hourly-ingest"
    ended = ("-s", "ended", "--until", f"{service.clock.now():%Y-%m-%dT%H:%M:%SZ}", "--since", "5d")
    listed = [line.split("\t") for line in jobruns("ls", job, *ended, "--all", "--fields", "state,dpu_hours").lines]
    rows = [
        json.loads(line)
        for line in jobruns("cost", job, *ended, "--prices", prices, "--by", "state", "-o", "jsonl").lines
    ]

    assert {row["state"]: row["runs"] for row in rows} == Counter(state for state, _ in listed)
    for row in rows:
        hours = sum(Decimal(hours) for state, hours in listed if state == row["state"])
        assert abs(Decimal(row["amount"]) - hours * Decimal("0.44")) < Decimal("0.001")
        assert row["unsuccessful"] == ("0.000000" if row["state"] == "SUCCEEDED" else row["amount"])
        assert (row["currency"], row["unknown"]) == ("USD", 0)


def test_what_has_no_amount_is_told(jobruns: Shell, prices: str) -> None:
    done = jobruns("cost", "glue:clickstream", "--prices", prices)
    assert done.out.split("\t")[1:] == ["1", "", "USD", "0.000000", "1\n"]
    assert done.err == "jobruns: 1 of 1 runs are in no amount: their usage or its price is not known\n"
    assert jobruns("cost", "glue:clickstream", "--prices", prices, "-q").err == ""


def test_a_table_has_short_names_and_cents(jobruns: Shell, prices: str) -> None:
    lines = jobruns("cost", "--prices", prices, "--by", "job,state", "-o", "table").lines
    assert lines[0].split() == ["job_ref", "state", "runs", "amount", "currency", "unsuccessful", "unknown"]
    assert lines[1].split()[0] == "glue:hourly-ingest"
    assert all(len(line) <= 80 for line in lines)
    amounts = [line.split()[3] for line in lines[1:] if "USD" in line.split()[4:5]]
    assert amounts == sorted(amounts, key=Decimal, reverse=True)
    assert all(len(amount.partition(".")[2]) == 2 for amount in amounts)


def test_a_stored_history_costs_the_same_without_a_call(
    jobruns: Shell, prices: str, service: LocalService, tmp_path: Path
) -> None:
    file = str(tmp_path / "runs.sqlite")
    assert jobruns("sync", "glue:nightly-etl", file).code == 0
    words = ("cost", "glue:nightly-etl", "-s", "ended", "--prices", prices, "--by", "day")
    live = jobruns(*words)
    service.forget_requests()
    assert jobruns(*words, "--from", file) == live
    assert service.calls() == 0


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        ((), 2, "jobruns cost: the following arguments are required: --prices (see jobruns cost --help)"),
        (("--prices", "missing.json"), 3, "jobruns: missing.json cannot be read: No such file or directory"),
        (("--prices", "{file}"), 2, "jobruns: '{file}' is not a price table, as PriceTable.save writes it: "),
        (("--prices", "a.json", "--prices", "b.json"), 2, "jobruns: --prices takes one table, or price lists in CSV"),
        (("--prices", "{file}", "--by", "month"), 2, "jobruns: --by: unknown group 'month', known are job, job_name, "),
    ],
)
def test_wrong_options_are_one_line(
    jobruns: Shell, words: tuple[str, ...], code: int, text: str, tmp_path: Path
) -> None:
    file = tmp_path / "other.json"
    file.write_text("[")
    done = jobruns("cost", *(word.format(file=file) for word in words))
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith(text.format(file=file))
    assert done.err.count("\n") == 1
