"""Drives walks over a world at random: what is asked for, how it is read, where it stops, and from where it goes on."""

import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any, Final, Literal

import attrs

from jobruns_sdk import (
    CredentialsError,
    CursorError,
    JobRunsClient,
    JobRunsError,
    NotFoundError,
    Page,
    Pages,
    PaginationError,
    RunState,
    ServiceUnavailableError,
    SourceError,
    TransportError,
)
from tests.oracle.reading_judge import Chain, Leg, Problem, Run, Yield
from tests.oracle.reading_world import Job, Row, World

MOST_LEGS: Final = 14
_MISSING: Final = "there is none"

Opener = Callable[[], Awaitable[JobRunsClient]]
OnError = Literal["raise", "skip"] | Callable[[SourceError], object]


def text_of(job: Job) -> str:
    return f"{job.kind}:{'/'.join(job.path)}"


def _when(moment: int | None) -> datetime | None:
    return (
        None
        if moment is None
        else datetime.fromtimestamp(moment // 1000, UTC).replace(microsecond=moment % 1000 * 1000)
    )


@attrs.define
class Driver:
    """Reads one chain from a world."""

    world: World
    random: Random
    open_client: Opener
    chain: Chain
    on_error: OnError = "raise"
    told: list[SourceError] = attrs.field(factory=list[SourceError])
    longest: int = 0
    lists_end: bool = False

    async def run(self) -> Chain:
        """Read the chain to its end, or to where it has none."""
        chain, query = self.chain, self.chain.query
        self._choose_on_error(await self.open_client())
        cursor: str | None = None
        for number in range(MOST_LEGS):
            if number == MOST_LEGS - 4:
                self._calm()
            client = await self.open_client()
            if number and query.fan_out and number < 4 and self.random.random() < 0.1:
                self._add_job()
            leg = Leg("", self.world.moment, resumed=cursor is not None, jobs=self.chain.query.jobs)
            chain.legs.append(leg)
            done, cursor, goes_on = await self._leg(client, leg, cursor, last=number >= MOST_LEGS - 4)
            leg.ended = self.world.moment
            self.longest = max(self.longest, len(cursor or ""))
            if cursor is None:
                chain.complete = done
            if not goes_on or (cursor is None and done):
                return chain
            for _ in range(self.random.choice((0, 1, 3))):
                self.world.step(4.0)
        self._problem("no end", f"the chain has not ended after {MOST_LEGS} legs")
        return chain

    def _problem(self, kind: str, text: str) -> None:
        self.chain.problems.append(Problem(kind, text))

    def _calm(self) -> None:
        self.world.temper = attrs.evolve(self.world.temper, fault=0.0, expire=0.0)
        for job in self.world.jobs:
            job.failing = 0
        if self.chain.query.hydrate:
            self.chain.query = attrs.evolve(self.chain.query, hydrate=self.on_error != "raise")

    def _add_job(self) -> None:
        query = self.chain.query
        new = [job for job in self.world.jobs if job not in query.jobs]
        if new and not (self.world.counts and new[0].kind != "glue" and query.states):
            self.chain.query = attrs.evolve(query, jobs=(*query.jobs, new[0]))
            self.chain.known_from[id(new[0])] = self.world.moment
            self.chain.skipped.add(id(new[0]))

    def _choose_on_error(self, client: JobRunsClient) -> None:
        query = self.chain.query
        can = query.fan_out or (query.hydrate and "on_error" in inspect.signature(self._handle(client).runs).parameters)
        if can and self.random.random() < 0.4:
            self.on_error = "skip" if self.random.random() < 0.4 else self.told.append

    def _handle(self, client: JobRunsClient) -> Any:  # noqa: ANN401  # one of three classes
        return client.handle(text_of(self.chain.query.jobs[0]))

    # Opening

    def _pages(self, client: JobRunsClient, leg: Leg, cursor: str | None, *, last: bool) -> Pages[Any]:
        query, random = self.chain.query, self.random
        options: dict[str, Any] = {}
        if cursor is None or random.random() < 0.4:
            options = self._filters()
        if not last and random.random() < 0.2:
            leg.limit = random.choice((1, 2, 3, 5, 8, 13, 40))
            options["limit"] = leg.limit
        if random.random() < 0.7:
            options["page_size"] = random.choice((1, 2, 3, 5, 7, 20, 50))
        leg.hydrate = query.hydrate
        if query.hydrate:
            options["hydrate"] = True
        if self.on_error != "raise" and (query.fan_out or query.hydrate):
            options["on_error"] = self.on_error
        if cursor is not None:
            options["cursor"] = cursor
        if query.order != "newest":
            options["order"] = query.order
        if not query.fan_out:
            own: Pages[Any] = self._handle(client).runs(**options)
            return own
        options["concurrency"] = random.choice((1, 2, 32))
        return client.runs(self._jobs(client), **options)

    def _filters(self) -> dict[str, Any]:
        query = self.chain.query
        given: dict[str, Any] = {
            "states": query.states,
            "native_states": query.native,
            "created_after": _when(query.after),
            "created_before": _when(query.before),
            "mode": query.mode,
        }
        if not query.collapse:
            given["collapse_retries"] = False
        return {name: value for name, value in given.items() if value is not None}

    def _jobs(self, client: JobRunsClient) -> Any:  # noqa: ANN401  # all that the call takes
        jobs = list(self.chain.query.jobs)
        self.random.shuffle(jobs)
        forms: list[Any] = [client.handle(text_of(job)) if self.random.random() < 0.5 else text_of(job) for job in jobs]

        async def found() -> AsyncIterator[Any]:
            for form in forms:
                yield form

        return found() if self.random.random() < 0.3 else forms

    # Reading

    async def _leg(
        self, client: JobRunsClient, leg: Leg, cursor: str | None, *, last: bool
    ) -> tuple[bool, str | None, bool]:
        """Read a leg: whether it came to the end of what there is, where to go on, and whether that is known."""
        if cursor is not None and self.random.random() < 0.03:
            await self._other_filters(client, cursor)
        pages = self._pages(client, leg, cursor, last=last)
        styles, weights = ("loop", "by_page", "open", "first"), (17, 33, 45, 5)
        leg.style = "open" if last else self.random.choices(styles, weights)[0]
        reads = {"loop": self._loop, "by_page": self._by_page, "first": self._first}
        try:
            if leg.style == "open":
                return await self._open(pages, leg, cursor, last=last)
            return await reads[leg.style](pages, leg)
        except JobRunsError as error:
            return self._after(error, leg, cursor, None)

    async def _other_filters(self, client: JobRunsClient, cursor: str) -> None:
        query = self.chain.query
        other = frozenset({RunState.FAILED})
        other = other if query.states != other else frozenset({RunState.RUNNING})
        try:
            pages: Pages[Any]
            if query.fan_out:
                pages = client.runs([text_of(job) for job in query.jobs], cursor=cursor, states=other)
            else:
                pages = self._handle(client).runs(cursor=cursor, states=other)
            await pages.first()
        except CursorError as error:
            if "leave" not in str(error) and "left out" not in str(error):
                self._problem("cursor: no hint", f"does not say that filters may be left out: {error}")
        except JobRunsError:
            pass
        else:
            self._problem("cursor: other filters", f"{other} were taken with a cursor of {query.states}")

    def _note(self, leg: Leg, runs: Sequence[Run]) -> None:
        leg.yields += [Yield(self.world.moment, run) for run in runs]

    async def _loop(self, pages: Pages[Any], leg: Leg) -> tuple[bool, str | None, bool]:
        if self.random.random() < 0.3:
            self._note(leg, await pages.collect())
        else:
            async for run in pages:
                self._note(leg, [run])
                if self.random.random() < 0.3:
                    self.world.step(0.5)
        whole = leg.limit is None or len(leg.yields) < leg.limit
        return whole and not self._failures(leg), None, False

    async def _first(self, pages: Pages[Any], leg: Leg) -> tuple[bool, str | None, bool]:
        leg.limit = 1
        run = await pages.first()
        if run is not None:
            self._note(leg, [run])
            return False, None, False
        return not self._failures(leg), None, False

    async def _by_page(self, pages: Pages[Any], leg: Leg) -> tuple[bool, str | None, bool]:
        saved: list[tuple[int, Page[Any]]] = []
        stop = self.random.randint(1, 6) if self.random.random() < 0.6 else None
        reads_late, ended = stop is None or stop % 2 == 0, False  # a page's cursor is the same whenever it is read
        async with contextlib.aclosing(pages.by_page()) as by_page:
            async for page in by_page:
                if ended:
                    self._problem("cursor: None early", "a page came after one whose cursor is None")
                if not page.items:
                    self._problem("an empty page", f"{page}")
                self._note(leg, page.items)
                saved.append((len(leg.yields), page))
                ended = not reads_late and page.cursor is None
                if len(saved) == stop:
                    break
                if self.random.random() < 0.5:
                    self.world.step(0.5)
            else:
                stop = None
        if not saved:
            return not self._failures(leg), None, False
        count, page = self.random.choice(saved) if self.random.random() < 0.4 else saved[-1]
        cursor = page.cursor
        del leg.yields[count:]
        self._skipped(leg)
        return cursor is None, cursor, cursor is not None

    async def _open(
        self, pages: Pages[Any], leg: Leg, cursor: str | None, *, last: bool
    ) -> tuple[bool, str | None, bool]:
        stop = None if last or self.random.random() < 0.25 else self.random.randint(1, 25)
        async with pages.open() as walk:
            errors = 0
            while stop is None or len(leg.yields) < stop:
                try:
                    runs = await self._some(walk)
                except JobRunsError as error:
                    errors += 1
                    how = self.random.choice(("error", "walk", "again", "again"))
                    if how == "again" and errors < 4 and self._may_come(error, leg):
                        self._cursor_of(error, leg, cursor)
                        self._passed(error, walk.report.failed)
                        continue
                    return self._after(error, leg, cursor, walk.cursor if how == "walk" else None)
                if not runs:
                    break
                self._note(leg, runs)
                if self.random.random() < 0.3:
                    self.world.step(0.5)
            self._skipped(leg, walk.report.failed)
            return walk.cursor is None, walk.cursor, walk.cursor is not None

    async def _some(self, walk: Any) -> Sequence[Run]:  # noqa: ANN401  # a Walk
        match self.random.choice(("next", "next", "next", "page", "take")):
            case "page":
                page = await walk.next_page()
                items: Sequence[Run] = () if page is None else page.items
                return items
            case "take":
                taken: Sequence[Run] = await walk.take(self.random.randint(1, 4))
                return taken
            case _:
                return [run] if (run := await anext(walk, None)) is not None else []

    # Errors

    def _failures(self, leg: Leg) -> bool:
        """Tell whether a request of this leg failed; then a job may have been skipped."""
        return any(a.outcome in {"failed", "expired"} for a in self.world.answers if a.moment > leg.began)

    def _skipped(self, leg: Leg, failed: Sequence[SourceError] = ()) -> None:
        if self.on_error != "raise" and (failed or self._failures(leg)):
            self.chain.skipped |= {id(job) for job in self.chain.query.jobs}

    def _passed(self, error: JobRunsError, failed: Sequence[SourceError]) -> None:
        """Note the runs that a walk passes, since it has raised that they are gone and is asked again."""
        if isinstance(error, NotFoundError):
            gone = {one.run.run_id for one in failed if one.run is not None and isinstance(one.error, NotFoundError)}
            if not gone - self.chain.passed:
                self._problem("report: silent", "a run that is gone is to be passed, and the report does not name it")
            self.chain.passed |= gone

    def _may_come(self, error: JobRunsError, leg: Leg) -> bool:
        """Tell whether an error is one that had to be expected."""
        outcomes = {answer.outcome for answer in self.world.answers if answer.moment > leg.began}
        if isinstance(error, CredentialsError):
            return False
        if self.on_error != "raise" and self.chain.query.fan_out:
            return False
        if isinstance(error, ServiceUnavailableError | TransportError):
            return "failed" in outcomes
        if isinstance(error, NotFoundError):
            return "missing" in outcomes and self.chain.query.hydrate and self.on_error == "raise"
        refused = sum(a.outcome == "expired" for a in self.world.answers if a.moment > leg.began)
        return isinstance(error, PaginationError) and (refused > 1 or (refused == 1 and not self._stands_still(leg)))

    def _stands_still(self, leg: Leg) -> bool:
        """Tell whether every row of the jobs that were read is where it was when the chain began."""
        since = self.chain.legs[0].began

        def moved(row: Row) -> bool:
            return row.late or not row.listed_between(since, self.world.moment) or row.moments[-1] > since

        return not any(moved(row) for job in leg.jobs for row in job.rows if row.removed > since)

    def _cursor_of(self, error: JobRunsError, leg: Leg, cursor: str | None) -> str | None:
        """Return the cursor of an error, holding it to what the contract says about it."""
        found: str | None = getattr(error, "cursor", _MISSING)
        if found == _MISSING:
            self._problem("error.cursor: none", f"{type(error).__name__} has no cursor")
        elif not leg.yields and found != cursor:
            self._problem(
                "error.cursor: moved", "nothing was handed out, and the cursor is not the one of the beginning"
            )
        elif leg.yields and found is None:
            self._problem("error.cursor: None", f"{len(leg.yields)} runs were handed out, and the cursor is None")
        return found

    def _after(
        self, error: JobRunsError, leg: Leg, cursor: str | None, own: str | None
    ) -> tuple[bool, str | None, bool]:
        """Go on after an error: from the cursor of the walk if it is given, else from the error's."""
        if not self._may_come(error, leg):
            self._problem("an error", f"{type(error).__name__}: {error} ({leg.style})")
            return False, None, False
        found = self._cursor_of(error, leg, cursor)
        if isinstance(error, PaginationError):
            return False, None, False
        if isinstance(error, NotFoundError):  # it would not be passed by asking again
            self.chain.query = attrs.evolve(self.chain.query, hydrate=False)
        go_on = own if own is not None else found
        if go_on == _MISSING or (go_on is None and leg.yields):
            return False, None, False
        return False, go_on, True
