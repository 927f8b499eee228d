"""The rules for arguments of the local service, by name: a name means the same in every call."""

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import signature
from typing import Final, ParamSpec, TypeVar, cast

from jobruns_sdk.checks import (
    Rule,
    check_amount,
    check_count,
    check_flag,
    check_moment,
    check_number,
    check_text,
    check_time,
    check_whole,
    hidden,
    is_text,
    kind_of,
    one_of,
    optional,
)

P = ParamSpec("P")
R = TypeVar("R")


def _are_texts(values: object) -> bool:
    pairs = cast("Mapping[object, object]", values).items() if isinstance(values, Mapping) else [(None, None)]
    return all(is_text(name) and isinstance(value, str) for name, value in pairs)


_TEXTS: Final = Rule("a mapping of names to strings", _are_texts, hidden)
_MEMBERS: Final = Rule("a mapping of AWS's names to values", lambda value: isinstance(value, Mapping), hidden)
_SHARE: Final = Rule("a number from 0 to 1", lambda value: (value == 0 or check_number.holds(value)) and value <= 1)
_STATE: Final = kind_of(str, "a state, such as 'SUCCEEDED'")
_MESSAGE: Final = kind_of(str, "a string")

RULES: Final[Mapping[str, Rule]] = {
    "account_id": check_text,
    "after": check_whole,
    "allow_remote": check_flag,
    "application_id": check_text,
    "arguments": _TEXTS,
    "at": check_whole,
    "attempts": check_count,
    "auto_advance": check_flag,
    "body": kind_of(bytes, "bytes"),
    "check": check_flag,
    "code": _MESSAGE,
    "content_type": _MESSAGE,
    "count": check_whole,
    "created_at": check_moment,
    "default_arguments": _TEXTS,
    "domain_id": check_text,
    "drop": _SHARE,
    "duplicate": _SHARE,
    "duration": optional(check_time),
    "effect": check_flag,
    "ended_at": check_moment,
    "every": check_time,
    "exclusive_window": check_flag,
    "fail_attempts": check_whole,
    "glue_retention": check_time,
    "host": check_text,
    "job": check_text,
    "job_id": check_text,
    "late": check_time,
    "match": _MEMBERS,
    "max_concurrent_runs": optional(check_count),
    "max_receives": check_count,
    "max_retries": check_whole,
    "message": _MESSAGE,
    "mode": check_text,
    "name": check_text,
    "native": _MEMBERS,
    "number_of_workers": check_count,
    "outcome": _STATE,
    "port": check_whole,
    "queue": check_text,
    "queue_timeout_minutes": check_count,
    "queuing": check_flag,
    "region_name": check_text,
    "release_label": check_text,
    "retry_delay": check_time,
    "run_id": check_text,
    "seconds": Rule("a number of 0 or more", lambda value: value == 0 or check_number.holds(value)),
    "seed": check_whole,
    "slot_release": check_time,
    "speed": check_amount,
    "start": check_moment,
    "started_at": check_moment,
    "startup": check_time,
    "state": _STATE,
    "status": check_count,
    "streaming": check_flag,
    "tags": _TEXTS,
    "text": _MESSAGE,
    "timeout_minutes": optional(check_count),
    "times": optional(check_whole),
    "token_lifetime": check_time,
    "tokens": one_of("key", "offset"),
    "type": check_text,
    "until": check_moment,
    "visibility_timeout": check_time,
    "worker_type": check_text,
}
"""None passes besides where it is an argument's default."""


def checked(method: Callable[P, R]) -> Callable[P, R]:
    """Let a method refuse arguments that break their rules.

    Raises:
        InvalidRequestError: In the method's place: one does; it is a ValueError.
    """
    parameters = signature(method).parameters
    rules = {
        name: optional(RULES[name]) if parameter.default is None else RULES[name]
        for name, parameter in parameters.items()
        if name in RULES
    }

    @wraps(method)
    def call(*args: P.args, **options: P.kwargs) -> R:
        given: dict[str, object] = dict(zip(parameters, args, strict=False)) | options
        for name, rule in rules.items():
            if name in given:
                rule(name, given[name])
        return method(*args, **options)

    return call
