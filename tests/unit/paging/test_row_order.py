"""The order of a listing's rows: what is asked of whole pages at once is what is true of their rows one by one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from operator import itemgetter

import pytest

from jobruns_sdk.paging.source import RowOrder

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
MOMENTS = (None, NOON, NOON + timedelta(hours=1), NOON + timedelta(hours=2))


def one_by_one(order: RowOrder[str], moments: Sequence[datetime | None], before: datetime | None) -> bool:
    """Whether none is late or without a time, looked at row by row."""
    furthest = before
    for moment in moments:
        if moment is None or order.is_beyond(furthest, moment):
            return False
        furthest = moment
    return True


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_page_is_in_order_if_each_of_its_rows_is(count: int, *, newest_first: bool) -> None:
    order = RowOrder[str](itemgetter(0), lambda _: None, newest_first)
    for before, *moments in product(MOMENTS, repeat=1 + count):
        assert order.in_order(moments, before) is one_by_one(order, moments, before), (before, moments)
