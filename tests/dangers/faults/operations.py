"""Every operation that the package sends: how a caller brings it about, and how it travels."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from jobruns_sdk import JobRunsClient, SparkSubmit
from jobruns_sdk.model.runs import StopOutcome
from jobruns_sdk.testing import LocalService

APPLICATION: Final = "00f1"
JOBS: Final = {
    "emr-serverless": f"emr-serverless:{APPLICATION}",
    "datazone": "datazone:dzd_x/job42",
    "glue": "glue:etl",
}
_ROLE: Final = "arn:aws:iam::111122223333:role/exec"

Kind = Literal["read", "post", "delete", "change", "token", "start"]
KINDS: Final[dict[Kind, str]] = {
    "read": "reads of EMR Serverless and DataZone (GET)",
    "post": "reads of Glue (POST)",
    "delete": "CancelJobRun (DELETE)",
    "change": "BatchStopJobRun, ResetJobBookmark (POST)",
    "token": "StartJobRun of EMR Serverless (POST, with a token)",
    "start": "StartJobRun of Glue (POST, without one)",
}
"""The kinds of operations that differ in what a fault costs."""


@dataclass(frozen=True)
class Asked:
    """An operation as a caller brings it about: by a call of the client's on a run of that id.

    Attributes:
        kind: How it travels, and whether it may be sent again.
        ask: The call.
        first: The operation that the same call sends first, where that is another one.
    """

    kind: Kind
    ask: Callable[[JobRunsClient, str], Awaitable[object]]
    first: str | None = None


async def _stopped(outcomes: Awaitable[list[StopOutcome]]) -> bool:
    [outcome] = await outcomes
    if outcome.error is not None:
        raise outcome.error
    return outcome.accepted


def _start_spark(client: JobRunsClient, _: str) -> Awaitable[object]:
    return client.emr_serverless(APPLICATION).start(SparkSubmit("s3://b/main.py"), execution_role_arn=_ROLE)


_EMR: Final[dict[str, Asked]] = {
    "ListJobRuns": Asked("read", lambda client, _: client.emr_serverless(APPLICATION).runs().collect()),
    "GetJobRun": Asked("read", lambda client, run: client.emr_serverless(APPLICATION).run(run)),
    "ListJobRunAttempts": Asked("read", lambda client, run: client.emr_serverless(APPLICATION).attempts(run).collect()),
    "ListApplications": Asked("read", lambda client, _: client.jobs("emr-serverless").collect()),
    "GetApplication": Asked("read", lambda client, _: client.emr_serverless(APPLICATION).job()),
    "GetDashboardForJobRun": Asked("read", lambda client, run: client.emr_serverless(APPLICATION).dashboard_url(run)),
    "CancelJobRun": Asked("delete", lambda client, run: _stopped(client.emr_serverless(APPLICATION).stop([run]))),
    "StartJobRun": Asked("token", _start_spark),
}
_DATAZONE: Final[dict[str, Asked]] = {
    "ListJobRuns": Asked("read", lambda client, _: client.datazone("dzd_x", "job42").runs().collect()),
    "GetJobRun": Asked("read", lambda client, run: client.datazone("dzd_x", "job42").run(run)),
}
_GLUE: Final[dict[str, Asked]] = {
    "GetJobRuns": Asked("post", lambda client, _: client.glue("etl").runs().collect()),
    "GetJobRun": Asked("post", lambda client, run: client.glue("etl").run(run)),
    "GetJob": Asked("post", lambda client, _: client.glue("etl").job()),
    "ListJobs": Asked("post", lambda client, _: client.jobs("glue").collect()),
    "GetJobBookmark": Asked("post", lambda client, _: client.glue("kept").bookmark()),
    "ResetJobBookmark": Asked("change", lambda client, _: client.glue("kept").reset_bookmark()),
    "BatchStopJobRun": Asked("change", lambda client, run: _stopped(client.glue("etl").stop([run])), first="GetJobRun"),
    "StartJobRun": Asked("start", lambda client, _: client.glue("etl").start(settle=timedelta(seconds=10))),
}
OPERATIONS: Final[dict[str, Asked]] = {
    f"{service}:{name}": asked
    for service, operations in {"emr-serverless": _EMR, "datazone": _DATAZONE, "glue": _GLUE}.items()
    for name, asked in operations.items()
}
"""By names such as ``"glue:GetJobRuns"``."""


def populate(local: LocalService) -> dict[str, str]:
    """Add a job of each service whose only run goes on for ever, and one with a bookmark; return the ids by service."""
    local.add_application(APPLICATION, duration=None, startup=timedelta(0))
    local.add_datazone_job("dzd_x", "job42", duration=None)
    local.add_glue_job("etl", duration=None)
    local.add_glue_job("kept", default_arguments={"--job-bookmark-option": "job-bookmark-enable"})
    local.add_run("glue:kept")
    runs = {service: local.add_run(job) for service, job in JOBS.items()}
    local.advance(timedelta(hours=1))
    return runs
