"""The idempotency key of a task: one key for all tries of a task instance, until it is cleared."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def key_of(context: Mapping[str, Any]) -> str:
    """Return the key by which a task instance finds its run again.

    It is the same for every try, so that a lost worker's run is found, and another one once somebody has cleared the
    task: Airflow raises ``max_tries`` then, in 2.11 and in 3. The moment in which the DAG run began tells a DAG run
    from one of the same name, as of a second Airflow, or one that was deleted and made again.

        airflow:nightly:load:scheduled__2026-01-04T00:00:00+00:00:-1:20260104T000003.123456:0
    """
    task, run = context["ti"], context["dag_run"]
    began: datetime | None = run.start_date
    moment = "" if began is None else began.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%f")
    names = (task.dag_id, task.task_id, task.run_id, task.map_index, moment, task.max_tries)
    return ":".join(("airflow", *map(str, names)))


def is_first_try(context: Mapping[str, Any]) -> bool:
    """True if the task instance has never been tried before, so that it can have no run yet."""
    return bool(context["ti"].try_number <= 1)
