"""Which jobs there are: Glue jobs and EMR Serverless applications; DataZone cannot tell."""

import re
from typing import Any

import pytest

from jobruns_sdk import (
    AccessDeniedError,
    CursorError,
    InvalidRequestError,
    JobRef,
    JobRunsClient,
    Service,
    SourceError,
    UnsupportedOperationError,
    from_dict,
    to_dict,
)
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import client_of, session_of

NAMES = ["nightly-b", "nightly-a", "hourly/x#", "a..b", "Nightly-c"]


@pytest.fixture
def apps(local: LocalService) -> dict[str, str]:
    """Return the ids of applications by their names."""
    states = ["STARTED", "STOPPED", "STARTED", "CREATED", "STARTED"]
    return {name: local.add_application(name=name, state=state) for name, state in zip(NAMES, states, strict=True)}


@pytest.fixture
def glue_jobs(local: LocalService) -> list[str]:
    """Return the names of Glue jobs, two of which are tagged."""
    for index, name in enumerate(NAMES):
        local.add_glue_job(name, tags={"team": "a" if index % 2 else "b", "odd": str(index % 2)})
    return NAMES


async def test_applications_have_their_names_and_states(client: JobRunsClient, apps: dict[str, str]) -> None:
    found = await client.jobs(Service.EMR_SERVERLESS).collect()
    assert {job.name: job.ref for job in found} == {
        name: JobRef("emr-serverless", (app,), "us-east-1") for name, app in apps.items()
    }
    assert {job.name: job.state for job in found}["nightly-a"] == "STOPPED"


async def test_glue_jobs_have_their_names(client: JobRunsClient, glue_jobs: list[str]) -> None:
    found = await client.jobs("glue").collect()
    assert sorted(str(job.name) for job in found) == sorted(glue_jobs)
    assert {job.ref for job in found} == {JobRef("glue", (name,), "us-east-1") for name in glue_jobs}


@pytest.mark.parametrize("service", ["glue", "emr-serverless"])
@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("nightly-*", {"nightly-a", "nightly-b"}),
        ("nightly-[!a]", {"nightly-b"}),
        ("*", set(NAMES)),
        ("?ightly-?", {"nightly-a", "nightly-b", "Nightly-c"}),
        ("hourly/x[#]", {"hourly/x#"}),
        ("nothing", set[str]()),
    ],
)
@pytest.mark.usefixtures("apps", "glue_jobs")
async def test_names_are_compared_with_a_pattern(
    client: JobRunsClient, service: str, pattern: str, expected: set[str]
) -> None:
    assert {job.name for job in await client.jobs(service, name=pattern, page_size=2).collect()} == expected


@pytest.mark.usefixtures("apps")
async def test_applications_are_filtered_by_state(local: LocalService, client: JobRunsClient) -> None:
    found = await client.jobs("emr-serverless", states={"STOPPED", "CREATED"}).collect()
    assert {job.name for job in found} == {"nightly-a", "a..b"}
    assert len(await client.jobs("emr-serverless", states=["STARTED"], name="*ightly*").collect()) == 2
    with pytest.raises(InvalidRequestError, match=r"unknown states \['GONE'\], known are CREATING"):
        client.jobs("emr-serverless", states={"GONE"})
    assert local.calls() == 2


@pytest.mark.usefixtures("glue_jobs")
async def test_glue_jobs_are_filtered_by_tags(client: JobRunsClient) -> None:
    found = await client.jobs("glue", tags={"team": "a", "odd": "1"}).collect()
    assert {job.name for job in found} == {"nightly-a", "a..b"}
    assert await client.jobs("glue", tags={"team": "a", "odd": "0"}).collect() == []


def test_a_filter_that_a_service_lacks_says_so(client: JobRunsClient) -> None:
    with pytest.raises(UnsupportedOperationError, match="glue has no states of jobs"):
        client.jobs("glue", states={"STARTED"})
    with pytest.raises(UnsupportedOperationError, match="cannot filter its applications by tags"):
        client.jobs("emr-serverless", tags={"team": "a"})


async def test_datazone_says_what_to_give_instead(local: LocalService, client: JobRunsClient) -> None:
    with pytest.raises(
        UnsupportedOperationError, match=re.escape("name them, as in client.datazone(domain_id, job_id)")
    ) as caught:
        client.jobs(Service.DATAZONE)
    assert caught.value.service == "datazone"
    assert local.calls() == 0


@pytest.mark.parametrize("service", ["glue", "emr-serverless"])
@pytest.mark.usefixtures("apps", "glue_jobs")
async def test_a_discovery_goes_on_from_a_cursor(client: JobRunsClient, service: str) -> None:
    expected = [job.ref for job in await client.jobs(service).collect()]
    for stop in range(1, 5):
        async with client.jobs(service, page_size=2).open() as walk:
            seen = [(await anext(walk)).ref for _ in range(stop)]
            cursor = walk.cursor
        seen += [job.ref for job in await client.jobs(service, page_size=2, cursor=cursor).collect()]
        assert seen == expected
        for other in ({"name": "n*"}, {"region_name": "eu-west-1"}):
            with pytest.raises(CursorError):
                client.jobs(service, cursor=cursor, **other)  # type: ignore[arg-type]  # drawn by name


@pytest.mark.usefixtures("apps", "glue_jobs")
async def test_what_was_discovered_is_read_as_one_stream(local: LocalService, client: JobRunsClient) -> None:
    for name in NAMES:
        local.add_runs(f"glue:{name}", 3)
    jobs = [job async for job in client.jobs("glue")] + [job async for job in client.jobs("emr-serverless")]
    runs = await client.runs(jobs).collect()
    assert len(runs) == 3 * len(NAMES)
    found = [run.ref async for run in client.runs(client.jobs("glue", page_size=2), order="any", concurrency=2)]
    assert set(found) == {run.ref for run in runs}
    assert len(found) == len(runs)


@pytest.mark.usefixtures("apps", "glue_jobs")
async def test_jobs_of_all_services_are_found_at_once(client: JobRunsClient) -> None:
    found = await client.discover(name="nightly-*").collect()
    one_by_one = [
        job for service in ("glue", "emr-serverless") for job in await client.jobs(service, name="nightly-*").collect()
    ]
    assert len(one_by_one) == 4
    assert sorted(job.ref for job in found) == sorted(job.ref for job in one_by_one)


@pytest.mark.usefixtures("apps", "glue_jobs")
async def test_every_service_is_asked_in_every_region(local: LocalService, client: JobRunsClient) -> None:
    regions = ["eu-west-1", "us-east-1"]
    found = {job.ref async for job in client.discover(regions=regions, services=["glue", "glue", Service.GLUE])}
    asked = {request.region for request in local.requests if request.operation == "ListJobs"}
    assert asked == set(regions)
    assert {ref.region for ref in found} <= set(regions)


@pytest.mark.usefixtures("apps", "glue_jobs")
async def test_a_discovery_of_all_goes_on_from_a_cursor_at_each_place(client: JobRunsClient) -> None:
    everything = {job.ref async for job in client.discover()}
    assert len(everything) == 2 * len(NAMES)
    for stop in range(1, 2 * len(NAMES)):
        async with client.discover(page_size=2).open() as walk:
            seen = [(await anext(walk)).ref for _ in range(stop)]
            cursor = walk.cursor
        seen += [job.ref for job in await client.discover(page_size=2, cursor=cursor).collect()]
        assert len(seen) == len(everything)
        assert set(seen) == everything
        with pytest.raises(CursorError):
            client.discover(name="other", cursor=cursor)


@pytest.mark.usefixtures("apps", "glue_jobs")
async def test_a_place_that_cannot_be_listed_is_told_and_the_others_go_on(
    local: LocalService, client: JobRunsClient
) -> None:
    local.fault("ListJobs", "error", times=None, code="AccessDeniedException", status=400)
    with pytest.raises(AccessDeniedError):
        await client.discover().collect()
    told: list[SourceError] = []
    found = [job async for job in client.discover(on_error=told.append)]
    assert {job.ref.service for job in found} == {"emr-serverless"}
    assert [str(failure.job) for failure in told] == ["glue:-?region=us-east-1"]
    assert isinstance(told[0].error, AccessDeniedError)


def test_what_cannot_be_discovered_is_refused(client: JobRunsClient) -> None:
    cases: list[dict[str, Any]] = [
        {"services": ["datazone"]},
        {"services": ["s3"]},
        {"profiles": ["nobody"]},
        {"regions": "eu-west-1"},
    ]
    for wrong in cases:
        with pytest.raises((UnsupportedOperationError, InvalidRequestError)):
            client.discover(**wrong)


@pytest.mark.usefixtures("apps")
async def test_runs_know_the_name_of_a_job_that_was_discovered(local: LocalService, client: JobRunsClient) -> None:
    (job,) = [job for job in await client.discover(services=["emr-serverless"]).collect() if job.name == "nightly-a"]
    local.add_runs(f"emr-serverless:{job.ref.path[0]}", 3)
    runs = await client.runs([job]).collect()
    assert [run.job_name for run in runs] == ["nightly-a"] * 3
    assert from_dict(to_dict(runs[0])).job_name == "nightly-a"  # type: ignore[attr-defined]
    plain = await client.emr_serverless(job.ref.path[0]).runs().collect()
    assert [run.job_name for run in plain] == [None] * 3
    assert plain == runs
    assert {run.ref for run in plain} == {run.ref for run in runs}
    assert (await client.run(runs[0])).job_name == "nightly-a"


async def test_a_run_of_glue_always_knows_its_jobs_name(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    local.add_runs("glue:etl", 1)
    (run,) = await client.runs("glue:etl").collect()
    assert run.job_name == "etl"


async def test_places_may_come_from_iterators(local: LocalService) -> None:
    regions, profiles = ["us-east-1", "eu-west-1"], [None, "prod"]
    for region in regions:
        home = local.account(region_name=region)
        home.add_glue_job("etl")
        home.add_application(name="app")
    async with client_of(local, sessions={"prod": session_of()}) as client:
        expected = {job.ref for job in await client.discover(regions=regions, profiles=profiles).collect()}
        assert len(expected) == 8
        found = await client.discover(
            services=iter(["glue", "emr-serverless"]), regions=iter(regions), profiles=iter(profiles)
        ).collect()
        assert {job.ref for job in found} == expected
        twice = await client.discover(services=["glue", Service.GLUE], regions=["us-east-1", "us-east-1"]).collect()
        assert [job.name for job in twice] == ["etl"]
        with pytest.raises(InvalidRequestError, match="a region must be made of"):
            client.discover(regions=[["us-east-1"]])  # type: ignore[list-item]  # of a wrong type
