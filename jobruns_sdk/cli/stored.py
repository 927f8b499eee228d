"""Runs from a file of ``jobruns sync``."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from jobruns_sdk import Attempt, JobRef, JobRun, RunRef, SourceError, StoreError
from jobruns_sdk.cli.options import Places
from jobruns_sdk.cli.wanted import UNSUCCESSFUL_STATES, Wanted, only_one
from jobruns_sdk.cli.words import JobWord, RunWord
from jobruns_sdk.history import RunStore


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
        return only_one(word, exact or rows, "in the file")

    async def reason(self, run: JobRun[Any]) -> str | None:
        """Return nothing: a file has no logs."""
        del run
        return None

    async def attempts(self, refs: Sequence[RunRef], *, hydrate: bool) -> list[Attempt[Any]]:
        """Return the attempts of runs that are stored; ``hydrate`` is for services."""
        del hydrate
        wanted, jobs = set(refs), {ref.job for ref in refs}
        return [attempt async for attempt in self._store.attempts(jobs) if attempt.run in wanted] if wanted else []


def _open(places: Sequence[tuple[str | None, str | None]], job: JobRef) -> list[tuple[str | None, str | None]]:
    """Return places with the job's own region and profile for those that are not said."""
    return [(region or job.region, profile or job.profile) for region, profile in places]


@asynccontextmanager
async def opened_store(path: str) -> AsyncGenerator[RunStore]:
    """Open a file that is there; to read one does not make one.

    Raises:
        StoreError: There is no such file, or it is something else.
    """
    if not Path(path).exists():  # noqa: ASYNC240  # it takes no time
        raise StoreError(f"{path}: there is no such file; jobruns sync makes one")
    async with RunStore(path) as store:
        yield store
