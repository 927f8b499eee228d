"""The words that stand for jobs and runs on the command line."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import product
from typing import Final
from urllib.parse import quote, unquote

import attrs

from jobruns_sdk import InvalidRequestError, JobRef, RunRef, Service
from jobruns_sdk.cli.options import Places

ALIASES: Final[Mapping[str, str]] = {"emr": Service.EMR_SERVERLESS}
"""Services by the shorter names that the command line has for them."""

UNLISTED: Final = frozenset({Service.DATAZONE})
"""Services whose jobs are to be named."""

TAGGED: Final = Service.GLUE
"""The service that lists its jobs by their tags."""

_NAMES: Final[Mapping[str, int]] = {Service.GLUE: 1, Service.EMR_SERVERLESS: 1, Service.DATAZONE: 2}
_APPLICATION_ID: Final = 16  # characters, of which the first two are zeros
_LEAST: Final = 4  # characters of a run's id that say which it is
_GLUE: Final = "jr_"
_WHOLE: Final = {Service.GLUE: 64 + len(_GLUE), Service.EMR_SERVERLESS: 16}
"""The length of run ids, from which on they are not the beginning of another one."""


@attrs.frozen
class JobWord:
    """A word for jobs.

    Attributes:
        text: The word.
        service: The service.
        ref: The job that it names, without a place unless the word has one; None for several.
        pattern: The pattern of names of several jobs, None for all.
        name: The name of an application, which has to be looked up.
        region: The region, where the word has one.
        profile: The profile, where the word has one.
    """

    text: str
    service: str
    ref: JobRef | None = None
    pattern: str | None = None
    name: str | None = None
    region: str | None = None
    profile: str | None = None

    def refs(self, places: Places) -> list[JobRef]:
        """Return the job that it names in each place that is read."""
        if self.ref is None:
            return []
        return [attrs.evolve(self.ref, region=region, profile=profile) for region, profile in self.at(places)]

    def at(self, places: Places) -> list[tuple[str | None, str | None]]:
        """Return the regions and profiles that are meant; the word's own come first."""
        regions = (self.region,) if self.region else places.regions or (None,)
        profiles = (self.profile,) if self.profile else places.profiles or (None,)
        return list(product(regions, profiles))

    def matches(self, job: JobRef) -> bool:
        """True if it stands for a job, as far as its service and name go, and its place where it has one."""
        if job.service != self.service or self.region not in (None, job.region):
            return False
        if self.profile not in (None, job.profile):
            return False
        if self.ref is not None:
            return job.path == self.ref.path
        if self.name is not None:
            return self.name == job.job_name
        return self.pattern is None or fnmatchcase(job.job_name or "", self.pattern)


@attrs.frozen
class RunWord:
    """A word for one run.

    Attributes:
        text: The word.
        job: The job.
        run_id: The run's id, or its beginning; None for the newest run of the job.
    """

    text: str
    job: JobWord
    run_id: str | None

    @property
    def is_whole(self) -> bool:
        """True if the id is not the beginning of a longer one."""
        least = _WHOLE.get(Service(self.job.service), 0) if self.job.service in tuple(Service) else 0
        return self.run_id is not None and 0 < least <= len(self.run_id)


def listed(service: str) -> str:
    """Return the name of a service that can list its jobs, given by itself or by a shorter name.

    Raises:
        InvalidRequestError: It cannot list them.
    """
    name = ALIASES.get(service, service)
    if name in UNLISTED:
        raise InvalidRequestError(f"{name} cannot list its jobs: name them, as {name}:DOMAIN/JOB")
    return str(name)


def _split(text: str) -> tuple[str, str, str | None, str | None]:
    """Return the service of a word, what follows it, and the region and the profile that the word has."""
    service, colon, rest = text.partition(":")
    if not colon:
        hint = "glue" if not text else f"glue:{quote(text, safe='/*')}"
        raise InvalidRequestError(f"{text!r:.200} names no service: a Glue job of that name is {hint!r:.200}")
    rest, _, query = rest.partition("?")
    options: dict[str, str | None] = {"region": None, "profile": None}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        if name not in options or not value:
            raise InvalidRequestError(f"{text!r:.200}: behind ? comes region=REGION or profile=PROFILE")
        options[name] = unquote(value)
    service = str(ALIASES.get(service, service))
    if service not in _NAMES:
        known = ", ".join((*map(str, _NAMES), *ALIASES))
        raise InvalidRequestError(f"{text!r:.200}: unknown service {service!r:.80}, known are {known}")
    return service, rest, options["region"], options["profile"]


def _quoted(names: str) -> str:
    """Return names percent-encoded, unless they are so already."""
    return names if "%" in names else quote(names, safe="/")


def job_word(text: str) -> JobWord:
    """Read a word for jobs: ``glue:nightly-etl``, ``emr:analytics``, ``glue:nightly-*``, ``glue:``, or an ARN.

    Raises:
        InvalidRequestError: It is none.
    """
    if text.startswith("arn:"):
        ref = JobRef.parse(text)
        return JobWord(text, ref.service, ref, region=ref.region)
    service, names, region, profile = _split(text)
    if not names:
        return JobWord(text, service, region=region, profile=profile)
    if "*" in names or "[" in names:
        return JobWord(text, service, pattern=unquote(names), region=region, profile=profile)
    is_id = len(names) == _APPLICATION_ID and names.startswith("00")
    if text.startswith("emr:") and not is_id and "/" not in names:
        return JobWord(text, service, name=unquote(names), region=region, profile=profile)
    ref = JobRef.parse(f"{service}:{_quoted(names)}")
    return JobWord(text, service, ref, region=region, profile=profile)


def run_word(text: str) -> RunWord:
    """Read a word for a run: ``glue:nightly-etl/jr_0123``, or a job for its newest run.

    Raises:
        InvalidRequestError: It is none.
    """
    if text.startswith("arn:"):
        return _from_arn(text)
    service, names, _, _ = _split(text)
    parts = names.split("/")
    if len(parts) == _NAMES[service] + 1:
        head, question, query = text.partition("?")
        job, _, run_id = head.rpartition("/")
        least = _LEAST + len(_GLUE) * run_id.startswith(_GLUE)
        if len(run_id) < least:
            raise InvalidRequestError(f"{text!r:.200}: {least} characters of a run's id are needed at least")
        return RunWord(text, job_word(job + question + query), unquote(run_id))
    word = job_word(text)
    if word.ref is None and word.name is None:
        raise InvalidRequestError(f"{text!r:.200} stands for jobs: one run is wanted, or one job")
    return RunWord(text, word, None)


def _from_arn(text: str) -> RunWord:
    try:
        ref = RunRef.parse(text)
    except InvalidRequestError:
        return RunWord(text, job_word(text), None)
    return RunWord(text, JobWord(text, ref.job.service, ref.job, region=ref.job.region), ref.run_id)


def is_run(text: str) -> bool:
    """True if a word names a run by its id, or the beginning of one."""
    return run_word(text).run_id is not None if not _is_many(text) else False


def _is_many(text: str) -> bool:
    word = None if text.startswith("arn:") else _split(text)
    return word is not None and (not word[1] or "*" in word[1] or "[" in word[1])


def profiles_of(words: Sequence[JobWord], places: Places) -> set[str]:
    """Return the profiles that words and options name."""
    return {*places.profiles, *(word.profile for word in words if word.profile)}


def words_in(words: Sequence[str], standard_input: Iterable[str]) -> list[str]:
    """Return words, with the lines of standard input in the place of ``-``."""
    lines = [line.strip() for line in standard_input] if "-" in words else []
    given = [one for word in words for one in (lines if word == "-" else [word])]
    return list(dict.fromkeys(filter(None, given)))
