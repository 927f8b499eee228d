"""The columns of runs and of attempts, and record batches made of them."""

import string
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import repeat
from operator import is_
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec
import pyarrow as pa
from pyarrow import compute

from jobruns_sdk.checks import check_flag
from jobruns_sdk.costs import PriceTable
from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.model.native import Native, plain_members
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import Attempt, JobRun, Usage

T = TypeVar("T")

_TEXT: Final = pa.string()
_TIME: Final = pa.timestamp("us", tz="UTC")
_HOURS: Final = pa.float64()
_NATIVE: Final = pa.field("native", _TEXT)
_COST: Final = pa.decimal128(38, 12)
_SMALLEST_COST: Final = Decimal("1e-12")

_JOB: Final = (
    ("run_ref", _TEXT),
    ("job_ref", _TEXT),
    ("job_name", _TEXT),
    ("service", _TEXT),
    ("region", _TEXT),
    ("profile", _TEXT),
)
_STATE: Final = (("state", _TEXT), ("native_state", _TEXT), ("message", _TEXT))
_TIMES: Final = (
    ("created_at", _TIME),
    ("started_at", _TIME),
    ("updated_at", _TIME),
    ("ended_at", _TIME),
    ("duration", pa.float64()),
)
_USAGE: Final = (
    ("vcpu_hours", _HOURS),
    ("memory_gb_hours", _HOURS),
    ("storage_gb_hours", _HOURS),
    ("dpu_hours", _HOURS),
    ("usage_basis", _TEXT),
)

RUN_SCHEMA: Final = pa.schema(
    [
        *_JOB,
        ("run_id", _TEXT),
        ("name", _TEXT),
        ("attempt", pa.int32()),
        *_STATE,
        *_TIMES,
        ("created_by", _TEXT),
        *_USAGE,
    ]
)
"""The columns of runs, as ``JobRun`` has them: references in their text forms, ``duration`` is in seconds."""

ATTEMPT_SCHEMA: Final = pa.schema(
    [*_JOB, ("run_id", _TEXT), ("attempt_id", _TEXT), ("attempt", pa.int32()), *_STATE, *_TIMES, *_USAGE]
)
"""The columns of attempts, as ``Attempt`` has them; ``run_ref`` is that of the run, ``attempt`` the number."""

_PLAIN: Final = f"{string.ascii_letters}{string.digits}_.-~".encode()
_UNKNOWN: Final = Usage()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def with_native(schema: pa.Schema) -> pa.Schema:
    """Return a schema with the column ``native`` as well: the service's own structure, as JSON."""
    return schema.append(_NATIVE)


def with_costs(schema: pa.Schema) -> pa.Schema:
    """Return a schema with the columns ``cost``, to 12 decimal places, and ``currency`` as well."""
    return schema.append(pa.field("cost", _COST)).append(pa.field("currency", _TEXT))


def check_native(*, native: bool, include_secrets: bool) -> None:
    """Refuse flags that are none, and secrets without the column that would have them.

    Raises:
        InvalidRequestError: They are such.
    """
    check_flag("native", native)
    check_flag("include_secrets", include_secrets)
    if include_secrets and not native:
        raise InvalidRequestError("include_secrets=True says what native=True has: ask for that, too")


def batch_from_runs(
    runs: Iterable[JobRun[object]],
    *,
    native: bool = False,
    include_secrets: bool = False,
    costs: PriceTable | None = None,
) -> pa.RecordBatch:
    """Return runs as a record batch of ``RUN_SCHEMA``.

    Args:
        runs: The runs.
        native: Whether a column ``native`` holds the service's own structure as JSON.
        include_secrets: Whether that has the members that may hold secrets, such as job arguments.
        costs: The prices for columns ``cost`` and ``currency``, which are null where the cost is not known.

    Raises:
        InvalidRequestError: A flag is none, or secrets are asked for, and not the column that would have them.
    """
    rows = list(runs)
    columns = [
        *_job_columns([run.job for run in rows], [run.id for run in rows]),
        _array([run.name for run in rows], _TEXT),
        _array([run.attempt for run in rows], pa.int32()),
        *_state_columns(rows),
        _array([run.created_by for run in rows], _TEXT),
        *_usage_columns(rows),
    ]
    return _batch(RUN_SCHEMA, columns, rows, native=native, include_secrets=include_secrets, costs=costs)


def batch_from_attempts(
    attempts: Iterable[Attempt[object]],
    *,
    native: bool = False,
    include_secrets: bool = False,
    costs: PriceTable | None = None,
) -> pa.RecordBatch:
    """Return attempts as a record batch of ``ATTEMPT_SCHEMA``; the arguments are those of ``batch_from_runs``."""
    rows = list(attempts)
    columns = [
        *_job_columns([row.run.job for row in rows], [row.run.run_id for row in rows]),
        _array([row.id for row in rows], _TEXT),
        _array([row.number for row in rows], pa.int32()),
        *_state_columns(rows),
        *_usage_columns(rows),
    ]
    return _batch(ATTEMPT_SCHEMA, columns, rows, native=native, include_secrets=include_secrets, costs=costs)


def _batch(
    schema: pa.Schema,
    columns: list[pa.Array],
    rows: Sequence[JobRun[object] | Attempt[object]],
    *,
    native: bool,
    include_secrets: bool,
    costs: PriceTable | None,
) -> pa.RecordBatch:
    check_native(native=native, include_secrets=include_secrets)
    if costs is not None:
        columns, schema = [*columns, *_cost_columns(rows, costs)], with_costs(schema)
    if native:
        text = partial(_json, include_secrets=include_secrets)
        columns, schema = [*columns, pa.array([text(row.native) for row in rows], _TEXT)], with_native(schema)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _json(native: object, *, include_secrets: bool) -> str | None:
    if not isinstance(native, Native):
        return None
    return msgspec.json.encode(plain_members(native, secrets=include_secrets)).decode()


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    return pa.array(values, kind)


def _job_columns(jobs: Sequence[JobRef], run_ids: list[str]) -> list[pa.Array]:
    """Return the columns of references, and the run ids; what depends on the job is made once for each job."""
    known, spread = _spreading(jobs)
    texts = [str(job).partition("?") for job in known]
    ids = pa.array(run_ids, _TEXT)
    quoted = ids if _is_plain(run_ids) else pa.array([quote(one, safe="") for one in run_ids], _TEXT)
    heads, tails = [f"{names}/" for names, _, _ in texts], [mark + options for _, mark, options in texts]
    return [
        compute.binary_join_element_wise(spread(heads), quoted, spread(tails), ""),
        spread(list(map(str, known))),
        spread([job.job_name for job in known]),
        spread([str(job.service) for job in known]),
        spread([job.region for job in known]),
        spread([job.profile for job in known]),
        ids,
    ]


def _spreading(jobs: Sequence[JobRef]) -> tuple[Sequence[JobRef], Callable[[Sequence[str | None]], pa.Array]]:
    """Return the jobs that are not the same object, and what makes a column of strings for each of them."""
    if jobs and all(map(is_, jobs, repeat(jobs[0]))):
        return jobs[:1], lambda texts: pa.repeat(pa.scalar(texts[0], _TEXT), len(jobs))
    known = {id(job): job for job in jobs}
    index = dict(zip(known, range(len(known)), strict=True))
    at = pa.array([index[id(job)] for job in jobs], pa.int32())
    return list(known.values()), lambda texts: pa.array(texts, _TEXT).take(at)


def _is_plain(names: Iterable[str]) -> bool:
    """True if no name needs percent-encoding, as is usual; told by one look at all of them."""
    return not "".join(names).encode().translate(None, _PLAIN)


def _state_columns(rows: Sequence[JobRun[object] | Attempt[object]]) -> list[pa.Array]:
    created, started = [row.created_at for row in rows], [row.started_at for row in rows]
    created_at = _times(created)
    durations = [row.duration for row in rows]
    return [
        _array([row.state for row in rows], _TEXT),
        _array([row.native_state for row in rows], _TEXT),
        _array([row.message for row in rows], _TEXT),
        created_at,
        created_at if started == created else _times(started),  # Glue has one time for both
        _times([row.updated_at for row in rows]),
        _times([row.ended_at for row in rows]),
        _array([None if took is None else took.total_seconds() for took in durations], pa.float64()),
    ]


def _times(moments: list[datetime | None]) -> pa.Array:
    # Of time spans pyarrow makes a column in a third of the time that it takes over times with a zone.
    spans = [None if moment is None else moment - _EPOCH for moment in moments]
    return pa.array(spans, pa.duration("us")).view(_TIME)


def _usage_columns(rows: Sequence[JobRun[object] | Attempt[object]]) -> list[pa.Array]:
    known = [row.usage for row in rows]
    usages = [usage or _UNKNOWN for usage in known]
    return [
        _array([usage.vcpu_hours for usage in usages], _HOURS),
        _array([usage.memory_gb_hours for usage in usages], _HOURS),
        _array([usage.storage_gb_hours for usage in usages], _HOURS),
        _array([usage.dpu_hours for usage in usages], _HOURS),
        _array([None if usage is None else usage.basis for usage in known], _TEXT),
    ]


def _cost_columns(rows: Sequence[JobRun[object] | Attempt[object]], prices: PriceTable) -> list[pa.Array]:
    found = [prices.cost(row) for row in rows]
    amounts = [None if cost is None else cost.amount for cost in found]
    rounded = [None if amount is None else amount.quantize(_SMALLEST_COST) for amount in amounts]
    return [_array(rounded, _COST), _array([None if one is None else prices.currency for one in amounts], _TEXT)]
