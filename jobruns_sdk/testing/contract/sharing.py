"""A job's runs are the same by whatever name, client and capability they are read, and go through JSON."""

import asyncio
import json
from functools import partial

from jobruns_sdk.errors import InvalidRequestError, UnsupportedOperationError
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.serialization import from_dict, to_dict
from jobruns_sdk.services.handle import DescribesJob, Follows, ListsAttempts, Stops
from jobruns_sdk.services.registry import entries_with
from jobruns_sdk.testing.contract.bench import REGION, Bench, ids, on_bench, refusing


class SharingContract:
    """The client knows of the service what it knows of the built-in ones."""

    @on_bench
    @staticmethod
    async def test_a_run_is_found_by_any_of_its_names(bench: Bench) -> None:
        (run_id,) = bench.seed(1)
        run, services = await bench.job.run(run_id), tuple(bench.case.adapters or ())
        assert run.ref == RunRef.parse(str(run.ref), services=services) == bench.case.ref.run(run_id)
        for name in (run, run.ref, str(run.ref), f"{bench.case.job}/{run_id}"):
            assert await bench.client.run(name) == run

    @on_bench
    @staticmethod
    async def test_a_job_is_found_by_any_of_its_names(bench: Bench) -> None:
        expected = bench.seed(3)
        for name in (bench.case.job, str(bench.case.ref), bench.case.ref, bench.job):
            assert bench.client.handle(name).ref == bench.case.ref
            assert ids(await bench.client.runs(name).collect()) == expected

    @on_bench
    @staticmethod
    async def test_names_that_are_malformed_are_refused_before_anything_is_sent(bench: Bench) -> None:
        service = bench.case.ref.service
        for text in ("", service, f"{service}:", f"{bench.case.job}?zone=x", f"{bench.case.job}?profile=unknown"):
            refusing(InvalidRequestError, partial(bench.client.handle, text))
        assert bench.client.calls == []

    @on_bench
    @staticmethod
    async def test_many_loops_share_a_client(bench: Bench) -> None:
        expected = bench.seed(30)
        results = await asyncio.gather(*(bench.job.runs(page_size=7).collect() for _ in range(20)))
        assert [ids(result) for result in results] == [expected] * 20

    @on_bench
    @staticmethod
    async def test_runs_of_many_jobs_go_on_with_one_cursor(bench: Bench) -> None:
        expected = bench.seed(12)
        async with bench.client.runs([bench.case.job], page_size=5).open() as walk:
            seen = [(await anext(walk)).id for _ in range(7)]
            cursor = walk.cursor
        assert seen + ids(await bench.client.runs([bench.case.ref], cursor=cursor).collect()) == expected

    @on_bench
    @staticmethod
    async def test_values_go_through_json(bench: Bench) -> None:
        (run_id,) = bench.seed(1)
        given = bench.case.adapters
        (listed,) = await bench.job.runs().collect()
        got = await bench.job.run(run_id)
        for value in (listed, got, listed.ref, listed.job, listed.native, got.native):
            data = json.loads(json.dumps(to_dict(value, adapters=given)))
            assert from_dict(data, adapters=given) == value
        read = from_dict(to_dict(got, adapters=given), adapters=given)
        assert getattr(read, "native", None) == got.native

    @on_bench
    @staticmethod
    async def test_each_capability_works_or_is_refused(bench: Bench) -> None:
        (run_id,) = bench.seed(1)
        run, job = await bench.job.run(run_id), bench.job
        if isinstance(job, ListsAttempts):
            attempts = await bench.client.attempts(run).collect()
            assert attempts[-1].state is run.state
            assert [attempt.number for attempt in attempts] == sorted(attempt.number for attempt in attempts)
        else:
            refusing(UnsupportedOperationError, lambda: bench.client.attempts(run))
        if isinstance(job, DescribesJob):
            assert (await bench.client.job(job)).ref == bench.case.ref
        if isinstance(job, Follows):
            assert await bench.client.wait(run, timeout=None) == run
        else:
            refusing(UnsupportedOperationError, lambda: bench.client.watch([run], timeout=None))
        (outcome,) = await bench.client.stop(run)
        assert isinstance(outcome.error, UnsupportedOperationError) or isinstance(job, Stops)

    @on_bench
    @staticmethod
    async def test_its_jobs_are_listed_or_that_is_refused(bench: Bench) -> None:
        service = bench.case.ref.service
        if entries_with(bench.case.adapters)[service].jobs is None:
            refusing(UnsupportedOperationError, lambda: bench.client.jobs(service))
            return
        found = [job.ref async for job in bench.client.jobs(service, page_size=1)]
        assert bench.case.ref in found
        assert {(ref.service, ref.region) for ref in found} == {(service, REGION)}
        assert all(isinstance(ref, JobRef) for ref in found)
