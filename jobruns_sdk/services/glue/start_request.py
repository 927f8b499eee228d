"""The request that starts a Glue run, and the mark by which its run is known again."""

import json
import re
import warnings
from collections.abc import Callable, Mapping
from datetime import timedelta
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

MARKER: Final = "--jobruns-idempotency-key"
"""The job argument that carries an idempotency key, behind a digest of the request."""


DIGEST_LENGTH: Final = 16

_MARK: Final = re.compile(r"(?P<digest>[0-9a-f]{16})(~(?P<count>[1-9][0-9]{0,8}))?:(?P<key>.*)", re.DOTALL)


# https://docs.aws.amazon.com/glue/latest/webapi/API_GetJobRun.html
check_line: Final = name_like(
    re.compile(r"[^\x00-\x08\x0a-\x1f\ud800-\udfff\ufffe\uffff]{1,255}"),
    "one line, of up to 255 characters",
)
"""The rule of Glue for the name of a job, or the id of a run."""

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
"""Glue's name of each argument of a start, and the rule by which it is taken."""

_CAPACITIES: Final = ({"worker_type", "number_of_workers"}, {"max_capacity"}, {"allocated_capacity"})


def start_members(**given: Any) -> dict[str, object]:  # noqa: ANN401  # what a caller says, right or not
    """Return the members of StartJobRun that arguments of a start make, None for those that were not said.

    Raises:
        InvalidRequestError: One is invalid, or two exclude each other.
    """
    members = {_MEMBERS[name][0]: _MEMBERS[name][1](name, value) for name, value in given.items()}
    said = {name for name, value in given.items() if value is not None}
    if sum(not said.isdisjoint(one) for one in _CAPACITIES) > 1:
        raise InvalidRequestError("give workers (worker_type, number_of_workers) or max_capacity, not both")
    return members


def warn_of_names(arguments: Mapping[str, str]) -> None:
    """Warn whoever calls the caller of an argument that Glue takes, and that the job's script does not get to see."""
    for name in arguments:
        if not name.startswith("--"):
            text = f"argument {name!r:.80} does not begin with '--': Glue accepts it, but getResolvedOptions ignores it"
            warnings.warn(text, stacklevel=3)


@attrs.frozen
class Mark:
    """The value of the marker argument.

    Attributes:
        key: The idempotency key.
        digest: What tells one request from another.
        count: How many runs the key has had, with this one: a restart after a failure is counted.
    """

    key: str = attrs.field(repr=False)
    digest: str = attrs.field(repr=False)
    count: int = 1

    @property
    def text(self) -> str:
        """The value as it travels, such as ``0123456789abcdef~2:nightly`` for the second run of a key."""
        count = f"~{self.count}" if self.count > 1 else ""
        return f"{self.digest}{count}:{self.key}"


def mark_of(arguments: Mapping[str, str]) -> Mark | None:
    """Return the mark among the arguments of a run, None if there is none."""
    found = _MARK.fullmatch(arguments.get(MARKER) or "")
    return found and Mark(found["key"], found["digest"], int(found["count"] or 1))


@attrs.frozen
class StartRequest:
    """A request of StartJobRun.

    Attributes:
        members: The request, without what was not said, and without its mark.
        arguments: The job arguments as they were given.
        digest: What tells it from other requests.
        key: The idempotency key, None without one.
    """

    members: Mapping[str, object] = attrs.field(repr=False)
    arguments: Mapping[str, str] = attrs.field(repr=False)
    digest: str
    key: str | None = attrs.field(repr=False)

    @classmethod
    def of(
        cls, members: Mapping[str, object], arguments: Mapping[str, str] | None, idempotency_key: str | None
    ) -> "StartRequest":
        """Return the request of those members and arguments.

        Raises:
            InvalidRequestError: The key is empty, or the arguments hold one already.
        """
        said = {name: value for name, value in members.items() if value is not None}
        given = pairs_of("arguments", arguments)
        check_texts(idempotency_key=idempotency_key)
        if MARKER in given:
            raise InvalidRequestError(f"{MARKER} is not among the arguments: give it as idempotency_key")
        # msgspec refuses subclasses of str and float, such as those of YAML readers and numpy.
        request = json.dumps((said, given), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return cls(said, given, sha256(request.encode()).hexdigest()[:DIGEST_LENGTH], idempotency_key)

    def marked(self, mark: Mark | None) -> Mapping[str, object]:
        """Return the request with a mark among its arguments; None for none."""
        arguments = {**self.arguments, **({MARKER: mark.text} if mark else {})}
        return {**self.members, **({"Arguments": arguments} if arguments else {})}

    def check(self, mark: Mark, run_id: str) -> None:
        """Refuse a key that stands for another request.

        Raises:
            ConflictError: The run was started with the same key, and with other arguments.
        """
        if mark.digest != self.digest:
            raise ConflictError(
                f"the idempotency_key was used for another request, which started {run_id}", service="glue"
            )
