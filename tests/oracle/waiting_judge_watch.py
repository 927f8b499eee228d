"""What must hold of a watch, of the polls that all share, and of what is left when everybody has gone.

- A watch tells of each run that goes on when it begins and of each created since, first and at last, as late as a
  wait may be; a run that was created before and had ended before anybody could see it, for its lag or for trouble,
  need not be told of.
- A job or a run that is refused before anything was seen of it is told of and left out ("`client.watch(..., on_error=)`
  as for `runs`"); a watch of which nothing is left is over. A failure that may pass leaves out nothing.
- What is told of a run never goes back, however old an answer is.
- A change is true if the run was in that state and attempt within ten seconds before `at` (a walk over pages takes
  that long), within ninety where something went wrong; and as much earlier as the row of its next attempt lags.
- A job's definition (GetJob) is answered once a day at most, and refused once in five minutes at most, however many
  programs need it: a role may be given leave meanwhile, and retries and `retry_grace` hang on the answer.
- Where nothing goes wrong, a job's list is begun, and each run is got, at most as often as the intervals of those who
  wait for it ask for, each pair of intervals counted once however many share it (twice for a watch), with three
  tenths more for jitter and one for each begin and each change.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

from attrs import define

from jobruns_sdk import (
    AccessDeniedError,
    CredentialsError,
    JobRef,
    JobRunsError,
    NotFoundError,
    ResponseFormatError,
    StateChange,
    WaitTimeoutError,
)
from tests.oracle.waiting_judge import CALL_TIMEOUT, FIRST_NUMBER, SKEW, Judge, allowance
from tests.oracle.waiting_programs import Record, Stop, Watch
from tests.oracle.waiting_time import EPOCH
from tests.oracle.waiting_world import FaultKind, Life, Work, World

POLLS = {"GetJobRuns": "list", "ListJobRuns": "list", "GetJobRun": "get"}
STATES_OF_EMR = 6
ASKED_AGAIN = {"ok": 86_400.0, "AccessDeniedException": 299.0, "EntityNotFoundException": 299.0}
"""How far apart two of these answers to GetJob of one job are, in seconds; the time on the way is left out."""


REFUSALS: frozenset[FaultKind] = frozenset({"expired", "signature", "skew", "html", "denied"})
"""What ends the watch of a run or a job that was never seen; once it was, nothing does."""


def job_of(job: JobRef) -> str:
    return f"{job.service}:{'/'.join(job.path)}"


def is_refusal(error: JobRunsError) -> bool:
    return isinstance(error, NotFoundError | AccessDeniedError | CredentialsError | ResponseFormatError)


@define
class WatchJudge:
    """Complains of a watch, once the schedule is over."""

    world: World

    def watch(self, record: Watch) -> Iterator[str]:
        yield from Judge(self.world).alien(record)
        yield from self._over(record)
        told: dict[str, list[tuple[float, StateChange]]] = defaultdict(list)
        for at, change in record.changes:
            ref = f"{job_of(change.run.job)}/{change.run.id}"
            told[ref].append((at, change))
        expected = [*record.runs, *(life for work in record.jobs for life in work.runs if life not in record.runs)]
        names = {life.ref for life in expected}
        for ref, changes in told.items():
            if ref not in names:
                yield f"watch told of {ref}, which nobody asked for"
            else:
                yield from self._chain(record, self.world.lives[ref], changes)
        for life in expected:
            yield from self._told(record, life, told.get(life.ref, []))
        yield from self._errors(record)

    def _over(self, record: Watch) -> Iterator[str]:
        error = record.error
        if isinstance(error, WaitTimeoutError):
            over = record.begun + (record.timeout or 0.0)
            if record.timeout is None or not over - 0.1 <= record.ended <= over + 5:
                yield f"watch: the time was over at {over:.0f}, told at {record.ended:.0f}"
        elif isinstance(error, JobRunsError):
            # With "raise" a target that cannot be read, or any trouble that is not expected to pass, may end it.
            vanished = (
                record.absent
                or any(work.deleted_at <= record.ended for work in record.works)
                or any(not life.seen_from <= record.begun or life.lost_at <= record.ended for life in record.runs)
            )
            # What was seen of others is told before.
            refused = any(self._is_refused(record, work) for work in record.works)
            if record.on_error != "raise" or not (vanished or refused):
                yield f"watch ended by {type(error).__name__} at {record.ended:.0f}: {error!s:.150}"
        elif error is None:
            yield from self._by_itself(record)
        elif record.cancelled is not None and record.ended > record.cancelled + 1:
            yield f"watch: cancelled at {record.cancelled:.0f}, over at {record.ended:.0f}"

    def _by_itself(self, record: Watch) -> Iterator[str]:
        for work in record.jobs:
            if not self._job_left_out(record, work):
                yield f"watch ended by itself at {record.ended:.0f}, and nothing kept it from {work.ref}"
        for life in record.runs:
            goes_on = min(life.known_end(record.pace.grace) - 1, life.end.at, life.lost_at) > record.ended
            if goes_on and not self._run_left_out(record, life):
                yield f"watch ended by itself at {record.ended:.0f} while {life.ref} goes on"

    def _job_left_out(self, record: Watch, work: Work) -> bool:
        """Tell whether the job could be left out: it was refused, which was told."""
        told = {job_of(error.job) for _, error in record.errors if error.run is None and is_refusal(error.error)}
        return self._is_refused(record, work) and (record.on_error != "call" or work.ref in told)

    def _run_left_out(self, record: Watch, life: Life) -> bool:
        """Tell whether a given run could be left out: it was refused before it was ever seen, which was told."""
        if any(change.run.id == life.id for _, change in record.changes):
            return False
        hidden = life.seen_from > record.begun or life.lost_at <= record.ended
        told = {error.run.run_id for _, error in record.errors if error.run is not None and is_refusal(error.error)}
        founded = hidden or self._refuses(record, life.work)
        return founded and (record.on_error != "call" or life.id in told)

    def _is_refused(self, record: Watch, work: Work) -> bool:
        """Tell whether a job can have been refused before anything was seen of it."""
        given = {life.id for life in record.runs}
        seen = {job_of(change.run.job) for _, change in record.changes if change.run.id not in given}
        return (work.deleted_at <= record.ended or self._refuses(record, work)) and work.ref not in seen

    def _refuses(self, record: Watch, work: Work) -> bool:
        outages = [outage for outage in self.world.outages if outage.kind in REFUSALS and outage.touches(work)]
        return any(outage.since < record.ended and outage.until > record.begun for outage in outages)

    def _chain(self, record: Watch, life: Life, changes: list[tuple[float, StateChange]]) -> Iterator[str]:
        before: StateChange | None = None
        furthest = -1
        for at, change in changes:
            run, seen = change.run, (change.at - EPOCH).total_seconds()
            if before is None and change.before is not None:
                yield f"{life.ref}: the first change has before={change.before}"
            if before is not None and change.before != before.after:
                yield f"{life.ref}: a change from {change.before} follows one to {before.after}"
            if before is not None and (change.after, change.attempt) == (before.after, before.attempt):
                yield f"{life.ref}: a change at {at:.0f} changes nothing: {change.after} of attempt {change.attempt}"
            if (change.after, change.attempt) != (run.state, run.attempt):
                yield f"{life.ref}: a change to {change.after} carries a run that is {run.state}"
            earlier = life.lag + (10 if self.world.is_calm(life.work, seen - 90, seen + 1) else 90)
            if (run.native_state, run.attempt - FIRST_NUMBER[life.work.service]) not in life.states_between(
                seen - earlier, seen
            ):
                yield f"{life.ref}: told as {run.native_state} of attempt {run.attempt} at {seen:.0f}, which it was not"
            place = life.place_of(run.native_state, run.attempt - FIRST_NUMBER[life.work.service])
            if 0 <= place < furthest:
                yield f"{life.ref}: goes back to {run.native_state} of attempt {run.attempt} at {seen:.0f}"
            furthest = max(furthest, place)
            if not record.begun - 0.1 <= seen <= at + 0.1:
                yield f"{life.ref}: seen at {seen:.0f}, told at {at:.0f}, and the watch began at {record.begun:.0f}"
            before = change
        retried = life.work.service == "glue" and life.end.state in {"FAILED", "TIMEOUT"}
        # By a clock that may be five minutes fast, a retry may be to come for as much longer.
        until = self.world.calm_after(life.work, life.end.at + record.pace.grace + SKEW, allowance(record.pace))
        known = until if retried else life.end.at + 10
        calm = self.world.is_calm(life.work, record.begun, record.begun + 1)
        if life not in record.runs and calm and known < record.begun:
            yield f"{life.ref} had ended at {life.end.at:.0f}, before the watch began, and was told of"

    def _told(self, record: Watch, life: Life, changes: list[tuple[float, StateChange]]) -> Iterator[str]:
        given, begun = life in record.runs, record.begun
        if not given and life.created < begun and life.end.at <= self._first_look(record, life):
            return
        if self._run_left_out(record, life) if given else self._job_left_out(record, life.work):
            return
        late = allowance(record.pace)
        end = life.end
        visible = max(begun, life.seen_from)
        first = self.world.calm_after(life.work, visible, late)
        if first <= record.ended and life.lost_at > first and (not changes or changes[0][0] > first):
            when = f"first at {changes[0][0]:.0f}" if changes else "never"
            created = f"created at {life.created:.0f}, to be seen from {visible:.0f}"
            yield f"{life.ref} was {created}, told {when} (the watch lasts to {record.ended:.0f})"
            return
        last = self.world.calm_after(life.work, max(visible, end.at), late)
        if last > record.ended or life.lost_at <= last:
            return
        if record.patience is not None and record.patience < CALL_TIMEOUT:
            return  # a poll that takes longer begins anew each time
        number = end.attempt + FIRST_NUMBER[life.work.service]
        if not any(
            (change.run.native_state, change.attempt) == (end.state, number) and at <= last for at, change in changes
        ):
            seen = [f"{change.after} at {at:.0f}" for at, change in changes[-3:]]
            ended = f"ended as {end.state} of attempt {number} at {end.at:.0f}"
            yield f"{life.ref} {ended}, which was not told by {last:.0f}: {seen}"

    def _first_look(self, record: Watch, life: Life) -> float:
        """Return by when a run that was created before the watch can have been seen to go on."""
        look = max(record.begun, life.seen_from)
        late = allowance(record.pace)
        bound = self.world.calm_after(life.work, look, late)
        return look if bound == look + late else bound

    def _errors(self, record: Watch) -> Iterator[str]:
        for at, told in record.errors:
            works = [
                work
                for work in record.works
                if work.name == "/".join(told.job.path) and work.service == told.job.service
            ]
            if told.run is not None and any(ref.endswith(f"/{told.run.run_id}") for ref in record.absent):
                continue
            life = (
                None
                if told.run is None
                else self.world.lives.get(f"{told.run.job.service}:{'/'.join(told.run.job.path)}/{told.run.run_id}")
            )
            if life is not None and (life.lost_at <= at or life.seen_from > record.begun):
                continue
            if works and works[0].deleted_at > at and self.world.is_calm(works[0], record.begun, at):
                what = f"{told.error!s:.100} of {told.job} {told.run}"
                yield f"on_error was told {what} at {at:.0f}, and nothing was wrong"
        if record.on_error == "call" and record.error is not None and record.cancelled is None:
            for work in record.jobs:
                bound = self.world.calm_after(work, max(record.begun, work.deleted_at), allowance(record.pace))
                if bound <= record.ended and not any("/".join(told.job.path) == work.name for _, told in record.errors):
                    deleted = f"{work.ref} was deleted at {work.deleted_at:.0f}"
                    yield f"{deleted}, and on_error was not told by {record.ended:.0f}"


@define
class ShareJudge:
    """Complains of more requests than the waits of a client need together."""

    world: World
    records: list[Record]

    def complaints(self) -> Iterator[str]:
        for work in self.world.works.values():
            users = [record for record in self.records if work in record.works and record.begun >= 0]
            yield from self._definitions(work, users)
            stopping = any(isinstance(record, Stop) or getattr(record, "on_timeout", "") == "stop" for record in users)
            stopping = stopping or any(
                getattr(record, "on_cancel", "") == "stop" or getattr(record, "nudged", None) for record in users
            )
            if users and not stopping and self.world.is_calm(work, -1, float("inf")):
                yield from self._rounds(work, users)

    def _definitions(self, work: Work, users: list[Record]) -> Iterator[str]:
        asked = [heard for heard in self.world.heard if heard.operation == "GetJob" and heard.work == work.ref]
        for result, apart in ASKED_AGAIN.items():
            moments = [heard.at for heard in asked if heard.result == result]
            again = [f"{at:.0f}" for before, at in pairwise(moments) if at - before < apart]
            if again:
                told = "answered" if result == "ok" else "refused"
                yield f"GetJob of {work.ref} was {told} within {apart:.0f} s for {len(users)} programs: {again[:5]}"

    def _rounds(self, work: Work, users: list[Record]) -> Iterator[str]:
        paces: dict[tuple[float, float], list[Record]] = defaultdict(list)
        for record in users:
            paces[(record.pace.poll, record.pace.longest)].append(record)
        most = 3.0
        for (poll, longest), sharing in paces.items():
            spans = [(record.begun, record.ended) for record in sharing]
            begins = len({round(begun, 1) for begun, _ in spans})
            # A watch may keep one interval for all that it watches, so that any change brings it back to the shortest,
            # and may look for new runs beside those that it follows.
            watched = any(isinstance(record, Watch) for record in sharing)
            most += 1.3 * _union(spans) * (2 / poll if watched else 1 / longest)
            most += (1 if poll == longest else 8) * (2 if watched else 1) * (begins + _changes(sharing))
        counts: Counter[str] = Counter()
        for heard in self.world.heard:
            if heard.work == work.ref and heard.operation in POLLS and heard.what != "more":
                counts[f"{heard.operation} {heard.what}"] += 1
        for what, count in counts.items():
            often = most * (STATES_OF_EMR if what.startswith("ListJobRuns") else 1)
            if count > often:
                yield f"{work.ref}: {count} times {what}, at most {often:.0f} are needed for {len(users)} waits"


def _changes(records: list[Record]) -> int:
    """Return how many changes these could see of what they wait for."""
    since, until = min(record.begun for record in records), max(record.ended for record in records)
    lives = {life.ref: life for record in records for life in record.lives}
    return sum(
        since <= moment <= until
        for life in lives.values()
        for phase in life.phases
        for moment in {phase.at, phase.at + life.lag}
    )


def _union(spans: list[tuple[float, float]]) -> float:
    """Return how long at least one of these spans lasted."""
    total, until = 0.0, float("-inf")
    for since, end in sorted(spans):
        total += max(0.0, end - max(since, until))
        until = max(until, end)
    return total
