"""Short names for people: of jobs, of runs, of spans of time."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Final

from jobruns_sdk.checks import check_text, mapping_of
from jobruns_sdk.model.refs import JobRef, ref_of

_LEAST_ID: Final = 6  # characters of a run's id behind its prefix
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400  # seconds


def job_labels(jobs: Iterable[JobRef], names: Mapping[JobRef, str] | None = None) -> dict[JobRef, str]:
    """Return a name for each job, unique among them.

    It is the name that people know the job by, or else the last part of its reference. Jobs of one name are told apart
    by what differs between them: service, region, profile or id.

    Args:
        jobs: The jobs.
        names: Names that take precedence.
    """
    given = names or {}
    groups: dict[str, list[JobRef]] = defaultdict(list)
    for job in dict.fromkeys(jobs):
        groups[given.get(job) or job.job_name or job.path[-1]].append(job)
    return {
        job: f"{label} ({', '.join(parts)})" if parts else label
        for label, alike in groups.items()
        for job, parts in zip(alike, _differences(alike), strict=True)
    }


def _differences(jobs: list[JobRef]) -> Iterator[list[str]]:
    rows = [(str(job.service), "/".join(job.path), job.region or "", job.profile or "") for job in jobs]
    differs = [len(set(column)) > 1 for column in zip(*rows, strict=True)]
    for row in rows:
        yield [part for part, apart in zip(row, differs, strict=True) if apart and part]


def names_of(jobs: Iterable[JobRef], names: object) -> dict[JobRef, str]:
    """Return the names that a caller gave, for the jobs that they are meant for.

    A name of a reference without a region or a profile is that of the job in each of them.

    Raises:
        InvalidRequestError: They are not a mapping of jobs to strings.
    """
    found: dict[JobRef, str] = {}
    wanted = list(dict.fromkeys(jobs))
    for named, name in mapping_of("names", "a mapping of jobs to names", names):
        ref = ref_of(JobRef, named)
        check_text(f"names[{str(ref)!r}]", name)
        for job in wanted:
            if (job.service, job.path) == (ref.service, ref.path) and (
                ref.region in {None, job.region} and ref.profile in {None, job.profile}
            ):
                found[job] = str(name)
    return found


def short_ids(ids: Iterable[str]) -> dict[str, str]:
    """Return the shortest beginning of each id that no other of them has, of at least a few characters."""
    whole = sorted(set(ids))
    shared = [_shared(before, after) for before, after in pairwise(whole)]
    return {
        name: name[: max(_LEAST_ID + _prefix(name), max(left, right) + 1)]
        for name, left, right in zip(whole, [0, *shared], [*shared, 0], strict=True)
    }


def _shared(one: str, other: str) -> int:
    """Return how many characters two ids begin with alike."""
    return next(
        (at for at, (left, right) in enumerate(zip(one, other, strict=False)) if left != right),
        min(len(one), len(other)),
    )


def _prefix(name: str) -> int:
    """Return how long the part is that the ids of all runs begin with, such as ``jr_``."""
    return len("jr_") if name.startswith("jr_") else 0


def span(length: timedelta) -> str:
    """Return a span of time in two units at most, such as ``2h 25m``, cut and not rounded."""
    seconds = int(length.total_seconds())
    if seconds < _MINUTE:
        return f"{seconds}s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE}m {seconds % _MINUTE:02}s"
    if seconds < _DAY:
        return f"{seconds // _HOUR}h {seconds % _HOUR // _MINUTE:02}m"
    return f"{seconds // _DAY}d {seconds % _DAY // _HOUR}h"
