"""The names that Airflow 2.11 and 3 have in different places: the only module that tries which one is there."""

from typing import TYPE_CHECKING, Any, Final

from airflow.triggers.base import BaseTrigger, TriggerEvent
from airflow.utils.state import TaskInstanceState

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, BaseOperatorLink, BaseSensorOperator, Context, PokeReturnValue, XComArg
    from airflow.sdk.configuration import conf
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowSensorTimeout,
        AirflowSkipException,
    )
    from airflow.sdk.execution_time.xcom import XCom
else:
    try:
        from airflow.sdk import BaseOperator, BaseOperatorLink, BaseSensorOperator, Context, PokeReturnValue, XComArg
        from airflow.sdk.configuration import conf
        from airflow.sdk.execution_time.xcom import XCom
    except ImportError:
        from airflow.configuration import conf
        from airflow.models.baseoperator import BaseOperator
        from airflow.models.baseoperatorlink import BaseOperatorLink
        from airflow.models.xcom import XCom
        from airflow.models.xcom_arg import XComArg
        from airflow.sensors.base import BaseSensorOperator, PokeReturnValue
        from airflow.utils.context import Context
    try:
        from airflow.sdk.exceptions import (
            AirflowException,
            AirflowFailException,
            AirflowSensorTimeout,
            AirflowSkipException,
        )
    except ImportError:
        from airflow.exceptions import (
            AirflowException,
            AirflowFailException,
            AirflowSensorTimeout,
            AirflowSkipException,
        )

__all__ = [
    "KILLS",
    "AirflowException",
    "AirflowFailException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "BaseOperator",
    "BaseOperatorLink",
    "BaseSensorOperator",
    "BaseTrigger",
    "Context",
    "PokeReturnValue",
    "TriggerEvent",
    "XCom",
    "XComArg",
    "default_deferrable",
    "is_deferred_to",
]

KILLS: Final = hasattr(BaseTrigger, "on_kill")
"""True if Airflow tells a trigger that its task was killed: since 3.3."""


def default_deferrable() -> bool:
    """Return whether operators defer unless told otherwise: ``[operators] default_deferrable``."""
    return bool(conf.getboolean("operators", "default_deferrable", fallback=False))


def is_deferred_to(task: Any, trigger_id: int | None) -> bool:  # noqa: ANN401  # each version has a class of its own
    """Return True if a task instance is deferred to a trigger still; it blocks, and belongs in a thread.

    Args:
        task: The task instance, as the triggerer gives it to the trigger.
        trigger_id: The trigger's id; before 3.0 a task that was deferred again is told apart by it.
    """
    if hasattr(task, "refresh_from_db"):
        return _is_deferred_in_database(task, trigger_id)
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance  # noqa: PLC0415  # 3.0 and newer

    states = RuntimeTaskInstance.get_task_states(
        dag_id=task.dag_id, task_ids=[task.task_id], run_ids=[task.run_id], map_index=task.map_index
    )
    # A mapped task's states go by its name and index.
    found = states.get(task.run_id, {})
    names = (task.task_id, f"{task.task_id}_{task.map_index}")
    return any(found.get(name) == TaskInstanceState.DEFERRED for name in names)


def _is_deferred_in_database(task: Any, trigger_id: int | None) -> bool:  # noqa: ANN401  # as above
    from airflow.models.taskinstance import TaskInstance  # noqa: PLC0415  # of 2.11
    from airflow.utils.session import create_session  # noqa: PLC0415  # of 2.11

    with create_session() as session:
        key = (task.dag_id, task.task_id, task.run_id, task.map_index)
        found = session.get(TaskInstance, dict(zip(("dag_id", "task_id", "run_id", "map_index"), key, strict=True)))
        return found is not None and found.state == TaskInstanceState.DEFERRED and found.trigger_id == trigger_id
