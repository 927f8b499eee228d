"""The rest of polls while events tell of runs: who listens, and to what."""

from typing import Final, Protocol

from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.services.events import Tells

REST: Final = 600.0
"""Seconds between polls while events tell of a run: an event may be lost."""


class Hears(Protocol):
    """Somebody who listens to events."""

    @property
    def is_hearing(self) -> bool:
        """True while events can be received."""
        ...

    def tells_of(self, job: JobRef) -> Tells | None:
        """Return what events of a job's runs are expected."""
        ...


class Rest:
    """Everybody who listens to events for a client."""

    def __init__(self) -> None:
        self.listeners: list[Hears] = []

    def holds(self, job: JobRef, *, changes: bool = False) -> bool:
        """Return True if polls of a job may rest.

        Args:
            job: The job.
            changes: Whether that takes events of each change, and of new runs, and not of the ends alone.
        """
        told = [one.tells_of(job) for one in self.listeners if one.is_hearing]
        return "changes" in told or ("ends" in told and not changes)
