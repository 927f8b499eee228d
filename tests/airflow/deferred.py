"""Writes into Airflow's database, by Airflow's own models, what its scheduler and its users write there.

    python -m tests.airflow.deferred defer DAG RUN_ID TASK <TRIGGERS
    python -m tests.airflow.deferred set DAG RUN_ID TASK STATE
    python -m tests.airflow.deferred clear DAG RUN_ID TASK

`defer` makes a run of a DAG and defers the instances of one of its tasks, each to one of the triggers, which standard
input has as JSON, `[[CLASSPATH, ARGUMENTS], ...]`, and prints when that was done. `set` and `clear` do what the buttons
of Airflow's pages do. It runs in a process of its own, which may import Airflow; what is imported from there has no
types here.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from typing import Any


def _airflow(name: str) -> Any:  # noqa: ANN401  # where Airflow is not installed it has no types
    module, _, member = name.rpartition(".")
    return getattr(import_module(f"airflow.{module}"), member)


def _command(*arguments: str) -> None:
    """Do what `airflow ...` does, in this process: to start another takes seconds."""
    parsed = _airflow("cli.cli_parser.get_parser")().parse_args(arguments)
    parsed.func(parsed)


def _instances(session: Any, options: argparse.Namespace) -> list[Any]:  # noqa: ANN401  # as above
    instance = _airflow("models.taskinstance.TaskInstance")
    query = session.query(instance).filter(
        instance.dag_id == options.dag, instance.run_id == options.run_id, instance.task_id == options.task
    )
    found: list[Any] = query.order_by(instance.map_index).all()
    return found


def _trigger_row(classpath: str, arguments: dict[str, object]) -> Any:  # noqa: ANN401  # as above
    module, _, name = classpath.rpartition(".")
    trigger = getattr(import_module(module), name)(**arguments)
    return _airflow("models.trigger.Trigger").from_object(trigger)


def defer(options: argparse.Namespace, triggers: Sequence[tuple[str, dict[str, object]]]) -> None:
    """Make a run of the DAG, and defer each instance of the task."""
    _command("dags", "reserialize")
    _command("dags", "trigger", options.dag, "--run-id", options.run_id)
    rows = [_trigger_row(*trigger) for trigger in triggers]  # what is imported on the way may close sessions of 2.11
    with _airflow("utils.session.create_session")() as session:
        instances = _instances(session, options)
        for instance, trigger in zip(instances, rows, strict=True):
            session.add(trigger)
            session.flush()
            instance.state = "deferred"
            instance.trigger_id = trigger.id
            instance.next_method = "execute_complete"
            instance.next_kwargs = {}
            instance.start_date = datetime.now(UTC)
            instance.try_number = 1
        for dag_run in {instance.dag_run for instance in instances}:
            dag_run.state = "running"
    print(f"deferred at {time.time()}")  # noqa: T201  # who has started this reads it


def set_state(options: argparse.Namespace) -> None:
    """Mark the instances of the task, as the buttons "failed" and "success" do."""
    with _airflow("utils.session.create_session")() as session:
        for instance in _instances(session, options):
            instance.set_state(options.state, session=session)


def clear(options: argparse.Namespace) -> None:
    """Clear the instances of the task, as the button does."""
    with _airflow("utils.session.create_session")() as session:
        _airflow("models.taskinstance.clear_task_instances")(_instances(session, options), session)


def main() -> None:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m tests.airflow.deferred", description=__doc__)
    parser.add_argument("what", choices=("defer", "set", "clear"))
    for name in ("dag", "run_id", "task"):
        parser.add_argument(name)
    parser.add_argument("state", nargs="?")
    options = parser.parse_args()
    if options.what == "defer":
        defer(options, json.load(sys.stdin))
    elif options.what == "set":
        set_state(options)
    else:
        clear(options)


if __name__ == "__main__":
    main()
