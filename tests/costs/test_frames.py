"""Costs in columns of frames, beside the costs of the same runs one by one."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from jobruns_sdk import InvalidRequestError
from jobruns_sdk.costs import PriceTable
from jobruns_sdk.history import RunStore
from jobruns_sdk.testing import LocalService

pa = pytest.importorskip("pyarrow", reason="the extra engines is not installed")
PRICES = PriceTable("USD", {("us-east-1", "ETL-DPU-Hour"): "0.44"})
JOBS = ["glue:etl", "glue:flexible"]


@pytest.fixture
def filled(local: LocalService) -> LocalService:
    local.add_glue_job("etl", number_of_workers=7)
    local.add_glue_job("flexible", native={"ExecutionClass": "FLEX"})
    local.add_runs("glue:etl", 30)
    local.add_runs("glue:flexible", 3)
    local.add_run("glue:etl")  # goes on
    return local


def costs_of(runs: list[Any]) -> list[Decimal | None]:
    found = [PRICES.cost(run) for run in runs]
    return [None if cost is None else cost.amount for cost in found]


async def test_frames_have_a_cost_and_a_currency(filled: LocalService, tmp_path: Path) -> None:
    async with filled.client(quotas=None) as client:
        runs = await client.runs(JOBS).collect()
        frame = pa.table(await client.runs(JOBS).to_arrow(costs=PRICES, native=True))
        attempts = pa.table(await client.attempts(JOBS).to_arrow(costs=PRICES))
        async with RunStore(tmp_path / "runs.sqlite") as store:
            await store.sync(client, JOBS)
            stored = pa.table(await store.to_arrow(costs=PRICES))
            assert "cost" not in pa.table(await store.to_arrow()).column_names

    costs = costs_of(runs)
    assert sum(cost is not None for cost in costs) == 30
    assert frame.column_names[-3:] == ["cost", "currency", "native"]
    assert str(frame.schema.field("cost").type) == "decimal128(38, 12)"
    for table in (frame, stored, attempts):
        told = dict(zip(table["run_ref"].to_pylist(), table["cost"].to_pylist(), strict=True))
        assert [told[str(run.ref)] for run in runs] == pytest.approx(costs, abs=Decimal("1e-12"))
        assert {one for one in table["currency"].to_pylist() if one} == {"USD"}
        assert table["currency"].null_count == table["cost"].null_count == 4


def test_frames_without_an_event_loop_have_them_too(filled: LocalService) -> None:
    with filled.sync_client(quotas=None) as client:
        frame = pa.table(client.runs(JOBS).to_arrow(costs=PRICES))
        streamed = pa.table(client.runs(JOBS).stream(7, costs=PRICES))
        batches = pa.Table.from_batches(client.runs(JOBS).record_batches(7, costs=PRICES))
    assert frame.equals(streamed.combine_chunks().cast(frame.schema))
    assert frame["cost"].to_pylist() == batches["cost"].to_pylist()


async def test_what_is_no_table_of_prices_is_refused_before_anything_is_read(filled: LocalService) -> None:
    wrong: Any = {"ETL-DPU-Hour": "0.44"}
    async with filled.client() as client:
        with pytest.raises(InvalidRequestError, match=r"costs must be a PriceTable of jobruns_sdk\.costs, or None"):
            await client.runs(JOBS).to_arrow(costs=wrong)
    assert filled.calls() == 0
