"""The jobs of a read: by reference, by pattern, or all of a service, in whatever regions and accounts."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from glob import escape
from itertools import product
from pathlib import Path
from urllib.parse import unquote

import attrs

from jobruns_sdk.client import JobRunsClient
from jobruns_sdk.errors import InvalidRequestError, JobRunsError
from jobruns_sdk.loop.tasks import concurrently
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.reports import SourceError
from jobruns_sdk.services.registry import ENTRIES, Entry


def discovered_services(entries: Mapping[str, Entry]) -> tuple[str, ...]:
    """Return the services whose jobs can be listed, and so be found by a pattern."""
    return tuple(str(service) for service, entry in entries.items() if entry.jobs is not None)


@attrs.frozen
class JobPattern:
    """Jobs to be discovered by name.

    Attributes:
        service: A service whose jobs can be listed.
        name: A pattern of names as ``JobRunsClient.jobs`` takes it.
        region: Where to look, None for where the jobs that name no region are.
        profile: Whose jobs, None for those of the jobs that name no profile.
    """

    service: str
    name: str
    region: str | None = None
    profile: str | None = None


def parsed(text: str, entries: Mapping[str, Entry] = ENTRIES) -> JobRef | JobPattern:
    """Read the text form of a job, or a pattern: the same with ``*`` in its name, such as ``glue:nightly-*``.

    Raises:
        InvalidRequestError: It is neither.
    """
    head, _, query = text.partition("?")
    service, _, name = head.partition(":")
    if "*" not in name:
        return JobRef.parse(text, services=entries)
    known = discovered_services(entries)
    if service not in known or "/" in name:
        raise InvalidRequestError(
            f"{text!r}: only jobs of {' and '.join(known)} can be found by a pattern, name the others"
        )
    # What stands for itself in a reference stands for itself in the pattern, percent-encoded or not.
    pattern = "*".join(escape(unquote(part)) for part in name.split("*"))
    names = "/".join("x" * len(entries[service].names or "x"))
    place = JobRef.parse(f"{service}:{names}" + (f"?{query}" if query else ""), services=entries)
    return JobPattern(service, pattern, place.region, place.profile)


def lines_of(paths: Iterable[str]) -> Iterator[str]:
    """Yield the jobs that files name, one a line; what follows ``#`` is left out.

    Raises:
        InvalidRequestError: A file cannot be read.
    """
    for path in paths:
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidRequestError(
                f"option jobsFile: {path!r} is to be a file on the driver's machine, with a job a line: {error}"
            ) from error
        yield from filter(None, (line.partition("#")[0].strip() for line in lines))


def placed(
    jobs: Iterable[JobRef | JobPattern], regions: tuple[str, ...], profiles: tuple[str, ...]
) -> list[JobRef | JobPattern]:
    """Return the jobs in each of the regions and accounts, unless they name their own."""
    places = [
        attrs.evolve(job, region=region, profile=profile)
        for job in jobs
        for region, profile in product(
            (regions or (None,)) if job.region is None else (job.region,),
            (profiles or (None,)) if job.profile is None else (job.profile,),
        )
    ]
    return list(dict.fromkeys(places))


async def discovered(
    client: JobRunsClient,
    jobs: Iterable[JobRef | JobPattern],
    *,
    skip: Callable[[SourceError], object] | None,
    must_match: bool = False,
) -> list[JobRef]:
    """Return the references of jobs, each once and with its region; patterns are looked up, all at once.

    Args:
        client: The client to look with.
        jobs: Jobs and patterns.
        skip: Told of a place where no jobs can be listed, which is left out; None to raise.
        must_match: Whether a pattern that no job matches is refused, where there are jobs that it could.

    Raises:
        InvalidRequestError: There are jobs, and a pattern matches none of them.
        JobRunsError: A listing failed (ListApplications, ListJobs).
    """
    matched: dict[tuple[str, str], bool] = {}

    async def found(job: JobRef | JobPattern) -> list[JobRef]:
        if isinstance(job, JobRef):
            return [client.handle(job).ref]
        pages = client.jobs(job.service, name=job.name, region_name=job.region, profile=job.profile)
        try:
            async with pages.open() as walk:
                refs = [one.ref async for one in walk]
                if refs or any(source.rows for source in walk.report.sources):
                    matched[job.service, job.name] = bool(refs) or matched.get((job.service, job.name), False)
        except JobRunsError as error:
            if skip is None:
                raise
            skip(SourceError(JobRef(job.service, (job.name,), job.region, job.profile), error))
            return []
        return refs

    groups = await concurrently(map(found, jobs))
    if must_match and (missed := sorted(f"{service}:{name}" for (service, name), any_ in matched.items() if not any_)):
        raise InvalidRequestError(
            f"no job is called {' or '.join(missed)}, and there are others: is it misspelt? onError=skip reads the rest"
        )
    return list(dict.fromkeys(ref for group in groups for ref in group))
