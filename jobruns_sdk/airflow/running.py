"""The common part of the operators: a run is started once, however often the task is tried, and waited for."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Literal

from jobruns_sdk.airflow.compat import BaseOperator, Context, default_deferrable
from jobruns_sdk.airflow.connections import DEFAULT_CONNECTION, AwsSession, check_connection, read_connection
from jobruns_sdk.airflow.keys import is_first_try, key_of, name_of
from jobruns_sdk.airflow.later import is_later
from jobruns_sdk.airflow.links import URL_KEY, url_of
from jobruns_sdk.airflow.outcomes import (
    Outcome,
    failure_of,
    failure_to_start,
    is_success,
    outcome_of,
    outcome_of_error,
)
from jobruns_sdk.airflow.triggers import RunTrigger, Waiting, wait_options
from jobruns_sdk.checks import check_flag, check_text, check_time, optional
from jobruns_sdk.errors import JobRunsError, NotFoundError
from jobruns_sdk.model.refs import RunRef
from jobruns_sdk.model.states import UNSUCCESSFUL, RunState
from jobruns_sdk.runs.intervals import PollIntervals
from jobruns_sdk.sync import JobRunsClient

REF_KEY: Final = "job_run_ref"
OUTCOME_KEY: Final = "job_run"
_STORED: Final = "jobruns_sdk"
PACE: Final = PollIntervals()

Timeout = Literal["leave", "stop"]


class RunOperator(BaseOperator):
    """The common part of the operators; ``GlueRunOperator`` and ``EmrServerlessRunOperator`` say what to start."""

    template_fields: Sequence[str] = ("aws_conn_id", "region_name", "idempotency_key")
    ui_color: str = "#e6f1f2"

    def __init__(
        self,
        *,
        aws_conn_id: str | None = DEFAULT_CONNECTION,
        region_name: str | None = None,
        verify: bool | str | None = None,
        idempotency_key: str | None = None,
        slot_timeout: timedelta | None = None,
        timeout: timedelta | None = None,
        on_timeout: Timeout = "leave",
        poll_interval: timedelta = PACE.poll_interval,
        max_poll_interval: timedelta | None = None,
        retry_grace: timedelta = PACE.retry_grace,
        unseen_for: timedelta | None = None,
        stop_on_kill: bool = True,
        deferrable: bool | None = None,
        **operator: Any,  # noqa: ANN401  # Airflow's own
    ) -> None:
        super().__init__(**operator)
        if not is_later(aws_conn_id, region_name):
            check_connection(aws_conn_id, region_name, verify)
        optional(check_text)("idempotency_key", None if is_later(idempotency_key) else idempotency_key)
        optional(check_time)("slot_timeout", slot_timeout)
        check_flag("stop_on_kill", stop_on_kill)
        optional(check_flag)("deferrable", deferrable)
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        self.idempotency_key = idempotency_key
        self.slot_timeout = slot_timeout
        self.waiting: Waiting = wait_options(
            timeout=timeout,
            on_timeout=on_timeout,
            poll_interval=poll_interval,
            max_poll_interval=max_poll_interval,
            retry_grace=retry_grace,
            unseen_for=unseen_for,
        )
        self.stop_on_kill = stop_on_kill
        self.deferrable: bool = default_deferrable() if deferrable is None else deferrable
        self._started: RunRef | None = None
        self._aws: AwsSession | None = None

    @abstractmethod
    def start(self, client: JobRunsClient, key: str, key_lifetime: timedelta | None) -> RunRef:
        """Start the run, or return the one that the key stands for, unless that has failed.

        Args:
            client: The client.
            key: The idempotency key.
            key_lifetime: How long the key stands for a run that has ended, None for the default.
        """

    def active(self, client: JobRunsClient, name: str) -> RunRef | None:  # noqa: ARG002  # where none can be told
        """Return a run of the task instance that goes on, of whichever of its keys; None where none is to be seen.

        Args:
            client: The client.
            name: What the task instance's keys begin with.
        """
        return None

    def execute(self, context: Context) -> str:
        """Start the run, and defer until it has ended, or wait for that in the worker."""
        while True:
            try:
                with self._client() as client:
                    self._started = ref = self._start(client, context)
                    self._tell_start(context, ref)
                    is_stopping = self._is_stopping(client, context, ref)
                    outcome = None if self.deferrable else self._wait(client, ref)
            except JobRunsError as error:
                raise failure_to_start(error) from error
            if outcome is None:
                method = "execute_after_stop" if is_stopping else "execute_complete"
                self.defer(trigger=self._trigger(ref), method_name=method)
            if not is_stopping or outcome["error"] is not None or is_success(outcome):
                return self.execute_complete(context, outcome)

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> str:
        """Return the run's reference if it succeeded; Airflow calls this once the trigger has fired.

        Raises:
            AirflowException: It did not, or the wait has ended before it.
            AirflowFailException: The same, where another try would meet the same error.
        """
        self._push(context, OUTCOME_KEY, dict(event))
        if not is_success(event):
            raise failure_of(event)
        return str(event["ref"])

    def execute_after_stop(self, context: Context, event: Mapping[str, Any]) -> str:
        """Start the run once the one of an earlier try has stopped, as it had been told to by then."""
        if event["error"] is not None or is_success(event):
            return self.execute_complete(context, event)
        return self.execute(context)

    def on_kill(self) -> None:
        """Stop the run: Airflow calls this in the worker when the task is killed there."""
        run, self._started = self._started, None
        if run is None or not self.stop_on_kill:
            return
        with self._client() as client:
            (outcome,) = client.stop([run])
        if outcome.error is not None:
            raise outcome.error
        self.log.info("%s was asked to stop", run)

    def _client(self) -> JobRunsClient:
        # Kept for on_kill: a signal may come while a call to Airflow holds the lock that another look-up would need.
        self._aws = self._aws or read_connection(self.aws_conn_id, self.region_name, verify=self.verify)
        return JobRunsClient(**self._aws.client_options())

    def _start(self, client: JobRunsClient, context: Context) -> RunRef:
        key = self.idempotency_key or key_of(context)
        known = self._stored(client, context, key)
        if known is None and self.idempotency_key is None and not is_first_try(context):
            known = self.active(client, name_of(context))
        if known is not None:
            return known
        # The first try can have no run that has ended; without this, a job whose earlier runs show no arguments would
        # be in doubt, since a key could be hidden among them.
        is_first = self.idempotency_key is None and is_first_try(context)
        ref = self.start(client, key, timedelta(0) if is_first else None)
        store = context.get("task_state_store")
        if store is not None:
            store.set(_STORED, {"key": key, "ref": str(ref)})
        return ref

    def _stored(self, client: JobRunsClient, context: Context, key: str) -> RunRef | None:
        """Return the run that an earlier try has started, where Airflow has kept it (3.3) and it has not failed."""
        store = context.get("task_state_store")
        if store is None or is_first_try(context):
            return None
        kept: Any = store.get(_STORED)
        if not kept:
            return None
        try:
            run = client.run(str(kept["ref"]))
        except NotFoundError:
            return None
        # The task may have been cleared since: then a run that has ended counts no more, and one that goes on does.
        is_wanted = run.state not in UNSUCCESSFUL if kept["key"] == key else not run.is_terminal
        return run.ref if is_wanted else None

    def _is_stopping(self, client: JobRunsClient, context: Context, ref: RunRef) -> bool:
        """True if this is the run of an earlier try, which was told to stop: another one follows once it has."""
        return not is_first_try(context) and client.run(ref).state is RunState.STOPPING

    def _wait(self, client: JobRunsClient, ref: RunRef) -> Outcome:
        try:
            run = client.wait(ref, **self.waiting)
        except JobRunsError as error:
            return outcome_of_error(ref, error)
        return outcome_of(ref, run)

    def _trigger(self, ref: RunRef) -> RunTrigger:
        waiting = self.waiting
        return RunTrigger(
            ref,
            aws_conn_id=self.aws_conn_id,
            region_name=self.region_name,
            verify=self.verify,
            timeout=waiting["timeout"],
            on_timeout=waiting["on_timeout"],
            poll_interval=waiting["poll_interval"].total_seconds(),
            max_poll_interval=_seconds(waiting["max_poll_interval"]),
            retry_grace=waiting["retry_grace"].total_seconds(),
            unseen_for=_seconds(waiting["unseen_for"]),
            stop_on_kill=self.stop_on_kill,
        )

    def _tell_start(self, context: Context, ref: RunRef) -> None:
        self.log.info("waiting for %s", ref)
        self._push(context, REF_KEY, str(ref))
        self._push(context, URL_KEY, url_of(ref))

    def _push(self, context: Context, key: str, value: object) -> None:
        if self.do_xcom_push and value is not None:
            context["ti"].xcom_push(key=key, value=value)


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()
