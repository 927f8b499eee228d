"""Many deferred tasks in a real triggerer: what they cost the service, the machine, and those who wait for the end."""

import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import attrs

from jobruns_sdk.testing import LocalService
from tests.airflow import dags
from tests.airflow.world import Airflow, Process, Templates

JOB: Final = "hourly-ingest"
INTERVAL: Final = 10  # seconds between polls, for both
_DURATION: Final = timedelta(hours=12)
_BEGINS: Final = re.compile(r"INFO - trigger \S+ \(ID \d+\) starting")
_BLOCKED: Final = re.compile(r"async thread was blocked for ([0-9.]+) seconds")
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")

Trigger = tuple[str, dict[str, object]]


def their_trigger(run_id: str) -> Trigger:
    """Return the trigger of the Amazon provider that waits for a run."""
    arguments: dict[str, object] = {
        "job_name": JOB,
        "run_id": run_id,
        "waiter_delay": INTERVAL,
        "waiter_max_attempts": 10_000,
        "region_name": "us-east-1",
    }
    return "airflow.providers.amazon.aws.triggers.glue.GlueJobCompleteTrigger", arguments


def our_trigger(run_id: str, *, stop_on_kill: bool = False) -> Trigger:
    """Return this package's trigger that waits for a run."""
    every = float(INTERVAL)
    arguments: dict[str, object] = {
        "ref": f"glue:{JOB}/{run_id}",
        "poll_interval": every,
        "max_poll_interval": every,
        "stop_on_kill": stop_on_kill,
        "region_name": "us-east-1",
    }
    return "jobruns_sdk.airflow.RunTrigger", arguments


@attrs.frozen
class Figures:
    """What a number of deferred tasks cost.

    Attributes:
        tasks: How many were deferred, each waiting for a run of its own.
        starting_seconds: From when their rows were written until each had been polled for.
        starting_cpu: Processor seconds of the triggerer and its child in that time.
        calls: Requests to the service in a minute of waiting.
        waiting_cpu: Processor seconds in that minute.
        memory: Bytes resident at its end, in that process of the triggerer which has most.
        blocked: How many warnings of the triggerer said that its event loop stood still.
        blocked_seconds: For how long, as those say.
        delay_half: Seconds from the end of the runs until half of the events were stored.
        delay_all: Until the last one was.
    """

    tasks: int
    starting_seconds: float
    starting_cpu: float
    calls: float
    waiting_cpu: float
    memory: int
    blocked: int
    blocked_seconds: float
    delay_half: float
    delay_all: float


@attrs.frozen
class _Used:
    cpu: float
    memory: int


def _used(process: Process) -> _Used:
    """Return the processor seconds of a process and its children, and the memory of the largest of them."""
    cpu, memory = 0.0, 0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text("utf-8").rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        if int(fields[2]) == process.running.pid:  # its group
            cpu += (int(fields[11]) + int(fields[12])) / _TICKS
            memory = max(memory, int(fields[21]) * _PAGE)
    return _Used(cpu, memory)


class Load:
    """A triggerer of its own, and a job whose runs go on until `end`."""

    def __init__(self, airflow: Airflow, local: LocalService, tasks: int) -> None:
        self.airflow = airflow
        self.local = local
        local.add_glue_job(JOB, duration=_DURATION)
        with local.sync_client() as client:
            job = client.glue(JOB)
            self.run_ids = [job.start().run_id for _ in range(tasks)]
        airflow.write_dag("many", dags.MANY.format(count=tasks))

    def defer(self, triggers: Sequence[Trigger]) -> float:
        """Defer a task to each of them; return at what time, in seconds since 1970, that was done."""
        printed = self.airflow.act("defer", "many", "now", "wait", given=json.dumps(list(triggers)))
        return float(printed.rpartition("deferred at ")[2])

    def wait_until_polled(self) -> None:
        """Wait until each trigger has begun, and what it waits for has been asked for since."""
        self.airflow.until(lambda: self._begun() >= len(self.run_ids), "each trigger begun", 600.0)
        lists = self._lists()
        self.airflow.until(lambda: self._lists() > lists or self._gets() >= len(self.run_ids), "each run polled", 600.0)

    def _begun(self) -> int:
        """Count the triggers that have begun: Airflow 3 has a log for each of them, 2.11 a line in the triggerer's."""
        texts = "".join(process.text() for process in self.airflow.processes)
        logs = sum(1 for _ in (self.airflow.home / "logs").rglob("*.trigger.*"))
        return max(logs, len(_BEGINS.findall(texts)))

    def _lists(self) -> int:
        return self.local.calls("GetJobRuns")

    def _gets(self) -> int:
        return len({str(each.params.get("RunId")) for each in self.local.requests if each.operation == "GetJobRun"})

    def end(self) -> None:
        """Let all runs end."""
        self.local.advance(_DURATION + timedelta(minutes=1))

    def waiting(self) -> int:
        """Return how many tasks are still deferred."""
        return int(self.airflow.rows("select count(*) from task_instance where state = 'deferred'")[0][0])

    def stored(self) -> tuple[float, float]:
        """Wait until no task is deferred; return after how many seconds half of them, and all of them, were not."""
        began, half = time.monotonic(), 0.0
        ends = began + 600.0
        while left := self.waiting():
            if not half and left <= len(self.run_ids) / 2:
                half = time.monotonic() - began
            if time.monotonic() > ends:
                raise AssertionError(f"{left} tasks are still deferred")
            time.sleep(0.2)
        whole = time.monotonic() - began
        return half or whole, whole


def measured(trigger: Callable[[str], Trigger], load: Load, seconds: float = 60.0) -> Figures:
    """Let a triggerer wait for all runs; `seconds` is how long it waits once all of them have been polled for."""
    process = load.airflow.triggerer()
    idle = _used(process)
    load.local.forget_requests()
    began = load.defer([trigger(run_id) for run_id in load.run_ids])
    load.wait_until_polled()
    polled, started = _used(process), time.time() - began
    calls, since = load.local.calls(), time.monotonic()
    time.sleep(seconds)
    waited = time.monotonic() - since
    calls, late = load.local.calls() - calls, _used(process)
    load.end()
    half, whole = load.stored()
    process.terminate()
    blocked = [float(found) for found in _BLOCKED.findall(process.text())]
    return Figures(
        tasks=len(load.run_ids),
        starting_seconds=started,
        starting_cpu=polled.cpu - idle.cpu,
        calls=calls * 60 / waited,
        waiting_cpu=(late.cpu - polled.cpu) * 60 / waited,
        memory=late.memory,
        blocked=len(blocked),
        blocked_seconds=sum(blocked),
        delay_half=half,
        delay_all=whole,
    )


def measure(folder: Path, name: str, tasks: int, seconds: float, settings: Mapping[str, str] | None = None) -> Figures:
    """Measure one of `TRIGGERS` in an Airflow and with a local service of its own."""
    with (
        LocalService(speed=1.0) as local,
        Templates(folder).home(f"{name}-{tasks}", local.url, settings) as airflow,
    ):
        return measured(TRIGGERS[name], Load(airflow, local, tasks), seconds)


TRIGGERS: Final[Mapping[str, Callable[[str], Trigger]]] = {"theirs": their_trigger, "ours": our_trigger}


def plain(figures: Figures) -> dict[str, Any]:
    """Return the figures by name."""
    return attrs.asdict(figures)
