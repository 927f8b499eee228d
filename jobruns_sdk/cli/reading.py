"""Runs from where they are: from the services by a client, or from a file of ``jobruns sync``."""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import attrs

from jobruns_sdk import (
    Attempt,
    InvalidRequestError,
    Job,
    JobRef,
    JobRun,
    JobRunsClient,
    NotFoundError,
    RunRef,
    RunState,
    Service,
    SourceError,
    StoreError,
)
from jobruns_sdk.cli.exits import DONE, code_of
from jobruns_sdk.cli.options import Filters, Places
from jobruns_sdk.cli.terminal import Terminal, complain
from jobruns_sdk.cli.words import JobWord, RunWord, job_word, profiles_of, run_word
from jobruns_sdk.history import RunStore
from jobruns_sdk.transport.sessions import default_session, profile_session

_NEWEST: Final = 200
"""The number of newest runs among which the beginning of an id is looked up."""


@attrs.frozen
class Wanted:
    """The runs that are wanted of jobs."""

    states: tuple[RunState, ...] | None = None
    active_after: datetime | None = None
    created_before: datetime | None = None
    reach: timedelta | None = None
    limit: int | None = None
    hydrate: bool = False


class Reader(Protocol):
    """A place that has runs."""

    failures: list[SourceError]

    def runs(self, words: Sequence[JobWord], wanted: Wanted) -> AsyncIterator[JobRun[Any]]:
        """Yield the runs of jobs, newest first; jobs that cannot be read are kept in ``failures``."""
        ...

    async def run(self, word: RunWord, *, last_failed: bool = False) -> JobRun[Any]:
        """Return the run that a word stands for."""
        ...

    async def attempts(self, ref: RunRef, *, hydrate: bool) -> list[Attempt[Any]]:
        """Return the attempts of a run."""
        ...


class Live:
    """The services, by a client."""

    def __init__(self, client: JobRunsClient, places: Places) -> None:
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
        if not words:
            words = [JobWord("", Service.GLUE), JobWord("", Service.EMR_SERVERLESS)]
        for word in words:
            if word.ref is not None or word.name is not None:
                for ref in await self._named(word):
                    yield ref
                continue
            async for job in self._discovered(word, word.pattern):
                yield job

    async def _discovered(self, word: JobWord, name: str | None) -> AsyncGenerator[Job[Any]]:
        if word.service == Service.DATAZONE:
            raise InvalidRequestError("DataZone cannot list its jobs: name them, as datazone:DOMAIN/JOB")
        places = self._places
        regions = [word.region] if word.region else list(places.regions) or None
        profiles = [word.profile] if word.profile else list(places.profiles) or None
        found = self.client.discover(
            services=[word.service], regions=regions, profiles=profiles, name=name, on_error=self.failures.append
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
        return (await chosen_run(self, word, attrs.evolve(word.job, ref=job, name=None), last_failed)) or job.run(
            word.run_id or ""
        )

    async def attempts(self, ref: RunRef, *, hydrate: bool) -> list[Attempt[Any]]:
        """Return the attempts of a run."""
        return await self.client.attempts(ref, hydrate=hydrate).collect()


class Stored:
    """A file of ``jobruns sync``."""

    def __init__(self, store: RunStore, places: Places) -> None:
        self.failures: list[SourceError] = []
        self._store = store
        self._places = places

    async def runs(self, words: Sequence[JobWord], wanted: Wanted) -> AsyncGenerator[JobRun[Any]]:
        """Yield the stored runs of jobs, newest first."""
        named = [ref for word in words for ref in word.refs(self._places)]
        is_named = bool(words) and all(word.ref is not None for word in words)
        pages = self._store.runs(
            named if is_named else None,
            states=wanted.states,
            active_after=wanted.active_after,
            created_before=wanted.created_before,
        )
        left = wanted.limit
        async with pages.open() as walk:
            async for run in walk:
                if not self._is_wanted(run.job, words):
                    continue
                yield run
                left = None if left is None else left - 1
                if left == 0:
                    return

    def _is_wanted(self, job: JobRef, words: Sequence[JobWord]) -> bool:
        matching = [word for word in words if word.matches(job)] if words else [JobWord("", job.service)]
        return any((job.region, job.profile) in _open(word.at(self._places), job) for word in matching)

    async def run(self, word: RunWord, *, last_failed: bool = False) -> JobRun[Any]:
        """Return the stored run that a word stands for.

        Raises:
            NotFoundError: There is none.
            InvalidRequestError: There are several.
        """
        limit = None if word.run_id is not None else 1
        states = UNSUCCESSFUL_STATES if last_failed and word.run_id is None else None
        wanted = Wanted(states=states, limit=limit)
        rows = [run async for run in self.runs([word.job], wanted) if run.id.startswith(word.run_id or "")]
        exact = [run for run in rows if run.id == word.run_id]
        return _one(word, exact or rows, "in the file")

    async def attempts(self, ref: RunRef, *, hydrate: bool) -> list[Attempt[Any]]:
        """Return the attempts of a run that are stored; ``hydrate`` is for services."""
        del hydrate
        return [attempt async for attempt in self._store.attempts(ref.job) if attempt.run == ref]


UNSUCCESSFUL_STATES: Final = tuple(state for state in RunState if state.is_terminal and state != RunState.SUCCEEDED)


def _open(places: Sequence[tuple[str | None, str | None]], job: JobRef) -> list[tuple[str | None, str | None]]:
    """Return places with the job's own region and profile for those that are not said."""
    return [(region or job.region, profile or job.profile) for region, profile in places]


async def chosen_run(reader: Reader, word: RunWord, job: JobWord, last_failed: bool) -> RunRef | None:  # noqa: FBT001
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
        return _one(word, rows, "yet").ref
    rows = [run for run in rows if run.id.startswith(word.run_id)]
    exact = [run for run in rows if run.id == word.run_id]
    return _one(word, exact or rows, "").ref if rows else None


def _one(word: RunWord, runs: Sequence[JobRun[Any]], where: str) -> JobRun[Any]:
    if not runs:
        what = f"there is no such run {where}" if word.run_id else f"there is no such run of the job {where}"
        raise NotFoundError(f"{word.text}: {what}".rstrip())
    if len(runs) > 1:
        which = ", ".join(str(run.ref) for run in runs[:5])
        more = f", and {len(runs) - 5} more" if len(runs) > 5 else ""  # noqa: PLR2004  # as many as a line has room for
        raise InvalidRequestError(f"{word.text!r:.200} may be several runs: {which}{more}")
    return runs[0]


def words_of(texts: Sequence[str], environment: str | None = None) -> list[JobWord]:
    """Return the jobs that are named, or those of the environment where none are.

    Raises:
        InvalidRequestError: A word stands for none.
    """
    return [job_word(text) for text in texts or (environment or "").replace(",", " ").split()]


def runs_of(texts: Sequence[str]) -> list[RunWord]:
    """Return the runs that are named."""
    return [run_word(text) for text in texts]


def last_word(words: Sequence[str], form: str, endings: Sequence[str]) -> tuple[Sequence[str], str]:
    """Return the words before the last one, and that, which is the name of a file.

    Raises:
        InvalidRequestError: It ends otherwise, or is missing.
    """
    if not words or not words[-1].lower().endswith(tuple(endings)):
        last = f", not {words[-1]!r:.200}" if words else ""
        raise InvalidRequestError(f"the last word names the file, {form}{last}")
    return words[:-1], words[-1]


def wanted_of(filters: Filters, terminal: Terminal, *, limit: int | None = None, hydrate: bool = False) -> Wanted:
    """Return the runs that filters want, with times as of now."""
    since = None if filters.since is None else filters.since(terminal.now, terminal.zone)
    until = None if filters.until is None else filters.until(terminal.now, terminal.zone)
    states = None if filters.states is None else tuple(map(RunState, filters.states))
    return Wanted(states, since, until, filters.reach, limit, hydrate)


@asynccontextmanager
async def opened_client(places: Places, words: Sequence[JobWord]) -> AsyncGenerator[JobRunsClient]:
    """Open a client with the sessions of the profiles that are named."""
    own = default_session()
    sessions = {name: profile_session(name, like=own) for name in sorted(profiles_of(words, places))}
    region = places.regions[0] if places.regions else os.environ.get("AWS_REGION") or None
    async with JobRunsClient(
        session=own if sessions else None, sessions=sessions, region_name=region, endpoint_url=places.endpoint_url
    ) as client:
        yield client


@asynccontextmanager
async def opened_reader(store: str | None, places: Places, words: Sequence[JobWord]) -> AsyncGenerator[Reader]:
    """Open the place that has runs: the file where one is named, else the services.

    Raises:
        StoreError: There is no such file, or it is something else.
    """
    async with AsyncExitStack() as stack:
        if store is None:
            yield Live(await stack.enter_async_context(opened_client(places, words)), places)
            return
        yield Stored(await stack.enter_async_context(opened_store(store)), places)


@asynccontextmanager
async def opened_store(path: str) -> AsyncGenerator[RunStore]:
    """Open a file that is there; to read one does not make one.

    Raises:
        StoreError: There is no such file, or it is something else.
    """
    if not os.path.exists(path):  # noqa: ASYNC240, PTH110  # it takes no time
        raise StoreError(f"{path}: there is no such file; jobruns sync makes one")
    async with RunStore(path) as store:
        yield store


def told(failures: Sequence[SourceError]) -> int:
    """Tell of what could not be read, a line each, and return the exit code of the first; 0 where all was."""
    for failure in failures:
        complain(str(failure.error) if len(failures) == 1 else f"{failure.run or failure.job}: {failure.error}")
    return code_of(failures[0].error) if failures else DONE
