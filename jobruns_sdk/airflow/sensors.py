"""The sensor that waits for a run which something else has started."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from jobruns_sdk.airflow.compat import (
    AirflowSensorTimeout,
    BaseOperatorLink,
    BaseSensorOperator,
    Context,
    PokeReturnValue,
    XComArg,
    default_deferrable,
)
from jobruns_sdk.airflow.connections import DEFAULT_CONNECTION, check_connection, read_connection
from jobruns_sdk.airflow.later import is_later
from jobruns_sdk.airflow.links import URL_KEY, RunLink, url_of
from jobruns_sdk.airflow.outcomes import failure_of, is_success, is_timeout, outcome_of, outcome_of_error
from jobruns_sdk.airflow.running import OUTCOME_KEY
from jobruns_sdk.airflow.triggers import RunTrigger
from jobruns_sdk.checks import check_flag, optional
from jobruns_sdk.errors import JobRunsError
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import RunLike, RunRef, ref_of
from jobruns_sdk.model.runs import JobRun, WaitTimeoutError
from jobruns_sdk.sync import JobRunsClient

_LOOK: Final = timedelta(seconds=30)  # for a look that is not answered at once


class _GoesOnError(Exception):
    """The run has not ended."""


def _end_look(run: JobRun[Native]) -> None:
    if not run.is_terminal:
        raise _GoesOnError


class RunSensor(BaseSensorOperator):
    """Waits until a run of any service has ended for good; it starts and stops nothing.

    The task returns the run's reference as a string, and pushes ``job_run_url`` and ``job_run``: its state, attempt,
    message, times and usage. A run that ended in any other way than it should fails the task.
    """

    template_fields: Sequence[str] = ("run", "aws_conn_id", "region_name")
    operator_extra_links: Collection[BaseOperatorLink] = (RunLink(),)

    def __init__(
        self,
        *,
        run: "RunLike | XComArg",
        aws_conn_id: str | None = DEFAULT_CONNECTION,
        region_name: str | None = None,
        verify: bool | str | None = None,
        allow_partial: bool = False,
        deferrable: bool | None = None,
        poke_interval: timedelta | float = 10.0,
        **sensor: Any,  # noqa: ANN401  # Airflow's own
    ) -> None:
        """Say which run to wait for.

        Args:
            run: The run, by its reference or its text form, such as ``"datazone:dzd_x/job42/run7"``, or another task's
                output.
            aws_conn_id: The Airflow connection; None for what the machine itself has.
            region_name: The region of a reference that names none, instead of the connection's.
            verify: As for ``JobRunsClient``, instead of the connection's.
            allow_partial: Whether PARTIALLY_SUCCEEDED counts as success.
            deferrable: Whether to wait in the triggerer and not in the worker; by default as Airflow's
                ``[operators] default_deferrable`` says.
            poke_interval: The time between the first polls, in seconds or as a timedelta.
            **sensor: The arguments of every sensor, such as ``task_id``, ``timeout`` and ``mode``.

        Raises:
            InvalidRequestError: An argument is invalid. Templates are checked once they are rendered.
        """
        super().__init__(poke_interval=poke_interval, **sensor)
        self.run: Any = run if is_later(run) else str(ref_of(RunRef, run))
        if not is_later(aws_conn_id, region_name):
            check_connection(aws_conn_id, region_name, verify)
        check_flag("allow_partial", allow_partial)
        optional(check_flag)("deferrable", deferrable)
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        self.allow_partial = allow_partial
        self.deferrable: bool = default_deferrable() if deferrable is None else deferrable

    def execute(self, context: Context) -> object:
        """Defer until the run has ended, or poll it from the worker."""
        ref = ref_of(RunRef, self.run)
        self._push(context, URL_KEY, url_of(ref) or "")  # Airflow logs an error where the link finds none
        if self.deferrable:
            self.defer(trigger=self._trigger(ref), method_name="execute_complete")
        return super().execute(context)

    def poke(self, context: Context) -> "bool | PokeReturnValue":
        """Look at the run once where the sensor is rescheduled; otherwise wait until its time is up."""
        ref = ref_of(RunRef, self.run)
        aws = read_connection(self.aws_conn_id, self.region_name, verify=self.verify)
        with JobRunsClient(**aws.client_options()) as client:
            try:
                run = client.wait(ref, **self._options())
            except (_GoesOnError, WaitTimeoutError):
                return False
            except JobRunsError as error:
                raise failure_of(outcome_of_error(ref, error)) from error
        outcome = outcome_of(ref, run)
        self._push(context, OUTCOME_KEY, dict(outcome))
        if not is_success(outcome, allow_partial=self.allow_partial):
            raise failure_of(outcome)
        return PokeReturnValue(is_done=True, xcom_value=str(run.ref))

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> str:
        """Return the run's reference if it ended as it should; Airflow calls this once the trigger has fired.

        Raises:
            AirflowSensorTimeout: The time was up.
            AirflowException: It did not, or the wait has ended before it.
            AirflowFailException: The same, where another try would meet the same error.
        """
        self._push(context, OUTCOME_KEY, dict(event))
        if is_timeout(event):
            raise AirflowSensorTimeout(str(event["reason"]))
        if not is_success(event, allow_partial=self.allow_partial):
            raise failure_of(event)
        return str(event["ref"])

    def _options(self) -> dict[str, Any]:
        interval = timedelta(seconds=max(1.0, self.poke_interval))
        if self.mode == "reschedule":
            return {"timeout": _LOOK, "poll_interval": interval, "on_poll": _end_look}
        return {"timeout": timedelta(seconds=self.timeout), "poll_interval": interval}

    def _trigger(self, ref: RunRef) -> RunTrigger:
        return RunTrigger(
            ref,
            aws_conn_id=self.aws_conn_id,
            region_name=self.region_name,
            verify=self.verify,
            timeout=self.timeout or None,
            poll_interval=max(1.0, self.poke_interval),
        )

    def _push(self, context: Context, key: str, value: object) -> None:
        if self.do_xcom_push and value is not None:
            context["ti"].xcom_push(key=key, value=value)
