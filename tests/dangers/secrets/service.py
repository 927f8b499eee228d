"""A service whose every answer holds canaries, or repeats the request in the text of an error."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, cast

from jobruns_sdk import JobRunsClient
from tests.dangers.secrets.canaries import ACCESS_KEY, OPERATIONS, SECRET_KEY, TOKEN, answer_of, model_of
from tests.transport.clients import CountingSession, client_at
from tests.transport.scripted import Request, Server, head, serving

_STATES: Final = {"emr-serverless": "SUCCESS", "glue": "SUCCEEDED", "datazone": "SUCCESS"}


def _routes() -> dict[str, re.Pattern[str]]:
    routes: dict[str, re.Pattern[str]] = {}
    for service, operations in OPERATIONS.items():
        for name in operations:
            http = model_of(service).operation_model(name).http
            path = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(http["requestUri"]))
            target = f" AWSGlue.{name}" if service == "glue" else ""
            routes[f"{service}.{name}"] = re.compile(f"{http['method']} {path}{target}")
    return routes


_ROUTES: Final = _routes()


def operation_of(request: Request) -> tuple[str, str]:
    """Return the service and the operation that a request is for."""
    logs, _, name = request.headers.get("x-amz-target", "").partition(".")
    if logs.startswith("Logs_"):
        return "logs", name
    if "list-type=2" in request.target:
        return "s3", "ListObjectsV2"
    line = f"{request.method} {request.target.partition('?')[0]} {request.headers.get('x-amz-target', '')}".rstrip()
    (name,) = (name for name, route in _ROUTES.items() if route.fullmatch(line))
    service, _, operation = name.partition(".")
    return service, operation


def _with_states(value: object, state: str) -> object:
    match value:
        case dict():
            members = cast("dict[str, object]", value)
            named = {"state", "status", "JobRunState"}
            return {key: state if key in named else _with_states(member, state) for key, member in members.items()}
        case list():
            return [_with_states(member, state) for member in cast("list[object]", value)]
        case _:
            return value


def body_of(service: str, operation: str) -> bytes:
    """Return the answer of an operation with canaries in it, the last page of a list."""
    shape = model_of(service).operation_model(operation).output_shape
    members: dict[str, Any] = {} if shape is None else answer_of(shape)
    # An answer to a start that names another application is refused.
    left_out = {"nexttoken", *({"applicationid"} if operation == "StartJobRun" else ())}
    members = {name: value for name, value in members.items() if name.lower() not in left_out}
    return json.dumps(_with_states(members, _STATES[service])).encode()


_BODIES: Final = {
    **{(service, name): body_of(service, name) for service, names in OPERATIONS.items() for name in names},
    ("logs", "DescribeLogStreams"): b'{"logStreams": []}',  # tests/logs/test_secrets.py is about their lines
    ("s3", "ListObjectsV2"): b"<ListBucketResult/>",
}


async def answering(request: Request, writer: asyncio.StreamWriter) -> None:
    """Answer with canaries."""
    body = _BODIES[operation_of(request)]
    writer.write(head(200, len(body)) + body)


class Repeating:
    """Answers with an error that repeats the whole request, in each form that a service might give it."""

    def __init__(self, status: int, code: str, only: str | None = None) -> None:
        self._status = status
        self._code = code
        self._only = only

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        if self._only is not None and operation_of(request)[1] != self._only:
            await answering(request, writer)
            return
        body = json.dumps({"__type": self._code, "message": repeated(request)}).encode()
        writer.write(head(self._status, len(body), {"x-amzn-errortype": self._code}) + body)


def repeated(request: Request) -> str:
    """Return a text as validation and signature errors of AWS's have it."""
    said: Mapping[str, object] = json.loads(request.body or b"{}")
    headers = "\n".join(f"{name}:{value}" for name, value in sorted(request.headers.items()))
    return (
        f"1 validation error detected: Value '{said}' at 'arguments' failed to satisfy constraint; "
        f"{request.body.decode()} The Canonical String for this request should have been '{request.method}\n{headers}'"
    )


class CanarySession(CountingSession):
    """A session whose credentials are canaries."""

    def __init__(self) -> None:
        super().__init__()
        self.set_credentials(ACCESS_KEY, SECRET_KEY, TOKEN)


_SESSION: Final = CanarySession()  # to make one takes longer than most of these tests


@asynccontextmanager
async def canary_client(script: Any) -> AsyncGenerator[tuple[JobRunsClient, Server]]:  # noqa: ANN401  # a Script, as a class too
    async with serving(script) as server, client_at(server.url, session=_SESSION, max_attempts=2) as client:
        yield client, server
