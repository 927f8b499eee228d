"""``jobruns jobs``: the jobs of services."""

from typing import TYPE_CHECKING, Any

from jobruns_sdk import Job, SourceError
from jobruns_sdk.cli.fields import JOBS
from jobruns_sdk.cli.options import Jobs
from jobruns_sdk.cli.output import Output
from jobruns_sdk.cli.services import opened_client
from jobruns_sdk.cli.terminal import Terminal
from jobruns_sdk.cli.wanted import told
from jobruns_sdk.cli.words import TAGGED, listed

if TYPE_CHECKING:
    from jobruns_sdk import JobRunsClient


async def run(options: Jobs, terminal: Terminal) -> int:
    """List jobs, and return the exit code."""
    services = [listed(name.rstrip(":")) for name in options.services]
    output = Output(JOBS, options.form, terminal)
    failures: list[SourceError] = []
    async with opened_client(options.places, []) as client:
        if options.tags:
            found = await _tagged(client, options)
        else:
            pages = client.discover(
                services=services or None,
                regions=options.places.regions or None,
                profiles=options.places.profiles or None,
                name=options.name,
                on_error=failures.append,
            )
            found = await pages.collect()
        for job in sorted(found, key=lambda job: (job.ref.service, job.name or "", job.ref)):
            output.put(job)
    output.end()
    return told(failures)


async def _tagged(client: "JobRunsClient", options: Jobs) -> list[Job[Any]]:
    """Return the jobs with those tags, of the service that lists its jobs by them."""
    return [
        job
        for region in options.places.regions or (None,)
        for profile in options.places.profiles or (None,)
        async for job in client.jobs(
            TAGGED, tags=dict(options.tags), name=options.name, region_name=region, profile=profile
        )
    ]
