"""What the tests of the operators share: an Airflow without a database, a connection, and tasks that are tried."""

import json
import os
import tempfile
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from types import SimpleNamespace
from typing import Any, Final, Self

import attrs
import pytest

from jobruns_sdk.testing import LocalService

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-"))
os.environ.setdefault("AIRFLOW__CORE__UNIT_TEST_MODE", "True")  # lets a test call execute()

pytest.importorskip("airflow", reason="these tests run where Airflow is installed")
with warnings.catch_warnings():  # what Airflow and its provider warn of in themselves
    warnings.simplefilter("ignore")
    for module in ("operators", "sensors"):
        import_module(f"jobruns_sdk.airflow.{module}")

BEGAN: Final = datetime(2026, 1, 4, 0, 0, 3, 123456, UTC)


def connect(monkeypatch: pytest.MonkeyPatch, local: LocalService, name: str = "aws_default", **extra: object) -> None:
    """Let a connection of Airflow lead to the local service."""
    known = {"region_name": "us-east-1", "endpoint_url": local.url, **extra}
    text = json.dumps({"conn_type": "aws", "login": "AKID", "password": "secret", "extra": known})
    monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", text)


class Store(dict[str, Any]):
    """What Airflow 3.3 keeps for a task over its tries."""

    def set(self, key: str, value: Any) -> None:  # noqa: ANN401  # as Airflow's
        self[key] = json.loads(json.dumps(value))


@attrs.define
class Tried:
    """A task instance, try by try, as Airflow 2.11 and 3 count them."""

    retries: int = 2
    try_number: int = 1
    max_tries: int = 2
    task_id: str = "load"
    map_index: int = -1
    began: datetime = BEGAN
    pushed: dict[str, Any] = attrs.field(factory=dict[str, Any])
    store: Store | None = None

    def again(self) -> Self:
        """Try it once more, as after a failure or the loss of a worker; XComs are cleared before."""
        self.try_number += 1
        self.pushed = {}
        return self

    def clear(self) -> Self:
        """Clear it, as somebody does who wants it to run anew."""
        self.max_tries = self.try_number + self.retries
        return self.again()

    @property
    def context(self) -> Any:  # noqa: ANN401  # each version of Airflow has a class of its own
        """The context of a try."""
        task = SimpleNamespace(
            dag_id="nightly",
            task_id=self.task_id,
            run_id="scheduled__2026-01-04T00:00:00+00:00",
            map_index=self.map_index,
            try_number=self.try_number,
            max_tries=self.max_tries,
            xcom_push=self._push,
        )
        known = {"ti": task, "dag_run": SimpleNamespace(start_date=self.began)}
        return known if self.store is None else {**known, "task_state_store": self.store}

    def _push(self, key: str, value: object) -> None:
        self.pushed[key] = json.loads(json.dumps(value))


def deferred(operator: Any, context: Any, method: str = "execute", *given: object) -> Any:  # noqa: ANN401  # as above
    """Return what an operator raises to defer: with its trigger, and the name of the method that goes on."""
    try:
        getattr(operator, method)(context, *given)
    except BaseException as error:  # each version has a class of its own
        if hasattr(error, "trigger"):
            return error
        raise
    raise AssertionError("it does not defer")


def made_again(trigger: Any) -> Any:  # noqa: ANN401  # as above
    """Return a trigger as a triggerer makes it: from its name and arguments, as JSON."""
    path, arguments = trigger.serialize()
    module, _, name = path.rpartition(".")
    return getattr(__import__(module, fromlist=[name]), name)(**json.loads(json.dumps(arguments)))


async def event_of(trigger: Any) -> Mapping[str, Any]:  # noqa: ANN401  # as above
    """Return the payload of the one event of a trigger."""
    events = [event async for event in made_again(trigger).run()]
    assert len(events) == 1
    payload: Mapping[str, Any] = json.loads(json.dumps(events[0].payload))
    return payload
