"""Providers of credentials x moments at which they fail: what a caller is told, and that the next call goes on.

One server gives the keys, whoever fetches them: a process, STS, a container's endpoint, that of an EC2 instance. When
it fails, it says keys and control characters, as programs do that print all they know.
"""

import asyncio
import json
import os
import sys
from asyncio import StreamWriter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from unittest import mock

from aiobotocore.session import AioSession

from jobruns_sdk import JobRunsError
from tests.dangers.secrets.canaries import SECRET_KEY, TOKEN, chain_of, texts_of
from tests.surroundings.matrix import EVIL, WORD, Cell, Facts, Part, run_cells
from tests.transport.clients import client_at
from tests.transport.scripted import Request, head, serving

HOUR: Final = 3600
ALMOST: Final = 12 * 60  # seconds: new keys are asked for, and the old ones are still good enough
SOON: Final = 60  # seconds: new keys have to be got
FETCHED: Final = ("process", "role", "container", "instance")
WRITTEN: Final = ("file", "environment")
OK: Final = "answered"
FAILED: Final = "CredentialsError, nothing sent"
TIMED_OUT: Final = "CallTimeoutError, nothing sent"

# What is answered during each of three calls, and what they come to.
MOMENTS: Final[Mapping[str, tuple[list[int | str], list[str]]]] = {
    "never": ([HOUR] * 3, [OK] * 3),
    "at first": (["fails", HOUR, HOUR], [FAILED, OK, OK]),
    "at first, no JSON": (["no JSON", HOUR, HOUR], [FAILED, OK, OK]),
    "at first, members missing": (["members missing", HOUR, HOUR], [FAILED, OK, OK]),
    "at first, hangs": (["hangs", HOUR, HOUR], [TIMED_OUT, OK, OK]),
    "while the old ones are good": ([ALMOST, "fails", HOUR], [OK] * 3),
    "while they are good, no JSON": ([ALMOST, "no JSON", HOUR], [OK] * 3),
    "after their end": ([SOON, "fails", HOUR], [OK, FAILED, OK]),
    "after their end, no JSON": ([SOON, "no JSON", HOUR], [OK, FAILED, OK]),
    "after their end, hangs": ([SOON, "hangs", HOUR], [OK, TIMED_OUT, OK]),
}
# Of keys that are written somewhere: what is written before each of three calls.
WRITINGS: Final[Mapping[str, tuple[list[str], list[str]]]] = {
    "nothing there at first": (["", "good", "good"], [FAILED, OK, OK]),
    "half there at first": (["half", "good", "good"], [FAILED, OK, OK]),
    "not to be read at first": (["broken", "good", "good"], ["InvalidRequestError, nothing sent", OK, OK]),
    "rotated": (["good", "rotated", "rotated"], [OK] * 3),
    "expired": (["good", "good", "rotated"], [OK, "CredentialsError, sent", OK]),
}


def foreseen(cell: Cell) -> Facts | None:
    """Return what the contract says of a cell."""
    provider, moment = cell["provider"], cell["moment"]
    if (provider, moment) == ("role", "at first, members missing"):
        return None  # botocore keeps such an answer for an hour; STS gives none
    if provider == "instance" and moment.startswith("after their end"):
        return {"calls": [OK] * 3}  # AWS's clients use up an instance's keys, which its service renews late at times
    if provider in FETCHED and moment in MOMENTS:
        return {"calls": MOMENTS[moment][1]}
    if provider in WRITTEN and moment in WRITINGS and (provider == "file" or moment != "not to be read at first"):
        return {"calls": WRITINGS[moment][1]}
    return None


PART: Final = Part(
    "credentials",
    {"provider": (*FETCHED, *WRITTEN), "moment": (*MOMENTS, *WRITINGS)},
    foreseen,
    apart=["provider", "moment"],
    every=17,
)


@dataclass
class Giver:
    """Gives keys as whoever asks expects them, good for so many seconds, or fails."""

    step: int | str = HOUR
    expired: bool = False
    keys: list[str] = field(default_factory=list[str])

    async def __call__(self, request: Request, writer: StreamWriter) -> None:
        if request.headers.get("x-amz-target"):
            self._serve(request, writer)
        elif request.method == "PUT" or request.target.endswith("/security-credentials/"):
            writer.write(head(200, 4, {"x-aws-ec2-metadata-token-ttl-seconds": "60"}) + b"role")  # an instance's token
        else:
            await self._give(request, writer)

    def _serve(self, request: Request, writer: StreamWriter) -> None:
        self.keys.append(request.headers["authorization"].partition("Credential=")[2].partition("/")[0])
        refused = self.expired and self.keys[-1] == "old"
        body = b'{"__type":"ExpiredTokenException"}' if refused else b'{"JobRuns":[]}'
        writer.write(head(400 if refused else 200, len(body)) + body)

    async def _give(self, request: Request, writer: StreamWriter) -> None:
        step = self.step
        if step == "hangs":
            await asyncio.Event().wait()
        is_role = request.method == "POST"
        keys: dict[str, object] = {"AccessKeyId": "new", "SecretAccessKey": SECRET_KEY, "SessionToken": TOKEN}
        if isinstance(step, int):
            status, keys["Expiration"] = 200, f"{datetime.now(UTC) + timedelta(seconds=step):%Y-%m-%dT%H:%M:%SZ}"
        else:
            status = 500 if step == "fails" else 200
        if step == "members missing":
            del keys["AccessKeyId"]
        keys |= {} if is_role else {"Version": 1, "Code": "Success", "Token": TOKEN}
        body = _xml(keys) if is_role else json.dumps(keys)
        if step in {"fails", "no JSON"}:
            body = f"{EVIL} no: {keys} {body}"[:-1]
        writer.write(head(status, len(body), {"content-type": "text/xml"}) + body.encode())


def _xml(keys: Mapping[str, object]) -> str:
    members = "".join(f"<{name}>{value}</{name}>" for name, value in keys.items())
    return (
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
        f"{members}</Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )


FETCH: Final = """
import http.client, sys
there = http.client.HTTPConnection("127.0.0.1", PORT)
there.request("GET", "/process")
answer = there.getresponse()
said = answer.read().decode()
if answer.status == 200:
    print(said)
else:
    sys.exit(said)
"""


def _configured(provider: str, url: str, home: Path) -> dict[str, str]:
    """Write the configuration of a provider of keys, and return its environment."""
    port = url.rpartition(":")[2]
    script, config = home / "fetch.py", Path(os.environ["AWS_CONFIG_FILE"])
    match provider:
        case "process":
            script.write_text(FETCH.replace("PORT", port), encoding="utf-8")
            config.write_text(f"[default]\ncredential_process = {sys.executable} -I -S {script}\n", encoding="utf-8")
            return {}
        case "role":
            text = "[default]\nrole_arn = arn:aws:iam::111122223333:role/x\nsource_profile = base\nregion = us-east-1\n"
            base = f"[profile base]\naws_access_key_id = base\naws_secret_access_key = {SECRET_KEY}\n"
            config.write_text(text + base, encoding="utf-8")
            return {"AWS_ENDPOINT_URL_STS": url, "AWS_MAX_ATTEMPTS": "1"}
        case "container":
            token = {"AWS_CONTAINER_AUTHORIZATION_TOKEN": f"{WORD}/container"}
            return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/container", **token}
        case "instance":
            # botocore gives up after a second, in which a busy machine has not always answered.
            patient = {"AWS_METADATA_SERVICE_TIMEOUT": "60"}
            return patient | {"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"{url}/", "AWS_EC2_METADATA_DISABLED": "false"}
        case _:
            return {}


def _write(provider: str, what: str) -> None:
    """Let a file or the environment have keys."""
    key = {"good": "old", "rotated": "new"}.get(what)
    lines = {"aws_access_key_id": key or "half", "aws_secret_access_key": SECRET_KEY, "aws_session_token": TOKEN}
    if provider == "environment":
        given = {name.upper(): value for name, value in lines.items()}
        given.pop("AWS_SECRET_ACCESS_KEY") if what == "half" else None
        os.environ.update(given if what else {})
        return
    if what == "half":
        del lines["aws_secret_access_key"]
    text = "[default]\n" + "".join(f"{name} = {value}\n" for name, value in lines.items())
    text = text.replace("secret_access_key =", "secret_access_key") if what == "broken" else text if what else ""
    Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).write_text(text, encoding="utf-8")


@asynccontextmanager
async def given(cell: Cell) -> AsyncGenerator[tuple[Giver, str]]:
    provider = cell["provider"]
    giver, home = Giver(), Path(os.environ["HOME"])
    async with serving(giver) as server:
        with mock.patch.dict(os.environ, _configured(provider, server.url, home)):
            yield giver, server.url


async def brought_about(cell: Cell) -> tuple[Facts, list[str]]:
    """Make three calls, and return what came of them, and all texts."""
    asyncio.get_running_loop().slow_callback_duration = 0
    provider, moment = cell["provider"], cell["moment"]
    calls: list[str] = []
    texts: list[str] = []
    async with given(cell) as (giver, url):
        options: dict[str, Any] = {"max_attempts": 1, "call_timeout": 5.0 if "hangs" in moment else 20.0}
        async with client_at(url, session=AioSession(), **options) as client:
            for number in range(3):
                if provider in WRITTEN:
                    _write(provider, WRITINGS[moment][0][number])
                    giver.expired = number > 0 and moment in {"rotated", "expired"}
                else:
                    giver.step = MOMENTS[moment][0][number]
                sent = len(giver.keys)
                try:
                    await client.glue("etl").runs().collect()
                    calls.append(OK)
                except Exception as error:  # noqa: BLE001  # the judge looks at it
                    in_doubt = isinstance(error, JobRunsError) and error.in_doubt
                    was_sent = "sent" if len(giver.keys) > sent else "in doubt" if in_doubt else "nothing sent"
                    calls.append(f"{type(error).__name__}, {was_sent}")
                    texts += [chain_of(error), texts_of(error)]
    return {"calls": calls}, texts


if __name__ == "__main__":
    run_cells(lambda cell: asyncio.run(brought_about(cell)))
