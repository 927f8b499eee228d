"""Which Glue jobs there are."""

from collections.abc import Mapping
from typing import Final

from jobruns_sdk.checks import page_size_of, pairs_of
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import Job
from jobruns_sdk.paging.lists import job_pages
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.services.glue import native
from jobruns_sdk.services.glue.listing import JobListing
from jobruns_sdk.transport.operation import Call

_LARGEST_PAGE: Final = 1000


def jobs(
    call: Call,
    place: JobRef,
    *,
    name: str | None,
    tags: Mapping[str, str] | None,
    limit: int | None,
    page_size: int | None,
    cursor: str | None,
) -> Pages[Job[native.Job]]:
    """Return the jobs of a region (ListJobs); see ``JobRunsClient.jobs``."""
    rows = page_size_of(page_size, _LARGEST_PAGE)
    tags = pairs_of("tags", tags)
    said = sorted(tags.items())
    return job_pages(
        place,
        lambda: JobListing(call, place, tags=tags, page_size=rows),
        name=name,
        said=said,
        limit=limit,
        cursor=cursor,
    )
