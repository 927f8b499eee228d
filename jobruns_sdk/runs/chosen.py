"""Runs that are named one by one, as a source among those of jobs."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Final, Self

import attrs
import msgspec

from jobruns_sdk.errors import ClientClosedError, JobRunsError
from jobruns_sdk.loop.tasks import concurrently
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.model.reports import OnSourceError, SourceError
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.paging.source import Batch, Named, Source
from jobruns_sdk.services.handle import Follows, Handle

_GETS_AT_ONCE: Final = 10

Row = JobRun[Native]


class _Getting(msgspec.Struct, frozen=True):
    service: str = "jobruns"
    name: str = "run"


class ChosenRuns:
    """The runs of one job that a caller has named, got one by one, in the order in which they were named."""

    operation: ClassVar[Named] = _Getting()

    def __init__(self, handle: Handle, run_ids: Sequence[str], on_error: OnSourceError) -> None:
        self._handle = handle
        self._run_ids = run_ids
        self._on_error: OnSourceError = on_error

    async def fetch(self, token: str | None, _: None) -> Batch[Row]:
        """Get some of the runs; the token says how many come before them."""
        begin = int(token or 0)
        end = begin + _GETS_AT_ONCE
        found = await concurrently(map(self._got, self._run_ids[begin:end]))
        rows = [run for run in found if run is not None]
        return Batch(rows, str(end) if end < len(self._run_ids) else None, requests=len(found))

    def read(self, page: Batch[Row], _: None) -> tuple[Batch[Row], None]:
        """Return the page, which was read while it was put together."""
        return page, None

    async def _got(self, run_id: str) -> Row | None:
        try:
            return await self._handle.run(run_id)
        except ClientClosedError:
            raise
        except JobRunsError as error:
            if self._on_error == "raise":
                raise
            if callable(self._on_error):
                self._on_error(SourceError(self._handle.ref, error, self._handle.ref.run(run_id)))
            return None


@attrs.frozen
class Chosen:
    """Runs that a caller has named.

    Attributes:
        refs: Their references.
        by_job: The ids of those of each job.
    """

    refs: frozenset[RunRef]
    by_job: Sequence[tuple[Handle, Sequence[str]]]

    @classmethod
    def of(cls, runs: Iterable[tuple[Handle, str]]) -> Self:
        """Return runs of any jobs, each once."""
        by_job: dict[JobRef, tuple[Handle, dict[str, None]]] = {}
        for handle, run_id in runs:
            known = handle.run_ref(run_id).run_id if isinstance(handle, Follows) else run_id
            by_job.setdefault(handle.ref, (handle, {}))[1][known] = None
        refs = frozenset(job.run(run_id) for job, (_, run_ids) in by_job.items() for run_id in run_ids)
        return cls(refs, [(handle, tuple(run_ids)) for handle, run_ids in by_job.values()])

    def sources(self, on_error: OnSourceError) -> list[Source[Any]]:
        """Return a source for those of each job; ``on_error`` says what to do about a run that cannot be read."""
        return [_source(handle, run_ids, on_error) for handle, run_ids in self.by_job]

    def and_no_other(self, accept: Callable[[Row], bool] | None) -> Callable[[Row], bool] | None:
        """Return the predicate of rows of other sources: without these runs, which come anyway."""
        if not self.refs:
            return accept
        return lambda row: row.ref not in self.refs and (accept is None or accept(row))


NONE_CHOSEN: Final = Chosen(frozenset(), ())


def _source(handle: Handle, run_ids: Sequence[str], on_error: OnSourceError) -> Source[Any]:
    source = Source[Any]("chosen", lambda _: ChosenRuns(handle, run_ids, on_error), chosen=True)
    return source.among(handle.ref)
