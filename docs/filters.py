"""The table of filters, made from the requests that the client really sends to the local service."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from jobruns_sdk import UNSUCCESSFUL, RunState, UnsupportedOperationError
from jobruns_sdk.testing import LocalService, ReceivedRequest

JOBS: Final = {
    "EMR Serverless": "emr-serverless:00f1abc",
    "DataZone": "datazone:dzd_x/job42",
    "Glue": "glue:etl",
}
_RUNS: Final = 450
_TOKENS: Final = ("nextToken", "NextToken")


async def observed() -> Mapping[str, Mapping[str, str]]:
    """Return, by filter and service, what becomes of the filter."""
    with LocalService() as local:
        local.add_application("00f1abc")
        local.add_datazone_job("dzd_x", "job42")
        local.add_glue_job("etl")
        for job in JOBS.values():
            local.add_runs(job, _RUNS)
        middle = local.clock.now() - timedelta(minutes=60)
        filters: dict[str, dict[str, object]] = {
            "one state": {"states": {RunState.SUCCEEDED}},
            "several states": {"states": UNSUCCESSFUL},
            "`created_after=`": {"created_after": middle},
            "`created_before=`": {"created_before": middle},
            '`mode="BATCH"`': {"mode": "BATCH"},
            '`order="oldest"`': {"order": "oldest"},
            "`limit=`": {"limit": 7},
            "`page_size=`": {"page_size": 10},
        }
        async with local.client(quotas=None) as client:
            plain = {job: await _requests(local, client.handle(job), {}) for job in JOBS.values()}
            return {
                name: {
                    service: await _fate(local, client.handle(job), given, plain[job]) for service, job in JOBS.items()
                }
                for name, given in filters.items()
            }


async def _requests(local: LocalService, handle: Any, given: Mapping[str, object]) -> list[ReceivedRequest]:  # noqa: ANN401  # handles differ in their filters
    local.forget_requests()
    await handle.runs(**given).collect()
    return local.requests


async def _fate(local: LocalService, handle: Any, given: Mapping[str, object], plain: list[ReceivedRequest]) -> str:  # noqa: ANN401  # as above
    try:
        requests = await _requests(local, handle, given)
    except TypeError:
        return "no such filter"
    except UnsupportedOperationError:
        return "rejected"
    usual, first = plain[0].params, requests[0].params
    sent = {name: value for name, value in first.items() if value != usual.get(name) and name not in _TOKENS}
    if not sent:
        return "client-side; reading stops early" if len(requests) < len(plain) else "client-side"
    listings = sum(not any(name in request.params for name in _TOKENS) for request in requests)
    fate = f"server-side, `{next(iter(sent))}`"
    if listings > 1:
        fate += ", one list per state"
    return f"{fate}; made exact client-side" if "created" in str(next(iter(given))) else fate


def table(found: Mapping[str, Mapping[str, str]]) -> str:
    """Return the table in Markdown."""
    lines = ["| | " + " | ".join(JOBS) + " |", "|---" * (len(JOBS) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(fates[service] for service in JOBS) + " |" for name, fates in found.items()]
    return "\n".join(lines) + "\n"


def write(folder: Path) -> None:
    """Write the table into a folder."""
    folder.mkdir(exist_ok=True)
    (folder / "filters.md").write_text(table(asyncio.run(observed())), encoding="utf-8")
