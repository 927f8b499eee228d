"""What must hold for a walk over runs with all its resumptions, said in terms of the world's whole history.

A chain is one reading: a walk, and the walks that went on from its cursors. The judge knows when each row was listed,
in which states it was at each moment, and what each page showed. It holds a chain to this:

- **doubled**: no run comes twice, whichever legs it was met in, in one state or in two.
- **outside**: a run that is yielded has a creation time inside the window and the mode that was asked for; the state
  in which it is handed out is one in which a page of this chain showed it, and is wanted (hydrated: a wanted state
  was shown).
- **stale**: a collapsed Glue run is in the state of its latest attempt, among those that were listed in order from
  the chain's beginning or stood on the same page as its first attempt.
- **lost**: a run that was listed from before the chain until after it and was in wanted states at each moment is
  yielded, where the chain came to its end (the cursor is None and no limit cut it off).
- **order**: newest first (oldest first where asked for) over the whole chain, across its legs, among rows in their
  place; so a resumed walk yields only what lies behind the place, of all sources. In the order "any" this holds for
  each source that is one list.
- **calls**: a list whose rows do not move is read once; nothing is fetched ahead where the limit was met.

Where the contract is silent:

- A run that is late (its place is not that of its time) is owed where the chain was a single walk, and takes no part
  in the order. It is not owed where a window or a cursor's place in time may rightly pass over it.
- A run that is gone when it is got (hydrated, errors are raised) is not owed to a walk that has raised that and is
  asked again: it goes on behind the run, which its report has to name. A cursor of before that owes it still.
- A group of Glue's retries is owed as long as one of its rows was listed all the time; with a filter by states only
  where none of its rows came out of order or left meanwhile, since what its latest state is would be a matter of
  opinion.
- A run of EMR Serverless that a retry took back while the chain was under way is owed only where one round over the
  active states, as the requests show it, was free of that.
- A job that was skipped after an error goes on at its own place with the next cursor: it takes no part in the order
  then.
- PaginationError is right after an expired token, unless every row is still where it was and no second one expired.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import attrs

from jobruns_sdk import JobRun
from tests.oracle.reading_queries import Query
from tests.oracle.reading_world import LIVES, Answer, Job, Row, World

Run = JobRun[Any]

_LISTS: Final = frozenset({"GetJobRuns", "ListJobRuns"})


@attrs.frozen
class Problem:
    """A promise that was not kept."""

    kind: str
    text: str


@attrs.frozen
class Yield:
    """A run that was handed out, and when."""

    moment: int
    run: Run


@attrs.define
class Leg:
    """One walk of a chain."""

    style: str
    began: int
    resumed: bool
    limit: int | None = None
    hydrate: bool = False
    ended: int = 0
    yields: list[Yield] = attrs.field(factory=list[Yield])
    jobs: tuple[Job, ...] = ()


@attrs.define
class Chain:
    """A walk with all its resumptions."""

    query: Query
    legs: list[Leg] = attrs.field(factory=list[Leg])
    complete: bool = False
    known_from: dict[int, int] = attrs.field(factory=dict[int, int])  # id(job): the moment from which it was asked for
    skipped: set[int] = attrs.field(factory=set[int])  # id(job): it failed, or came later
    passed: set[str] = attrs.field(factory=set[str])  # ids of runs that an error and the report said are gone
    problems: list[Problem] = attrs.field(factory=list[Problem])

    @property
    def yields(self) -> list[Yield]:
        return [one for _, one in self.handed_out()]

    def handed_out(self) -> Iterator[tuple[Leg, Yield]]:
        for leg in self.legs:
            for one in leg.yields:
                yield leg, one


class Judge:
    """Holds a chain to the promises."""

    def __init__(self, world: World, chain: Chain) -> None:
        self.world = world
        self.chain = chain
        self.query = chain.query
        self.began = chain.legs[0].began
        self.ended = chain.legs[-1].ended
        self.jobs = {(job.kind, job.path): job for job in world.jobs}
        self.answers = [
            answer for answer in world.answers if any(leg.began < answer.moment <= leg.ended for leg in chain.legs)
        ]
        self.shown: dict[str, set[str]] = defaultdict(set)
        for answer in self.answers:
            for row_id, state in answer.rows:
                self.shown[row_id].add(state)

    def problems(self) -> list[Problem]:
        """Return every promise that was not kept."""
        found = list(self.chain.problems)
        for check in (self._doubled, self._outside, self._stale, self._lost, self._order, self._calls):
            found += check()
        return found

    # Rows and groups

    def _job_of(self, run: Run) -> Job:
        kind: Any = str(run.service)
        return self.jobs[kind, run.job.path]

    def _collapses(self, job: Job) -> bool:
        return job.kind == "glue" and self.query.collapse

    def _groups(self, job: Job) -> Mapping[str, list[Row]]:
        groups: dict[str, list[Row]] = defaultdict(list)
        for row in job.rows:
            groups[row.root if self._collapses(job) else row.id].append(row)
        return groups

    def _rows_of(self, run: Run) -> list[Row]:
        job = self._job_of(run)
        by_group = self._collapses(job)
        return [row for row in job.rows if (row.root if by_group else row.id) == run.id]

    def _in_window(self, created: int) -> bool:
        after, before = self.query.after, self.query.before
        return (after is None or created >= after) and (before is None or created < before)

    # The promises

    def _doubled(self) -> Iterator[Problem]:
        seen: Counter[tuple[str, str]] = Counter()
        for one in self.chain.yields:
            seen[str(one.run.job), one.run.id] += 1
            if seen[str(one.run.job), one.run.id] == 2:
                states = [str(each.run.native_state) for each in self.chain.yields if each.run.id == one.run.id]
                odd = any(row.late for row in self._rows_of(one.run))
                kind = "doubled: out of order" if odd else "doubled"
                yield Problem(kind, f"{one.run.id} came in the states {states}{self._gone(one.run)}")
        for leg in self.chain.legs:
            if leg.limit is not None and len(leg.yields) > leg.limit:
                yield Problem("limit", f"{len(leg.yields)} runs, though the limit was {leg.limit}")

    def _gone(self, run: Run) -> str:
        """Say whether the chain's jobs lost rows meanwhile, which makes a place harder to find again."""
        gone = any(self.began < row.removed <= self.ended for row in self._job_of(run).rows)
        return " (rows had left)" if gone else ""

    def _outside(self) -> Iterator[Problem]:
        for leg, one in self.chain.handed_out():
            run, job, rows = one.run, self._job_of(one.run), self._rows_of(one.run)
            if not rows:
                yield Problem("outside", f"{run.id} is no run of {run.job}")
                continue
            created = None if run.created_at is None else round(run.created_at.timestamp() * 1000)
            root = next((row for row in rows if row.attempt == 0 and row.listed_between(self.began, one.moment)), None)
            right = (
                {row.created for row in rows} if job.kind == "glue" and root is None else {(root or rows[0]).created}
            )
            if created not in right and not any(row.late for row in rows):
                yield Problem("outside: date", f"{run.id} is dated {created}, not one of {right}")
            elif created is None or not self._in_window(created):
                yield Problem("outside: window", f"{run.id} of {created}: {self.query.after} to {self.query.before}")
            if self.query.mode not in {None, rows[0].mode}:
                yield Problem("outside: mode", f"{run.id} is {rows[0].mode}")
            yield from self._outside_states(run, job, rows, hydrated=leg.hydrate)

    def _outside_states(self, run: Run, job: Job, rows: Sequence[Row], *, hydrated: bool) -> Iterator[Problem]:
        wanted = self.query.wanted(job.kind)
        if self._collapses(job):
            rows = [row for row in rows if row.attempt == run.attempt - 1]
        shown = {state for row in rows for state in self.shown[row.id]}
        if hydrated:
            if wanted is not None and not shown & wanted:
                yield Problem("outside: state", f"{run.id} was shown in {shown}, wanted are {set(wanted)}")
        elif run.native_state not in shown:
            yield Problem("outside: state", f"{run.id} is handed out {run.native_state}, and was shown in {shown}")
        elif wanted is not None and run.native_state not in wanted:
            yield Problem("outside: state", f"{run.id} is {run.native_state}, wanted are {set(wanted)}")

    def _stale(self) -> Iterator[Problem]:
        for leg in self.chain.legs:
            for one in leg.yields:
                job = self._job_of(one.run)
                if self._collapses(job):
                    rows = self._rows_of(one.run)
                    due = max((row.attempt for row in rows if self._was_due(row, one, leg)), default=0)
                    if one.run.attempt - 1 < due:
                        seen = f"attempt {one.run.attempt} ({one.run.native_state})"
                        text = f"{one.run.id} is in {seen}, {due + 1} was there"
                        yield Problem("stale", text)

    def _was_due(self, row: Row, one: Yield, leg: Leg) -> bool:
        """Tell whether a walk must have read a retry before it handed out its run."""
        if row.listed_between(self.began, one.moment) and not row.late:
            return True
        pages = [
            {row_id for row_id, _ in answer.rows}
            for answer in self.answers
            if leg.began < answer.moment <= one.moment and answer.operation == "GetJobRuns"
        ]
        with_root = [page for page in pages if row.root in page]
        return bool(with_root) and all(row.id in page for page in with_root)

    def _lost(self) -> Iterator[Problem]:
        if not self.chain.complete:
            return
        got = {(id(self._job_of(one.run)), one.run.id) for one in self.chain.yields}
        for job in self.query.jobs:
            since = self.chain.known_from.get(id(job), self.began)
            for name, rows in self._groups(job).items():
                if name in self.chain.passed:
                    continue
                if (id(job), name) not in got and (why := self._owed(job, rows, since)):
                    yield Problem(why, f"{name} of {job.path}: {[(row.id, row.states) for row in rows]}")

    def _owed(self, job: Job, rows: Sequence[Row], since: int) -> str:
        """Return why a run is owed, and nothing if it is not."""
        steady = [row for row in rows if row.listed_between(since, self.ended)]
        alone = len(self.chain.legs) == 1 and self.query.after is None
        if not any(not row.late or alone for row in steady):
            return ""
        root = next((row for row in steady if row.attempt == 0 or job.kind != "glue"), None)
        dates = {root.created} if root and (not root.late or alone) else {row.created for row in rows}
        if not all(self._in_window(created) for created in dates) or self.query.mode not in {None, rows[0].mode}:
            return ""
        wanted = self.query.wanted(job.kind)
        if wanted is not None and not self._states(job, rows, since) <= wanted:
            return ""
        if self._was_taken_back(job, rows[0], wanted, since):
            return ""
        return "lost" if any(not row.late for row in steady) else "lost: late"

    def _states(self, job: Job, rows: Sequence[Row], since: int) -> set[str]:
        """Return all states in which a run was; something that nobody wants, where that is a matter of opinion."""
        if not self._collapses(job):
            return rows[0].states_between(since, self.ended)
        if any(row.late or since < row.removed <= self.ended for row in rows):
            return {"a matter of opinion"}
        changes = {since, *(moment for row in rows for moment in (*row.moments, row.listed))}
        return {
            max(listed, key=lambda row: row.attempt).state_at(moment)
            for moment in changes
            if since <= moment <= self.ended and (listed := [row for row in rows if row.listed <= moment < row.removed])
        }

    def _was_taken_back(self, job: Job, row: Row, wanted: frozenset[str] | None, since: int) -> bool:
        """Tell whether a retry took a run back in every round over the active states."""
        back = [moment for moment in row.moved_back if since < moment <= self.ended]
        if not back or wanted is None or self.query.is_one_list(job.kind):
            return False
        first_leg = self.chain.legs[0]  # a later one hands out only what lies behind its place
        asked = [(a, a.asked) for a in self.answers if a.job is job and a.asked and a.moment <= first_leg.ended]
        lists: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for answer, what in asked:
            if answer.outcome != "page":
                return True  # what a round is cannot be told
            if what.token is None:
                lists[what.states].append(answer.moment)
        actives = [key for key in lists if set(key) & set(LIVES[job.kind])]
        if not actives:
            return True
        firsts = sorted((lists[key][0], key) for key in actives)
        starts = [*lists[firsts[0][1]], first_leg.ended]
        rounds = pairwise(starts)
        return all(any(first <= moment <= last for moment in back) for first, last in rounds)

    def _order(self) -> Iterator[Problem]:
        last: dict[int, tuple[int, str]] = {}
        sign = -1 if self.query.order == "oldest" else 1
        for number, leg in enumerate(self.chain.legs):
            for one in leg.yields:
                job = self._job_of(one.run)
                rows = self._rows_of(one.run)
                if not rows or one.run.created_at is None or not self._keeps_order(job, rows, one, number):
                    continue
                created = sign * round(one.run.created_at.timestamp() * 1000)
                source = id(job) if self.query.order == "any" else 0
                before = last.get(source)
                if before is not None and created > before[0]:
                    kind = "order" if any(each.run.id == before[1] for each in leg.yields) else "order across legs"
                    yield Problem(kind, f"{one.run.id} of {created} came after {before[1]} of {before[0]}")
                last[source] = min(before or (created, one.run.id), (created, one.run.id))

    def _keeps_order(self, job: Job, rows: Sequence[Row], one: Yield, number: int) -> bool:
        if any(row.late for row in rows) or (number and id(job) in self.chain.skipped):
            return False
        if self.query.order == "any" and not self.query.is_one_list(job.kind):
            return False
        root = next((row for row in rows if row.attempt == 0 or job.kind != "glue"), None)
        return not self._collapses(job) or (root is not None and root.listed_between(self.began, one.moment))

    def _calls(self) -> Iterator[Problem]:
        for leg in self.chain.legs:
            listed = [a for a in self.answers if leg.began < a.moment <= leg.ended and a.operation in _LISTS]
            if any(answer.outcome != "page" for answer in listed):
                continue
            for job in leg.jobs:
                yield from self._calls_of(leg, job, [answer for answer in listed if answer.job is job])

    def _calls_of(self, leg: Leg, job: Job, answers: Sequence[Answer]) -> Iterator[Problem]:
        wanted = self.query.wanted(job.kind)
        moves = wanted is not None and not self.query.is_one_list(job.kind) and wanted & set(LIVES[job.kind])
        asked = Counter((a.asked.states, a.asked.token) for a in answers if a.asked is not None)
        lists = {states for states, _ in asked}
        if not moves:
            again = sum(asked.values()) - len(asked)
            if again > (len(lists) if leg.resumed else 0):
                yield Problem(
                    "calls: read again", f"{again} of {sum(asked.values())} requests for {job.path}, {leg.style}"
                )
            if job.kind == "emr-serverless" and len(lists) > max(1, len(wanted or ())):
                yield Problem("calls: lists", f"{lists} for {wanted}")
        alone = len(leg.jobs) == 1 and self.query.is_one_list(job.kind) and not leg.resumed
        # Behind a row that is far from its place others are awaited that come before it.
        shown = {row_id for answer in answers for row_id, _ in answer.rows}
        in_place = not any(row.late for row in job.rows if row.id in shown)
        if alone and leg.yields and leg.limit == len(leg.yields) and in_place:
            rows = {row.id for row in self._rows_of(leg.yields[-1].run) if row.attempt == 0 or job.kind != "glue"}
            needed = next(
                (n for n, a in enumerate(answers, 1) if rows & {row_id for row_id, _ in a.rows}), len(answers)
            )
            if len(answers) > needed:
                yield Problem("calls: ahead", f"{len(answers)} pages where {needed} hold the limit of {leg.limit}")
