"""Runs and attempts as rows of a table, and back: the columns are those of the Arrow schemas."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast
from urllib.parse import quote

import attrs
import msgspec

from jobruns_sdk.errors import StoreError
from jobruns_sdk.model.native import Native, plain_members, utc
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.model.runs import Attempt, JobRun, Usage
from jobruns_sdk.model.states import RunState
from jobruns_sdk.times import exact

Hours = float | None
Text = str | None


class RunRow(NamedTuple):
    """A run as the table ``runs`` holds it; times are ISO 8601 text in UTC, all of one length, so that text sorts."""

    run_ref: str
    job_ref: str
    job_name: Text
    service: str
    region: Text
    profile: Text
    run_id: str
    name: Text
    attempt: int
    state: str
    native_state: str
    message: Text
    created_at: Text
    started_at: Text
    updated_at: Text
    ended_at: Text
    duration: float | None
    created_by: Text
    vcpu_hours: Hours
    memory_gb_hours: Hours
    storage_gb_hours: Hours
    dpu_hours: Hours
    usage_basis: Text
    native: Text
    native_kind: Text
    lost_at: Text = None


class AttemptRow(NamedTuple):
    """An attempt as the table ``attempts`` holds it; its run's row has what is the same for all attempts."""

    run_ref: str
    attempt_id: str
    attempt: int
    state: str
    native_state: str
    message: Text
    created_at: Text
    started_at: Text
    updated_at: Text
    ended_at: Text
    duration: float | None
    vcpu_hours: Hours
    memory_gb_hours: Hours
    storage_gb_hours: Hours
    dpu_hours: Hours
    usage_basis: Text
    native: Text
    native_kind: Text


Encode = Callable[[object], bytes | None]
"""Makes JSON of a service's own structure."""


def encoder(*, native: bool, include_secrets: bool) -> Encode:
    """Return what makes JSON of a service's own structure, or nothing where that is not to be stored."""

    def encode(value: object) -> bytes | None:
        if not native or not isinstance(value, Native):
            return None
        return msgspec.json.encode(plain_members(value, secrets=include_secrets))

    return encode


def text_of(moment: datetime) -> str:
    """Return a time as the tables hold it."""
    return (utc(moment) or moment).isoformat(timespec="microseconds")


def row_from_run(run: JobRun[Any], encode: Encode) -> RunRow:
    """Return the row of a run."""
    job = run.job
    text, head, tail = _texts(job)
    return RunRow(
        f"{head}/{quote(run.id, safe='')}{tail}",
        text,
        job.job_name,
        str(job.service),
        job.region,
        job.profile,
        run.id,
        run.name,
        run.attempt,
        str(run.state),
        run.native_state,
        run.message,
        *_times(run),
        run.created_by,
        *_hours(run.usage),
        *_native(run.native, job, encode),
    )


def row_from_attempt(attempt: Attempt[Any], encode: Encode) -> AttemptRow:
    """Return the row of an attempt."""
    return AttemptRow(
        str(attempt.run),
        attempt.id,
        attempt.number,
        str(attempt.state),
        attempt.native_state,
        attempt.message,
        *_times(attempt),
        *_hours(attempt.usage),
        *_native(attempt.native, attempt.run.job, encode),
    )


def _times(row: JobRun[Any] | Attempt[Any]) -> tuple[Text, Text, Text, Text, float | None]:
    duration = row.duration
    return (
        _text(row.created_at),
        _text(row.started_at),
        _text(row.updated_at),
        _text(row.ended_at),
        None if duration is None else duration.total_seconds(),
    )


def _text(moment: datetime | None) -> Text:
    return None if moment is None else text_of(moment)


def _hours(usage: Usage | None) -> tuple[Hours, Hours, Hours, Hours, Text]:
    if usage is None:
        return (None, None, None, None, None)
    return (usage.vcpu_hours, usage.memory_gb_hours, usage.storage_gb_hours, usage.dpu_hours, usage.basis)


def _native(native: object, job: JobRef, encode: Encode) -> tuple[Text, Text]:
    encoded = encode(native)
    return (None, None) if encoded is None else (encoded.decode(), f"{job.service}.{type(native).__name__}")


class Decoder:
    """Makes runs and attempts of rows."""

    def __init__(self, natives: Mapping[str, type[Native]]) -> None:
        """Take the services' own structures by the names of their kinds; those of others are passed over."""
        self._decoders = {name: msgspec.json.Decoder(kind) for name, kind in natives.items()}

    def run(self, row: RunRow) -> JobRun[Native | None]:
        """Return the run of a row.

        Raises:
            StoreError: It is none that this package has written.
        """
        try:
            return JobRun(
                job=_job(row.job_ref, row.service, row.job_name),
                id=row.run_id,
                name=row.name,
                state=RunState(row.state),
                native_state=row.native_state,
                message=row.message,
                attempt=row.attempt,
                created_at=_moment(row.created_at),
                started_at=_moment(row.started_at),
                updated_at=_moment(row.updated_at),
                ended_at=_moment(row.ended_at),
                created_by=row.created_by,
                usage=_usage(row),
                native=self._native(row),
            )
        except (ValueError, TypeError) as error:
            raise StoreError(f"the row of {row.run_ref!r:.200} cannot be read: {error}") from error

    def attempt(self, row: AttemptRow, service: str, job_name: str | None) -> Attempt[Native | None]:
        """Return the attempt of a row, given what its run's row tells; errors are those of ``run``."""
        try:
            ref = _run_ref(row.run_ref, service)
            if job_name is not None and ref.job.job_name != job_name:
                ref = RunRef(attrs.evolve(ref.job, job_name=job_name), ref.run_id)
            return Attempt(
                run=ref,
                id=row.attempt_id,
                number=row.attempt,
                state=RunState(row.state),
                native_state=row.native_state,
                message=row.message,
                created_at=_moment(row.created_at),
                started_at=_moment(row.started_at),
                updated_at=_moment(row.updated_at),
                ended_at=_moment(row.ended_at),
                usage=_usage(row),
                native=self._native(row),
            )
        except (ValueError, TypeError) as error:
            raise StoreError(f"the row of attempt {row.attempt} of {row.run_ref!r:.200} cannot be read") from error

    def _native(self, row: RunRow | AttemptRow) -> Native | None:
        decoder = self._decoders.get(row.native_kind or "")
        return None if decoder is None or row.native is None else decoder.decode(row.native)


@lru_cache(maxsize=4096)
def _texts(job: JobRef) -> tuple[str, str, str]:
    """Return the text form of a job, and what stands before and behind a run's id in that of a run."""
    text = str(job)
    head, mark, tail = text.partition("?")
    return text, head, mark + tail


@lru_cache(maxsize=4096)
def _job(text: str, service: str, job_name: str | None) -> JobRef:
    # Kept, since a store holds many runs of few jobs.
    job = JobRef.parse(text, services=(service,))
    return job if job_name is None or job_name == job.job_name else attrs.evolve(job, job_name=job_name)


def _run_ref(text: str, service: str) -> RunRef:
    return RunRef.parse(text, services=(service,))


def _moment(text: Text) -> datetime | None:
    if text is None:
        return None
    moment = exact(datetime.fromisoformat(text))
    if moment.tzinfo is not UTC:
        raise ValueError(f"{text!r:.99} is not a time in UTC")
    return moment


def _usage(row: RunRow | AttemptRow) -> Usage | None:
    if row.usage_basis is None:
        return None
    hours = (row.vcpu_hours, row.memory_gb_hours, row.storage_gb_hours, row.dpu_hours)
    return Usage(*hours, cast("Any", row.usage_basis))


RUN_COLUMNS: Final = RunRow._fields
ATTEMPT_COLUMNS: Final = AttemptRow._fields
