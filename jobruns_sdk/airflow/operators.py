"""Operators that start a run once, however often their task is tried, and wait for its end."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from jobruns_sdk.airflow.compat import BaseOperatorLink
from jobruns_sdk.airflow.connections import DEFAULT_CONNECTION
from jobruns_sdk.airflow.drivers import driver_of, native_of, plain_driver, plain_native
from jobruns_sdk.airflow.keys import is_key_of
from jobruns_sdk.airflow.later import is_later
from jobruns_sdk.airflow.links import RunLink
from jobruns_sdk.airflow.running import PACE, RunOperator, Timeout
from jobruns_sdk.checks import check_text
from jobruns_sdk.errors import ConflictError, InvalidRequestError
from jobruns_sdk.model.refs import RunRef, is_text_form
from jobruns_sdk.model.states import UNSUCCESSFUL, RunState
from jobruns_sdk.services.emr_serverless import native
from jobruns_sdk.services.emr_serverless.start import HiveQuery, SparkSubmit, start_request
from jobruns_sdk.services.glue.start_request import StartRequest, mark_of, start_members
from jobruns_sdk.sync import JobRunsClient

if TYPE_CHECKING:
    from jobruns_sdk.airflow.compat import XComArg

_LONGEST: Final = timedelta(days=8)  # a run of Glue ends after seven at the latest, and may have waited for room


class GlueRunOperator(RunOperator):
    """Starts a run of a Glue job once, and waits until it has ended for good, with Glue's own retries.

    The task returns the run's reference as a string, and pushes ``job_run_ref`` and ``job_run_url`` once it is started,
    and ``job_run`` once it has ended: its state, attempt, message, times and usage.
    """

    operator_extra_links: Collection[BaseOperatorLink] = (RunLink(),)
    template_fields: Sequence[str] = (
        "job_name",
        "arguments",
        "worker_type",
        "execution_class",
        "security_configuration",
        *RunOperator.template_fields,
    )

    def __init__(
        self,
        *,
        job_name: "str | XComArg",
        arguments: "Mapping[str, str] | XComArg | None" = None,
        worker_type: str | None = None,
        number_of_workers: int | None = None,
        max_capacity: float | None = None,
        run_timeout: timedelta | None = None,
        execution_class: str | None = None,
        notify_delay_after: timedelta | None = None,
        security_configuration: str | None = None,
        job_run_queuing_enabled: bool | None = None,
        execution_role_session_policy: str | None = None,
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
        """Say which job to run, and how.

        Args:
            job_name: The job's name.
            arguments: Arguments of the run, instead of the job's default ones of the same names.
            worker_type: The kind of workers, such as ``"G.1X"``.
            number_of_workers: How many of them.
            max_capacity: DPUs, for jobs that are not measured in workers.
            run_timeout: After this time Glue ends the run, in whole minutes.
            execution_class: ``"STANDARD"`` or ``"FLEX"``.
            notify_delay_after: After this time Glue tells that the run is late, in whole minutes.
            security_configuration: The name of the security configuration.
            job_run_queuing_enabled: Whether the run waits when there is no room for it.
            execution_role_session_policy: A policy, as JSON, that narrows the role for this run.
            aws_conn_id: The Airflow connection; None for what the machine itself has.
            region_name: The region, instead of the connection's.
            verify: As for ``JobRunsClient``, instead of the connection's.
            idempotency_key: Tries with the same key are one run; by default the key of the task instance, which is
                another one once the task was cleared.
            slot_timeout: How long to wait for room where as many run as may; not at all by default.
            timeout: How long to wait for the run's end at most, from its start on; None for as long as it takes.
            on_timeout: ``"stop"`` stops the run when the time is up; with ``"leave"`` it goes on, and a retry of the
                task goes on to wait for it.
            poll_interval: The time between the first polls.
            max_poll_interval: The time up to which that grows while nothing changes; by default a minute.
            retry_grace: How long a Glue attempt that failed may be followed by a retry of Glue's own.
            unseen_for: How long the run may go unseen; see ``JobRunsClient.wait``.
            stop_on_kill: Whether the run is stopped when somebody clears the task, marks it as failed or as successful,
                or kills it.
            deferrable: Whether to wait in the triggerer and not in the worker; by default as Airflow's
                ``[operators] default_deferrable`` says.
            **operator: The arguments of every operator, such as ``task_id`` and ``retries``.

        Raises:
            InvalidRequestError: An argument is invalid. Templates are checked once they are rendered.
        """
        super().__init__(
            aws_conn_id=aws_conn_id,
            region_name=region_name,
            verify=verify,
            idempotency_key=idempotency_key,
            slot_timeout=slot_timeout,
            timeout=timeout,
            on_timeout=on_timeout,
            poll_interval=poll_interval,
            max_poll_interval=max_poll_interval,
            retry_grace=retry_grace,
            unseen_for=unseen_for,
            stop_on_kill=stop_on_kill,
            deferrable=deferrable,
            **operator,
        )
        self.job_name: Any = job_name  # rendered by Airflow before it is used
        self.arguments: Any = arguments
        self.worker_type = worker_type
        self.number_of_workers = number_of_workers
        self.max_capacity = max_capacity
        self.run_timeout = run_timeout
        self.execution_class = execution_class
        self.notify_delay_after = notify_delay_after
        self.security_configuration = security_configuration
        self.job_run_queuing_enabled = job_run_queuing_enabled
        self.execution_role_session_policy = execution_role_session_policy
        self._check()

    def _check(self) -> None:
        if not is_later(self.job_name):
            check_text("job_name", self.job_name)
            if is_text_form(self.job_name):
                raise InvalidRequestError(
                    f"job_name is a name, not the text form of a reference: {self.job_name!r:.200}"
                )
        members = {name: None if is_later(value) else value for name, value in self._members.items()}
        StartRequest.of(start_members(**members), None if is_later(self.arguments) else self.arguments, None)

    def start(self, client: JobRunsClient, key: str, key_lifetime: timedelta | None) -> RunRef:
        """Start the run (StartJobRun), or return the one that the key stands for, unless that has failed."""
        job = client.glue(self.job_name)
        members = self._members
        while True:
            try:
                return job.start(
                    arguments=self.arguments,
                    idempotency_key=key,
                    on_failed="restart",
                    key_lifetime=key_lifetime,
                    slot_timeout=self.slot_timeout,
                    **members,
                )
            except ConflictError:
                # The DAG has changed since an earlier try. A run that has failed is no reason not to start this one.
                found = job.find(key, key_lifetime=key_lifetime)
                if found is None or job.run(found.run_id).state not in UNSUCCESSFUL:
                    raise
                key = f"{key}:{found.run_id}"

    def active(self, client: JobRunsClient, name: str) -> RunRef | None:
        """Return a run of the task instance that goes on (GetJobRuns), though the task was cleared since it began.

        Raises:
            ConflictError: It was started by another request.
        """
        job = client.glue(self.job_name)
        members = {"JobName": job.ref.path[0], **start_members(**self._members)}
        digest = StartRequest.of(members, self.arguments, None).digest
        going_on = [state for state in RunState if state.is_active]
        for run in job.runs(states=going_on, created_after=datetime.now(UTC) - _LONGEST):
            mark = mark_of(run.native.Arguments or {})
            if mark is None or not is_key_of(name, mark.key):
                continue
            if mark.digest != digest and run.state is not RunState.STOPPING:
                raise ConflictError(
                    f"{run.ref}, which an earlier try has started by another request, goes on: stop it, or wait",
                    service=job.ref.service,
                )
            return run.ref
        return None

    @property
    def _members(self) -> dict[str, Any]:
        return {
            "worker_type": self.worker_type,
            "number_of_workers": self.number_of_workers,
            "max_capacity": self.max_capacity,
            "timeout": self.run_timeout,
            "execution_class": self.execution_class,
            "notify_delay_after": self.notify_delay_after,
            "security_configuration": self.security_configuration,
            "job_run_queuing_enabled": self.job_run_queuing_enabled,
            "execution_role_session_policy": self.execution_role_session_policy,
        }


class EmrServerlessRunOperator(RunOperator):
    """Starts a run of an EMR Serverless application once, and waits until it has ended.

    The task returns the run's reference as a string, and pushes ``job_run_ref`` once it is started, and ``job_run``
    once it has ended: its state, attempt, message, times and usage.
    """

    template_fields: Sequence[str] = (
        "application_id",
        "driver",
        "execution_role_arn",
        "name",
        "tags",
        "configuration_overrides",
        *RunOperator.template_fields,
    )

    def __init__(
        self,
        *,
        application_id: "str | XComArg",
        driver: "SparkSubmit | HiveQuery | Mapping[str, Any] | XComArg",
        execution_role_arn: str,
        name: str | None = None,
        mode: Literal["BATCH", "STREAMING"] | None = None,
        tags: Mapping[str, str] | None = None,
        run_timeout: timedelta | None = None,
        retry_policy: native.RetryPolicy | Mapping[str, Any] | None = None,
        configuration_overrides: native.ConfigurationOverrides | Mapping[str, Any] | None = None,
        execution_iam_policy: native.JobRunExecutionIamPolicy | Mapping[str, Any] | None = None,
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
        """Say what to run in which application, and how.

        Args:
            application_id: The application.
            driver: What to run: ``SparkSubmit``, ``HiveQuery``, or a mapping of the attributes of one, as for
                ``expand``, whose values have to be JSON.
            execution_role_arn: The role that the run works with.
            name: A name to find it by.
            mode: ``"BATCH"`` (the default) or ``"STREAMING"``, which needs a ``timeout``.
            tags: Tags of the run.
            run_timeout: After this time the run is cancelled, in whole minutes; 12 hours by default, 0 for never.
            retry_policy: How often the service tries again.
            configuration_overrides: Overrides of the application's configuration, including where logs go; a mapping is
                as boto3 takes it.
            execution_iam_policy: Policies that narrow the role for this run.
            aws_conn_id: The Airflow connection; None for what the machine itself has.
            region_name: The region, instead of the connection's.
            verify: As for ``JobRunsClient``, instead of the connection's.
            idempotency_key: Tries with the same key are one run; by default the key of the task instance, which is
                another one once the task was cleared.
            slot_timeout: How long to wait for room where as many run as may; not at all by default.
            timeout: How long to wait for the run's end at most, from its start on; None for as long as it takes.
            on_timeout: ``"stop"`` stops the run when the time is up; with ``"leave"`` it goes on, and a retry of the
                task goes on to wait for it.
            poll_interval: The time between the first polls.
            max_poll_interval: The time up to which that grows while nothing changes; by default a minute.
            retry_grace: How long a Glue attempt that failed may be followed by a retry of Glue's own.
            unseen_for: How long the run may go unseen; see ``JobRunsClient.wait``.
            stop_on_kill: Whether the run is stopped when somebody clears the task, marks it as failed or as successful,
                or kills it.
            deferrable: Whether to wait in the triggerer and not in the worker; by default as Airflow's
                ``[operators] default_deferrable`` says.
            **operator: The arguments of every operator, such as ``task_id`` and ``retries``.

        Raises:
            InvalidRequestError: An argument is invalid. Templates are checked once they are rendered.
        """
        super().__init__(
            aws_conn_id=aws_conn_id,
            region_name=region_name,
            verify=verify,
            idempotency_key=idempotency_key,
            slot_timeout=slot_timeout,
            timeout=timeout,
            on_timeout=on_timeout,
            poll_interval=poll_interval,
            max_poll_interval=max_poll_interval,
            retry_grace=retry_grace,
            unseen_for=unseen_for,
            stop_on_kill=stop_on_kill,
            deferrable=deferrable,
            **operator,
        )
        self.application_id: Any = application_id  # rendered by Airflow before it is used
        self.driver: Any = plain_driver(driver)
        self.execution_role_arn = execution_role_arn
        self.name = name
        self.mode = mode
        self.tags = tags
        self.run_timeout = run_timeout
        self.retry_policy: Any = plain_native(retry_policy)
        self.configuration_overrides: Any = plain_native(configuration_overrides)
        self.execution_iam_policy: Any = plain_native(execution_iam_policy)
        if mode == "STREAMING" and timeout is None:
            raise InvalidRequestError("a streaming run does not end by itself: give a timeout")
        parts = (application_id, self.driver, execution_role_arn, name, tags, self.configuration_overrides)
        if not is_later(*parts):
            start_request(str(application_id), driver_of(self.driver), **self._members)

    def start(self, client: JobRunsClient, key: str, key_lifetime: timedelta | None) -> RunRef:  # noqa: ARG002
        """Start the run (StartJobRun), or return the one that the key stands for, unless that has failed."""
        try:
            return client.emr_serverless(self.application_id).start(
                driver_of(self.driver),
                idempotency_key=key,
                on_failed="restart",
                slot_timeout=self.slot_timeout,
                **self._members,
            )
        except ConflictError as error:
            error.message += ": an earlier try has sent another request; clear the task, and a new run is started"
            raise

    @property
    def _members(self) -> dict[str, Any]:
        overrides = native_of(native.ConfigurationOverrides, "configuration_overrides", self.configuration_overrides)
        policy = native_of(native.JobRunExecutionIamPolicy, "execution_iam_policy", self.execution_iam_policy)
        return {
            "execution_role_arn": self.execution_role_arn,
            "name": self.name,
            "mode": self.mode,
            "tags": self.tags,
            "execution_timeout": self.run_timeout,
            "retry_policy": native_of(native.RetryPolicy, "retry_policy", self.retry_policy),
            "configuration_overrides": overrides,
            "execution_iam_policy": policy,
        }
