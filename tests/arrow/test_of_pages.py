"""What pages hand over to become record batches: rows in portions, and which columns are asked for."""

from typing import TYPE_CHECKING, Any, ClassVar, Final

import attrs
import pytest

from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.paging.lists import RUNS
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.plan import Plan
from jobruns_sdk.paging.source import Batch, Named, Source
from tests.unit.listings import Probe
from tests.unit.values import CANARY, RUN

if TYPE_CHECKING:
    from jobruns_sdk.arrow import RecordBatches

pa = pytest.importorskip("pyarrow", reason="the extra engines is not installed")

MANY: Final = 4097


class Runs:
    """A listing of one page."""

    operation: ClassVar[Named] = Probe("ListRuns")

    def __init__(self, count: int) -> None:
        self.rows: list[JobRun[Any]] = [attrs.evolve(RUN, id=f"jr_{number}") for number in range(count)]

    async def fetch(self, token: str | None, _: None) -> Batch[JobRun[Any]]:
        assert token is None
        return Batch(self.rows)

    def read(self, page: Batch[JobRun[Any]], _: None) -> tuple[Batch[JobRun[Any]], None]:
        return page, None


def pages(count: int) -> Pages[JobRun[Any]]:
    return Pages(Plan("runs", {}, (Source("", lambda _: Runs(count)),), RUNS))


async def portions(batches: "RecordBatches") -> list[int]:
    async with batches:
        return [batch.num_rows async for batch in batches]


def natives(data: object) -> str:
    """What the column of the services' own structures holds."""
    return str(pa.table(data).column("native").to_pylist())


async def test_a_batch_holds_so_many_rows() -> None:
    assert await portions(pages(MANY).record_batches()) == [4096, 1]
    assert await portions(pages(3).record_batches(2)) == [2, 1]


async def test_the_columns_are_those_that_are_asked_for() -> None:
    async with pages(1).record_batches(native=True, include_secrets=True) as batches:
        assert [CANARY in natives(batch) async for batch in batches] == [True]
    with pytest.raises(InvalidRequestError, match="native=True"):
        pages(1).record_batches(include_secrets=True)
    assert "native" not in pages(1).record_batches().schema.names


async def test_a_frame_has_the_same_columns() -> None:
    assert "native" not in (await pages(1).to_arrow()).schema.names
    assert CANARY not in natives(await pages(1).to_arrow(native=True))
    assert CANARY in natives(await pages(1).to_arrow(native=True, include_secrets=True))
