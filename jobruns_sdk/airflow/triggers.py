"""The trigger that waits for a run: all triggers of a triggerer share a client, and so its polls."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Literal, TypedDict

from asgiref.sync import sync_to_async

from jobruns_sdk.airflow.compat import KILLS, BaseTrigger, TriggerEvent, is_deferred_to
from jobruns_sdk.airflow.connections import DEFAULT_CONNECTION, check_connection
from jobruns_sdk.airflow.outcomes import Outcome, outcome_of, outcome_of_error
from jobruns_sdk.airflow.sharing import Lease, leased
from jobruns_sdk.checks import check_flag, check_number, optional, seconds_of
from jobruns_sdk.errors import CredentialsError, InvalidRequestError, JobRunsError
from jobruns_sdk.model.refs import RunLike, RunRef, ref_of
from jobruns_sdk.runs.intervals import PollIntervals
from jobruns_sdk.runs.wait import WaitRules

_LEAST: Final = 60.0  # seconds for a wait whose time was up while no triggerer ran: the run may have ended meanwhile
_RENEWED: Final = 300.0  # seconds after which a connection whose credentials are refused is looked up again
_ASKED: Final = 30.0  # seconds for Airflow to tell whether a task is still deferred, as long as on_kill may take
_USER_ACTION: Final = "__airflow_user_action__"


class Waiting(TypedDict):
    """The options of a wait, all of them; see ``JobRunsClient.wait``."""

    timeout: timedelta | None
    on_timeout: Literal["leave", "stop"]
    poll_interval: timedelta
    max_poll_interval: timedelta | None
    retry_grace: timedelta
    unseen_for: timedelta | None


class _RefusedError(Exception):
    """The credentials of the shared client are not accepted any more."""


def wait_options(
    *,
    timeout: timedelta | None,
    on_timeout: Literal["leave", "stop"],
    poll_interval: timedelta,
    max_poll_interval: timedelta | None,
    retry_grace: timedelta,
    unseen_for: timedelta | None,
) -> Waiting:
    """Return the options of a wait.

    Raises:
        InvalidRequestError: One is invalid: here, and not in the triggerer.
    """
    pace = PollIntervals(poll_interval=poll_interval, max_poll_interval=max_poll_interval, retry_grace=retry_grace)
    WaitRules(pace=pace, timeout=timeout, unseen_for=unseen_for, on_timeout=on_timeout)
    return Waiting(
        timeout=timeout,
        on_timeout=on_timeout,
        poll_interval=poll_interval,
        max_poll_interval=max_poll_interval,
        retry_grace=retry_grace,
        unseen_for=unseen_for,
    )


def _span(name: str, seconds: object) -> timedelta:
    return timedelta(seconds=seconds_of(name, seconds))


def _span_or_none(name: str, seconds: object) -> timedelta | None:
    return None if seconds is None else _span(name, seconds)


def heed(lease: Lease, error: JobRunsError) -> None:
    """End a wait whose client has credentials that are refused, and that may have been replaced since."""
    if isinstance(error, CredentialsError) and lease.age > _RENEWED:
        lease.retire()
        raise _RefusedError from error


class RunTrigger(BaseTrigger):
    """Waits until a run of any service has ended for good, and fires one event that tells how.

    The event's payload is a mapping of JSON values: ``ref``, ``error`` (None where the run has ended), ``reason``,
    ``state``, ``native_state``, ``attempt``, ``message``, ``name``, ``created_at``, ``started_at``, ``ended_at``,
    ``duration`` and ``usage``. A wait that cannot go on is such an event, too.
    """

    def __init__(
        self,
        ref: RunLike,
        *,
        aws_conn_id: str | None = DEFAULT_CONNECTION,
        region_name: str | None = None,
        verify: bool | str | None = None,
        timeout: float | timedelta | None = None,
        deadline: float | None = None,
        poll_interval: float = 10.0,
        max_poll_interval: float | None = None,
        retry_grace: float = 1800.0,
        unseen_for: float | None = None,
        on_timeout: Literal["leave", "stop"] = "leave",
        stop_on_kill: bool = False,
    ) -> None:
        """Wait for a run.

        All times are in seconds, since Airflow stores them as JSON. ``JobRunsClient.wait`` says what they mean.

        Args:
            ref: The run, by its reference or its text form.
            aws_conn_id: The Airflow connection; None for what the machine itself has.
            region_name: The region of a reference that names none, instead of the connection's.
            verify: As for ``JobRunsClient``, instead of the connection's.
            timeout: How long to wait at most, from now; None for as long as it takes.
            deadline: The same as a moment, in seconds since 1970, which is what is stored: a wait that another
                triggerer goes on with does not start again.
            poll_interval: The time between the first polls.
            max_poll_interval: The time up to which that grows; by default a minute.
            retry_grace: How long a failed Glue attempt may be followed by a retry.
            unseen_for: How long the run may go unseen.
            on_timeout: ``"stop"`` stops the run when the time is up.
            stop_on_kill: Whether the run is stopped when somebody clears the task, or marks it as failed or successful.

        Raises:
            InvalidRequestError: An argument is invalid, or both ``timeout`` and ``deadline`` are given.
        """
        super().__init__()
        self.ref: RunRef = ref_of(RunRef, ref)
        check_connection(aws_conn_id, region_name, verify)
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        optional(check_number)("deadline", deadline)
        self.deadline: float | None = deadline if timeout is None else _deadline(timeout, deadline)
        check_flag("stop_on_kill", stop_on_kill)
        self.stop_on_kill = stop_on_kill
        self._times = {
            "poll_interval": poll_interval,
            "max_poll_interval": max_poll_interval,
            "retry_grace": retry_grace,
            "unseen_for": unseen_for,
        }
        self._options = wait_options(
            timeout=None,
            on_timeout=on_timeout,
            poll_interval=_span("poll_interval", poll_interval),
            max_poll_interval=_span_or_none("max_poll_interval", max_poll_interval),
            retry_grace=_span("retry_grace", retry_grace),
            unseen_for=_span_or_none("unseen_for", unseen_for),
        )

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and the arguments by which a triggerer makes this trigger again."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "ref": str(self.ref),
                "aws_conn_id": self.aws_conn_id,
                "region_name": self.region_name,
                "verify": self.verify,
                "deadline": self.deadline,
                **self._times,
                "on_timeout": self._options["on_timeout"],
                "stop_on_kill": self.stop_on_kill,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and yield the one event."""
        try:
            outcome = await self._outcome()
        except asyncio.CancelledError as error:
            if await self._must_stop(error):
                await self._stop()
            raise
        yield TriggerEvent(dict(outcome))

    async def on_kill(self) -> None:
        """Stop the run, unless it is to be left alone: Airflow 3.3 calls this when somebody acts on the task."""
        if self.stop_on_kill:
            await self._stop()

    async def _outcome(self) -> Outcome:
        while True:
            try:
                async with leased(self.aws_conn_id, self.region_name, verify=self.verify) as (client, lease):
                    waiting: Waiting = {**self._options, "timeout": self._left}
                    run = await client.wait(self.ref, on_failed_poll=partial(heed, lease), **waiting)
                    return outcome_of(self.ref, run)
            except _RefusedError:
                self.log.warning("The credentials of %s are refused: they are looked up again.", self.aws_conn_id)
            except JobRunsError as error:
                return outcome_of_error(self.ref, error)

    @property
    def _left(self) -> timedelta | None:
        if self.deadline is None:
            return None
        left = self.deadline - datetime.now(UTC).timestamp()
        return timedelta(seconds=left if left > 0 else _LEAST)

    async def _must_stop(self, error: asyncio.CancelledError) -> bool:
        """True if this is cancelled because the task was killed, and not because the triggerer goes down."""
        after = getattr(self, "timeout_after", None) or getattr(self.task_instance, "trigger_timeout", None)
        if after is not None and (after if after.tzinfo else after.replace(tzinfo=UTC)) <= datetime.now(UTC):
            return self._options["on_timeout"] == "stop"  # the task's execution_timeout
        if KILLS or not self.stop_on_kill or _USER_ACTION in error.args:
            return False
        try:
            async with asyncio.timeout(_ASKED):
                return not await sync_to_async(is_deferred_to)(self.task_instance, self.trigger_id)
        except Exception as failure:  # noqa: BLE001  # of the database, or of the triggerer that goes down
            # Without an answer no run is stopped by mistake. An error would fail a task that waits elsewhere.
            self.log.warning(
                "%s is not stopped, since Airflow did not tell whether it was killed: %s", self.ref, failure
            )
            return False

    async def _stop(self) -> None:
        async with leased(self.aws_conn_id, self.region_name, verify=self.verify) as (client, _):
            (outcome,) = await client.stop([self.ref])
        if outcome.error is not None:
            raise outcome.error
        self.log.info("%s was asked to stop", self.ref)


def _deadline(timeout: object, deadline: float | None) -> float:
    if deadline is not None:
        raise InvalidRequestError("give a timeout or a deadline, not both")
    return datetime.now(UTC).timestamp() + seconds_of("timeout", timeout)
