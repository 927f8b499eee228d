"""The options of ``spark.read.format("jobruns")``, read and checked once, on the driver."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import partial
from typing import Any, Final, Literal, cast

import attrs

from jobruns_sdk.costs import PriceTable
from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.states import RunState
from jobruns_sdk.services.registry import ENTRIES, Entry, quotas_of
from jobruns_sdk.spark import option_texts as reading
from jobruns_sdk.spark.access import Access, Role, table_of
from jobruns_sdk.spark.patterns import JobPattern, discovered_services, parsed

_READERS: Final[Mapping[str, Callable[[str], object]]] = {
    "table": reading.one_of("runs", "attempts"),
    "jobs": reading.texts,
    "jobsFile": reading.paths,
    "services": reading.texts,
    "adapters": reading.adapters,
    "regions": reading.texts,
    "profiles": reading.texts,
    "roles": reading.roles,
    "externalIds": reading.pairs,
    "states": reading.states,
    "nativeStates": reading.names,
    "createdAfter": reading.moment,
    "createdBefore": reading.moment,
    "endedAfter": reading.moment,
    "endedBefore": reading.moment,
    "activeAfter": reading.moment,
    "reach": reading.some_time,
    "hydrate": reading.boolean,
    "native": reading.boolean,
    "prices": reading.prices,
    "onError": reading.one_of("raise", "skip"),
    "tasks": reading.count,
    "quotas": reading.texts,
    "shareQuotas": reading.shares,
    "endpoint": reading.endpoint,
    "allowInsecureEndpoint": reading.boolean,
    "maxAttempts": reading.count,
    "callTimeout": reading.seconds,
    "batchRows": reading.count,
    "lag": reading.duration,
    "pollInterval": reading.duration,
    "retryGrace": reading.duration,
    "limitOpen": reading.count,
    "onMissing": reading.one_of("raise", "skip"),
}
_FIELDS: Final[Mapping[str, str]] = {
    "table": "table",
    "jobsFile": "jobs_files",
    "regions": "regions",
    "profiles": "profiles",
    "states": "states",
    "nativeStates": "native_states",
    "createdAfter": "created_after",
    "createdBefore": "created_before",
    "endedAfter": "ended_after",
    "endedBefore": "ended_before",
    "activeAfter": "active_after",
    "reach": "reach",
    "hydrate": "hydrate",
    "native": "native",
    "prices": "prices",
    "onError": "on_error",
    "tasks": "tasks",
    "batchRows": "batch_rows",
    "lag": "lag",
    "pollInterval": "poll_interval",
    "retryGrace": "retry_grace",
    "limitOpen": "limit_open",
    "onMissing": "on_missing",
}
_ACCESS_FIELDS: Final[Mapping[str, str]] = {
    "quotas": "quotas",
    "shareQuotas": "share_quotas",
    "endpoint": "endpoint",
    "allowInsecureEndpoint": "allow_insecure_endpoint",
    "maxAttempts": "max_attempts",
    "callTimeout": "call_timeout",
    "adapters": "adapters",
}
_ALSO: Final = {"region": "regions", "profile": "profiles", "endpointUrl": "endpoint"}  # as the client's arguments
_NAMES: Final = {name.lower(): name for name in _READERS}  # Spark hands over the names of options in small letters
_TAKEN: Final = _NAMES | {name.lower(): _NAMES[meant] for name, meant in _ALSO.items()}
_UNSHOWN: Final = frozenset({"endpoint"})
_STREAM_ONLY: Final = ("lag", "pollInterval", "retryGrace", "limitOpen", "onMissing")
_ENDS: Final = ("endedAfter", "endedBefore", "activeAfter")
_BATCH_ONLY: Final = ("createdBefore", *_ENDS, "reach", "native", "prices")
_SECRET: Final = re.compile(r"secret|passw|token|credential|access_?key")


@attrs.frozen(kw_only=True)
class ReadOptions:
    """The options of a read. Nothing in it is a secret: it travels in plans.

    Attributes:
        given: The names of the options that were given.
        table: Whether runs are read, or their attempts.
        jobs: The jobs that were named, and patterns of those to be discovered.
        jobs_files: Files on the driver's machine with more of them.
        regions: Where the jobs are that name no region.
        profiles: Whose the jobs are that name no profile.
        states: The states of runs that are wanted, None for all.
        native_states: The same in the services' own words.
        created_after: Runs created then or later; where a stream begins.
        created_before: Runs created before that.
        ended_after: Runs that ended then or later.
        ended_before: Runs that ended before that.
        active_after: Runs that ended then or later, or have not ended.
        reach: How far back by creation runs are read for those three; None for the client's own default.
        hydrate: Whether the full run is got where the list tells less.
        native: Whether a column has the service's own structure as JSON, without what may hold secrets.
        prices: The prices for columns of costs.
        on_error: What to do about a job that cannot be read.
        tasks: Into how many tasks to divide the work; None for one each quota domain.
        batch_rows: How many rows a batch that is handed to Spark has.
        access: How to reach AWS.
        lag: How long after its time a run may come to its list, in a stream, on top of what is always allowed for.
        poll_interval: How often a stream looks.
        retry_grace: How long a stream follows a Glue run that has failed, for a retry.
        limit_open: The most runs of a job that a stream follows.
        on_missing: What to do where a batch is repeated and runs of it are not there any more.
    """

    given: frozenset[str] = frozenset()
    table: Literal["runs", "attempts"] = "runs"
    jobs: tuple[JobRef | JobPattern, ...] = ()
    jobs_files: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    states: frozenset[RunState] | None = None
    native_states: frozenset[str] | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    ended_after: datetime | None = None
    ended_before: datetime | None = None
    active_after: datetime | None = None
    reach: timedelta | None = None
    hydrate: bool = False
    native: bool = False
    prices: PriceTable | None = None
    on_error: Literal["raise", "skip"] = "raise"
    tasks: int | None = None
    batch_rows: int = 4096
    access: Access = attrs.field(factory=Access)
    lag: timedelta = timedelta(seconds=30)
    poll_interval: timedelta = timedelta(seconds=30)
    retry_grace: timedelta = timedelta(minutes=30)
    limit_open: int = 1000
    on_missing: Literal["raise", "skip"] = "raise"

    @property
    def discovers(self) -> bool:
        """True if jobs are discovered each time, so that some may be missing for once."""
        return any(isinstance(job, JobPattern) for job in self.jobs)

    def for_batch(self) -> "ReadOptions":
        """Return these options, for a read that ends.

        Raises:
            InvalidRequestError: One of them is for streams.
        """
        self._refuse(_STREAM_ONLY, "is for streams")
        return self

    def for_stream(self) -> "ReadOptions":
        """Return these options, for a stream.

        Raises:
            InvalidRequestError: One of them is not for streams.
        """
        self._refuse(_BATCH_ONLY, "is not for streams")
        if self.table != "runs":
            raise InvalidRequestError("option table: a stream is of runs; read the attempts of what it yields")
        return self

    def wants(self, state: str, native_state: str) -> bool:
        """True if a run in such a state is wanted."""
        return (self.states is None or state in self.states) and (
            self.native_states is None or native_state in self.native_states
        )

    def _refuse(self, names: tuple[str, ...], why: str) -> None:
        for name in names:
            if name in self.given:
                raise InvalidRequestError(f"option {name} {why}")


def read_options(options: Mapping[str, str]) -> ReadOptions:
    """Read options, whose names may be written in any case.

    Raises:
        InvalidRequestError: One is unknown, malformed, a secret or not for what is read, or no job is named.
    """
    known: dict[str, str] = {}
    for given, text in options.items():
        name, value = _known(given, text)
        if name in known:
            raise InvalidRequestError(f"option {name} is given twice, the second time as {given!r}")
        known[name] = value
    entries = _entries(known)
    # What these two may say depends on which services there are.
    readers: Mapping[str, Callable[[str], object]] = {
        **_READERS,
        "services": partial(reading.services, known=discovered_services(entries)),
        "quotas": partial(reading.quotas, entries=entries),
    }
    chosen: dict[str, Any] = {
        name: reading.read(name, readers[name], text, shown=name not in _UNSHOWN) for name, text in known.items()
    }
    values: dict[str, Any] = {_FIELDS[name]: value for name, value in chosen.items() if name in _FIELDS}
    values["given"] = frozenset(known)
    values["jobs"] = _jobs(chosen, entries)
    values["access"] = _access(chosen, entries)
    if not values["jobs"] and "jobsFile" not in known:
        raise InvalidRequestError("say which jobs: option jobs, jobsFile or services")
    for since, until in (("createdAfter", "createdBefore"), ("endedAfter", "endedBefore")):
        if {since, until} <= known.keys() and chosen[since] > chosen[until]:
            raise InvalidRequestError(f"option {since} is later than {until}: {known[since]!r} and {known[until]!r}")
    if "reach" in known and not known.keys() & {*_ENDS}:
        raise InvalidRequestError(f"option reach is for {', '.join(_ENDS)}: give one of them")
    if values.get("hydrate") and values.get("table") == "attempts":
        raise InvalidRequestError("option hydrate is for runs, and not for attempts")
    return ReadOptions(**values)


def _known(name: str, text: object) -> tuple[str, str]:
    if name.lower() in _TAKEN:
        if not isinstance(text, str):
            raise InvalidRequestError(f"option {_TAKEN[name.lower()]}: expected a string, got {type(text).__name__}")
        return _TAKEN[name.lower()], text
    if _SECRET.search(name.lower()):
        raise InvalidRequestError(
            f"option {name!r} is refused: Spark shows options in plans, logs and its UI. Credentials come from where "
            "AWS's own clients take them on each machine; roles assumes a role for a profile"
        )
    if name.lower() == "path":
        raise InvalidRequestError("load() takes no path: name the jobs by option jobs, or a file of them by jobsFile")
    near = get_close_matches(name.lower(), _NAMES, n=1)
    hint = f"did you mean {_NAMES[near[0]]}?" if near else f"known are {', '.join(_READERS)}"
    raise InvalidRequestError(f"unknown option {name!r}: {hint}")


def _entries(known: Mapping[str, str]) -> Mapping[str, Entry]:
    if "adapters" not in known:
        return ENTRIES
    paths = reading.read("adapters", reading.adapters, known["adapters"])
    try:
        return Access(adapters=paths).entries()
    except InvalidRequestError as error:
        raise InvalidRequestError(f"option adapters: {error.message.removeprefix('option adapters: ')}") from error


def _jobs(chosen: Mapping[str, Any], entries: Mapping[str, Entry]) -> tuple[JobRef | JobPattern, ...]:
    try:
        named = tuple(parsed(text, entries) for text in cast("tuple[str, ...]", chosen.get("jobs", ())))
    except InvalidRequestError as error:
        raise InvalidRequestError(f"option jobs: {error}") from error
    services = cast("tuple[str, ...]", chosen.get("services", ()))
    return (*named, *(JobPattern(service, "*") for service in services))


def _access(chosen: Mapping[str, Any], entries: Mapping[str, Entry]) -> Access:
    external_ids: dict[str, str] = dict(chosen.get("externalIds", {}))
    arns: dict[str, str] = chosen.get("roles", {})
    if strange := external_ids.keys() - arns.keys():
        raise InvalidRequestError(f"option externalIds: {', '.join(sorted(strange))} has no role in option roles")
    values: dict[str, Any] = {_ACCESS_FIELDS[name]: value for name, value in chosen.items() if name in _ACCESS_FIELDS}
    values["roles"] = tuple(Role(profile, arn, external_ids.get(profile)) for profile, arn in sorted(arns.items()))
    values.setdefault("quotas", table_of(quotas_of(entries)))
    return Access(**values)
