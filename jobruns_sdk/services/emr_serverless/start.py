"""The job drivers of EMR Serverless, and the request that starts a run with one."""

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Final

import attrs

from jobruns_sdk.checks import (
    check_text,
    check_texts,
    hidden,
    items_of,
    kind_of,
    one_of,
    optional,
    pairs_of,
    validated,
    whole_minutes,
)
from jobruns_sdk.errors import InvalidRequestError, JobRunsError, NotFoundError, StartOutcomeUnknownError, answer_of
from jobruns_sdk.model.native import members_of
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.model.states import UNSUCCESSFUL
from jobruns_sdk.services.emr_serverless import native
from jobruns_sdk.services.emr_serverless.operations import START_JOB_RUN
from jobruns_sdk.services.room import Pauses, room_made
from jobruns_sdk.transport.operation import Call

check_mode: Final = optional(one_of("BATCH", "STREAMING"))

_JUST_NOW: Final = timedelta(seconds=2)  # an answer's Date is cut to the second
_TEXT: Final = validated(check_text)
_TEXT_OR_NONE: Final = validated(optional(check_text))


def _texts(values: Sequence[str]) -> tuple[str, ...]:
    if isinstance(values, (str, Mapping)):
        raise InvalidRequestError(f"arguments must be a list of strings, got {hidden(values)}")
    texts = items_of("arguments", values, "texts")
    for number, text in enumerate(texts):
        if text != "":
            check_text(f"arguments[{number}]", text)
    return tuple(texts)


@attrs.frozen
class SparkSubmit:
    """A Spark job; nothing of it but its kind shows in a ``repr``, since arguments may hold secrets.

    Attributes:
        entry_point: The script or jar, such as ``"s3://bucket/main.py"``.
        arguments: What the script is given.
        parameters: What ``spark-submit`` is given, such as ``"--conf spark.executor.cores=4"``.
    """

    entry_point: str = attrs.field(repr=False, validator=_TEXT)
    arguments: Sequence[str] = attrs.field(default=(), converter=_texts, repr=False)
    parameters: str | None = attrs.field(default=None, repr=False, validator=_TEXT_OR_NONE)

    def to_native(self) -> native.JobDriver:
        """Return the driver as the service takes it."""
        return native.JobDriver(
            sparkSubmit=native.SparkSubmit(
                entryPoint=self.entry_point,
                entryPointArguments=tuple(self.arguments) or None,
                sparkSubmitParameters=self.parameters,
            )
        )


@attrs.frozen
class HiveQuery:
    """A Hive job; nothing of it but its kind shows in a ``repr``, since queries may hold secrets.

    Attributes:
        query: The query, or where it is kept, such as ``"s3://bucket/query.sql"``.
        init_query_file: Where a query is kept that runs first.
        parameters: What Hive is given, such as ``"--hiveconf a=b"``.
    """

    query: str = attrs.field(repr=False, validator=_TEXT)
    init_query_file: str | None = attrs.field(default=None, repr=False, validator=_TEXT_OR_NONE)
    parameters: str | None = attrs.field(default=None, repr=False, validator=_TEXT_OR_NONE)

    def to_native(self) -> native.JobDriver:
        """Return the driver as the service takes it."""
        return native.JobDriver(
            hive=native.Hive(query=self.query, initQueryFile=self.init_query_file, parameters=self.parameters)
        )


def client_token(application_id: str, idempotency_key: str | None, count: int = 1) -> str:
    """Return the token that makes a start happen once: the same for the same key, a new one without a key.

    The application is part of it: whether the service keeps the tokens of two applications apart is not documented. As
    no application's id holds a colon or a tilde, no two make the same token. An answer that names another application
    all the same is refused.

    Args:
        application_id: The application.
        idempotency_key: The key.
        count: How many runs the key has had, with this one.
    """
    check_texts(idempotency_key=idempotency_key)
    if idempotency_key is None:
        return uuid.uuid4().hex
    text = f"{application_id}:{idempotency_key}" if count == 1 else f"{application_id}~{count}:{idempotency_key}"
    return sha256(text.encode()).hexdigest()


def start_request(
    application_id: str,
    driver: SparkSubmit | HiveQuery,
    *,
    execution_role_arn: str,
    name: str | None,
    tags: Mapping[str, str] | None,
    execution_timeout: timedelta | None,
    execution_iam_policy: native.JobRunExecutionIamPolicy | None,
    configuration_overrides: native.ConfigurationOverrides | None,
    retry_policy: native.RetryPolicy | None,
    **members: object,
) -> Mapping[str, object]:
    """Return the request of StartJobRun, without what was not said, and without its token.

    Raises:
        InvalidRequestError: The retry policy is not for that mode, or the time is not one.
    """
    mode = members.get("mode")
    check_mode("mode", mode)
    kind_of((SparkSubmit, HiveQuery), "a SparkSubmit or a HiveQuery")("driver", driver)
    check_text("execution_role_arn", execution_role_arn)
    check_texts(name=name)
    for option, value, kind in (
        ("execution_iam_policy", execution_iam_policy, native.JobRunExecutionIamPolicy),
        ("configuration_overrides", configuration_overrides, native.ConfigurationOverrides),
        ("retry_policy", retry_policy, native.RetryPolicy),
    ):
        optional(kind_of(kind, f"a native.{kind.__name__} of jobruns_sdk.services.emr_serverless"))(option, value)
    if retry_policy is not None:
        if mode == "STREAMING" and retry_policy.maxAttempts is not None:
            raise InvalidRequestError("a streaming run's retry_policy is maxFailedAttemptsPerHour, not maxAttempts")
        if mode != "STREAMING" and retry_policy.maxFailedAttemptsPerHour is not None:
            raise InvalidRequestError("a batch run's retry_policy is maxAttempts, not maxFailedAttemptsPerHour")
    said: dict[str, object] = {
        "applicationId": application_id,
        "jobDriver": members_of(driver.to_native()),
        "executionTimeoutMinutes": whole_minutes("execution_timeout", execution_timeout, least=0),
        "executionIamPolicy": members_of(execution_iam_policy),
        "configurationOverrides": members_of(configuration_overrides),
        "retryPolicy": members_of(retry_policy),
        "executionRoleArn": execution_role_arn,
        "name": name,
        "tags": None if tags is None else pairs_of("tags", tags),
        **members,
    }
    # No tags and none said are one request for a token: members that hold nothing are left out.
    return {name: value for name, value in said.items() if value is not None and value != {}}


def outcome_unknown(job: JobRef, error: JobRunsError, key: str | None) -> StartOutcomeUnknownError:
    """Return the error that says what to do about a start all of whose answers were lost."""
    how = (
        "look for it in runs(); with an idempotency_key it could be started again without harm"
        if key is None
        else "start again with the same idempotency_key, which does not start a second run"
    )
    return StartOutcomeUnknownError(
        f"a run of {job} may have been started or not: {how} ({error})",
        service=job.service,
        operation=START_JOB_RUN.name,
        **answer_of(error),
    )


class Starter:
    """Starts runs of one application."""

    def __init__(
        self, job: JobRef, call: Call, pauses: Pauses, get: Callable[[str], Awaitable[JobRun[native.JobRun]]]
    ) -> None:
        """Take over what is needed of a handle.

        Args:
            job: The application.
            call: Calls the service.
            pauses: The pauses of the client.
            get: Returns a run in the state of its latest attempt.
        """
        self._job = job
        self._call = call
        self._pauses = pauses
        self._get = get

    async def start(
        self, request: Mapping[str, object], key: str | None, *, restarts: bool, slot_timeout: timedelta | None
    ) -> RunRef:
        """Start a run, or return the one of the key; see ``EmrServerlessApplication.start``.

        Args:
            request: The request, without its token.
            key: The idempotency key, None without one.
            restarts: Whether a key's run that has failed is followed by another one.
            slot_timeout: How long room is waited for.
        """
        count = 1
        while True:
            begun = self._pauses.clock.monotonic()
            # A start that waits for room is the same one each time that it is made.
            token = client_token(self._job.path[0], key, count)
            begin = partial(self._started, {**request, "clientToken": token}, key)
            ref, answered = await room_made(begin, self._pauses, slot_timeout)
            passed = timedelta(seconds=self._pauses.clock.monotonic() - begun)
            if key is None or not restarts or not await self._had_failed(ref, answered - passed - _JUST_NOW, key):
                return ref
            count += 1

    async def _started(self, request: Mapping[str, object], key: str | None) -> tuple[RunRef, datetime]:
        """Start a run, and return it with the service's time."""
        try:
            reply = await self._call(START_JOB_RUN, request)
            answer = START_JOB_RUN.read(reply)
            run_id, application = answer.jobRunId, answer.applicationId
            if not run_id:
                raise START_JOB_RUN.lacks("$.jobRunId", reply)
            if application not in (None, self._job.path[0]):
                # A token that the service knows from another application: that run is not one of this application's.
                fault = f"the answer is of another application: {application}"
                raise START_JOB_RUN.malformed(fault, "$.applicationId", reply)
        except JobRunsError as error:
            if not error.in_doubt:
                raise
            raise outcome_unknown(self._job, error, key) from error
        return self._job.run(run_id), reply.service_time or self._pauses.clock.now()

    async def _had_failed(self, ref: RunRef, since: datetime, key: str) -> bool:
        """True if a key's run had failed or was stopped before: those that fail at once are not started for ever."""
        try:
            run = await self._get(ref.run_id)
        except NotFoundError:
            return False
        except JobRunsError as error:
            raise outcome_unknown(self._job, error, key) from error
        return run.state in UNSUCCESSFUL and run.created_at is not None and run.created_at < since
