"""Whatever names runs does so for every call that follows them."""

import re
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

import pytest

from jobruns_sdk import InvalidRequestError, JobRun, JobRunsClient, RunRef, StopOutcome
from jobruns_sdk.testing import LocalService
from tests.waiting.kit import HOUR

ONE: Final[dict[str, Callable[[RunRef], Any]]] = {
    "its reference": lambda ref: ref,
    "its text form": str,
    "what came of stopping it": lambda ref: StopOutcome(ref, accepted=True),
}
MANY: Final[dict[str, Callable[[list[Any]], Any]]] = {
    "itself": lambda runs: runs[0],
    "a list": list,
    "a tuple": tuple,
    "an iterator": iter,
}


@pytest.mark.parametrize("many", MANY)
@pytest.mark.parametrize("one", ONE)
async def test_a_run_is_named_alike_wherever_it_is_followed(
    local: LocalService, client: JobRunsClient, one: str, many: str
) -> None:
    local.add_glue_job("etl", duration=HOUR)
    ref = await client.glue("etl").start()

    def named() -> Any:  # noqa: ANN401  # whatever the calls take
        return MANY[many]([ONE[one](ref)])

    assert (await anext(client.watch(named(), timeout=HOUR))).run.ref == ref
    assert [outcome.ref for outcome in await client.stop(named())] == [ref]
    assert [run.ref for run in await client.wait_all(named(), timeout=HOUR)] == [ref]
    assert (await client.wait(ONE[one](ref), timeout=HOUR)).ref == (await client.run(ONE[one](ref))).ref == ref


async def test_runs_are_taken_from_a_list_call_as_they_come(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", duration=HOUR)
    refs = [await client.glue("etl").start() for _ in range(3)]

    async def given() -> AsyncGenerator[RunRef]:
        for ref in refs:
            yield ref

    assert [run.ref for run in await client.wait_all(given(), timeout=2 * HOUR)] == refs
    assert {outcome.ref for outcome in await client.stop(client.glue("etl").runs())} == set(refs)
    assert {run.ref for run in await client.wait_all(client.glue("etl").runs(), timeout=HOUR)} == set(refs)


@pytest.mark.parametrize("job", ["its handle", "its reference", "its text form", "as discovered"])
async def test_one_job_is_watched_as_several_are(local: LocalService, client: JobRunsClient, job: str) -> None:
    local.add_glue_job("etl", duration=HOUR)
    etl = client.glue("etl")
    ref = await etl.start()
    named: dict[str, Any] = {"its handle": etl, "its reference": etl.ref, "its text form": str(etl.ref)}
    target = named[job] if job in named else await etl.job()
    assert (await anext(client.watch(target, timeout=HOUR))).run.ref == ref


async def test_a_job_is_no_run_to_wait_for_or_to_stop(local: LocalService, client: JobRunsClient) -> None:
    etl: Any = client.glue("etl")
    for job in (etl, etl.ref, str(etl.ref), [etl]):
        with pytest.raises(InvalidRequestError, match="a run"):
            await client.wait_all(job, timeout=HOUR)
        with pytest.raises(InvalidRequestError, match="a run"):
            await client.stop(job)
    assert local.calls() == 0


async def test_what_is_followed_shows_in_a_few_words(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    local.add_runs("glue:etl", 3)
    assert repr(client) == "<JobRunsClient: us-east-1, open>"
    watch = client.watch(["glue:etl", "glue:etl/jr_0", "glue:etl/jr_1"], timeout=HOUR)
    assert repr(watch) == "<Watch: runs followed: 2, jobs: 1>"
    async with client.glue("etl").runs().open() as walk:
        assert repr(walk) == "<Walk: runs of glue:etl?region=us-east-1, open, pages read: 0>"
        await anext(walk)
        assert repr(walk) == "<Walk: runs of glue:etl?region=us-east-1, open, pages read: 1>"
    assert repr(walk) == "<Walk: runs of glue:etl?region=us-east-1, closed, pages read: 1>"


async def test_a_client_says_whether_it_is_open(local: LocalService) -> None:
    client = local.client()
    assert repr(client) == "<JobRunsClient: us-east-1, not open yet>"
    async with client:
        pass
    assert repr(client) == "<JobRunsClient: us-east-1, closed>"
    assert repr(local.sync_client()) == "<sync.JobRunsClient: us-east-1, not open yet>"


def by_ref(run: JobRun[Any]) -> object:
    return run.ref


def by_itself(run: JobRun[Any]) -> object:
    return run


def by_outcome(run: JobRun[Any]) -> object:
    return StopOutcome(run.ref, accepted=True)


@pytest.mark.parametrize(("named", "right"), [(by_ref, ".job"), (by_itself, ".job"), (by_outcome, ".ref.job")])
async def test_who_names_a_run_where_a_job_is_wanted_is_told_how_to_name_its_job(
    local: LocalService, client: JobRunsClient, named: Callable[[JobRun[Any]], Any], right: str
) -> None:
    local.add_glue_job("etl")
    run = await client.run(await client.glue("etl").start())
    with pytest.raises(InvalidRequestError, match=rf", which names a run: give its {re.escape(right)}$"):
        client.runs([named(run)])
