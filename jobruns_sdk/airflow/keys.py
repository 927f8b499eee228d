"""The idempotency key of a task: one key for all tries of a task instance, until it is cleared."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

_GENERATION: Final = r"(\d{8}T\d{6}\.\d{6})?:-?\d+(:.*)?"


def name_of(context: Mapping[str, Any]) -> str:
    """Return what the keys of a task instance begin with, however often it was cleared."""
    task = context["ti"]
    return ":".join(("airflow", *map(str, (task.dag_id, task.task_id, task.run_id, task.map_index))))


def is_key_of(name: str, key: str) -> bool:
    """True if a key is one of a task instance's, by its name."""
    return re.fullmatch(f"{re.escape(name)}:{_GENERATION}", key) is not None


def key_of(context: Mapping[str, Any]) -> str:
    """Return the key by which a task instance finds its run again.

    It is the same for every try, so that a lost worker's run is found, and another one once somebody has cleared the
    task: Airflow raises ``max_tries`` then, in 2.11 and in 3. The moment in which the DAG run began tells a DAG run
    from one of the same name, as of a second Airflow, or one that was deleted and made again.

        airflow:nightly:load:scheduled__2026-01-04T00:00:00+00:00:-1:20260104T000003.123456:0
    """
    began: datetime | None = context["dag_run"].start_date
    moment = "" if began is None else began.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%f")
    return f"{name_of(context)}:{moment}:{context['ti'].max_tries}"


def is_first_try(context: Mapping[str, Any]) -> bool:
    """True if the task instance has never been tried before, so that it can have no run yet."""
    return bool(context["ti"].try_number <= 1)
