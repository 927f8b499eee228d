"""The IAM actions of each call, found in the requests that a client really sends, and policies of all operations."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from docs.drawing import TITLES
from jobruns_sdk import EmrServerlessApplication, GlueJob, JobRunsClient, SparkSubmit, WaitTimeoutError
from jobruns_sdk.logs import operations as log_operations
from jobruns_sdk.services.registry import ENTRIES
from jobruns_sdk.testing import LocalService

JOBS: Final = {
    "emr-serverless": "emr-serverless:00f1abc",
    "datazone": "datazone:dzd_x/job42",
    "glue": "glue:etl",
}
CHANGES: Final = ("Start", "Cancel", "BatchStop", "Reset")
"""How the names of operations begin that change something; all others only read."""

_RESOURCES: Final = {
    "emr-serverless": "arn:aws:emr-serverless:REGION:ACCOUNT:/applications/*",
    "datazone": "*",
    "glue": "arn:aws:glue:REGION:ACCOUNT:job/*",
    "logs": "arn:aws:logs:REGION:ACCOUNT:log-group:*",
    "s3": "arn:aws:s3:::BUCKET",
}
_RESOURCES_OF_ONE: Final = {"s3:GetObject": "arn:aws:s3:::BUCKET/*"}
_OTHER_NAMES: Final = {"ListObjectsV2": "ListBucket"}
_OF_ANY_RESOURCE: Final = {
    "emr-serverless:ListApplications",
    "glue:GetJobBookmark",
    "glue:ListJobs",
    "glue:ResetJobBookmark",
}
_LOGS: Final[Mapping[str, Sequence[Mapping[str, object]]]] = {
    "glue": [{}],
    "emr-serverless": [
        {"configurationOverrides": {"monitoringConfiguration": setting}}
        for setting in (
            {"cloudWatchLoggingConfiguration": {"enabled": True}},
            {"s3MonitoringConfiguration": {"logUri": "s3://own-logs/"}},
        )
    ],
}
_ROLE: Final = "arn:aws:iam::111122223333:role/exec"
_LONG: Final = timedelta(hours=1)


def actions(*, changing: bool) -> Mapping[str, list[str]]:
    """Return the IAM actions of all operations, by service: those that change something, or the others."""
    called = [operation for service in JOBS for operation in ENTRIES[service].each_operation()]
    found: dict[str, list[str]] = {service: [] for service in _RESOURCES}
    for operation in (*called, *log_operations.OPERATIONS):
        if operation.name.startswith(CHANGES) is changing:
            found[operation.service].append(action(operation.service, operation.name))
    return {service: sorted(names) for service, names in found.items()}


def action(service: str, operation: str) -> str:
    """Return the IAM action that an operation needs."""
    return f"{service}:{_OTHER_NAMES.get(operation, operation)}"


def policy(*, changing: bool) -> str:
    """Return a policy that allows those actions."""
    allowed: dict[str, list[str]] = {}
    for service, names in actions(changing=changing).items():
        for name in names:
            resource = "*" if name in _OF_ANY_RESOURCE else _RESOURCES_OF_ONE.get(name, _RESOURCES[service])
            allowed.setdefault(resource, []).append(name)
    statements: list[Mapping[str, object]] = [
        {"Effect": "Allow", "Action": names, "Resource": resource} for resource, names in allowed.items()
    ]
    if changing:  # who starts a run of EMR Serverless hands it the role that it runs with
        passed = {"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}}
        role = "arn:aws:iam::ACCOUNT:role/EXECUTION_ROLE"
        statements.append({"Effect": "Allow", "Action": ["iam:PassRole"], "Resource": role, "Condition": passed})
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2)


async def observed() -> Mapping[str, Mapping[str, list[str]]]:
    """Return, by call and service, the actions that it took."""
    found: dict[str, dict[str, list[str]]] = {}
    for service, job in JOBS.items():
        with LocalService() as local:
            local.add_application("00f1abc", max_retries=1, duration=timedelta(minutes=10))
            local.add_datazone_job("dzd_x", "job42")
            local.add_glue_job(
                "etl",
                default_arguments={"--job-bookmark-option": "job-bookmark-enable"},
                max_retries=1,
                max_concurrent_runs=9,
                fail_attempts=2,  # the last failure is seen for sure: it asks for the retries of the job
                duration=timedelta(minutes=10),
            )
            local.add_runs(job, 3)
            async with local.client(quotas=None) as client:
                async for name, call in _calls(client, job, _logged(local, job)):
                    local.forget_requests()
                    await call()
                    sent = {action(request.service, request.operation) for request in local.requests}
                    found.setdefault(name, {})[service] = sorted(sent)
    return found


def _logged(local: LocalService, job: str) -> list[str]:
    """Return runs that have logs, one for each place that the service may write them to."""
    runs: list[str] = []
    for setting in _LOGS.get(job.partition(":")[0], ()):
        run_id = local.add_run(job, state="SUCCEEDED", native=setting)
        local.add_log_lines(f"{job}/{run_id}", "driver", ["a line"])
        runs.append(f"{job}/{run_id}")
    return runs


async def _calls(
    client: JobRunsClient, job: str, logged: Sequence[str]
) -> AsyncIterator[tuple[str, Callable[[], Awaitable[Any]]]]:
    """Yield calls by the name that the page has for them; what a service cannot do is left out."""
    handle: Any = client.handle(job)
    listed = (await handle.runs(limit=1).collect())[0]
    if handle.ref.service != "datazone":
        yield "`client.jobs(...)`", client.jobs(handle.ref.service).collect
        yield "`handle.job()`", handle.job
    yield "`runs(...)`", handle.runs().collect
    if handle.ref.service != "glue":
        yield "`runs(hydrate=True)`", handle.runs(hydrate=True).collect
    yield "`run(id)`", lambda: handle.run(listed.id)
    yield "`attempts(id)`", handle.attempts(listed.id).collect
    if isinstance(handle, GlueJob | EmrServerlessApplication):
        async for each in _changes(client, handle):
            yield each
    else:
        yield "`wait(...)`, `watch(...)`", lambda: client.wait(listed, timeout=_LONG)
    if logged:
        yield "`logs(...)`", lambda: asyncio.gather(*(client.logs(run).collect() for run in logged))
    if isinstance(handle, GlueJob):
        yield "`bookmark()`", handle.bookmark
        yield "`reset_bookmark()`", handle.reset_bookmark
    if isinstance(handle, EmrServerlessApplication):
        yield "`dashboard_url(id)`", lambda: handle.dashboard_url(listed.id)


async def _changes(
    client: JobRunsClient, handle: GlueJob | EmrServerlessApplication
) -> AsyncIterator[tuple[str, Callable[[], Awaitable[Any]]]]:
    async def start(**given: Any) -> Any:  # noqa: ANN401  # the options differ between the services
        if isinstance(handle, GlueJob):
            return await handle.start(**given)
        return await handle.start(SparkSubmit("s3://b/main.py"), execution_role_arn=_ROLE, **given)

    async def follow() -> None:
        await client.wait(waited, timeout=_LONG)
        with suppress(WaitTimeoutError):
            async for _ in client.watch([watched, handle], timeout=_LONG):
                pass

    yield "`start(...)`", start
    yield "`start(idempotency_key=...)`", lambda: start(idempotency_key="k")
    waited, watched = await start(), await start()
    yield "`wait(...)`, `watch(...)`", follow
    going = await start()
    yield "`stop(...)`", lambda: client.stop([going], wait=_LONG)


def table(found: Mapping[str, Mapping[str, list[str]]]) -> str:
    """Return the table in Markdown."""
    lines = ["| call | " + " | ".join(TITLES[service] for service in JOBS) + " |", "|---" * (len(JOBS) + 1) + "|"]
    for name, services in found.items():
        cells = [
            " ".join(f"`{each.removeprefix(f'{service}:')}`" for each in services.get(service, [])) for service in JOBS
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def write(folder: Path) -> None:
    """Write the table and both policies into a folder."""
    (folder / "permissions.md").write_text(table(asyncio.run(observed())), encoding="utf-8")
    for name, changing in (("read-policy", False), ("change-policy", True)):
        (folder / f"{name}.json").write_text(policy(changing=changing) + "\n", encoding="utf-8")
