"""Metrics: how long calls take, how often they are tried, how long they wait, and what becomes of runs."""

from typing import TYPE_CHECKING

from opentelemetry import metrics

from jobruns_sdk.observing.observer import Observer
from jobruns_sdk.observing.values import CallEnded, CallStarted, RunChanged, TurnTaken, WaitEnded, WaitStarted
from jobruns_sdk.telemetry import names

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider


class Metrics:
    """The metrics of one client."""

    def __init__(self, provider: "MeterProvider | None", *, jobs: bool) -> None:
        meter = metrics.get_meter(names.SCOPE, names.version(), provider, names.SCHEMA_URL)
        self._has_jobs = jobs
        self._durations = meter.create_histogram(
            names.CALL_DURATION,
            "s",
            "Measures the duration of an outgoing Remote Procedure Call (RPC).",
            explicit_bucket_boundaries_advisory=names.SECONDS,
        )
        self._attempts = meter.create_histogram(
            names.CALL_ATTEMPTS,
            "{request}",
            "The requests that a call has sent, throttled ones included.",
            explicit_bucket_boundaries_advisory=names.TRIES,
        )
        self._turns = meter.create_histogram(
            names.QUOTA_WAIT_DURATION,
            "s",
            "The time for which a request has waited for its turn under the quota, where it has.",
            explicit_bucket_boundaries_advisory=names.SECONDS,
        )
        self._waits = meter.create_up_down_counter(names.WAITS, "{run}", "The runs that are waited for or watched.")
        self._changes = meter.create_counter(
            names.STATE_CHANGES, "{change}", "The changes of runs that waits and watches have seen, by the state after."
        )

    @property
    def observer(self) -> Observer:
        """The observer that measures."""
        return Observer(call=self._call, turn=self._turn, wait=self._wait, change=self._change)

    def _call(self, event: CallStarted | CallEnded) -> None:
        if isinstance(event, CallStarted):
            return
        method = names.method(event.call.service, event.call.operation)
        attributes = {names.RPC_SYSTEM_NAME: names.SYSTEM, names.RPC_METHOD: method}
        if event.failure is not None:
            attributes[names.ERROR_TYPE] = event.failure.type
        self._durations.record(event.seconds, attributes)
        self._attempts.record(event.requests, {names.RPC_METHOD: method})

    def _turn(self, event: TurnTaken) -> None:
        method = names.method(event.call.service, event.call.operation)
        self._turns.record(event.seconds, {names.RPC_METHOD: method})

    def _wait(self, event: WaitStarted | WaitEnded) -> None:
        begins = isinstance(event, WaitStarted)
        run = event.run if isinstance(event, WaitStarted) else event.wait.run
        self._waits.add(1 if begins else -1, {names.SERVICE: str(run.job.service)})

    def _change(self, event: RunChanged) -> None:
        attributes: dict[str, str] = {names.SERVICE: str(event.run.job.service), names.STATE: event.after.value}
        if self._has_jobs:
            attributes[names.JOB] = str(event.run.job)
        self._changes.add(1, attributes)
