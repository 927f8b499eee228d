"""Which EMR Serverless applications there are."""

from collections.abc import Iterable
from typing import Final

from jobruns_sdk.checks import items_of, page_size_of
from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import Job
from jobruns_sdk.paging.lists import job_pages
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.services.emr_serverless import native
from jobruns_sdk.services.emr_serverless.listing import ApplicationListing
from jobruns_sdk.transport.operation import Call

_LARGEST_PAGE: Final = 50

APPLICATION_STATES: Final = ("CREATING", "CREATED", "STARTING", "STARTED", "STOPPING", "STOPPED", "TERMINATED")


def jobs(
    call: Call,
    place: JobRef,
    *,
    name: str | None,
    states: Iterable[str] | None,
    limit: int | None,
    page_size: int | None,
    cursor: str | None,
) -> Pages[Job[native.ApplicationSummary]]:
    """Return the applications of a region (ListApplications); see ``JobRunsClient.jobs``.

    Raises:
        InvalidRequestError: An application has no such state.
    """
    wanted = [] if states is None else items_of("states", states, "states of applications, such as {'STARTED'}")
    strange = [state for state in wanted if state not in APPLICATION_STATES]
    if states is not None and not wanted:
        raise InvalidRequestError("states holds at least one state, or is None for all of them")
    if strange:
        raise InvalidRequestError(f"unknown states {strange!r:.200}, known are {', '.join(APPLICATION_STATES)}")
    wanted.sort()
    rows = page_size_of(page_size, _LARGEST_PAGE)
    return job_pages(
        place,
        lambda: ApplicationListing(call, place, states=wanted, page_size=rows),
        name=name,
        said=wanted,
        limit=limit,
        cursor=cursor,
    )
