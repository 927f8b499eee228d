"""The table of first mistakes, made by making them.

``python -m docs.mistakes`` prints the page, and with ``--write`` writes it.
"""

import ast
import asyncio
import gc
import inspect
import os
import socket
import sys
import warnings
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FunctionType
from typing import Any, Final
from unittest.mock import patch

from aiobotocore.session import get_session

from jobruns_sdk.testing import LocalService

PAGE: Final = Path(__file__).parent / "how-to" / "first-mistakes.md"
MARK: Final = "<!-- From here on made by python -m docs.mistakes --write -->\n"

MISTAKES: Final[Mapping[str, tuple[str, ...]]] = {
    "Reading": (
        "for run in etl.runs(): ...",
        "list(etl.runs())",
        "len(etl.runs())",
        "etl.runs()[0]",
        "await etl.runs()",
        "await anext(etl.runs())",
        "for change in client.watch('glue:nightly-etl', timeout=None): ...",
        "etl.run(run.id).state",
        "await etl.run('jr_unknown')",
        "etl.runs(cursor='abc')",
        "client.runs(['nightly-etl'])",
        "await etl.runs().to_arrow()  # without pyarrow",
    ),
    "Opening a client": (
        "await JobRunsClient(region_name='eu-west-1').glue('nightly-etl').run('jr_1')",
        "with JobRunsClient(region_name='eu-west-1'): ...",
        "async with jobruns_sdk.sync.JobRunsClient(region_name='eu-west-1'): ...",
        "await closed.glue('nightly-etl').run('jr_1')  # after its async with",
        "JobRunsClient(region='eu-west-1')",
        "JobRunsClient(profile_name='prod')",
        "JobRunsClient(aws_access_key_id='AKIA...')",
        "JobRunsClient(AioSession())",
        "JobRunsClient(session=boto3.Session())",
        "JobRunsClient(session='prod')",
        "JobRunsClient(sessions={'prod': 'prod'})",
        "client.handle('glue:nightly-etl?profile=prod')",
        "JobRunsClient().glue('nightly-etl')  # no region anywhere",
        "async with JobRunsClient(region_name='eu-west1', session=keys, clock=clock) as c: await c.run('glue:a/jr_1')",
        "async with JobRunsClient(region_name='eu-west-1') as c: await c.run('glue:a/jr_1')  # no credentials",
        "JobRunsClient(endpoint_url='http://localstack:4566')",
        "JobRunsClient(call_timeout='30s')",
        "client.emr('00f1abcdefgh0909')",
        "client.jobs(Service.EMR)",
    ),
    "Filtering": (
        "etl.runs(created_after=datetime(2026, 1, 1))",
        "etl.runs(created_after='2026-01-01')",
        "etl.runs(created_after=date(2026, 1, 1))",
        "etl.runs(created_after=timedelta(days=1))",
        "etl.runs(states={'FAILLED'})",
        "etl.runs(states={'failed'})",
        "etl.runs(states={'TIMEOUT'})",
        "etl.runs(states='FAILED')",
        "etl.runs(states={RunState.CANCELLED})",
    ),
    "Starting and waiting": (
        "await etl.start(arguments={'--n': 5})",
        "await etl.start(arguments={'day': '2026-01-01'})",
        "await client.wait(etl.start(), timeout=None)",
        "await client.wait('jr_8529')",
        "await client.wait('jr_8529', timeout=None)",
        "await client.wait(run, timeout=3600)",
        "await client.wait(run, timeout='1h')",
        "await client.datazone('dzd_4p9n6sw4qt9xgn', 'job42').start()",
    ),
    "Using a run": (
        "run.status",
        "run['state']",
        "json.dumps(run)",
    ),
}
_NAMES: Final = """
import json
from datetime import date, datetime, timedelta
import boto3
from aiobotocore.session import AioSession
import jobruns_sdk.sync
from jobruns_sdk import JobRunsClient, RunState, Service
"""
_AWAITING: Final = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


async def run(code: str, names: Mapping[str, object]) -> None:
    """Run a line of code, which may await."""
    outcome: Any = FunctionType(compile(code, "<mistake>", "exec", flags=_AWAITING), {**names})()
    if inspect.iscoroutine(outcome):
        await outcome


async def shown(code: str, names: Mapping[str, object]) -> str:
    """Return what Python says of a line of code: its error, and its warnings."""
    with warnings.catch_warnings(record=True) as told, redirect_stdout(StringIO()):
        warnings.simplefilter("always")
        said: list[str] = []
        try:
            await run(code, names)
        except Exception as error:  # noqa: BLE001  # whatever it is
            said.append(f"{type(error).__name__}: {error}")
        gc.collect()  # of coroutines that nobody awaited
    said += [f"{one.category.__name__}: {one.message}" for one in told]
    return "; ".join(said) or "nothing"


async def observed() -> Mapping[str, Mapping[str, str]]:
    """Return, by group and mistake, what is shown."""
    names: dict[str, object] = {}
    exec(_NAMES, names)  # noqa: S102  # our own lines
    session = get_session()
    session.set_credentials("AKIA0", "none")
    async with LocalService() as local:
        local.add_glue_job("nightly-etl")
        local.add_datazone_job("dzd_4p9n6sw4qt9xgn", "job42")
        run_id = local.add_run("glue:nightly-etl", state="SUCCEEDED")
        async with local.client() as closed:
            pass
        async with local.client() as client:
            etl = client.glue("nightly-etl")
            one = await etl.run(run_id)
            names |= {
                "client": client,
                "closed": closed,
                "etl": etl,
                "run": one,
                "clock": local.clock,
                "session": session,
            }
            return {
                group: {code: await shown(code, names) for code in mistakes} for group, mistakes in MISTAKES.items()
            }


def page(found: Mapping[str, Mapping[str, str]]) -> str:
    """Return the page: what stands there by hand, and the tables."""
    tables: list[str] = []
    for group, rows in found.items():
        lines = [f"| {_cell(code)} | {_cell(text)} |" for code, text in rows.items()]
        tables.append("\n".join((f"\n## {group}\n", "| Written | Shown |", "|---|---|", *lines, "")))
    by_hand, _, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    return by_hand + MARK + "".join(tables)


def _cell(text: str) -> str:
    fence = "``" if "`" in text else "`"
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}".replace("|", "\\|").replace("\n", " ")


def _no_names(look_up: Callable[..., object]) -> Callable[..., object]:
    """Let no name of AWS's be known, as in a place without network."""

    def resolve(host: object, *more: Any, **options: Any) -> object:  # noqa: ANN401  # those of getaddrinfo
        if "amazonaws" in str(host):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *more, **options)

    return resolve


def main() -> None:
    """Print the page, or write it."""
    with TemporaryDirectory() as home:
        alone = {"HOME": home, "AWS_EC2_METADATA_DISABLED": "true", "PATH": os.environ.get("PATH", "")}
        absent = dict.fromkeys(("pyarrow",))
        with (
            patch.dict(os.environ, alone, clear=True),
            patch.dict(sys.modules, absent),
            patch("socket.getaddrinfo", _no_names(socket.getaddrinfo)),
        ):
            text = page(asyncio.run(observed()))
    if "--write" in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
