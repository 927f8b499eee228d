"""Tables of prices: what is known, what is not, and what is refused."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

from jobruns_sdk import InvalidRequestError
from jobruns_sdk.costs import Cost, CostPart, PriceTable
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.states import RunState
from tests.costs.figures import APPLICATION, GLUE, PRICES, REGION, amount, emr_run, glue_run

HOUR = {"MaxCapacity": 10.0, "ExecutionTime": 3600}


@pytest.mark.parametrize(
    ("members", "usage_type"),
    [
        ({}, "ETL-DPU-Hour"),
        ({"GlueVersion": "5.1"}, "ETL-DPU-Hour"),
        ({"GlueVersion": "6.0"}, "ETL-DPU-Hour-Gen2"),
        ({"GlueVersion": "10.0"}, "ETL-DPU-Hour-Gen2"),
        ({"GlueVersion": "next"}, "ETL-DPU-Hour"),
        ({"ExecutionClass": "STANDARD"}, "ETL-DPU-Hour"),
        ({"ExecutionClass": "FLEX"}, "ETL-Flex-DPU-Hour"),
        ({"ExecutionClass": "FLEX", "GlueVersion": "6.0"}, "ETL-Flex-DPU-Hour-Gen2"),
        ({"WorkerType": "R.2X", "NumberOfWorkers": 5}, "ETL-MemOptimized-DPU-Hour"),
        ({"WorkerType": "R.2X", "NumberOfWorkers": 5, "GlueVersion": "6.0"}, "ETL-MemOptimized-DPU-Hour-Gen2"),
        ({"WorkerType": "G.2X", "NumberOfWorkers": 5}, "ETL-DPU-Hour"),
    ],
)
def test_the_usage_type_of_a_glue_run(members: dict[str, object], usage_type: str) -> None:
    prices = PriceTable("USD", {(REGION, usage_type): 2})
    cost = prices.cost(glue_run({**HOUR, **members}))

    assert cost == Cost(
        Decimal(20),
        "USD",
        "estimated",
        (CostPart(usage_type, Decimal(10), "DPU-hour", Decimal(2), Decimal(20)),),
    )


def test_a_price_of_another_region_or_usage_type_never_stands_in() -> None:
    for key in (("eu-west-1", "ETL-DPU-Hour"), (REGION, "ETL-DPU-Hour-Gen2"), (REGION, "ETL-Flex-DPU-Hour")):
        cost = PriceTable("USD", {key: 2}).cost(glue_run(HOUR))
        assert cost is not None
        assert (cost.amount, cost.unknown) == (None, ("ETL-DPU-Hour",))
        assert str(cost) == "unknown (USD estimated: no ETL-DPU-Hour)"


def test_a_run_without_a_region_has_no_price() -> None:
    cost = PRICES.cost(glue_run(HOUR, job=attrs.evolve(GLUE, region=None)))
    assert cost is not None
    assert cost.amount is None


def test_what_was_not_used_costs_nothing_whatever_its_price() -> None:
    prices = PriceTable("USD", {(REGION, "EMR-SERVERLESS-vCPUHours"): 1, (REGION, "EMR-SERVERLESS-MemoryGBHours"): 1})

    free, stored = prices.cost(emr_run(1, 2, 0.0)), prices.cost(emr_run(1, 2, 0.5))
    assert free is not None
    assert stored is not None
    assert (free.amount, free.unknown) == (Decimal(3), ())
    assert (stored.amount, stored.unknown) == (None, ("EMR-SERVERLESS-StorageGBHours",))
    assert [part.amount for part in stored.parts] == [1, 2, None]


def test_a_part_that_the_service_does_not_tell_is_unknown() -> None:
    cost = PRICES.cost(emr_run(1, 2, None))
    assert cost is not None
    assert (cost.amount, cost.unknown) == (None, ("EMR-SERVERLESS-StorageGBHours",))


def test_a_ray_job_has_no_known_usage_type_unless_it_is_named() -> None:
    ray = glue_run({**HOUR, "WorkerType": "Z.2X", "NumberOfWorkers": 5})
    prices = PriceTable("USD", {(REGION, "ETL-DPU-Hour"): 1, (REGION, "Ray"): 2})

    unknown, known = prices.cost(ray), prices.cost(ray, usage_type="Ray")
    assert unknown is not None
    assert known is not None
    assert (unknown.amount, unknown.unknown) == (None, ("?",))
    assert known.amount == 20


def test_a_run_without_its_native_structure_does_not_tell_its_usage_type() -> None:
    run = attrs.evolve(glue_run(HOUR), native=None)
    cost, named = PRICES.cost(run), PRICES.cost(run, usage_type="ETL-DPU-Hour")
    assert cost is not None
    assert named is not None
    assert (cost.amount, named.amount) == (None, Decimal("4.4"))


def test_where_no_usage_is_known_there_is_no_cost() -> None:
    assert PRICES.cost(attrs.evolve(glue_run(HOUR), usage=None)) is None
    assert PRICES.cost(glue_run({"JobRunState": "RUNNING", "MaxCapacity": 10.0, "ExecutionTime": 0})) is None


def test_a_run_that_goes_on_costs_what_it_has_used_so_far() -> None:
    cost = PRICES.cost(glue_run({**HOUR, "JobRunState": "RUNNING"}))
    assert cost is not None
    assert (cost.basis, cost.amount) == ("running", Decimal("4.4"))


def test_other_services_have_no_cost() -> None:
    lineage = attrs.evolve(glue_run(HOUR), job=JobRef("datazone", ("dzd_x", "job42"), REGION))
    assert PRICES.cost(lineage) is None


def test_the_architecture_of_applications_is_told_once() -> None:
    run = emr_run(50, 1000, 20, job=attrs.evolve(APPLICATION, region="ap-southeast-1"))
    told = PRICES.with_architectures({run.job: "ARM64"})

    assert told.cost(run) == PRICES.cost(run, architecture="ARM64")
    assert told.cost(run, architecture="X86_64") == PRICES.cost(run)
    assert PRICES.with_architectures({str(run.job): "ARM64"}) == told != PRICES
    assert told.summary([run])[0].amount == amount(run, architecture="ARM64") < amount(run)
    assert PRICES.with_architectures({run.job: None}).cost(run) == PRICES.cost(run)


def test_a_table_that_was_saved_is_the_same(tmp_path: Path) -> None:
    PRICES.save(tmp_path / "prices.json")
    assert PriceTable.load(tmp_path / "prices.json") == PRICES
    assert hash(PriceTable.load(str(tmp_path / "prices.json"))) == hash(PRICES)
    assert json.loads((tmp_path / "prices.json").read_text())["rates"][REGION]["ETL-DPU-Hour"] == "0.44"
    assert repr(PRICES) == "PriceTable('USD', 10 rates in 2 regions)"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"currency": "USD"}', '{"currency": "USD", "rates": {"r": {"t": 0.4}}}']
)
def test_a_file_that_is_no_table_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "prices.json").write_text(text)
    with pytest.raises(InvalidRequestError, match=r"prices\.json' is not a price table, as PriceTable\.save writes it"):
        PriceTable.load(tmp_path / "prices.json")


NO_TABLES: list[tuple[tuple[Any, Any], str]] = [
    (("dollars", {}), "currency must be a code of three letters"),
    (("USD", None), "rates must be a mapping"),
    (("USD", {"ETL-DPU-Hour": "0.44"}), r"each key in rates must be \(region, usage type\)"),
    (("USD", {("eu-west-1",): "0.44"}), r"each key in rates must be \(region, usage type\)"),
    (("USD", {("eu-west-1", 1): "0.44"}), r"each key in rates must be \(region, usage type\)"),
    (("USD", {("eu-west-1", "ETL-DPU-Hour"): 0.44}), "must be a price as a string, an integer or a Decimal"),
    (("USD", {("eu-west-1", "ETL-DPU-Hour"): True}), "must be a price as a string"),
    (("USD", {("eu-west-1", "ETL-DPU-Hour"): "cheap"}), "must be a price as a string"),
    (("USD", {("eu-west-1", "ETL-DPU-Hour"): "-1"}), "not below 0"),
    (("USD", {("eu-west-1", "ETL-DPU-Hour"): "Infinity"}), "not below 0"),
]


@pytest.mark.parametrize(("arguments", "words"), NO_TABLES)
def test_what_is_no_table_is_refused(arguments: tuple[Any, Any], words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        PriceTable(*arguments)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"architecture": "arm"}, "architecture must be 'X86_64' or 'ARM64', or None, got 'arm'"),
        ({"usage_type": 1}, "usage_type must be a string"),
    ],
)
def test_options_that_are_wrong_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        PRICES.cost(glue_run(HOUR), **options)


def test_what_is_no_run_is_refused() -> None:
    wrong: Any = "jr_1"
    none: Any = 1
    with pytest.raises(InvalidRequestError, match="row must be a JobRun or an Attempt"):
        PRICES.cost(wrong)
    with pytest.raises(InvalidRequestError, match=r"architectures\['glue:etl'\] must be"):
        PRICES.with_architectures({"glue:etl": "arm"})
    with pytest.raises(InvalidRequestError, match="each application in architectures must be"):
        PRICES.with_architectures({none: "ARM64"})


def test_states_do_not_change_the_price() -> None:
    failed = attrs.evolve(glue_run(HOUR), state=RunState.FAILED)
    assert PRICES.cost(failed) == PRICES.cost(glue_run(HOUR))
