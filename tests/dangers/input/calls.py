"""Every public call that takes arguments, with arguments that are right, and what each argument must not be."""

import inspect
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Final

from botocore.awsrequest import AWSPreparedRequest

from jobruns_sdk import (
    HiveQuery,
    JobRef,
    JobRunsClient,
    LogLines,
    Observer,
    Quota,
    RunRef,
    SparkSubmit,
    from_dict,
    run_from_response,
    to_dict,
)
from jobruns_sdk.events import SqsEvents
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.services.datazone import DataZoneJob
from jobruns_sdk.services.emr_serverless import EmrServerlessApplication
from jobruns_sdk.services.glue import GlueJob
from jobruns_sdk.telemetry import Telemetry
from tests.transport.clients import CountingSession, client_at

GLUE: Final = JobRef("glue", "etl", "eu-west-1")
EMR: Final = JobRef("emr-serverless", "00f1abc", "eu-west-1")
DATAZONE: Final = JobRef("datazone", ("dzd_x", "job42"), "eu-west-1")
NOON: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)


class SentError(Exception):
    """A request would have gone out."""


class SilentSession(CountingSession):
    """A session whose clients send nothing: a request that would go out fails the test."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.register("before-send", self._refuse)

    def _refuse(self, request: AWSPreparedRequest, **_: object) -> None:
        self.urls.append(str(request.url))
        raise SentError


@asynccontextmanager
async def silent_client(**options: Any) -> AsyncGenerator[tuple[JobRunsClient, SilentSession]]:  # noqa: ANN401  # JobRunsClient's own
    session = SilentSession()
    async with client_at(None, session=session, **options) as client:
        yield client, session


async def coroutine_function(_: object) -> None:
    """Do nothing when it is awaited, which no callback is."""


class CoroutineCallable:
    """Something to call whose calls have to be awaited."""

    async def __call__(self, _: object) -> None:
        """Do nothing."""


Values = tuple[Any, ...]
Of = Callable[[JobRunsClient], Callable[..., Any]]


@dataclass(frozen=True)
class Call:
    """A public call: its function on a client, and arguments that are right."""

    name: str
    of: Of
    right: Mapping[str, Any]

    async def __call__(self, client: JobRunsClient, **arguments: object) -> None:
        """Make the call and all requests that it leads to."""
        result = self.of(client)(**{**self.right, **arguments})
        if isinstance(result, Pages):
            await result.first()
        elif isinstance(result, LogLines):
            await anext(aiter(result))
        elif hasattr(result, "__anext__"):
            await anext(result)
        elif inspect.isawaitable(result):
            await result

    def parameters(self, client: JobRunsClient) -> list[str]:
        """Return the names of its arguments."""
        taken = inspect.signature(self.of(client)).parameters.values()
        return [one.name for one in taken if one.name != "self" and one.kind is not inspect.Parameter.VAR_KEYWORD]


def _methods(
    name: str, of: Callable[[JobRunsClient], object], calls: Mapping[str, Mapping[str, Any]]
) -> Iterator[Call]:
    for method, right in calls.items():

        def method_of(client: JobRunsClient, method: str = method) -> Callable[..., Any]:
            found: Callable[..., Any] = getattr(of(client), method)
            return found

        yield Call(f"{name}.{method}", method_of, right)


def _function(name: str, function: Callable[..., Any], **right: object) -> Call:
    return Call(name, lambda _: function, right)


ROLE: Final = "arn:aws:iam::111122223333:role/exec"
WAIT: Final[Mapping[str, Any]] = {"timeout": timedelta(hours=1)}
RUN: Final = run_from_response("glue", {"Id": "jr_0", "JobName": "etl", "JobRunState": "SUCCEEDED"})
CALLS: Final = {
    call.name: call
    for call in (
        *_methods(
            "client",
            lambda client: client,
            {
                "emr_serverless": {"application_id": "00f1abc"},
                "datazone": {"domain_id": "dzd_x", "job_id": "job42"},
                "glue": {"job_name": "etl"},
                "handle": {"job": GLUE},
                "runs": {"jobs": [GLUE]},
                "run": {"run": GLUE.run("jr_0")},
                "attempts": {"targets": [GLUE]},
                "changes": {"jobs": [GLUE]},
                "discover": {"services": ["glue"]},
                "job": {"job": GLUE},
                "jobs": {"service": "glue"},
                "stop": {"runs": [GLUE.run("jr_0")]},
                "wait": {"run": GLUE.run("jr_0"), **WAIT},
                "wait_all": {"runs": [GLUE.run("jr_0")], **WAIT},
                "watch": {"targets": [GLUE.run("jr_0")], **WAIT},
                "nudge": {"run": GLUE.run("jr_0")},
                "listening": {"events": SqsEvents("https://sqs.eu-west-1.amazonaws.com/111122223333/q")},
                "logs": {"run": GLUE.run("jr_0")},
                "log_places": {"run": GLUE.run("jr_0")},
                "error_of": {"run": GLUE.run("jr_0")},
            },
        ),
        *_methods(
            "emr_serverless",
            lambda client: client.emr_serverless("00f1abc"),
            {
                "runs": {},
                "attempts": {"run_id": "00frun"},
                "run": {"run_id": "00frun"},
                "dashboard_url": {"run_id": "00frun"},
                "start": {"driver": SparkSubmit("s3://b/main.py"), "execution_role_arn": ROLE},
                "stop": {"run_ids": ["00frun"]},
                "run_ref": {"run_id": "00frun"},
                "is_streaming": {"run": RUN},
                "survey": {"since": None},
                "full_attempts": {"run_id": "00frun"},
                "logs": {"run_id": "00frun"},
            },
        ),
        *_methods(
            "datazone",
            lambda client: client.datazone("dzd_x", "job42"),
            {
                "runs": {},
                "attempts": {"run_id": "run7"},
                "run": {"run_id": "run7"},
                "run_ref": {"run_id": "run7"},
                "survey": {"since": None},
            },
        ),
        *_methods(
            "glue",
            lambda client: client.glue("etl"),
            {
                "runs": {},
                "attempts": {"run_id": "jr_0"},
                "run": {"run_id": "jr_0"},
                "start": {},
                "find": {"idempotency_key": "k"},
                "logs": {"run_id": "jr_0"},
                "stop": {"run_ids": ["jr_0"]},
                "ask_to_stop": {"run_ids": ["jr_0"]},
                "bookmark": {},
                "reset_bookmark": {},
                "run_ref": {"run_id": "jr_0"},
                "is_streaming": {"run": RUN},
                "survey": {"since": None},
            },
        ),
        *_methods("pages", lambda client: client.glue("etl").runs(), {"record_batches": {}, "to_arrow": {}}),
        Call("client.jobs, applications", lambda client: client.jobs, {"service": "emr-serverless"}),
        _function("JobRunsClient", JobRunsClient),
        _function("JobRef", JobRef, service="glue", path="etl"),
        _function("JobRef.parse", JobRef.parse, text="glue:etl"),
        _function("RunRef", RunRef, job=GLUE, run_id="jr_0"),
        _function("RunRef.parse", RunRef.parse, text="glue:etl/jr_0"),
        _function("JobRef.run", GLUE.run, run_id="jr_0"),
        _function("SparkSubmit", SparkSubmit, entry_point="s3://b/main.py"),
        _function("HiveQuery", HiveQuery, query="SELECT 1"),
        _function("Quota", Quota, rate=1, burst=1),
        _function("SqsEvents", SqsEvents, queue_url="https://sqs.eu-west-1.amazonaws.com/111122223333/q"),
        _function("Observer", Observer),
        _function("Telemetry", Telemetry),
        _function("JobRun.raise_for_state", RUN.raise_for_state),
        _function("to_dict", to_dict, value=GLUE),
        _function("from_dict", from_dict, data={"kind": "JobRef", "text": "glue:etl"}),
        _function("run_from_response", run_from_response, service="glue", data={"Id": "jr_0", "JobName": "etl"}),
    )
}

HANDLES: Final = {
    "client": JobRunsClient,
    "emr_serverless": EmrServerlessApplication,
    "datazone": DataZoneJob,
    "glue": GlueJob,
}

_CALLBACK: Final[Values] = (5, "x", True, coroutine_function, partial(coroutine_function), CoroutineCallable())
_COUNT: Final[Values] = ("5", True, 0, -1, 1.5, [1])
_TIME: Final[Values] = (5, 5.0, "5", True)
_MOMENT: Final[Values] = (NOON.replace(tzinfo=None), date(2026, 11, 21), 5, "2026-11-21T12:00:00Z", timedelta(hours=1))
_STATES: Final[Values] = (5, "FAILED", [5], [], [["FAILED"]], [None], True, b"FAILED")
_TEXT: Final[Values] = (5, b"x", "", "\ud800", ["x"], True)
_NAME: Final[Values] = (*_TEXT, None)
_PAIRS: Final[Values] = ("x", 5, ["a"], {"a": 5}, {5: "a"}, {"a": None}, {"a": "\ud800"}, [("a", "b")])
_FLAG_OR_NONE: Final[Values] = ("no", "", 1, 0)
_FLAG: Final[Values] = (*_FLAG_OR_NONE, None)
_REFERENCE: Final[Values] = (5, None, "", "etl", b"glue:etl", {"JobName": "etl"}, ["glue", "etl"])
_ITEMS: Final[Values] = (5, None, "glue:etl", [5], [None], ["jr_0/"], b"x")
_IDS: Final[Values] = (5, None, "jr_0", [5], [None], [""], ["\ud800"], b"x")

WRONG: Final[Mapping[str, Values]] = {
    "adapters": (5, 0, "", ["x"], {"x": 5}, {"x": coroutine_function}),
    "allocated_capacity": _COUNT,
    "allow_insecure_endpoint": _FLAG,
    "allow_partial": _FLAG,
    "application_id": _NAME,
    "arguments": _PAIRS,
    "attempt": _COUNT,
    "call": _CALLBACK,
    "change": _CALLBACK,
    "burst": (*_COUNT, None),
    "call_timeout": ("5", True, 0, -1, None, timedelta(0), timedelta(seconds=-1), float("nan")),
    "clock": (5, object(), "now"),
    "collapse_retries": _FLAG_OR_NONE,
    "concurrency": _COUNT,
    "config": (5, {"retries": 3}, "x"),
    "configuration_overrides": (5, "x", {"monitoringConfiguration": {}}),
    "active_after": _MOMENT,
    "costs": (5, "prices.json", {}, object()),
    "created_after": _MOMENT,
    "created_before": _MOMENT,
    "ended_after": _MOMENT,
    "ended_before": _MOMENT,
    "cursor": (5, "", "x", b"1.x", True),
    "data": (5, None, "x", [], {}),
    "domain_id": _NAME,
    "driver": (5, None, "s3://b/main.py", {"sparkSubmit": {"entryPoint": "s3://b/main.py"}}, SparkSubmit),
    "endpoint_url": (5, b"http://localhost", "", ["http://localhost"]),
    "endpoint_urls": (
        5,
        "x",
        ["glue"],
        {"glue": 5},
        {"glue": ""},
        {5: "http://localhost"},
        {"gleu": "http://localhost"},
    ),
    "entry_point": _NAME,
    "delete_foreign": _FLAG,
    "events": (5, None, "https://sqs.eu-west-1.amazonaws.com/111122223333/q", SqsEvents, []),
    "execution_class": _TEXT,
    "execution_iam_policy": (5, "x", {"policy": "{}"}),
    "execution_role_arn": _NAME,
    "execution_role_session_policy": _TEXT,
    "execution_timeout": (*_TIME, timedelta(seconds=90), timedelta(minutes=-1)),
    "follow": _FLAG,
    "grace_period": (*_TIME, timedelta(milliseconds=5), timedelta(seconds=-1)),
    "hydrate": _FLAG,
    "idempotency_key": _TEXT,
    "include_secrets": _FLAG,
    "init_query_file": _TEXT,
    "job": _REFERENCE,
    "job_id": _NAME,
    "job_name": _TEXT,
    "job_run_queuing_enabled": _FLAG_OR_NONE,
    "jobs": (5, None, "etl", [5], ["etl"], b"x"),
    "key_lifetime": (*_TIME, timedelta(seconds=-1)),
    "lag": (*_TIME, timedelta(seconds=-1)),
    "limit": _COUNT,
    "limit_open": _COUNT,
    "max_attempts": ("3", True, 0, -1, None, 1.5),
    "max_bytes": _COUNT,
    "max_capacity": ("5", True, 0, -1, float("nan"), float("inf")),
    "max_poll_interval": (*_TIME, timedelta(seconds=1)),
    "meter_provider": (5, "x", True, object()),
    "mode": (5, "", "batch", ["BATCH"], True),
    "name": _TEXT,
    "native": _FLAG,
    "native_states": _STATES,
    "notify_delay_after": (*_TIME, timedelta(seconds=90), timedelta(0)),
    "number_of_workers": _COUNT,
    "observer": (5, "x", b"x", True, print, ["x"], {"call": print}),
    "on_cancel": (5, "cancel", None, ["stop"]),
    "on_error": (*_CALLBACK, "ignore", None),
    "on_failed": (5, "again", None, ["adopt"]),
    "on_failed_poll": _CALLBACK,
    "on_poll": _CALLBACK,
    "on_timeout": (5, "cancel", None, ["stop"]),
    "order": (5, "", "descending", ["newest"], True),
    "page_size": _COUNT,
    "parameters": _TEXT,
    "path": (5, None, "", (), [5], ("a", "b"), ["\ud800"]),
    "poll": _CALLBACK,
    "poll_interval": (*_TIME, timedelta(0), timedelta(seconds=-1)),
    "predecessors": _FLAG,
    "profiles": (5, "prod", [5], ["staging"], b"x"),
    "profile": (5, "", "\ud800", "staging", ["prod"]),
    "progress": _CALLBACK,
    "query": _NAME,
    "queue_url": (5, None, "", "q", "sqs://x/y", "https://sqs.eu-west-1.amazonaws.com/1/", "https://u:p@h/1/q", b"x"),
    "quotas": (
        5,
        "x",
        {"x": 1},
        {("glue", "GetJobRuns"): 1},
        {("glue", "GetJobruns"): Quota(1, 1)},
        {("athena", "GetQuery"): Quota(1, 1)},
        {("glue", "GetJobRuns", "x"): Quota(1, 1)},
        {5: Quota(1, 1)},
        [("glue", "GetJobRuns")],
    ),
    "rate": ("1", True, 0, -1, None, float("nan")),
    "reach": (*_TIME, timedelta(0), timedelta(seconds=-1)),
    "region": (5, "", "eu west", "x.evil.com/"),
    "region_name": (5, "", "eu west", "x.evil.com/", ["eu-west-1"]),
    "retry": _CALLBACK,
    "retry_grace": (*_TIME, None, timedelta(seconds=-1)),
    "return_exceptions": _FLAG,
    "retry_of": _TEXT,
    "retry_policy": (5, "x", {"maxAttempts": 3}),
    "regions": (5, "eu-west-1", [5], ["eu west"], b"x"),
    "run": (*_REFERENCE, "glue:etl", GLUE),
    "run_id": _NAME,
    "run_ids": _IDS,
    "runs": _ITEMS,
    "security_configuration": _TEXT,
    "secrets": _FLAG,
    "service": (5, None, "athena", "", ["glue"]),
    "services": (5, "athena", b"x"),
    "session": (5, "prod", object()),
    "sessions": (5, 0, "", "prod", {"prod": 5}, {5: SilentSession()}, {"": SilentSession()}),
    "settle": (*_TIME, None, timedelta(seconds=-1)),
    "share_quotas": (5, "x", {"prod": "dev"}, {5: None}, ["prod"], {None: "prod"}),
    "since": _MOMENT,
    "size": (*_COUNT, None),
    "slot_timeout": (*_TIME, timedelta(seconds=-1)),
    "sources": (5, None, "driver", [], ["stdout"], [5], [["driver"]], b"driver"),
    "states": _STATES,
    "tail": _COUNT,
    "tags": _PAIRS,
    "targets": (5, None, "etl", [5], [None], ["etl"], b"x"),
    "telemetry": (5, None, "yes", 1, ["x"]),
    "text": (5, None, "", "etl", b"glue:etl"),
    "tracer_provider": (5, "x", True, object()),
    "turn": _CALLBACK,
    "throttle_timeout": (*_TIME, None, timedelta(seconds=-1)),
    "timeout": (*_TIME, timedelta(seconds=-1)),
    "unseen_for": (*_TIME, timedelta(0), timedelta(seconds=-1)),
    "until": _STATES,
    "value": (5, None, "x", object(), JobRunsClient),
    "wait": (*_TIME, timedelta(seconds=-1)),
    "waits": _FLAG,
    "walk": _CALLBACK,
    "verify": (5, None, "", b"x.pem", ["x.pem"]),
    "worker_type": _TEXT,
}
"""What an argument must not be, by its name: it means the same in every call."""

ELSEWHERE: Final[Mapping[tuple[str, str], Values]] = {
    ("SparkSubmit", "arguments"): ("x", 5, [5], ["\ud800"], {"a": "b"}, b"x", None),
    ("Observer", "wait"): _CALLBACK,
    ("Telemetry", "jobs"): _FLAG,
    ("JobRef", "service"): (5, None, "", "a:b", "glue\n", ["glue"]),
    ("JobRef", "profile"): (5, "", "\ud800", ["prod"]),
    ("RunRef", "job"): (*_REFERENCE, "glue:etl"),
    ("client.jobs", "states"): (),
    ("client.jobs, applications", "tags"): (),
    ("emr_serverless.is_streaming", "run"): (*_REFERENCE, "00frun", EMR.run("00frun")),
    ("glue.is_streaming", "run"): (*_REFERENCE, "jr_0", GLUE.run("jr_0")),
    ("client.runs", "order"): (5, "", "descending", ["newest"], True, None),
    ("SqsEvents", "jobs"): (5, "glue", [5], ["etl"], ["datazone:dzd_x/job42"], b"x"),
    ("SqsEvents", "profile"): (5, "", "\ud800", ["prod"]),
    ("glue.bookmark", "run_id"): _TEXT,
    ("glue.find", "idempotency_key"): _NAME,
    ("glue.reset_bookmark", "run_id"): _TEXT,
    ("glue.start", "timeout"): (*_TIME, timedelta(seconds=90), timedelta(0)),
}
"""The same where a call wants something of its own."""


def cases() -> list[tuple[str, str, Values]]:
    """Return each call with each of its arguments and the values that this must not have."""
    client = JobRunsClient(region_name="eu-west-1", session=SilentSession())
    return [
        (call.name, name, ELSEWHERE.get((call.name, name), WRONG.get(name, ())))
        for call in CALLS.values()
        for name in call.parameters(client)
    ]
