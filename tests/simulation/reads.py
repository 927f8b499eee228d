"""Readings that users make in one go: runs by their ends or in full, attempts of many runs, the jobs of a region."""

import asyncio
import random
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any, Literal

from attrs import define, field

from jobruns_sdk import JobRunsClient, JobRunsError, SourceError
from tests.oracle.waiting_programs import Record
from tests.oracle.waiting_world import Work
from tests.simulation.programs import at, now
from tests.simulation.world import Job, Run

What = Literal["runs", "attempts", "jobs"]


@define(eq=False)
class Read(Record):
    """A reading that goes on from the cursor of its error, or of where it was left.

    `since` and `until` bound the ends, in seconds of the world; with `active` what goes on is wanted, too.
    """

    what: What = "runs"
    jobs: list[Job] = field(factory=list[Job])
    runs: list[Run] = field(factory=list[Run])
    since: float | None = None
    until: float | None = None
    active: bool = False
    reach: float | None = None
    name: str | None = None
    options: dict[str, Any] = field(factory=dict[str, Any])
    hydrate: bool = False
    on_error: Literal["raise", "skip", "call"] = "raise"
    seed: str = ""
    got: list[tuple[float, Any]] = field(factory=list[tuple[float, Any]])
    skipped: list[SourceError] = field(factory=list[SourceError])
    called: list[SourceError] = field(factory=list[SourceError])
    failed: list[tuple[float, float, JobRunsError]] = field(factory=list[tuple[float, float, JobRunsError]])
    legs: int = 0
    complete: bool = False
    broken: list[str] = field(factory=list[str])

    @property
    def works(self) -> set[Work]:
        return {*self.jobs, *(run.job for run in self.runs)}

    async def act(self, client: JobRunsClient) -> None:
        rng, cursor = random.Random(self.seed), None
        for number in range(12):
            self.legs, began, count = number + 1, now(), len(self.got)
            stop = rng.randint(1, 40) if rng.random() < 0.3 and number < 8 else None
            walk = self._pages(client, cursor).open()
            try:
                async with walk:
                    async for one in walk:
                        self.got.append((now(), one))
                        cursor = walk.cursor
                        if len(self.got) - count == stop:
                            break
                    else:
                        self.complete = True
                        return
                    if cursor is None:  # it was the last one
                        self.complete = True
                        return
            except JobRunsError as error:
                self.failed.append((began, now(), error))
                found = getattr(error, "cursor", "none")
                if found == "none" or (found is None and self.got):
                    self.broken.append(f"{type(error).__name__} after {len(self.got)} rows says {found!r} for a cursor")
                    return
                cursor = found
            finally:
                self.skipped += walk.report.failed if self.on_error != "raise" else ()
            await asyncio.sleep(rng.choice((0.0, 1.0, 20.0)))

    def _pages(self, client: JobRunsClient, cursor: str | None) -> Any:  # noqa: ANN401 - of runs, attempts or jobs
        how: dict[str, Any] = {"on_error": self.called.append if self.on_error == "call" else self.on_error}
        if self.what == "jobs":
            return client.discover(name=self.name, cursor=cursor, page_size=3, **how)
        how |= {"hydrate": self.hydrate, "cursor": cursor}
        if cursor is None:
            how |= self._windows()
        if "order" in self.options:
            how["order"] = self.options["order"]
        if self.what == "attempts":
            return client.attempts([job.ref for job in self.jobs] + [run.ref for run in self.runs], **how)
        if len(self.jobs) > 1:
            return client.runs([job.ref for job in self.jobs], **how)
        handle: Any = client.handle(self.jobs[0].ref)
        return handle.runs(**how)

    def _windows(self) -> dict[str, Any]:
        windows = dict(self.options)
        if self.since is not None:
            windows["active_after" if self.active else "ended_after"] = at(self.since)
        if self.until is not None:
            windows["ended_before"] = at(self.until)
        if self.reach is not None:
            windows["reach"] = timedelta(seconds=self.reach)
        return windows

    def names(self, job: Job) -> bool:
        """Tell whether a job is among those that are looked for."""
        return job.service != "datazone" and (self.name is None or fnmatchcase(job.name, self.name))
