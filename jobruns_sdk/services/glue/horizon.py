"""The horizon of an idempotency key: how far back one of its runs may be that still counts."""

from datetime import datetime, timedelta
from typing import Final

import attrs

from jobruns_sdk.errors import AccessDeniedError
from jobruns_sdk.loop.clock import Clock
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.services.glue import native
from jobruns_sdk.services.glue.operations import GET_JOB
from jobruns_sdk.services.glue.translate import may_be_retried
from jobruns_sdk.transport.operation import Call

KEY_LIFETIME: Final = timedelta(hours=24)
"""The time for which a key stands for a run that has ended, at least and unless told otherwise."""

# https://docs.aws.amazon.com/glue/latest/webapi/API_Job.html
_USUAL_TIMEOUT: Final = timedelta(hours=48)
_LONGEST_TIMEOUT: Final = timedelta(days=7)
_STREAMING: Final = "gluestreaming"

# A run may wait for a slot and start up before its Timeout begins to count.
_BEFORE_TIMEOUT: Final = timedelta(hours=1)

# A retry that has not followed by then does not follow; waits take the same time.
_RETRY_GRACE: Final = timedelta(minutes=30)


@attrs.frozen
class Horizon:
    """The span of the past that matters for a key of one job.

    Attributes:
        now: The service's time.
        lifetime: How long a key stands for a run that has ended, None for ever.
        reach: How far back a run may be that is still active, or that the key stands for; None for ever.
        retries: The job's MaxRetries, None if that could not be read.
    """

    now: datetime
    lifetime: timedelta | None
    reach: timedelta | None
    retries: int | None

    def since(self, now: datetime) -> datetime | None:
        """Return the moment up to which rows are read."""
        return None if self.reach is None else now - self.reach

    def is_final(self, run: JobRun[native.JobRun]) -> bool:
        """True if a run has ended for good: a failed attempt may be followed by a retry."""
        if not run.is_terminal:
            return False
        if not may_be_retried(run.state) or (self.retries is not None and run.attempt > self.retries):
            return True
        return run.ended_at is not None and self.now - run.ended_at > _RETRY_GRACE

    def stands(self, run: JobRun[native.JobRun]) -> bool:
        """True if a key still stands for a run that has ended."""
        return self.lifetime is None or run.created_at is None or self.now - run.created_at <= self.lifetime


async def horizon_of(
    job: JobRef, call: Call, clock: Clock, key_lifetime: timedelta | None, own_timeout: object = None
) -> Horizon:
    """Return how far back to look for a key (GetJob).

    Args:
        job: The job.
        call: Calls the service.
        clock: The client's clock, for where the service does not say its time.
        key_lifetime: How long the key stands for a run that has ended, None for the default.
        own_timeout: The Timeout of the start that is to be made, in minutes; None without one.
    """
    active: timedelta | None
    lifetime: timedelta | None
    retries: int | None
    try:
        reply = await call(GET_JOB, {"JobName": job.path[0]})
    except AccessDeniedError:
        # The longest that Glue allows; only a streaming job could run on for longer.
        now, active, retries = clock.now(), _LONGEST_TIMEOUT, None
        lifetime = _USUAL_TIMEOUT
    else:
        definition = GET_JOB.read(reply).Job or native.Job()
        now, retries = reply.service_time or clock.now(), definition.MaxRetries or 0
        active = _longest(definition, own_timeout if isinstance(own_timeout, int) else None)
        lifetime = None if active is None else max(KEY_LIFETIME, active)
    lifetime = lifetime if key_lifetime is None else key_lifetime
    if active is None or lifetime is None:
        return Horizon(now, lifetime, None, retries)
    # A run that goes on counts, however short the time that the caller lets the key stand for those that have ended.
    return Horizon(now, lifetime, max(lifetime, KEY_LIFETIME, active + _BEFORE_TIMEOUT), retries)


def _longest(job: native.Job, own: int | None) -> timedelta | None:
    """Return how long a run of a job may be active, None for ever."""
    streams = job.Command is not None and job.Command.Name == _STREAMING
    if own is None and streams and not job.Timeout:
        return None
    usual = timedelta(minutes=job.Timeout) if job.Timeout else _USUAL_TIMEOUT
    return max(usual, timedelta(minutes=own or 0))
