"""Runs are listed, filtered and got: whole, in order, and as the service has them."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from jobruns_sdk.errors import InvalidRequestError, NotFoundError
from jobruns_sdk.model.states import RunState
from jobruns_sdk.testing.contract.bench import FIRST, MINUTE, Bench, failing, ids, on_bench, refusing

if TYPE_CHECKING:
    from collections.abc import Mapping

_MILLISECOND: Final = timedelta(milliseconds=1)
_TICK: Final = timedelta(microseconds=1)
_WRONG: Final[tuple[tuple[str, Any], ...]] = (
    ("native_states", {"NO SUCH STATE"}),
    ("states", {"DONE"}),
    ("created_after", datetime(2026, 11, 21)),  # noqa: DTZ001  # naive on purpose
    ("created_before", datetime(2026, 11, 21)),  # noqa: DTZ001  # naive on purpose
    ("limit", 0),
    ("page_size", 0),
    ("order", "sideways"),
    ("cursor", "1.nonsense"),
)
_SAME_IN_A_LIST: Final = ("ref", "name", "state", "native_state", "message", "attempt", "created_at")


class ReadingContract:
    """A listing is complete and exact, whatever its pages and filters."""

    @on_bench
    @staticmethod
    async def test_nothing_is_requested_before_the_first_item(bench: Bench) -> None:
        pages = bench.job.runs(limit=5)
        pages.open()
        pages.by_page()
        await asyncio.sleep(0)
        assert bench.client.calls == []

    @on_bench
    @staticmethod
    async def test_runs_come_newest_first(bench: Bench) -> None:
        expected = bench.seed(5)
        runs = await bench.job.runs().collect()
        assert ids(runs) == expected
        assert [run.created_at for run in runs] == [FIRST + (5 - index) * MINUTE for index in range(5)]
        assert {run.job for run in runs} == {bench.case.ref}
        assert await bench.job.runs().first() == runs[0]

    @on_bench
    @staticmethod
    async def test_a_listed_run_and_the_run_that_is_got_are_the_same(bench: Bench) -> None:
        run_id = bench.service.add_run(state=bench.case.ended[0], created_at=FIRST, message="one\n  two: été")
        (listed,) = await bench.job.runs().collect()
        got = await bench.job.run(run_id)
        for name in _SAME_IN_A_LIST:
            assert getattr(got, name) == getattr(listed, name), name

    @on_bench
    @staticmethod
    async def test_each_state_means_what_the_table_says(bench: Bench) -> None:
        unknown = () if bench.case.unknown_state is None else (bench.case.unknown_state,)
        natives = [*bench.case.states, *unknown]
        expected = dict(zip(bench.seed(len(natives), *natives), reversed(natives), strict=True))
        runs = await bench.job.runs().collect()
        assert {run.id: run.native_state for run in runs} == expected
        for run in runs:
            meant = bench.case.states.get(run.native_state, RunState.UNKNOWN)
            assert run.state is meant, run.native_state
            assert (await bench.job.run(run.id)).state is meant, run.native_state

    @on_bench
    @staticmethod
    async def test_a_run_that_is_not_there_is_not_found(bench: Bench) -> None:
        bench.seed(1)
        await failing(NotFoundError, bench.job.run(bench.case.missing_run))
        assert bench.client.calls

    @on_bench
    @staticmethod
    async def test_an_id_that_may_read_as_something_else_finds_nothing(bench: Bench) -> None:
        bench.seed(1)
        for run_id in ("", "x" * 300, "a\n", ".", "..", "a/b", "a?b", "%2e%2e"):
            await failing((InvalidRequestError, NotFoundError), bench.job.run(run_id))  # type: ignore[arg-type]  # either

    @on_bench
    @staticmethod
    async def test_the_largest_page_is_asked_for(bench: Bench) -> None:
        expected = bench.seed(2 * bench.case.largest_page + 1, apart=timedelta(seconds=1))
        async with bench.job.runs().open() as walk:
            assert ids([run async for run in walk]) == expected
            assert (walk.report.calls, walk.report.pages, walk.report.rows) == (3, 3, len(expected))

    @on_bench
    @staticmethod
    async def test_the_page_size_changes_nothing_but_the_pages(bench: Bench) -> None:
        expected = bench.seed(9)
        for asked in (1, 2, 7, 9, 10, 10**6):
            assert ids(await bench.job.runs(page_size=asked).collect()) == expected

    @on_bench
    @staticmethod
    async def test_the_limit_is_of_what_is_yielded(bench: Bench) -> None:
        expected = bench.seed(20)
        assert ids(await bench.job.runs(limit=7).collect()) == expected[:7]
        assert ids(await bench.job.runs(limit=8, page_size=4).collect()) == expected[:8]
        assert ids(await bench.job.runs(limit=10**9, page_size=15).collect()) == expected

    @on_bench
    @staticmethod
    async def test_every_loop_starts_afresh(bench: Bench) -> None:
        expected = bench.seed(5)
        pages = bench.job.runs(page_size=2)
        async for _ in pages:
            break
        assert ids(await pages.collect()) == expected
        assert ids(await pages.collect()) == expected

    @on_bench
    @staticmethod
    async def test_an_empty_history_is_empty(bench: Bench) -> None:
        assert await bench.job.runs().collect() == []
        assert await bench.job.runs().first() is None
        assert [page async for page in bench.job.runs().by_page()] == []

    @on_bench
    @staticmethod
    async def test_the_first_run_takes_one_request(bench: Bench) -> None:
        expected = bench.seed(6)
        first = await bench.job.runs(page_size=1).first()
        assert first is not None
        assert first.id == expected[0]
        assert len(bench.client.calls) == 1

    @on_bench
    @staticmethod
    async def test_states_are_filtered_in_one_vocabulary(bench: Bench) -> None:
        unknown = () if bench.case.unknown_state is None else (bench.case.unknown_state,)
        natives = [*bench.case.states, *unknown, *bench.case.states]
        bench.seed(len(natives), *natives)
        everything = await bench.job.runs().collect()
        for states in (*({state} for state in RunState), set(RunState), {RunState.SUCCEEDED, RunState.UNKNOWN}):
            expected = [run for run in everything if run.state in states]
            for page_size in (2, None):
                assert await bench.job.runs(states=states, page_size=page_size).collect() == expected

    @on_bench
    @staticmethod
    async def test_states_are_filtered_in_the_services_own_words(bench: Bench) -> None:
        bench.seed(2 * len(bench.case.states), *bench.case.states)
        everything = await bench.job.runs().collect()
        for names in (*({name} for name in bench.case.states), set(bench.case.states), set([*bench.case.states][:3])):
            expected = [run for run in everything if run.native_state in names]
            assert await bench.job.runs(native_states=names).collect() == expected
            assert await bench.client.runs([bench.job], native_states=names).collect() == expected

    @on_bench
    @staticmethod
    async def test_a_filter_that_nothing_can_satisfy_asks_nobody(bench: Bench) -> None:
        one, other = bench.case.ended
        assert await bench.job.runs(native_states={one}, states={bench.case.states[other]}).collect() == []
        assert bench.client.calls == []

    @on_bench
    @staticmethod
    async def test_what_is_invalid_is_refused_before_anything_is_sent(bench: Bench) -> None:
        for name, value in _WRONG:
            options: Mapping[str, Any] = {name: value}
            refusing(InvalidRequestError, partial(bench.job.runs, **options))
        assert bench.client.calls == []

    @on_bench
    @staticmethod
    async def test_a_window_is_exact_at_both_bounds(bench: Bench) -> None:
        bench.seed(12, apart=_MILLISECOND)
        everything = await bench.job.runs().collect()
        for after in (FIRST + 3 * _MILLISECOND + offset for offset in (-_TICK, timedelta(0), _TICK)):
            for before in (FIRST + 7 * _MILLISECOND + offset for offset in (-_TICK, timedelta(0), _TICK)):
                inside = await bench.job.runs(created_after=after, created_before=before).collect()
                assert inside == [run for run in everything if run.created_at and after <= run.created_at < before]

    @on_bench
    @staticmethod
    async def test_windows_may_be_open_or_empty(bench: Bench) -> None:
        expected = bench.seed(6, apart=timedelta(hours=5))
        middle = FIRST + timedelta(hours=17)
        assert ids(await bench.job.runs(created_after=middle).collect()) == expected[:3]
        assert ids(await bench.job.runs(created_before=middle).collect()) == expected[3:]
        assert await bench.job.runs(created_after=middle, created_before=middle).collect() == []
        assert ids(await bench.job.runs(created_after=FIRST - timedelta(days=300_000)).collect()) == expected

    @on_bench
    @staticmethod
    async def test_filters_count_towards_the_limit_and_not_towards_the_page(bench: Bench) -> None:
        one, other = bench.case.ended
        wanted = bench.seed(20, one, other)[::2]
        runs = bench.job.runs(native_states={other}, limit=5, page_size=3)
        assert ids(await runs.collect()) == wanted[:5]
