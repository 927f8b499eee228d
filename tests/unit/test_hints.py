"""Hints for first mistakes stand in nobody's way: not in that of type tests, of completion, or of hot paths."""

import copy
import pickle
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

import jobruns_sdk
from jobruns_sdk import (
    Attempt,
    CallTimeoutError,
    JobRun,
    JobRunsClient,
    NotFoundError,
    Pages,
    RunState,
    Service,
    Walk,
)
from jobruns_sdk.hints import FOR_THE_CLIENT
from jobruns_sdk.model.states import states_of
from jobruns_sdk.services.handle import Stops
from jobruns_sdk.services.registry import ENTRIES
from jobruns_sdk.sync import JobRunsClient as SyncClient
from jobruns_sdk.testing import LocalService


@pytest.fixture
def client(local: LocalService) -> JobRunsClient:
    return local.client()


def test_pages_are_not_taken_for_a_collection(client: JobRunsClient) -> None:
    pages: Any = client.glue("etl").runs()

    assert not isinstance(pages, (Iterable, Iterator, Sequence))
    assert bool(pages)
    with pytest.raises(TypeError, match=r"use `async for item in pages`, `await pages.collect\(\)`"):
        _ = 3 in pages


def test_what_a_datazone_job_lacks_it_lacks(client: JobRunsClient) -> None:
    job = client.datazone("dzd_x", "job42")

    assert not isinstance(job, Stops)
    assert not hasattr(job, "start")
    assert copy.copy(job) == job


@pytest.mark.parametrize("kind", [JobRun, Attempt, Walk, Pages])
def test_what_is_read_by_the_million_has_no_getattr(kind: type) -> None:
    assert not hasattr(kind, "__getattr__")


async def test_runs_are_copied_pickled_and_completed_as_before(local: LocalService) -> None:
    local.add_glue_job("etl")
    run_id = local.add_run("glue:etl")
    async with local.client() as client:
        run = await client.glue("etl").run(run_id)

    assert pickle.loads(pickle.dumps(run)) == copy.deepcopy(run) == run  # noqa: S301  # our own
    assert {"state", "duration"} <= {*dir(run)}
    assert "status" not in dir(run)
    assert getattr(run, "status", None) is None
    assert not isinstance(run, Iterable)


def test_completion_shows_what_is_for_users(local: LocalService) -> None:
    client = local.client()
    with SyncClient(region_name="eu-west-1", endpoint_url=local.url) as blocking:
        for handles in (client, blocking):
            for handle in (handles.glue("etl"), handles.emr_serverless("00f1"), handles.datazone("dzd_x", "job42")):
                shown = {name for name in dir(handle) if not name.startswith("_")}
                assert {"ref", "runs", "attempts", "run"} <= shown
                assert not shown & FOR_THE_CLIENT
    assert [name for name in dir(jobruns_sdk) if not name.startswith("__")] == sorted(jobruns_sdk.__all__)


@pytest.mark.parametrize("service", Service)
def test_services_own_words_for_states_are_told_as_such(service: Service) -> None:
    own = {word: state for word, state in ENTRIES[service].states.items() if word not in RunState.__members__}

    assert own
    for word, state in own.items():
        with pytest.raises(ValueError, match=rf"own name for (\w+ or )*{state}\b.*native_states={{'{word}'}}"):
            states_of("states", [word])


async def test_what_a_service_has_answered_has_a_short_traceback(local: LocalService) -> None:
    local.add_glue_job("etl")
    async with local.client() as client:
        with pytest.raises(NotFoundError) as caught:
            await client.glue("etl").run("jr_unknown")

    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    frames = [str(entry.path).rpartition("jobruns_sdk/")[2] for entry in caught.traceback]
    assert len(frames) <= 5
    assert not [name for name in frames if "transport" in name]


def test_other_names_are_refused_as_by_python(client: JobRunsClient) -> None:
    untyped: Any = client
    with pytest.raises(AttributeError, match=r"^'JobRunsClient' has no attribute 'nonsense'$") as caught:
        _ = untyped.nonsense
    assert (caught.value.name, caught.value.obj) == ("nonsense", client)
    with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
        type(untyped)(nonsense=1)


async def test_a_timeout_of_calls_is_given_in_seconds_or_as_a_timedelta(local: LocalService) -> None:
    local.add_glue_job("etl")
    local.fault("glue:GetJobRuns", "delay", seconds=5)
    async with local.client(call_timeout=timedelta(milliseconds=50), max_attempts=1) as client:
        with pytest.raises(CallTimeoutError, match=r"within call_timeout=0\.05 s"):
            await client.glue("etl").runs().first()
