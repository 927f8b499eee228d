"""The options of each command as a frozen value, made of what argparse has read."""

from argparse import Namespace
from datetime import timedelta
from typing import Any, Literal, TypeAlias, TypeVar, cast

import attrs

from jobruns_sdk.cli.moments import When

T = TypeVar("T")
Source: TypeAlias = Literal["driver", "error", "executor", "progress"]


@attrs.frozen
class Look:
    """The options that every command has."""

    utc: bool
    no_color: bool
    quiet: bool
    verbose: bool
    debug: bool


@attrs.frozen
class Places:
    """The accounts and regions that are read: each profile in each region."""

    profiles: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    regions: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    endpoint_url: str | None

    @property
    def are_several(self) -> bool:
        """True if jobs are read in more than one place."""
        return len(self.profiles) > 1 or len(self.regions) > 1


@attrs.frozen
class Form:
    """The form of the output."""

    form: Literal["table", "wide", "tsv", "jsonl", "json", "csv", "name"] | None
    fields: tuple[str, ...] | None
    native: bool
    include_secrets: bool


@attrs.frozen
class Filters:
    """The runs that are wanted."""

    states: tuple[str, ...] | None
    since: When | None
    until: When | None
    reach: timedelta | None


@attrs.frozen
class Jobs:
    """Options of ``jobs``."""

    services: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    name: str | None
    tags: tuple[tuple[str, str], ...] = attrs.field(converter=tuple[tuple[str, str], ...])
    form: Form
    places: Places
    look: Look


@attrs.frozen
class Ls:
    """Options of ``ls``."""

    words: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    filters: Filters
    limit: int
    all: bool
    full: bool
    why: bool
    store: str | None
    form: Form
    places: Places
    look: Look


@attrs.frozen
class Show:
    """Options of ``show``."""

    words: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    last_failed: bool
    attempt: int | None
    store: str | None
    form: Form
    places: Places
    look: Look


@attrs.frozen
class Attempts:
    """Options of ``attempts``."""

    words: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    last_failed: bool
    full: bool
    store: str | None
    form: Form
    places: Places
    look: Look


@attrs.frozen
class Watch:
    """Options of ``watch``."""

    words: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    exit_status: bool
    logs: bool
    timeout: timedelta | None
    interval: timedelta
    form: Form
    places: Places
    look: Look


@attrs.frozen
class Wait:
    """Options of ``wait``."""

    words: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    stop_on_timeout: bool
    allow_partial: bool
    timeout: timedelta | None
    interval: timedelta
    form: Form
    places: Places
    look: Look


@attrs.frozen
class Start:
    """Options of ``start``."""

    words: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    args: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    key: str | None
    restart_failed: bool
    spark: str | None
    confs: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    role: str | None
    name: str | None
    request: str | None
    wait: bool
    logs: bool
    timeout: timedelta | None
    interval: timedelta
    places: Places
    look: Look


@attrs.frozen
class Stop:
    """Options of ``stop``."""

    words: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    places: Places
    look: Look


@attrs.frozen
class Logs:
    """Options of ``logs``."""

    words: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    last_failed: bool
    follow: bool
    attempt: int | Literal["all"] | None
    sources: tuple[Source, ...]
    tail: int | None
    since: When | None
    where: bool
    form: Form
    places: Places
    look: Look


@attrs.frozen
class Timeline:
    """Options of ``timeline``."""

    words: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    filters: Filters
    svg: str | None
    store: str | None
    places: Places
    look: Look


@attrs.frozen
class Report:
    """Options of ``report``."""

    words: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    filters: Filters
    html: str
    title: str
    prices: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    store: str | None
    places: Places
    look: Look


@attrs.frozen
class Cost:
    """Options of ``cost``."""

    words: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    filters: Filters
    prices: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    by: tuple[str, ...]
    store: str | None
    form: Form
    places: Places
    look: Look


@attrs.frozen
class Export:
    """Options of ``export``."""

    words: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    filters: Filters
    full: bool
    native: bool
    include_secrets: bool
    store: str | None
    places: Places
    look: Look


@attrs.frozen
class Sync:
    """Options of ``sync``."""

    words: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    since: When | None
    full: bool
    attempts: bool
    places: Places
    look: Look


@attrs.frozen
class Url:
    """Options of ``url``."""

    words: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    last_failed: bool
    places: Places
    look: Look


@attrs.frozen
class Completion:
    """Options of ``completion``."""

    shell: str
    look: Look


KINDS: dict[str, type[Any]] = {
    kind.__name__.lower(): kind
    for kind in (
        Jobs,
        Ls,
        Show,
        Attempts,
        Watch,
        Wait,
        Start,
        Stop,
        Logs,
        Timeline,
        Report,
        Cost,
        Export,
        Sync,
        Url,
        Completion,
    )
}
"""The class of each command's options, by the command's name."""


def options_of(kind: type[T], given: Namespace) -> T:
    """Return the options of a class that argparse has read."""
    return kind(**{field.name: _member(field, given) for field in attrs.fields(cast("Any", kind))})


def _member(field: "attrs.Attribute[Any]", given: Namespace) -> object:
    if field.name != "form" or field.type is Form:
        nested = field.type
        if isinstance(nested, type) and attrs.has(nested):
            return options_of(nested, given)
    return getattr(given, field.name)
