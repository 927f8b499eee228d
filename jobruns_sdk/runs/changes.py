"""The runs of many jobs that are new or different since a cursor."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from jobruns_sdk.checks import check_count, check_moment, check_time, optional
from jobruns_sdk.errors import ClientClosedError, CursorError, InvalidRequestError, JobRunsError
from jobruns_sdk.loop.tasks import begun, ended
from jobruns_sdk.model.native import Native, utc
from jobruns_sdk.model.refs import JobLike, JobRef
from jobruns_sdk.model.reports import OnSourceError, SourceError, check_on_error
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.paging.cursor import Cursor
from jobruns_sdk.paging.lists import RUNS
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.plan import Opening, Plan
from jobruns_sdk.runs.changed import Mark
from jobruns_sdk.runs.look import Found, JobLook
from jobruns_sdk.runs.news import LookRules
from jobruns_sdk.services.handle import Handle

_DISCOVERY: Final = "discovery"  # stands for the service of jobs that could not be discovered
_LISTING: Final = "changes of many jobs, first form"  # a cursor of another form is refused

Row = JobRun[Native]
Jobs = Sequence[Handle] | AsyncIterable[JobLike]


class ManyChanges:
    """Many jobs whose changes are read, and how."""

    def __init__(
        self,
        jobs: JobLike | Iterable[JobLike] | AsyncIterable[JobLike],
        handle: Callable[[JobLike], Handle],
        *,
        created_after: datetime | None,
        lag: timedelta,
        retry_grace: timedelta,
        limit_open: int,
        on_error: OnSourceError,
        concurrency: int,
    ) -> None:
        """Check the arguments, and the jobs as far as they are known.

        Raises:
            InvalidRequestError: An argument is invalid, or a job malformed.
        """
        if isinstance(jobs, (str, JobRef)) or not isinstance(jobs, (Iterable, AsyncIterable)):
            jobs = [jobs]
        self._jobs: Jobs = jobs if isinstance(jobs, AsyncIterable) else [handle(job) for job in jobs]
        optional(check_moment)("created_after", created_after)
        check_time("lag", lag)
        check_time("retry_grace", retry_grace)
        check_count("limit_open", limit_open)
        check_count("concurrency", concurrency)
        check_on_error("on_error", on_error)
        self.handle = handle
        self.rules: LookRules = LookRules(utc(created_after), lag, retry_grace, limit_open, on_error != "raise")
        self.on_error: OnSourceError = on_error
        self.concurrency = concurrency
        self._used_up = False

    def pages(self, cursor: str | None) -> Pages[Row]:
        """Return the changes since a cursor.

        Raises:
            CursorError: The cursor is damaged, or of another listing.
        """
        at = None if cursor is None else Cursor.parse(cursor, _LISTING)
        marks: dict[str, Mark] = {}
        if at is not None:
            if at.query:
                raise CursorError("the cursor is damaged: it holds filters where there are none")
            if isinstance(self._jobs, Sequence):
                # What is not asked for any more is dropped; what a discovery lacks may only be missing for once.
                asked = {str(job.ref) for job in self._jobs}
                at = Cursor(_LISTING, {}, {job: place for job, place in at.places.items() if job in asked})
            marks = {job: Mark.of_place(place) for job, place in at.places.items()}
        plan = Plan(_LISTING, {}, (), RUNS, arrange=partial(self._arrange, marks))
        return Pages(plan, begin=at)

    def _arrange(self, marks: Mapping[str, Mark], opening: Any) -> "ChangeStream":  # noqa: ANN401  # an Opening
        if self._used_up:
            raise InvalidRequestError(
                "the jobs came from an iterator, which can be used once: give a list to read again"
            )
        self._used_up = isinstance(self._jobs, AsyncIterator)
        return ChangeStream(self, self._jobs, marks, opening)


class ChangeStream:
    """The looks at jobs, several at once, and their changes as they are found.

    A job that cannot be read keeps its mark, and the others are read all the same; where errors are raised, that is
    done when all of the others were handed out.
    """

    def __init__(self, many: ManyChanges, jobs: Jobs, marks: Mapping[str, Mark], opening: Opening[Row]) -> None:
        self.in_order = False
        self.is_complete: bool = False
        self._many = many
        self._jobs = jobs
        self._marks = marks
        self._moved = opening.moved
        self._looks: list[JobLook] = []
        self._waiting: deque[JobLook] = deque()
        self._tasks: dict[asyncio.Task[Found], JobLook] = {}
        self._gathering: asyncio.Task[None] | None = None
        self._current: JobLook | None = None
        self._failed: list[JobLook] = []
        self._undiscovered: Exception | None = None
        self._told: Counter[JobLook] = Counter()  # events of each look
        self._events: list[SourceError] = []
        self._is_closed = False

    @property
    def readers(self) -> Sequence[Any]:
        """The looks, one for each job."""
        return self._looks

    @property
    def events(self) -> Sequence[SourceError]:
        """Runs that are gone or could not be got, and discoveries that have failed."""
        return [*self._events, *(event for look in self._looks for event in look.events)]

    async def take(self, most: int | None) -> Sequence[tuple[Row, Any]]:
        """Return the next changes, that many at most; none where it has caught up.

        Raises:
            JobRunsError: A job cannot be read; the others were handed out before.
        """
        if not self.is_complete:
            if self._gathering is None:
                self._gathering = begun(self._gather())
            # Who waits may be cancelled, and ask again: a job that a discovery had in hand by then must not be lost.
            await asyncio.wait([self._gathering])
            if self._is_closed:
                return []
            gathering, self._gathering = self._gathering, None
            gathering.result()
            self.is_complete = True
        while True:
            look = self._current
            if look is not None and look.left:
                return [(row, look) for row in look.hand_out(most)]
            if look is not None:
                self._put_back(look)
            self.fetch_ahead()
            if not self._tasks:
                self._end()
                return []
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            if self._is_closed:
                return []
            task = next(task for task in self._tasks if task.done())
            self._receive(task)

    def fetch_ahead(self) -> None:
        """Take steps of as many looks as may be under way."""
        if self.is_complete and not self._is_closed:
            while self._waiting and len(self._tasks) < self._many.concurrency:
                look = self._waiting.popleft()
                self._tasks[begun(look.step())] = look

    def interrupt(self) -> None:
        """End nothing: each step that is under way ends by itself, and is waited for by whoever asks next."""

    def cancel(self) -> Sequence[asyncio.Task[Any]]:
        """End the steps that are under way, or the search for jobs, and return them."""
        self._is_closed = True
        tasks, self._tasks = [*self._tasks], {}
        gathering, self._gathering = self._gathering, None
        return [*(task for one in tasks for task in ended(one)), *ended(gathering)]

    async def aclose(self) -> None:
        """Release nothing: the jobs were let go of when they were gathered."""

    async def _gather(self) -> None:
        """Find the jobs, each once; a discovery that fails leaves those that it has found."""
        seen = {look.name for look in self._looks}
        if not isinstance(self._jobs, AsyncIterable):
            for handle in self._jobs:
                self._add(handle, seen)
            return
        # An iterator that the caller made is closed by the caller.
        jobs = aiter(self._jobs)
        try:
            async for job in jobs:
                self._add(self._many.handle(job), seen)
        except Exception as error:  # noqa: BLE001  # it is raised when those that were found are read
            self._undiscovered = error
        finally:
            close = getattr(jobs, "aclose", None)
            if close is not None and jobs is not self._jobs:
                await close()

    def _add(self, handle: Handle, seen: set[str]) -> None:
        name = str(handle.ref)
        if name not in seen:
            seen.add(name)
            number = len(self._looks)
            self._moved.add(number)
            look = JobLook(handle, self._marks.get(name), self._many.rules, partial(self._moved.add, number))
            self._looks.append(look)
            self._waiting.append(look)

    def _put_back(self, look: JobLook) -> None:
        """Go on with a look whose rows are consumed: before others are begun, so that few are open at once."""
        self._current = None
        if look.has_ended:
            look.retire()
        elif look.error is None:
            self._waiting.appendleft(look)

    def _receive(self, task: asyncio.Task[Found]) -> None:
        """Take what a step has found, or note that it has failed."""
        look = self._current = self._tasks.pop(task)
        try:
            found = task.result()
        except JobRunsError as error:
            if isinstance(error, ClientClosedError):
                raise
            look.error = error
            look.take(look.held())
            if self._many.on_error == "raise":
                self._failed.append(look)
            else:
                self._tell(SourceError(look.job, error))
        else:
            look.take(found)
            if found.is_last and look.gone is not None:
                look.error = look.gone
                self._tell(SourceError(look.job, look.gone))
        while self._told[look] < len(look.events):
            self._told[look] += 1
            self._tell(look.events[self._told[look] - 1])

    def _tell(self, event: SourceError) -> None:
        if callable(self._many.on_error):
            self._many.on_error(event)

    def _end(self) -> None:
        """Raise what has failed: that is tried again when more is asked for."""
        error, self._undiscovered = self._undiscovered, None
        if isinstance(error, JobRunsError) and self._many.on_error != "raise":
            event = SourceError(JobRef(_DISCOVERY, ("-",)), error)
            self._events.append(event)
            self._tell(event)
        elif error is not None:
            if isinstance(self._jobs, AsyncIterator):
                self._undiscovered = error  # one that has raised only seems to have come to its end
            else:
                self.is_complete = False
            raise error
        failed, self._failed = self._failed, []
        errors = [look.error for look in failed if look.error is not None]
        for look in failed:
            look.error = None
            self._waiting.append(look)
        if errors:
            raise errors[0]
