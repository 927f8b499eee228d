"""Resuming: one process leaves off, another goes on."""

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from jobruns_sdk.errors import CursorError
from jobruns_sdk.testing.contract.bench import FIRST, MINUTE, Bench, ids, on_bench, refusing

if TYPE_CHECKING:
    from jobruns_sdk.model.runs import JobRun


class ResumingContract:
    """A cursor goes on after what was read, with the same filters, in its own listing only."""

    @on_bench
    @staticmethod
    async def test_each_page_has_a_cursor_to_go_on_after_it(bench: Bench) -> None:
        expected = bench.seed(11)
        seen: list[str] = []
        async for page in bench.job.runs(page_size=4).by_page():
            seen += ids(page.items)
            assert (page.cursor is None) == (seen == expected)
            if page.cursor is not None:
                async with bench.another() as other:
                    saved = json.loads(json.dumps(page.cursor))
                    rest = await other.handle(bench.case.job).runs(cursor=saved).collect()
                assert seen + ids(rest) == expected
        assert seen == expected

    @on_bench
    @staticmethod
    async def test_a_walk_can_be_left_off_anywhere(bench: Bench) -> None:
        expected = bench.seed(9)
        for consumed in range(9):
            async with bench.job.runs(page_size=4).open() as walk:
                seen = [await anext(walk) for _ in range(consumed)]
                cursor = walk.cursor
            assert ids(seen) + ids(await bench.job.runs(page_size=4, cursor=cursor).collect()) == expected

    @on_bench
    @staticmethod
    async def test_resuming_reads_no_page_again(bench: Bench) -> None:
        bench.seed(20)
        pages = [page async for page in bench.job.runs(page_size=5).by_page()]
        bench.client.calls.clear()
        rest = await bench.job.runs(page_size=5, cursor=pages[1].cursor).collect()
        assert rest == [*pages[2].items, *pages[3].items]
        assert len(bench.client.calls) == 2

    @on_bench
    @staticmethod
    async def test_filters_left_out_are_restored_and_others_refused(bench: Bench) -> None:
        one, other = bench.case.ended
        bench.seed(20, one, other)
        states, after = {bench.case.states[one]}, FIRST + 4 * MINUTE
        pages = [page async for page in bench.job.runs(states=states, created_after=after, page_size=4).by_page()]
        rest = [run for page in pages[1:] for run in page.items]
        cursor = pages[0].cursor

        assert rest
        assert await bench.job.runs(cursor=cursor).collect() == rest
        assert await bench.job.runs(cursor=cursor, states=states, created_after=after, order="newest").collect() == rest
        refused: list[dict[str, Any]] = [
            {"states": {bench.case.states[other]}},
            {"native_states": {one}},
            {"created_after": after - MINUTE},
            {"created_before": after + MINUTE},
        ]
        for options in refused:
            refusing(CursorError, partial(bench.job.runs, cursor=cursor, **options))

    @on_bench
    @staticmethod
    async def test_a_cursor_fits_one_listing_only(bench: Bench) -> None:
        bench.seed(3)
        cursor = (await anext(bench.job.runs(page_size=1).by_page())).cursor
        assert cursor is not None
        for changed in (f"{bench.case.job}x", f"{bench.case.job}?region=eu-west-1"):
            refusing(CursorError, partial(bench.client.handle(changed).runs, cursor=cursor))
        for place in range(0, len(cursor), 7):
            damaged = f"{cursor[:place]}~{cursor[place + 1 :]}"
            refusing(CursorError, partial(bench.job.runs, cursor=damaged))

    @on_bench
    @staticmethod
    async def test_the_limit_may_be_met_in_portions(bench: Bench) -> None:
        expected = bench.seed(10)
        seen: list[JobRun[Any]] = []
        cursor: str | None = None
        while len(seen) < len(expected):
            async with bench.job.runs(limit=3, page_size=4, cursor=cursor).open() as walk:
                portion = [run async for run in walk]
                cursor = walk.cursor
            assert len(portion) == 3 or cursor is None  # the limit
            seen += portion
        assert ids(seen) == expected
        assert cursor is None
