"""Tasks: the driver makes them, a worker reads one."""

from collections.abc import Generator, Iterator

import attrs
import pyarrow as pa

from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.spark.access import Access
from jobruns_sdk.spark.options import ReadOptions
from jobruns_sdk.spark.patterns import discovered, lines_of, parsed, placed
from jobruns_sdk.spark.planning import Share, plan
from jobruns_sdk.spark.read import scan, skipped
from jobruns_sdk.spark.worker import worker


@attrs.frozen
class Task:
    """The part of the work that one task does. It travels in Spark's plan, and holds no secret.

    Attributes:
        share: The jobs, and what part of their quotas.
        access: How to reach AWS.
    """

    share: Share
    access: Access


@attrs.frozen
class Jobs:
    """The jobs to read, by reference, and how to reach them."""

    refs: list[JobRef]
    access: Access


def jobs_of(options: ReadOptions, *, skip: bool = False, must_match: bool = False) -> Jobs:
    """Return the jobs that are meant; those that are patterns are discovered now (ListApplications, ListJobs).

    Args:
        options: The options of the read.
        skip: Whether a place where no jobs can be listed is left out.
        must_match: Whether a pattern that no job matches is refused, where there are jobs that it could.

    Raises:
        InvalidRequestError: A job is malformed, a file cannot be read, or a pattern is to match and does not.
        JobRunsError: A listing failed.
    """
    entries = options.access.entries()
    named = (*options.jobs, *(parsed(line, entries) for line in lines_of(options.jobs_files)))
    wanted = placed(named, options.regions, options.profiles)
    access = options.access.naming(job.profile for job in wanted)
    client = worker().client(access, 1)
    refs = worker().bridge.run(discovered(client, wanted, skip=skipped if skip else None, must_match=must_match))
    return Jobs(refs, access)


def tasks_of(jobs: Jobs, options: ReadOptions) -> list[Task]:
    """Divide jobs into tasks."""
    return [Task(share, jobs.access) for share in plan(jobs.refs, options.tasks, jobs.access)]


def read_part(part: Task | None, options: ReadOptions) -> Iterator[pa.RecordBatch]:
    """Read a part in this process; None is the part of a read that has none.

    Raises:
        JobRunsError: While iterating: a job cannot be read, unless such jobs are skipped.
    """
    return iter(()) if part is None else _read(part, options)


def _read(task: Task, options: ReadOptions) -> Generator[pa.RecordBatch]:
    client = worker().client(task.access, task.share.parts)
    batches = worker().bridge.iterate(scan(client, task.share, options), ahead=1)
    try:
        yield from batches
    finally:
        batches.close()
