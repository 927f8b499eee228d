"""A program that uses the package before, while and after time is frozen by freezegun.

python -m tests.surroundings.frozen WHEN_IMPORTED
"""

import asyncio
import importlib
import json
import pickle
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from freezegun import freeze_time

REAL: Final = (datetime,)  # in a tuple: what a module names is replaced
FROZEN: Final = "2026-01-04T12:00:00Z"
DAY: Final = timedelta(days=1)
HOME: Final = "jobruns_sdk"  # imported when it is said


def uses(client: Any, local: Any) -> dict[str, Callable[[], object]]:  # noqa: ANN401  # of a package not imported yet
    """Return what a program does with times."""
    package: Any = importlib.import_module(HOME)
    etl, app = client.glue("etl"), client.emr_serverless("00f1")
    job = client.datazone("dzd_x", "job42")
    now = sys.modules["datetime"].datetime.now(UTC)
    window = {"created_after": now - 9000 * DAY, "created_before": now + 9000 * DAY}

    def resumed() -> int:
        async def first() -> str:
            async for page in client.carried.glue("etl").runs(page_size=1, **window).by_page():
                return str(page.cursor)
            return ""

        return len(etl.runs(cursor=client.bridge.run(first()), page_size=1, **window).collect())

    def kept() -> None:
        for run in etl.runs().collect():
            assert package.from_dict(json.loads(json.dumps(package.to_dict(run)))) == run
            assert pickle.loads(pickle.dumps(run)) == run  # noqa: S301  # ours
            assert type(run.created_at) is REAL[0], type(run.created_at)

    return {
        "lists": lambda: [len(one.runs(**window).collect()) for one in (etl, app, job)],
        "states": lambda: len(app.runs(states={"FAILED", "RUNNING"}, **window).collect()),
        "resumed": resumed,
        "many": lambda: len(client.runs(["glue:etl", "emr-serverless:00f1"], **window).collect()),
        "jobs": lambda: len(client.jobs("glue").collect()) + len(client.jobs("emr-serverless").collect()),
        "job": lambda: [client.job("glue:etl").name, client.job("emr-serverless:00f1").name],
        "start": lambda: etl.start().run_id[:2],
        "keyed": lambda: etl.start(idempotency_key="a") == etl.start(idempotency_key="a"),
        "emr": lambda: app.start(
            package.SparkSubmit("s3://b/main.py"), execution_role_arn="arn:aws:iam::111122223333:role/x"
        ).run_id[:2],
        "found": lambda: etl.find("a") is not None,
        "waited": lambda: client.wait(etl.runs().first(), timeout=DAY).state,
        "attempts": lambda: len(client.attempts(etl.runs().first()).collect()),
        "kept": kept,
        "read": lambda: (
            package.run_from_response(
                "glue", {"Id": "jr_1", "JobName": "j", "JobRunState": "FAILED", "StartedOn": now}
            ).created_at
        ),
        "shown": lambda: [len(repr(run)) > 9 and len(run._repr_html_()) > 9 for run in etl.runs().collect()],
        "served": lambda: type(local.clock.now()) is REAL[0] or f"FAIL {type(local.clock.now())}",
    }


def used(when: str) -> None:
    """Do it, and say what comes of it."""
    testing: Any = importlib.import_module(f"{HOME}.testing")
    with testing.LocalService() as local:
        local.add_glue_job("etl")
        local.add_application("00f1")
        local.add_datazone_job("dzd_x", "job42")
        for job in ("glue:etl", "emr-serverless:00f1", "datazone:dzd_x/job42"):
            local.add_runs(job, 3)
        with local.sync_client() as client:
            for name, use in uses(client, local).items():
                try:
                    print(when, name, use())  # noqa: T201  # read by who has started it
                except Exception as error:  # noqa: BLE001  # told as it is
                    print(when, name, f"FAIL {type(error).__name__}: {error}")  # noqa: T201  # as above


def main(imported: str) -> None:
    """Use the package frozen and then not, imported in one or the other; then frozen once more."""
    if imported == "before":
        asyncio.run(asyncio.sleep(0))
        used("before")
    with freeze_time(FROZEN, real_asyncio=True):
        used("frozen")
    used("after")
    with freeze_time("2030-01-01", real_asyncio=True):
        used("again")


if __name__ == "__main__":
    main(sys.argv[1])
