"""The request that starts a Glue run, and the mark by which its run is known again."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import attrs

from jobruns_sdk.checks import (
    Rule,
    check_amount,
    check_count,
    check_flag,
    check_text,
    check_texts,
    optional,
    pairs_of,
    whole_minutes,
)
from jobruns_sdk.errors import ConflictError, InvalidRequestError
from jobruns_sdk.model.refs import name_like
from jobruns_sdk.services.glue import native

MARKER: Final = "--jobruns-idempotency-key"
"""The job argument that carries an idempotency key, behind a digest of the request."""

DIGEST_LENGTH: Final = 16

# https://docs.aws.amazon.com/glue/latest/webapi/API_GetJobRun.html
check_line: Final = name_like(
    re.compile(r"[^\x00-\x08\x0a-\x1f\ud800-\udfff\ufffe\uffff]{1,255}"),
    "one line, of up to 255 characters",
)
"""What Glue takes as the name of a job, or the id of a run."""

Taking = Callable[[str, Any], object]
"""Returns what the service is sent of an argument, given its name and its value, or refuses it."""


def _as_it_is(rule: Rule) -> Taking:
    check = optional(rule)

    def take(name: str, value: object) -> object:
        check(name, value)
        return value

    return take


def _double(name: str, value: float | None) -> float | None:
    optional(check_amount)(name, value)
    return None if value is None else float(value)  # 10 and 10.0 are one request


def _notification(name: str, delay: timedelta | None) -> Mapping[str, int | None] | None:
    return None if delay is None else {"NotifyDelayAfter": whole_minutes(name, delay)}


_MEMBERS: Final[Mapping[str, tuple[str, Taking]]] = {
    "retry_of": ("JobRunId", _as_it_is(check_line)),
    "worker_type": ("WorkerType", _as_it_is(check_text)),
    "number_of_workers": ("NumberOfWorkers", _as_it_is(check_count)),
    "max_capacity": ("MaxCapacity", _double),
    "allocated_capacity": ("AllocatedCapacity", _as_it_is(check_count)),
    "timeout": ("Timeout", whole_minutes),
    "execution_class": ("ExecutionClass", _as_it_is(check_text)),
    "notify_delay_after": ("NotificationProperty", _notification),
    "security_configuration": ("SecurityConfiguration", _as_it_is(check_text)),
    "job_run_queuing_enabled": ("JobRunQueuingEnabled", _as_it_is(check_flag)),
    "execution_role_session_policy": ("ExecutionRoleSessionPolicy", _as_it_is(check_text)),
}
"""What each argument of a start is called by Glue, and how it is taken."""

_CAPACITIES: Final = ({"worker_type", "number_of_workers"}, {"max_capacity"}, {"allocated_capacity"})


def start_members(**given: Any) -> dict[str, object]:  # noqa: ANN401  # what a caller says, right or not
    """Return the members of StartJobRun that arguments of a start make, None for those that were not said.

    Raises:
        InvalidRequestError: One cannot be right, or two exclude each other.
    """
    members = {_MEMBERS[name][0]: _MEMBERS[name][1](name, value) for name, value in given.items()}
    said = {name for name, value in given.items() if value is not None}
    if sum(not said.isdisjoint(one) for one in _CAPACITIES) > 1:
        raise InvalidRequestError("give workers (worker_type, number_of_workers) or max_capacity, not both")
    return members


@attrs.frozen
class StartRequest:
    """A request of StartJobRun.

    Attributes:
        members: The request, without what was not said.
        mark: The value of the marker argument, None without an idempotency key.
    """

    members: Mapping[str, object] = attrs.field(repr=False)
    mark: str | None = attrs.field(repr=False)

    @classmethod
    def of(
        cls, members: Mapping[str, object], arguments: Mapping[str, str] | None, idempotency_key: str | None
    ) -> "StartRequest":
        """Return the request of those members and arguments, with the key and a digest among the arguments.

        Raises:
            InvalidRequestError: The key is empty, or the arguments hold one already.
        """
        said = {name: value for name, value in members.items() if value is not None}
        given = pairs_of("arguments", arguments)
        check_texts(idempotency_key=idempotency_key)
        if MARKER in given:
            raise InvalidRequestError(f"{MARKER} is not among the arguments: give it as idempotency_key")
        if idempotency_key is None:
            return cls({**said, **({"Arguments": given} if given else {})}, None)
        # msgspec refuses subclasses of str and float, such as those of YAML readers and numpy.
        request = json.dumps((said, given), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        mark = f"{sha256(request.encode()).hexdigest()[:DIGEST_LENGTH]}:{idempotency_key}"
        return cls({**said, "Arguments": {**given, MARKER: mark}}, mark)

    def is_that_of(self, run: native.JobRun) -> bool:
        """Whether a run was started with the same key.

        Raises:
            ConflictError: With the same key, and another request.
        """
        mark = (run.Arguments or {}).get(MARKER)
        if mark is None or self.mark is None or mark[DIGEST_LENGTH:] != self.mark[DIGEST_LENGTH:]:
            return False
        if mark != self.mark:
            raise ConflictError(
                f"the idempotency_key was used for another request, which started {run.Id}", service="glue"
            )
        return True

    def looks_like(self, run: native.JobRun, since: datetime) -> bool:
        """Whether a run that carries no key may be the one that was asked for."""
        return (
            run.StartedOn is not None
            and run.StartedOn >= since.replace(microsecond=0)
            and (run.Arguments or {}) == self.members.get("Arguments", {})
        )
