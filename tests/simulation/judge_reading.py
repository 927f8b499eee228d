"""Walks before the judge of reading (`tests/oracle/reading_judge.py`): what this world knows, in that one's words.

What that judge does not know of, and what is allowed here for it:

- A walk ends in an error only where something went wrong with a request of its own, a token expired, or a run is gone;
  in ThrottledError only after ten minutes (`throttle_timeout`).
- A walk that was killed goes on from the last cursor that its process had stored; what was handed out and not stored
  is not counted.
- A cursor remembers as many active rows as `REMEMBERED`; a run that is listed far from its place, was handed out before
  those, and has ended since may come again.
- A process that goes on from a cursor knows one row; where rows of the job left meanwhile, rows of the page at that
  place may come again (docs/reliability.md, "What no client can see").
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import dropwhile, pairwise, takewhile
from types import SimpleNamespace
from typing import Any, cast

from jobruns_sdk import JobRunsError, PaginationError, ThrottledError
from tests.oracle.reading_judge import Chain, Judge
from tests.oracle.reading_queries import Query
from tests.oracle.reading_world import Answer, Asked, Outcome, Row
from tests.oracle.reading_world import Job as ReadingJob
from tests.oracle.waiting_services import START
from tests.simulation.programs import Walk, moment, window
from tests.simulation.world import Heard, Job, Run, World

THROTTLE_TIMEOUT = 600.0
REMEMBERED = 24
EXPIRED = frozenset({"InvalidInputException", "ValidationException"})
_FOR_EVER = 1 << 60


def _us(at: float) -> int:
    return _FOR_EVER if at == float("inf") else moment(at)


def rows_of(run: Run) -> Iterator[Row]:
    """Return the rows of a list that a run has, with all that ever happened to them."""
    numbers = sorted({phase.attempt for phase in run.phases}) if run.work.service == "glue" else [0]
    for number in numbers:
        phases = [phase for phase in run.phases if run.work.service != "glue" or phase.attempt == number]
        began = run.began(number) if run.work.service == "glue" else run.created
        created = round((START + began) * 1000)
        removed = min(run.lost_at, run.first_gone_at if number < run.first_gone else run.lost_at)
        row = Row(
            id=run.row_id(number),
            root=run.id,
            attempt=number,
            created=created,
            place=created - (round(run.shift * 1000) if number == 0 else 0),
            serial=0,
            mode=run.mode,
            moments=[_us(phase.at) for phase in phases],
            states=[phase.state for phase in phases],
            listed=_us(phases[0].at + run.lag),
            removed=_us(removed),
        )
        if run.work.service != "glue":
            row.moved_back = [_us(b.at) for a, b in pairwise(phases) if b.attempt > a.attempt]
        yield row


class ReadingJudge:
    """Holds walks to the promises, once the world is over."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._jobs: dict[Job, ReadingJob] = {}

    def _job(self, job: Job) -> ReadingJob:
        if job not in self._jobs:
            rows = [row for run in job.runs if isinstance(run, Run) for row in rows_of(run)]
            self._jobs[job] = ReadingJob(job.service, tuple(job.name.split("/")), rows)
        return self._jobs[job]

    def complaints(self, walk: Walk, number: int) -> Iterator[str]:
        yield from walk.broken
        jobs = tuple(self._job(job) for job in walk.jobs)
        options = walk.options
        query = Query(
            jobs,
            len(jobs) > 1,
            states=options.get("states"),
            after=window(options, "created_after"),
            before=window(options, "created_before"),
            order=options.get("order", "newest"),
            collapse=options.get("collapse_retries", True),
        )
        mine = [heard for heard in self.world.heard if heard.program == number and heard.over_at is not None]
        for leg in walk.legs:
            leg.jobs = jobs
        chain = Chain(query, walk.legs, complete=walk.complete)
        answers = [self._answer(heard) for heard in mine if heard.job is not None]
        view = SimpleNamespace(jobs=list(jobs), answers=answers)
        again: set[str] = set()  # what may come again comes after rows that it stands before
        for problem in Judge(cast("Any", view), chain).problems():
            named = problem.text.partition(" ")[0]
            if self._is_allowed(problem.kind, walk) or _is_forgotten(problem.kind, walk, named):
                again.add(named)
            elif not (problem.kind.startswith("order") and named in again):
                yield f"{problem.kind}: {problem.text}"
        yield from self._errors(walk, mine)

    def _is_allowed(self, kind: str, walk: Walk) -> bool:
        if kind.startswith("doubled") and len(walk.legs) > 1:
            since, until = walk.legs[0].began, walk.legs[-1].ended
            return any(since < row.removed <= until for job in walk.jobs for row in self._job(job).rows)
        return False

    def _answer(self, heard: Heard) -> Answer:
        assert heard.job is not None
        job, given = self._job(heard.job), heard.given
        outcome: Outcome = "page" if "List" in heard.operation or heard.operation == "GetJobRuns" else "run"
        if heard.kind not in {"answer", "doubled", "slow"} or heard.result == "ThrottlingException":
            outcome = "failed"
        elif heard.result in EXPIRED:
            outcome = "expired"
        elif heard.result != "ok":
            outcome = "missing" if heard.acted_at is not None else "failed"

        def one(name: str) -> Any:  # noqa: ANN401  # of a query or a body
            value: Any = given.get(name)
            return cast("Any", value[0] if isinstance(value, list) else value)

        states = tuple(given.get("states", ())) or ((one("status"),) if one("status") else ())
        asked = Asked(
            job=job,
            states=states,
            after=_bound(one("createdAtAfter")),
            before=_bound(one("createdAtBefore")),
            mode=one("mode"),
            oldest=one("sortOrder") == "ASCENDING",
            size=int(one("MaxResults") or one("maxResults") or 50),
            token=one("NextToken") or one("nextToken"),
        )
        # What came too late, and for nobody, is no answer: the next leg of the walk may have begun by then.
        if heard.answered_at is None and outcome in {"page", "run"}:
            outcome = "failed"
        at = heard.acted_at if heard.acted_at is not None and heard.answered_at is not None else heard.over_at
        assert at is not None
        listed = heard.operation in {"GetJobRuns", "ListJobRuns"}
        rows = tuple(heard.rows) if outcome in {"page", "run"} else ()
        return Answer(moment(at), heard.operation, job, asked if listed else None, rows, outcome)

    def _errors(self, walk: Walk, mine: Sequence[Heard]) -> Iterator[str]:
        for at, error in walk.failed:
            leg = next(leg for leg in reversed(walk.legs) if leg.began <= moment(at))
            of_leg = [heard for heard in mine if leg.began <= moment(heard.sent_at) and heard.sent_at <= at]
            if not is_founded(error, of_leg):
                yield f"an error at {at:.2f} though nothing went wrong: {type(error).__name__}: {error!s:.200}"
            elif isinstance(error, ThrottledError) and moment(at) - leg.began < THROTTLE_TIMEOUT * 1e6:
                yield f"ThrottledError after {at - leg.began / 1e6:.0f} s; throttle_timeout is {THROTTLE_TIMEOUT:.0f}"
        if walk.given_up and not walk.failed:
            yield f"the walk did not end: {walk.given_up}"


def _is_forgotten(kind: str, walk: Walk, run_id: str) -> bool:
    """Tell whether a run that is listed far from its place went on when it came, and so many others since."""
    if kind != "doubled: out of order":
        return False
    first, *since = dropwhile(lambda run: run.id != run_id, (one.run for leg in walk.legs for one in leg.yields))
    between = takewhile(lambda run: run.id != run_id, since)
    active = sum(run.state.is_active for run in between if run.job == first.job)
    return first.state.is_active and active >= REMEMBERED and len(walk.legs) > 1


def is_founded(error: JobRunsError, heard: Sequence[Heard]) -> bool:
    """Tell whether something went wrong with one of these requests that may have caused an error."""
    if isinstance(error, PaginationError):
        return any(one.result in EXPIRED for one in heard)
    return any(one.odd or one.result in EXPIRED or one.result.endswith(("Exception", "html")) for one in heard)


def _bound(text: str | None) -> int | None:
    return None if text is None else round(datetime.fromisoformat(text).timestamp() * 1000)
