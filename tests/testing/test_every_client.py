"""Every operation and every kind of error, through boto3, raw aiobotocore and the AWS CLI."""

import fcntl
import json
import os
import re
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, closing
from dataclasses import dataclass
from functools import cache
from operator import methodcaller
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING, Final, cast

import pytest
from aiobotocore.session import AioSession, get_session
from botocore.exceptions import ClientError

from jobruns_sdk.testing import FaultKind, LocalService
from jobruns_sdk.testing.wire.dispatch import OPERATIONS
from tests.testing.conftest import ONCE, client_of

if TYPE_CHECKING:
    from botocore.client import BaseClient

AWSCLI: Final = "awscli==1.46.3"  # exact, as in constraints.txt, where what it needs has no place beside the others
ROLE: Final = "arn:aws:iam::111122223333:role/exec"
APP: Final = "00f1abcdefgh0909"
GROUP: Final = "/aws-glue/jobs/output"
KEY: Final = f"logs/applications/{APP}/jobs/00frun1/attempts/2/SPARK_DRIVER/stdout.gz"
LOGGED: Final = {"monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": "s3://own-logs/logs/"}}}
Params = Mapping[str, object]


@dataclass(frozen=True, eq=False)
class Case:
    """A call, and what must come of it: a member of its answer, or an error code."""

    service: str
    operation: str
    params: Params
    expected: str

    @property
    def fails(self) -> bool:
        return self.expected.endswith("Exception")

    def __str__(self) -> str:
        return f"{self.service}-{self.operation}-{self.expected}"

    @property
    def method(self) -> str:
        """The operation's name as Python clients have it."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.operation).lower()

    @property
    def command(self) -> str:
        """The operation's name as the AWS CLI has it."""
        return self.method.replace("_", "-")

    def check(self, answer: Mapping[str, object]) -> None:
        assert not self.expected or answer.get(self.expected) not in (None, [], {}), answer


APPLICATION: Final = {"applicationId": APP}
RUN: Final = {**APPLICATION, "jobRunId": "00frun1"}
SPARK: Final = {"sparkSubmit": {"entryPoint": "s3://code/main.py", "entryPointArguments": ["--day", "2026-01-05"]}}
DOMAIN: Final = {"domainIdentifier": "dzd_x"}
QUEUE: Final = {"QueueUrl": "http://localhost/111122223333/job-runs"}
START: Final = {**APPLICATION, "clientToken": "t", "executionRoleArn": ROLE, "jobDriver": SPARK}
CASES: Final = [
    Case("emr-serverless", "ListApplications", {"maxResults": 1, "states": ["STARTED"]}, "applications"),
    Case("emr-serverless", "GetApplication", APPLICATION, "application"),
    Case(
        "emr-serverless",
        "ListJobRuns",
        {**APPLICATION, "states": ["SUCCESS", "FAILED"], "createdAtAfter": "2020-01-01T00:00:00Z", "maxResults": 1},
        "jobRuns",
    ),
    Case("emr-serverless", "GetJobRun", RUN, "jobRun"),
    Case("emr-serverless", "GetJobRun", {**RUN, "attempt": 1}, "jobRun"),
    Case("emr-serverless", "ListJobRunAttempts", {**RUN, "maxResults": 1}, "jobRunAttempts"),
    Case("emr-serverless", "GetDashboardForJobRun", {**RUN, "attempt": 2}, "url"),
    Case("emr-serverless", "StartJobRun", {**START, "tags": {"a": "b"}, "mode": "BATCH"}, "jobRunId"),
    Case("emr-serverless", "CancelJobRun", {**APPLICATION, "jobRunId": "00flive"}, "jobRunId"),
    Case("datazone", "ListJobRuns", {**DOMAIN, "jobIdentifier": "job42", "sortOrder": "ASCENDING"}, "items"),
    Case("datazone", "GetJobRun", {**DOMAIN, "identifier": "run7"}, "details"),
    Case("glue", "GetJobRuns", {"JobName": "etl", "MaxResults": 200}, "JobRuns"),
    Case("glue", "GetJobRun", {"JobName": "etl", "RunId": "jr_1", "PredecessorsIncluded": True}, "JobRun"),
    Case("glue", "GetJob", {"JobName": "etl"}, "Job"),
    Case("glue", "ListJobs", {"Tags": {"team": "x"}}, "JobNames"),
    Case("glue", "StartJobRun", {"JobName": "etl", "Arguments": {"--a": "b"}, "Timeout": 5}, "JobRunId"),
    Case("glue", "BatchStopJobRun", {"JobName": "etl", "JobRunIds": ["jr_1"]}, "Errors"),
    Case("glue", "GetJobBookmark", {"JobName": "etl"}, "JobBookmarkEntry"),
    Case("glue", "ResetJobBookmark", {"JobName": "etl"}, "JobBookmarkEntry"),
    Case("logs", "DescribeLogStreams", {"logGroupName": GROUP, "logStreamNamePrefix": "jr_1"}, "logStreams"),
    Case("logs", "GetLogEvents", {"logGroupName": GROUP, "logStreamName": "jr_1-driver", "limit": 1}, "events"),
    Case("s3", "ListObjectsV2", {"Bucket": "own-logs", "Prefix": "logs/"}, "Contents"),
    Case("s3", "GetObject", {"Bucket": "own-logs", "Key": KEY, "Range": "bytes=0-9"}, "ETag"),
    Case("sqs", "GetQueueUrl", {"QueueName": "job-runs"}, "QueueUrl"),
    Case("sqs", "GetQueueAttributes", {**QUEUE, "AttributeNames": ["QueueArn"]}, "Attributes"),
    Case("sqs", "SendMessage", {**QUEUE, "MessageBody": "hello", "DelaySeconds": 5}, "MD5OfMessageBody"),
    Case("sqs", "ReceiveMessage", {**QUEUE, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 20}, "Messages"),
    Case("sqs", "DeleteMessage", {**QUEUE, "ReceiptHandle": "gone"}, ""),
    Case("sqs", "DeleteMessageBatch", {**QUEUE, "Entries": [{"Id": "a", "ReceiptHandle": "gone"}]}, "Successful"),
    Case("logs", "DescribeLogStreams", {"logGroupName": "/none"}, "ResourceNotFoundException"),
    Case(
        "logs",
        "GetLogEvents",
        {"logGroupName": GROUP, "logStreamName": "jr_1-driver", "nextToken": "f/other"},
        "InvalidParameterException",
    ),
    Case("emr-serverless", "GetJobRun", {**APPLICATION, "jobRunId": "00funknown"}, "ResourceNotFoundException"),
    Case("emr-serverless", "ListJobRuns", {**APPLICATION, "maxResults": 51}, "ValidationException"),
    Case("emr-serverless", "CancelJobRun", RUN, "ValidationException"),
    Case("emr-serverless", "StartJobRun", {**START, "clientToken": "used"}, "ConflictException"),
    Case("emr-serverless", "GetApplication", {"applicationId": "00slow"}, "ThrottlingException"),
    Case("emr-serverless", "GetApplication", {"applicationId": "00broken"}, "InternalServerException"),
    Case("datazone", "GetJobRun", {**DOMAIN, "identifier": "unknown"}, "ResourceNotFoundException"),
    Case("datazone", "GetJobRun", {**DOMAIN, "identifier": "slow"}, "ThrottlingException"),
    Case("datazone", "GetJobRun", {**DOMAIN, "identifier": "two words"}, "ValidationException"),
    Case("glue", "GetJobRun", {"JobName": "etl", "RunId": "jr_unknown"}, "EntityNotFoundException"),
    Case("glue", "GetJobRuns", {"JobName": "etl", "MaxResults": 201}, "ValidationException"),
    Case("glue", "GetJobRuns", {"JobName": "etl", "NextToken": "foreign"}, "InvalidInputException"),
    Case("glue", "StartJobRun", {"JobName": "busy"}, "ConcurrentRunsExceededException"),
    Case("glue", "GetJob", {"JobName": "slow"}, "ThrottlingException"),
    Case("glue", "GetJob", {"JobName": "broken"}, "InternalServiceException"),
]


def seed(local: LocalService) -> LocalService:
    """Give every case what it needs."""
    local.add_application(APP, native=LOGGED)
    app = f"emr-serverless:{APP}"
    local.add_run(app, run_id="00frun1", state="SUCCESS", attempts=2)
    local.add_run(app, run_id="00flive")
    local.job(app).tokens["used"] = ("00frun1", "another request")
    local.add_datazone_job("dzd_x", "job42")
    local.add_run("datazone:dzd_x/job42", run_id="run7", state="PARTIALLY_SUCCEEDED")
    local.add_glue_job("etl", tags={"team": "x"}, default_arguments={"--job-bookmark-option": "job-bookmark-enable"})
    local.add_run("glue:etl", run_id="jr_1", state="SUCCEEDED")
    local.add_log_lines("glue:etl/jr_1", "driver", ["one", "two"])
    local.add_log_lines(f"{app}/00frun1", "driver", ["one", "two"], attempt=2)
    local.add_message(local.add_queue(), "hello")
    local.add_glue_job("busy", max_concurrent_runs=1)
    local.add_run("glue:busy")
    kinds: dict[str, FaultKind] = {"slow": "throttle", "broken": "error500"}
    for name, kind in kinds.items():
        local.fault("GetApplication", kind, times=None, match={"applicationId": f"00{name}"})
        local.fault("datazone:GetJobRun", kind, times=None, match={"identifier": name})
        local.fault("GetJob", kind, times=None, match={"JobName": name})
    return local


def test_the_cases_are_all_operations() -> None:
    known = {(service, operation) for service, operations in OPERATIONS.items() for operation in operations}
    assert {(case.service, case.operation) for case in CASES if not case.fails} == known


@pytest.mark.parametrize("case", CASES, ids=str)
def test_boto3(local: LocalService, case: Case) -> None:
    with closing(cast("BaseClient", client_of(case.service, seed(local).url))) as client:
        call = getattr(client, case.method)
        if case.fails:
            with pytest.raises(ClientError) as error:
                call(**case.params)
            assert error.value.response.get("Error", {}).get("Code") == case.expected
            assert error.value.response.get("ResponseMetadata", {}).get("RequestId")
        else:
            case.check(call(**case.params))


@cache
def aio_session() -> AioSession:
    """One session for all cases: it keeps the service models that it has loaded."""
    made = get_session()
    made.set_credentials("local", "local")
    return made


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_aiobotocore(local: LocalService, case: Case) -> None:
    options = {"region_name": "us-east-1", "endpoint_url": seed(local).url, "config": ONCE}
    make = methodcaller("create_client", case.service, **options)
    async with cast("AbstractAsyncContextManager[object]", make(aio_session())) as client:
        call = getattr(client, case.method)
        if case.fails:
            with pytest.raises(ClientError) as error:
                await call(**case.params)
            assert error.value.response.get("Error", {}).get("Code") == case.expected
        else:
            case.check(await call(**case.params))


DRIVER: Final = """
import contextlib, io, json, sys
from awscli.clidriver import create_clidriver

answers, driver = [], create_clidriver()  # one that keeps the service models that it has loaded
for arguments in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = driver.main(arguments)
    answers.append([code, out.getvalue(), err.getvalue()])
json.dump(answers, sys.stdout)
"""


def run(command: Sequence[str], *, given: str = "", env: Mapping[str, str] | None = None) -> CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(command, input=given, env=env, capture_output=True, text=True, check=False)  # noqa: S603  # ours


@pytest.fixture(scope="session")
def aws_python(request: pytest.FixtureRequest) -> Path:
    """The interpreter of an environment that holds the AWS CLI, kept in pytest's cache: the CLI pins its botocore."""
    assert request.config.cache is not None
    root = request.config.cache.mkdir(f"{AWSCLI}-{sys.version_info.major}.{sys.version_info.minor}")
    python = root / "bin" / "python"
    with (root / "lock").open("w") as lock:  # two processes of tests may come here at the same time
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "installed").exists():
            venv.create(root, with_pip=False)
            # By the pip that is here: to make another, and bytecode of all the CLI has, takes longer than its calls.
            pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-compile"]
            done = run([*pip, "--quiet", "--disable-pip-version-check", AWSCLI])
            if done.returncode:
                pytest.skip(f"the AWS CLI could not be installed from the package index: {done.stderr[-300:]}")
            (root / "installed").touch()
    return python


def arguments_of(case: Case, url: str) -> list[str]:
    """The arguments of a call; what writes into a file does not take all of them as JSON."""
    if case.operation == "GetObject":
        options = [text for name, value in case.params.items() for text in (f"--{name.lower()}", str(value))]
        return ["s3api", case.command, *options, "/dev/null"]
    service = "s3api" if case.service == "s3" else case.service
    # For SQS alone the CLI's first version has an address of its own, whatever the environment says.
    where = ["--endpoint-url", url] if service == "sqs" else []
    return [service, case.command, "--cli-input-json", json.dumps(case.params), *where]


@pytest.fixture(scope="module")
def cli_answers(aws_python: Path) -> Iterator[Mapping[Case, tuple[int, str, str]]]:
    """What the CLI's own driver answers to every case, all in one process, since it takes half a second to load."""
    with LocalService(check=True, auto_advance=False) as local:
        seed(local)
        commands = [[*arguments_of(case, local.url), "--output", "json", "--no-paginate"] for case in CASES]
        environment = {"PATH": os.environ["PATH"], **local.environment, "AWS_MAX_ATTEMPTS": "1", "HOME": "/nonexistent"}
        done = run([str(aws_python), "-c", DRIVER], given=json.dumps(commands), env=environment)
        assert done.returncode == 0, done.stderr
        answers = cast("list[tuple[int, str, str]]", json.loads(done.stdout))
        yield dict(zip(CASES, answers, strict=True))
        assert local.problems == []


@pytest.mark.parametrize("case", CASES, ids=str)
def test_aws_cli(cli_answers: Mapping[Case, tuple[int, str, str]], case: Case) -> None:
    code, out, err = cli_answers[case]
    if case.fails:
        assert code != 0
        assert f"({case.expected})" in err
    else:
        assert (code, err) == (0, "")
        case.check(json.loads(out or "{}"))


def test_the_aws_command_itself(aws_python: Path, local: LocalService) -> None:
    local.add_glue_job("etl")
    command = [str(aws_python.with_name("aws")), "glue", "list-jobs"]
    environment = {"PATH": os.environ["PATH"], **local.environment}
    done = run(command, env=environment)
    assert (done.returncode, done.stderr, json.loads(done.stdout)) == (0, "", {"JobNames": ["etl"]})
