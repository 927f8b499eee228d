"""DAGs of users, as texts: they become files in a folder of DAGs, and are checked where Airflow is installed."""

import sys
from importlib.metadata import version
from typing import Final

_HEAD_2: Final = """\
from datetime import datetime, timedelta

from airflow.decorators import task
from airflow.models.dag import DAG

"""
_HEAD_3: Final = """\
from datetime import datetime, timedelta

from airflow.sdk import DAG, task

"""

MANY: Final = """\
with DAG("many", schedule=None, start_date=datetime(2026, 1, 1)):

    @task
    def wait(number: int) -> None:
        pass

    wait.expand(number=list(range({count})))
"""

NIGHT: Final = """\
from jobruns_sdk import SparkSubmit
from jobruns_sdk.airflow import EmrServerlessRunOperator, GlueRunOperator, RunSensor, shared_client

SOON = timedelta(seconds=1)

with DAG("night", schedule=None, start_date=datetime(2026, 1, 1)):
    load = GlueRunOperator(
        task_id="load",
        job_name="load",
        arguments={"--day": "{{ ds_nodash }}"},
        timeout=timedelta(hours=3),
        on_timeout="stop",
        poll_interval=SOON,
        deferrable=True,
    )
    parts = GlueRunOperator.partial(task_id="parts", job_name="parts", poll_interval=SOON, deferrable=True).expand(
        arguments=[{"--part": str(part)} for part in range(3)]
    )
    report = EmrServerlessRunOperator(
        task_id="report",
        application_id="00f1reports00000",
        driver=SparkSubmit("s3://bucket/report.py"),
        execution_role_arn="arn:aws:iam::111122223333:role/exec",
        poll_interval=SOON,
        deferrable=True,
    )
    here = GlueRunOperator(task_id="here", job_name="here", poll_interval=SOON, deferrable=False)
    again = GlueRunOperator(
        task_id="again", job_name="again", poll_interval=SOON, retry_grace=timedelta(minutes=1), deferrable=True
    )
    queued = GlueRunOperator(task_id="queued", job_name="queued", poll_interval=SOON, deferrable=True)
    lineage = RunSensor(task_id="lineage", run=load.output, poke_interval=SOON, deferrable=True)

    @task
    def states(refs: list[str]) -> list[str]:
        import asyncio

        async def look() -> list[str]:
            async with shared_client("aws_default") as client:
                return [str((await client.run(ref)).state) for ref in refs]

        return asyncio.run(look())

    load >> lineage
    states(parts.output)  # type: ignore[arg-type, unused-ignore]
"""

BAD: Final = """\
from jobruns_sdk.airflow import GlueRunOperator

SOON = timedelta(seconds=1)

with DAG("bad", schedule=None, start_date=datetime(2026, 1, 1)):
    GlueRunOperator(task_id="fails", job_name="fails", poll_interval=SOON, deferrable=True)
    GlueRunOperator(task_id="expires", job_name="expires", poll_interval=SOON, deferrable=True)
    GlueRunOperator(task_id="missing", job_name="missing", poll_interval=SOON, deferrable=True, retries=3)
"""

STORIES: Final = """\
from jobruns_sdk.airflow import GlueRunOperator

SOON = timedelta(seconds=1)
RETRY = timedelta(seconds=1)

with DAG("stories", schedule=None, start_date=datetime(2026, 1, 1)):
    for name in ("lost", "flaky", "repeated", "cleared", "failed"):
        GlueRunOperator(
            task_id=name,
            job_name=name,
            poll_interval=SOON,
            retries=2 if name in ("lost", "flaky") else 0,
            retry_delay=RETRY,
            deferrable=True,
        )
"""

HERE: Final = """\
from jobruns_sdk.airflow import GlueRunOperator

SOON = timedelta(seconds=1)

with DAG("here", schedule=None, start_date=datetime(2026, 1, 1)):
    GlueRunOperator(task_id="wait", job_name="here", poll_interval=SOON, retries=2, retry_delay=SOON, deferrable=False)
"""


def for_this_airflow(text: str) -> str:
    """Return a DAG as the Airflow beside this Python imports it."""
    return (_HEAD_2 if version("apache-airflow").startswith("2.") else _HEAD_3) + text


if __name__ == "__main__":
    sys.stdout.write(for_this_airflow(globals()[sys.argv[1]]))
