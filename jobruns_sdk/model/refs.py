"""The names of jobs and runs, and their text form."""

import re
from collections.abc import AsyncIterable, Collection, Iterable, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Any, ClassVar, Final, Protocol, Self, TypeAlias, TypeVar, cast
from urllib.parse import quote, unquote

import attrs

from jobruns_sdk.checks import Rule, check_text, is_text, items_of, optional, refusal, shown, validated
from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.hints import HintedEnum


class Service(StrEnum, metaclass=HintedEnum):
    """The services that this package ships an adapter for."""

    EMR_SERVERLESS = "emr-serverless"
    DATAZONE = "datazone"
    GLUE = "glue"


# Which names say which job it is; a service that is not listed may use any number.
_PATHS: Final[Mapping[str, tuple[str, ...]]] = {
    Service.EMR_SERVERLESS: ("an application id",),
    Service.DATAZONE: ("a domain id", "a job id"),
    Service.GLUE: ("a job name",),
}

SERVICE_IDS: Final[Mapping[str, str]] = {
    Service.EMR_SERVERLESS: "EMR Serverless",
    Service.DATAZONE: "DataZone",
    Service.GLUE: "Glue",
}
"""The names that AWS's own SDKs have for the services, as traces show them."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")

# See https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsglue.html#awsglue-resources-for-iam-policies
# and list_amazonemrserverless.html there.
_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:(?P<service>glue|emr-serverless):(?P<region>[a-z0-9-]+):\d{12}:(?P<resource>.+)", re.DOTALL
)
_RESOURCES: Final[Mapping[str, re.Pattern[str]]] = {
    Service.GLUE: re.compile(r"job/(.+)", re.DOTALL),
    Service.EMR_SERVERLESS: re.compile(r"/applications/([^/]+)(?:/jobruns/([^/]+))?"),
}

_REGION: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_R = TypeVar("_R", "JobRef", "RunRef")


def _known_service(name: str) -> str:
    if not _is_name(name):
        raise refusal("a service's name", "made of letters, digits, '-' and '_'", name)
    return Service(name) if name in _PATHS else name


def _names(path: Iterable[str] | str) -> tuple[str, ...]:
    return (path,) if isinstance(path, str) else tuple(items_of("a job's path", path, "names"))


def _is_name(name: object) -> bool:
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def _none_first(value: str | None) -> str:
    return value or ""


def check_name(what: str, name: object, pattern: re.Pattern[str]) -> None:
    """Refuse a name that is not of a service's form; such a name might read as something else in a path.

    Raises:
        InvalidRequestError: It is not a string of that form.
    """
    if not isinstance(name, str) or not pattern.fullmatch(name):
        raise InvalidRequestError(f"{what} must have the form {pattern.pattern}, got {shown(name)}")


def name_like(pattern: re.Pattern[str], right: str) -> Rule:
    """Return the rule that a name is of a service's form, which it tells in those words."""
    return Rule(right, lambda name: isinstance(name, str) and pattern.fullmatch(name) is not None)


def _check_path(ref: "JobRef", _: object, path: tuple[str, ...]) -> None:
    named = _PATHS.get(ref.service, ("a name",) * len(path) or ("a name",))
    if len(path) != len(named) or not all(map(is_text, path)):
        raise InvalidRequestError(f"a job of {ref.service} is named by {' and '.join(named)}, got {path!r:.99}")


def check_region(region: object) -> None:
    """Refuse an invalid region name, since it becomes a part of a host name.

    Raises:
        InvalidRequestError: It is neither None nor such a name.
    """
    if region is not None and (not isinstance(region, str) or not _REGION.fullmatch(region)):
        raise refusal("a region", "made of up to 63 letters, digits and '-', such as 'eu-west-1'", region)


_NAME_OR_NONE: Final = validated(optional(check_text))


def _check_profile(_: object, __: object, profile: str | None) -> None:
    if profile is not None and not is_text(profile):
        raise refusal("a profile", "a non-empty string", profile)


def _without_service(what: str, text: str) -> str:
    if what == "job":
        return f"it names no service; a Glue job of that name is {'glue:' + quote(text, '', errors='replace')!r:.200}"
    glue = text if "/" in text else f"JOB/{text}"
    return f"it names no service; a run of Glue is {'glue:' + glue!r:.200}, and start() returns such a reference"


def _split_text(what: str, text: object, services: Collection[str]) -> tuple[str, tuple[str, ...], dict[str, str]]:
    if not isinstance(text, str):
        raise InvalidRequestError(f"expected a string, got {type(text).__name__}")
    service, colon, rest = text.partition(":")
    if not colon:
        raise InvalidRequestError(_without_service(what, text))
    path, _, query = rest.partition("?")
    options: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        options[name] = unquote(value)
    known = (*_PATHS, *items_of("services", services, "names of services"))
    if service not in known:
        raise InvalidRequestError(f"unknown service {service!r:.80}, known are {', '.join(map(str, known))}")
    names = tuple(map(unquote, path.split("/")))
    more = len(names) - len(_PATHS[service]) if service in _PATHS else None
    # The mistakes that are made: a run's reference where a job's is wanted, and the other way round.
    if (what, more) == ("job", 1):
        raise InvalidRequestError("it names a run of a job")
    if (what, more) == ("run", 0):
        raise InvalidRequestError("it names a job, and no run of it")
    return service, names, options


def _names_in_arn(what: str, text: str) -> tuple[str, tuple[str, ...], str]:
    """Return service, names and region of an ARN; its account is told by the credentials that are used."""
    found = _ARN.fullmatch(text)
    resource = None if found is None else _RESOURCES[found["service"]].fullmatch(found["resource"])
    if found is None or resource is None:
        raise InvalidRequestError("known are ARNs of Glue jobs and of EMR Serverless applications and runs")
    names = tuple(name for name in resource.groups() if name is not None)
    is_run = len(names) > len(_PATHS[found["service"]])
    if is_run is not (what == "run"):
        raise InvalidRequestError("it names a run of a job" if is_run else "it names a job, and no run of it")
    return found["service"], names, found["region"]


def _from_arn(kind: "type[_R]", text: str) -> "_R":
    what, _ = kind.named
    try:
        return kind.of_names(*_names_in_arn(what, text), None)
    except InvalidRequestError as error:
        raise InvalidRequestError(f"{text!r:.200} is not the ARN of a {what}: {error}") from error


def _text_form(job: "JobRef", names: tuple[str, ...]) -> str:
    options = {"region": job.region, "profile": job.profile}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in options.items() if value is not None)
    return f"{job.service}:{'/'.join(quote(name, safe='') for name in names)}" + (f"?{query}" if query else "")


def _parsed(kind: "type[_R]", text: object, services: Collection[str]) -> "_R":
    """Read a reference from its text form, or an ARN: of the former only exactly what ``str()`` gives for it is taken.

    Otherwise two strings would name one run, and a program that compares or stores them would take it for two.
    """
    if isinstance(text, str) and text.startswith("arn:") and "arn" not in services:
        return _from_arn(kind, text)
    what, form = kind.named
    expected = f"{form}[?region=REGION&profile=PROFILE], names percent-encoded"
    try:
        service, names, options = _split_text(what, text, services)
        ref = kind.of_names(service, names, options.get("region"), options.get("profile"))
    except InvalidRequestError as error:
        raise InvalidRequestError(f"{text!r:.200} is not the text form of a {what} ({expected}): {error}") from error
    if str(ref) != text:
        raise InvalidRequestError(f"{text!r:.200} is not the text form of a {what} ({expected})")
    return ref


def _as_text_in_pydantic(kind: "type[JobRef | RunRef]") -> dict[str, object]:
    # Of plain dicts, as pydantic_core.core_schema makes them: pydantic need not be installed.
    read = {"type": "function-plain", "function": {"type": "no-info", "function": kind.parse}}
    text = {"type": "chain", "steps": [{"type": "str"}, read]}
    return {
        "type": "json-or-python",
        "json_schema": text,
        "python_schema": {"type": "union", "choices": [{"type": "is-instance", "cls": kind}, text]},
        "serialization": {"type": "to-string"},
    }


@attrs.frozen(order=True, repr=False)
class JobRef:
    """The name of a job: an EMR Serverless application, a DataZone job or a Glue job, and where it lives.

    Attributes:
        service: A ``Service``, or the name of a custom adapter.
        path: The names that say which one: ``(application_id,)``, ``(domain_id, job_id)`` or ``(job_name,)``.
        region: The AWS region, or None until a client completes it.
        profile: The name of one of the client's ``sessions``, or None for its default session.
        job_name: The name that people know the job by, where that is known: of a ``Job``, and of a Glue job, whose path
            it is. It takes no part in equality, order, hash or the text form.

    Raises:
        InvalidRequestError: The path has not the number of names that the service needs, or a name is malformed.
    """

    named: ClassVar[tuple[str, str]] = ("job", "SERVICE:JOB")

    service: str = attrs.field(converter=_known_service)
    path: tuple[str, ...] = attrs.field(converter=_names, validator=_check_path)
    region: str | None = attrs.field(default=None, validator=lambda _, __, name: check_region(name), order=_none_first)
    profile: str | None = attrs.field(default=None, validator=_check_profile, order=_none_first)
    job_name: str | None = attrs.field(default=None, eq=False, kw_only=True, validator=_NAME_OR_NONE)

    def __attrs_post_init__(self) -> None:
        """Know a Glue job by its name, though another one's reference was evolved."""
        if self.service == Service.GLUE:
            object.__setattr__(self, "job_name", self.path[0])

    def sibling(self, *path: str) -> Self:
        """Return the reference of another job of the same service, region and profile."""
        return attrs.evolve(self, path=path, job_name=None)

    def run(self, run_id: str) -> "RunRef":
        """Return the reference of one run of this job."""
        return RunRef(self, run_id)

    def __str__(self) -> str:
        """Return the text form, which ``parse`` reads back."""
        return _text_form(self, self.path)

    def __repr__(self) -> str:
        return f"<JobRef {self}>"

    @classmethod
    def parse(cls, text: str, *, services: Collection[str] = ()) -> "JobRef":
        """Read ``SERVICE:JOB[?region=...&profile=...]``, or the ARN of a Glue job or an EMR Serverless application.

        Args:
            text: The text form.
            services: Names of custom adapters; a client knows those it was given.

        Raises:
            InvalidRequestError: The string is not exactly what ``str()`` of a reference would give.
        """
        return _parsed(cls, text, services)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> dict[str, object]:
        """Let models of pydantic hold references, as strings in JSON; pydantic calls this."""
        return _as_text_in_pydantic(cls)

    @classmethod
    def of_names(cls, service: str, names: tuple[str, ...], region: str | None, profile: str | None) -> "JobRef":
        """Return the reference that those names make, in the order of the text form."""
        return cls(service, names, region, profile)


def _check_job(job: object) -> None:
    if not isinstance(job, JobRef):
        raise refusal("a run's job", "a JobRef, as JobRef.parse() makes of a string", job)


# Not slotted, and checked at once: made in 0.6 us instead of 1.0, for every run whose reference is asked for.
@attrs.frozen(order=True, repr=False, slots=False)
class RunRef:
    """The name of a run.

    Attributes:
        job: The job that it is a run of.
        run_id: The service's id of the run.
    """

    named: ClassVar[tuple[str, str]] = ("run", "SERVICE:JOB/RUN")

    job: JobRef
    run_id: str

    def __attrs_post_init__(self) -> None:
        """Refuse an invalid reference or id."""
        _check_job(self.job)
        if not is_text(self.run_id):
            raise refusal("a run id", "a non-empty string", self.run_id)

    def __str__(self) -> str:
        """Return the text form, which ``parse`` reads back."""
        return _text_form(self.job, (*self.job.path, self.run_id))

    def __repr__(self) -> str:
        return f"<RunRef {self}>"

    @classmethod
    def parse(cls, text: str, *, services: Collection[str] = ()) -> "RunRef":
        """Read ``SERVICE:JOB/RUN[?region=...&profile=...]``, or the ARN of a run of EMR Serverless.

        Args:
            text: The text form.
            services: Names of custom adapters; a client knows those it was given.

        Raises:
            InvalidRequestError: The string is not exactly what ``str()`` of a reference would give.
        """
        return _parsed(cls, text, services)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> dict[str, object]:
        """Let models of pydantic hold references, as strings in JSON; pydantic calls this."""
        return _as_text_in_pydantic(cls)

    @classmethod
    def of_names(cls, service: str, names: tuple[str, ...], region: str | None, profile: str | None) -> "RunRef":
        """Return the reference that those names make, in the order of the text form."""
        return cls(JobRef(service, names[:-1], region, profile), names[-1])


def is_text_form(text: str) -> bool:
    """True if a string is exactly the text form of a job, or of a run."""
    for parse in (JobRef.parse, RunRef.parse):
        with suppress(InvalidRequestError):
            return bool(parse(text))
    return False


class Referring(Protocol):
    """Any object with the reference of a job: a handle, or a discovered ``Job``."""

    @property
    def ref(self) -> JobRef:
        """The job's reference."""
        ...


JobLike: TypeAlias = JobRef | str | Referring
"""A job by its reference, its text form, its handle, or as it was discovered."""


class ReferringToRun(Protocol):
    """Any object with the reference of a run: a ``JobRun``, or a ``StopOutcome``."""

    @property
    def ref(self) -> RunRef:
        """The run's reference."""
        ...


RunLike: TypeAlias = RunRef | str | ReferringToRun
"""A run by its reference, its text form, or as it was listed."""

Runs: TypeAlias = RunLike | Iterable[RunLike] | AsyncIterable[RunLike]
"""One run, or several in a collection, or as they come: the pages of a list call, too."""


def ref_of(kind: "type[_R]", named: object, services: Collection[str] = ()) -> "_R":
    """Return the reference of a job (``JobRef``) or a run (``RunRef``), however it is named.

    Args:
        kind: The class of the reference.
        named: A ``JobLike`` or a ``RunLike``.
        services: Services that a text form may name besides the built-in ones.

    Raises:
        InvalidRequestError: It is a string but not a text form, or an object without such a reference.
    """
    if isinstance(named, str):
        return kind.parse(named, services=services)
    ref: object = named if isinstance(named, kind) else getattr(named, "ref", None)
    if not isinstance(ref, kind):
        refused = refusal(f"a {kind.named[0]}", _NAMED_BY[kind], named)
        if isinstance(named, RunRef) or isinstance(ref, RunRef):
            job = "job" if hasattr(named, "job") else "ref.job"
            raise InvalidRequestError(f"{refused.message}, which names a run: give its .{job}")
        raise refused
    return ref


_NAMED_BY: Final[Mapping[type, str]] = {
    JobRef: "given by its reference, its text form, its handle or as a Job",
    RunRef: "given by its reference, its text form or as a JobRun",
}


def each_of(name: str, given: object, what: str) -> list[Any]:
    """Return what is named one by one, or in a collection.

    Raises:
        InvalidRequestError: It is neither.
    """
    one = given if isinstance(given, (str, JobRef, RunRef)) else getattr(given, "ref", None)
    return [given] if isinstance(one, (str, JobRef, RunRef)) else items_of(name, cast("Iterable[Any]", given), what)
