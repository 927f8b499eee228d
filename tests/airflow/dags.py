"""DAGs of users, as texts: they become files in a folder of DAGs, and are checked where Airflow is installed."""

from typing import Final

_HEAD: Final = """\
from datetime import datetime, timedelta

try:
    from airflow.sdk import DAG, task
except ImportError:
    from airflow import DAG
    from airflow.decorators import task

"""

MANY: Final = (
    _HEAD
    + """\
with DAG("many", schedule=None, start_date=datetime(2026, 1, 1)):

    @task
    def wait(number: int) -> None:
        pass

    wait.expand(number=list(range({count})))
"""
)
