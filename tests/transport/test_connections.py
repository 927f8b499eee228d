import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from aiobotocore.session import AioSession
from botocore.exceptions import UnknownServiceError
from botocore.loaders import JSONFileLoader

from jobruns_sdk import InvalidRequestError, JobRunsClient
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.testing import LocalService
from jobruns_sdk.transport.models import QuickFiles
from tests.transport.clients import CountingSession, client_at
from tests.transport.gated import GatedSession, until

pytestmark = pytest.mark.local("glue:etl", "datazone:dzd_x/job42", "emr-serverless:00f1")


async def read_everywhere(client: JobRunsClient, profiles: tuple[str | None, ...]) -> None:
    jobs = [
        JobRef(service, path, region, profile)
        for service, path in (("glue", "etl"), ("datazone", ("dzd_x", "job42")), ("emr-serverless", "00f1"))
        for region in ("eu-west-1", "us-east-1")
        for profile in profiles
    ]
    await asyncio.gather(*(client.handle(job).runs().collect() for job in jobs for _ in range(5)))


async def test_a_client_is_made_once_for_each_service_region_and_profile(local: LocalService) -> None:
    default, other = CountingSession("default-key"), CountingSession("other-key")
    async with client_at(local.url, session=default, sessions={"other": other}) as client:
        await read_everywhere(client, (None, "other"))
        await read_everywhere(client, (None, "other"))

    services = [
        (service, region) for service in ("datazone", "emr-serverless", "glue") for region in ("eu-west-1", "us-east-1")
    ]
    assert sorted(default.clients) == sorted(other.clients) == services
    keys = Counter((request.access_key, request.region) for request in local.requests)
    assert keys == {(key, region): 30 for key in ("default-key", "other-key") for region in ("eu-west-1", "us-east-1")}


async def test_models_are_read_in_another_thread(local: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    session, files = AioSession(), dict[str, bool]()
    session.set_credentials("key", "secret")

    def recorded(load_file: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
        def recording(reader: object, path: str) -> object:
            if (found := load_file(reader, path)) is not None:
                files[path] = threading.current_thread() is threading.main_thread()
            return found

        return recording

    for reader in (JSONFileLoader, QuickFiles):
        monkeypatch.setattr(reader, "load_file", recorded(reader.load_file))
    async with client_at(local.url, session=session) as client:
        await client.glue("etl").runs().collect()

    models = [path for path in files if "/glue/" in path]
    assert [path for path in models if path.endswith(("service-2", "endpoint-rule-set-1"))]
    assert [path for path, on_the_loop in files.items() if on_the_loop and path in models] == []


async def test_who_gives_up_while_a_client_is_made_harms_nobody_else(local: LocalService) -> None:
    session = GatedSession()
    async with client_at(local.url, session=session) as client:
        tasks = [asyncio.create_task(client.glue("etl").runs().collect()) for _ in range(4)]
        await until(lambda: session.arrived == 1)
        tasks[0].cancel()
        tasks[2].cancel()
        await asyncio.wait([tasks[0], tasks[2]])
        assert session.arrived == 1  # it goes on being made for the others
        session.gate.set()
        ended = await asyncio.gather(*tasks, return_exceptions=True)

    assert [isinstance(end, asyncio.CancelledError) for end in ended] == [True, False, True, False]
    assert ended[1] == ended[3] == []
    assert len(session.clients) == 1


async def test_a_client_that_could_not_be_made_is_made_the_next_time(local: LocalService) -> None:
    session = GatedSession()
    session.gate.set()
    session.failures = 1
    async with client_at(local.url, session=session) as client:
        with pytest.raises(InvalidRequestError) as caught:
            await client.glue("etl").runs().collect()
        assert isinstance(caught.value.__cause__, UnknownServiceError)
        assert await client.glue("etl").runs().collect() == []


async def what_the_users_own_client_sees(session: AioSession, url: str) -> dict[str, Any]:
    async with session.create_client("glue", region_name="us-east-1", endpoint_url=url) as own:
        return dict(await own.get_job_runs(JobName="etl"))


async def handlers_of(session: AioSession) -> int:
    emitter: Any = session.get_component("event_emitter")
    responses = await emitter.emit(
        "before-parse.glue.GetJobRuns", operation_model=None, response_dict={"body": b""}, customized_response_dict={}
    )
    return len(responses)


async def test_the_users_session_stays_as_it_was(local: LocalService) -> None:
    local.add_run("glue:etl", state="FAILED", message="boom")
    session = CountingSession()
    config, handlers = session.get_default_client_config(), await handlers_of(session)
    before = await what_the_users_own_client_sees(session, local.url)
    async with client_at(local.url, session=session) as client:
        (run,) = await client.glue("etl").runs().collect()
        during = await what_the_users_own_client_sees(session, local.url)
    after = await what_the_users_own_client_sees(session, local.url)

    assert [(row["ErrorMessage"], row["Id"]) for row in before["JobRuns"]] == [("boom", run.id)]
    assert before["JobRuns"] == during["JobRuns"] == after["JobRuns"]
    assert before.keys() == during.keys() == after.keys() == {"JobRuns", "ResponseMetadata"}
    assert (session.get_default_client_config(), await handlers_of(session)) == (config, handlers)
