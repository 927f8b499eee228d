"""Runs from the services, by a client."""

import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import attrs

import jobruns_sdk
from jobruns_sdk import (
    Attempt,
    InvalidRequestError,
    Job,
    JobRef,
    JobRun,
    NotFoundError,
    RunRef,
    SourceError,
)
from jobruns_sdk.cli.options import Places
from jobruns_sdk.cli.wanted import UNSUCCESSFUL_STATES, Reader, Wanted, only_one
from jobruns_sdk.cli.words import JobWord, RunWord, listed, profiles_of

if TYPE_CHECKING:
    from jobruns_sdk import JobRunsClient

_NEWEST: Final = 200
"""The number of newest runs among which the beginning of an id is looked up."""


class Live:
    """The services, by a client."""

    def __init__(self, client: "JobRunsClient", places: Places) -> None:
        self.client = client
        self.failures: list[SourceError] = []
        self._places = places

    async def runs(self, words: Sequence[JobWord], wanted: Wanted) -> AsyncGenerator[JobRun[Any]]:
        """Yield the runs of jobs, newest first."""
        pages = self.client.runs(
            await self.jobs(words),
            states=wanted.states,
            active_after=wanted.active_after,
            created_before=wanted.created_before,
            reach=wanted.reach if wanted.active_after is not None else None,
            hydrate=wanted.hydrate,
            limit=wanted.limit,
            on_error=self.failures.append,
        )
        async with pages.open() as walk:
            async for run in walk:
                yield run

    async def jobs(self, words: Sequence[JobWord]) -> list[JobRef] | AsyncGenerator[JobRef | Job[Any]]:
        """Return the jobs that words stand for; those that are to be discovered are yielded as they are found."""
        if words and all(word.ref is not None or word.name is not None for word in words):
            return [ref for word in words for ref in await self._named(word)]
        return self._found(words)

    async def _found(self, words: Sequence[JobWord]) -> AsyncGenerator[JobRef | Job[Any]]:
        if not words:  # all jobs that can be listed
            async for job in self._discovered(None, None):
                yield job
        for word in words:
            if word.ref is not None or word.name is not None:
                for ref in await self._named(word):
                    yield ref
                continue
            async for job in self._discovered(word, word.pattern):
                yield job

    async def _discovered(self, word: JobWord | None, name: str | None) -> AsyncGenerator[Job[Any]]:
        services = None if word is None else [listed(word.service)]
        places = self._places
        regions = [word.region] if word and word.region else list(places.regions) or None
        profiles = [word.profile] if word and word.profile else list(places.profiles) or None
        found = self.client.discover(
            services=services, regions=regions, profiles=profiles, name=name, on_error=self.failures.append
        )
        async with found.open() as walk:
            async for job in walk:
                yield job

    async def _named(self, word: JobWord) -> list[JobRef]:
        if word.name is None:
            return word.refs(self._places)
        found = [job.ref async for job in self._discovered(word, None) if job.name == word.name]
        if not found and not self.failures:
            raise NotFoundError(f"no application is named {word.name!r:.200}")
        if len({(ref.region, ref.profile) for ref in found}) < len(found):
            raise InvalidRequestError(
                f"{word.text!r:.200}: several applications have that name: {', '.join(map(str, found))}"
            )
        return found

    async def job(self, word: JobWord) -> JobRef:
        """Return the one job that a word stands for.

        Raises:
            InvalidRequestError: It stands for several.
            NotFoundError: It stands for none.
        """
        refs = await self._named(word)
        self.raise_failure()
        if len(refs) != 1:
            raise InvalidRequestError(
                f"{word.text!r:.200} is in several places: name one, as in {str(refs[0] if refs else word.text)!r:.200}"
            )
        return self.client.handle(refs[0]).ref

    def raise_failure(self) -> None:
        """Raise the first error of what could not be read."""
        if self.failures:
            raise self.failures[0].error

    async def run(self, word: RunWord, *, last_failed: bool = False) -> JobRun[Any]:
        """Return the run that a word stands for, as the service tells it in full.

        Raises:
            NotFoundError: There is none.
            InvalidRequestError: There are several.
        """
        return await self.client.run(await self.ref(word, last_failed=last_failed))

    async def ref(self, word: RunWord, *, last_failed: bool = False) -> RunRef:
        """Return the reference of the run that a word stands for."""
        job = await self.job(word.job)
        if word.is_whole and word.run_id is not None:
            return job.run(word.run_id)
        return (
            await chosen_run(self, word, attrs.evolve(word.job, ref=job, name=None), last_failed=last_failed)
        ) or job.run(word.run_id or "")

    async def attempts(self, refs: Sequence[RunRef], *, hydrate: bool) -> list[Attempt[Any]]:
        """Return the attempts of runs."""
        if len(refs) == 1:
            return await self.client.attempts(refs[0], hydrate=hydrate).collect()
        pages = self.client.attempts(refs, hydrate=hydrate, on_error=self.failures.append)
        return await pages.collect() if refs else []

    async def reason(self, run: JobRun[Any]) -> str | None:
        """Return the best reason that there is for a failure, of its logs if need be."""
        return await self.client.error_of(run)


async def chosen_run(reader: Reader, word: RunWord, job: JobWord, *, last_failed: bool) -> RunRef | None:
    """Return the run that a word stands for among the newest of its job; None for an id that none of them has.

    Raises:
        NotFoundError: The job has no runs.
        InvalidRequestError: Several runs have ids that begin so.
    """
    states = UNSUCCESSFUL_STATES if last_failed and word.run_id is None else None
    wanted = Wanted(states=states, limit=_NEWEST if word.run_id is not None else 1)
    rows = [run async for run in reader.runs([job], wanted)]
    if reader.failures:
        raise reader.failures[0].error
    if word.run_id is None:
        return only_one(word, rows, "yet").ref
    rows = [run for run in rows if run.id.startswith(word.run_id)]
    exact = [run for run in rows if run.id == word.run_id]
    return only_one(word, exact or rows, "").ref if rows else None


@asynccontextmanager
async def opened_client(places: Places, words: Sequence[JobWord]) -> "AsyncGenerator[JobRunsClient]":
    """Open a client with the sessions of the profiles that are named."""
    # Loaded by now, when all words have been read: it takes ten times as long as all that came before.
    made: Any = import_module("jobruns_sdk.transport.sessions")
    own = made.default_session()
    sessions = {name: made.profile_session(name, like=own) for name in sorted(profiles_of(words, places))}
    region = places.regions[0] if places.regions else os.environ.get("AWS_REGION") or None
    async with jobruns_sdk.JobRunsClient(
        session=own if sessions else None, sessions=sessions, region_name=region, endpoint_url=places.endpoint_url
    ) as client:
        yield client
