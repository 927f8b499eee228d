"""Does in Airflow's database, by Airflow's own models, what its scheduler and its users do there.

    python -m tests.airflow.acts begin DAG RUN_ID
    python -m tests.airflow.acts defer DAG RUN_ID TASK <TRIGGERS
    python -m tests.airflow.acts set DAG RUN_ID TASK STATE [--index N]
    python -m tests.airflow.acts clear DAG RUN_ID TASK [--index N]

`begin` makes a run of a DAG of the folder. `defer` does so, too, and defers the instances of one of its tasks, each to
one of the triggers, which standard input has as JSON, `[[CLASSPATH, ARGUMENTS], ...]`, and prints when that was done.
`set` and `clear` do what the buttons of Airflow's pages do. It runs in a process of its own, which may import Airflow;
what is imported from there has no types here.
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
    if options.index is not None:
        query = query.filter(instance.map_index == options.index)
    found: list[Any] = query.order_by(instance.map_index).all()
    if not found:
        raise SystemExit(f"there is no instance of {options.dag}.{options.task}")
    return found


def _trigger_row(classpath: str, arguments: dict[str, object]) -> Any:  # noqa: ANN401  # as above
    module, _, name = classpath.rpartition(".")
    trigger = getattr(import_module(module), name)(**arguments)
    return _airflow("models.trigger.Trigger").from_object(trigger)


def begin(options: argparse.Namespace) -> None:
    """Make a run of the DAG, which a scheduler takes up, if there is one."""
    _command("dags", "reserialize")
    _command("dags", "unpause", options.dag, "--yes")
    _command("dags", "trigger", options.dag, "--run-id", options.run_id)


def defer(options: argparse.Namespace, triggers: Sequence[tuple[str, dict[str, object]]]) -> None:
    """Make a run of the DAG, and defer each instance of the task."""
    begin(options)
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
    """Mark the instances of the task, as the buttons "failed" and "success" do, and a scheduler."""
    with _airflow("utils.session.create_session")() as session:
        for instance in _instances(session, options):
            instance.set_state(options.state, session=session)


def clear(options: argparse.Namespace) -> None:
    """Clear the instances of the task, as the button does; their triggers end once a scheduler has scheduled them."""
    with _airflow("utils.session.create_session")() as session:
        _airflow("models.taskinstance.clear_task_instances")(_instances(session, options), session)


def main() -> None:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.airflow.acts", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("begin", "defer", "set", "clear"))
    parser.add_argument("dag")
    parser.add_argument("run_id")
    parser.add_argument("task", nargs="?")
    parser.add_argument("state", nargs="?")
    parser.add_argument("--index", type=int)
    options = parser.parse_args()
    match options.what:
        case "begin":
            begin(options)
        case "defer":
            defer(options, json.load(sys.stdin))
        case "set":
            set_state(options)
        case _:
            clear(options)


if __name__ == "__main__":
    main()
