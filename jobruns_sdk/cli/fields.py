"""The fields of rows, by the names that data frames have for them, and the columns of tables."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

import attrs

import jobruns_sdk
from jobruns_sdk import Attempt, InvalidRequestError, Job, JobRun, RunRef, StateChange

Read: TypeAlias = Callable[[Any], object]

_CONTROLS: Final = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

SHORT: Final = {
    "job": "job_ref",
    "run": "run_ref",
    "try": "attempt",
    "created": "created_at",
    "started": "started_at",
    "updated": "updated_at",
    "ended": "ended_at",
    "took": "duration",
}
"""The columns that tables show in a short form, and the fields that have the same in full."""


def _usage(name: str) -> Read:
    return lambda row: None if row.usage is None else getattr(row.usage, name)


def _own(name: str) -> Read:
    return lambda row: getattr(row, name)


_TIMES: Final[Mapping[str, Read]] = {
    "created_at": _own("created_at"),
    "started_at": _own("started_at"),
    "updated_at": _own("updated_at"),
    "ended_at": _own("ended_at"),
    "duration": _own("duration"),
}
_USAGE: Final[Mapping[str, Read]] = {
    "vcpu_hours": _usage("vcpu_hours"),
    "memory_gb_hours": _usage("memory_gb_hours"),
    "storage_gb_hours": _usage("storage_gb_hours"),
    "dpu_hours": _usage("dpu_hours"),
    "usage_basis": _usage("basis"),
}


def _job_fields(job: Callable[[Any], Any]) -> dict[str, Read]:
    return {
        "job_ref": lambda row: str(job(row)),
        "job_name": lambda row: job(row).job_name,
        "service": lambda row: str(job(row).service),
        "region": lambda row: job(row).region,
        "profile": lambda row: job(row).profile,
    }


def _of_run(read: Read) -> Read:
    return lambda change: read(change.run)


RUN_FIELDS: Final[Mapping[str, Read]] = {
    "run_ref": lambda run: str(run.ref),
    **_job_fields(_own("job")),
    "run_id": _own("id"),
    "name": _own("name"),
    "attempt": _own("attempt"),
    "state": lambda run: str(run.state),
    "native_state": _own("native_state"),
    "message": _own("message"),
    **_TIMES,
    "created_by": _own("created_by"),
    **_USAGE,
}
ATTEMPT_FIELDS: Final[Mapping[str, Read]] = {
    "run_ref": lambda attempt: str(attempt.run),
    **_job_fields(lambda attempt: attempt.run.job),
    "run_id": lambda attempt: attempt.run.run_id,
    "attempt_id": _own("id"),
    "attempt": _own("number"),
    "state": lambda attempt: str(attempt.state),
    "native_state": _own("native_state"),
    "message": _own("message"),
    **_TIMES,
    **_USAGE,
}
JOB_FIELDS: Final[Mapping[str, Read]] = {**_job_fields(_own("ref")), "job_name": _own("name"), "state": _own("state")}
CHANGE_FIELDS: Final[Mapping[str, Read]] = {
    "at": _own("at"),
    "before": lambda change: None if change.before is None else str(change.before),
    **{name: _of_run(read) for name, read in RUN_FIELDS.items()},
    "state": lambda change: str(change.after),
    "attempt": _own("attempt"),
}


@attrs.frozen
class Kind:
    """A kind of row.

    Attributes:
        fields: All its fields.
        columns: The columns of its table.
        wide: The columns of its wide form.
        name: Its reference, as the form ``name`` has it.
    """

    fields: Mapping[str, Read]
    columns: tuple[str, ...]
    wide: tuple[str, ...]
    name: Read


_WIDE: Final = ("created_at", "started_at", "ended_at", "took", "dpu_hours", "vcpu_hours", "memory_gb_hours")
RUNS: Final = Kind(
    RUN_FIELDS,
    ("state", "job", "run", "try", "created", "took", "message"),
    ("state", "native_state", "run_ref", "job_name", "name", "attempt", *_WIDE, "created_by", "message"),
    RUN_FIELDS["run_ref"],
)
ATTEMPTS: Final = Kind(
    ATTEMPT_FIELDS,
    ("attempt", "state", "created", "started", "took", "message"),
    ("attempt", "state", "native_state", "attempt_id", *_WIDE, "message"),
    lambda attempt: str(RunRef(attempt.run.job, attempt.id)),
)
JOBS: Final = Kind(
    JOB_FIELDS,
    ("job_ref", "job_name", "state"),
    ("job_ref", "job_name", "state", "service", "region", "profile"),
    JOB_FIELDS["job_ref"],
)
CHANGES: Final = Kind(
    CHANGE_FIELDS,
    ("at", "state", "job", "run", "try", "message"),
    ("at", "before", "state", "native_state", "run_ref", "job_name", "attempt", "message"),
    CHANGE_FIELDS["run_ref"],
)

KINDS: Final[Mapping[type, Kind]] = {JobRun: RUNS, Attempt: ATTEMPTS, Job: JOBS, StateChange: CHANGES}


def reader(kind: Kind, name: str, *, include_secrets: bool) -> Read:
    """Return what reads a field, or a column of a table in full.

    Raises:
        InvalidRequestError: There is no such field.
    """
    if name == "native":
        return lambda row: native_text(row, include_secrets=include_secrets)
    found = kind.fields.get(SHORT.get(name, name))
    if found is None:
        known = ", ".join((*kind.fields, "native"))
        raise InvalidRequestError(f"unknown field {name!r:.80}, known are {known}")
    return found


def native_text(row: object, *, include_secrets: bool) -> str | None:
    """Return a service's own structure as JSON."""
    native: object = getattr(row, "native", None)
    if native is None:
        return None
    members = jobruns_sdk.to_dict(native, secrets=include_secrets)  # loaded here: tables have no need of it
    return json_text({name: value for name, value in members.items() if name not in {"kind", "version"}})


def json_text(value: object, *, ascii_only: bool = False) -> str:
    """Return JSON in one line; control characters that JSON lets stand are escaped, too."""
    text = json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"), default=_plain)
    return text if text.isascii() else _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _plain(value: object) -> object:
    return plain(value) if isinstance(value, (datetime, timedelta)) else str(value)


def plain(value: object) -> object:
    """Return a field's value for programs: times as ISO 8601 text in UTC, spans of time in seconds."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.total_seconds() if isinstance(value, timedelta) else value


def text_of(value: object) -> str:
    """Return a field's value as a string for programs; nothing for None."""
    value = plain(value)
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return "" if value is None else str(value)


def names_of(kind: Kind, chosen: Sequence[str] | None, *, is_wide: bool, native: bool) -> tuple[str, ...]:
    """Return the columns that are wanted."""
    names = tuple(chosen) if chosen else kind.wide if is_wide else kind.columns
    return (*names, "native") if native and "native" not in names else names
