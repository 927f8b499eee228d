"""What must hold of waits and stops, told in terms of the whole history of every run.

Choices where the contract leaves room:

- A wait is late when it goes on longer than 1.25 times `max_poll_interval` and half a minute after the moment from
  which the end can be known, counted from the last moment at which anything went wrong with that job (after throttles
  five minutes more, else one call).
- That moment is the end, for a Glue attempt that failed with retries left the end plus `retry_grace`, and where
  MaxRetries cannot be read at most five minutes after the end. Whether Glue retries a TIMEOUT nobody says: a wait may
  take it for a failure or for an end.
- A wait that begins after such a failure may count five minutes less of what its clock says has passed since, for a
  machine's clock may be as wrong as that; never does it count from later than its own begin.
- A stop at the end of a wait that is throttled goes on for as long as throttles are waited for, ten minutes.
- What is told of a run never goes back, however old an answer is.
- A run that can no longer be read need not be told of, and its wait may end with NotFoundError once it went unseen
  for as long as allowed.
- A stop in the pause between two Glue attempts may wait for the retry, after a timeout five minutes, or leave that to
  the client; by three minutes
  after the retry can be seen it has been asked to stop, or the outcome names the trouble that stood in the way.
"""

from collections.abc import Iterator
from typing import Any

from attrs import define

from jobruns_sdk import (
    AccessDeniedError,
    CredentialsError,
    JobRun,
    JobRunsError,
    NotFoundError,
    ResponseFormatError,
    RunState,
    StopOutcome,
    UnsupportedOperationError,
    WaitTimeoutError,
)
from tests.oracle.waiting_programs import Pace, Record, Stop, Wait
from tests.oracle.waiting_world import ENDED, NEVER, RECOVERY_FROM_THROTTLES, Life, World

MARGIN = 30.0
SKEW = 300.0
CALL_TIMEOUT = 60.0
UNSEEN_WITHOUT_TIMEOUT = 3600.0
AFTER_PAUSE = 180.0
RETRY_TAKES = 300.0 + MARGIN  # a retry is waited for, so that it is stopped before the caller ends the program
THROTTLE_TIMEOUT = 600.0
STOP_TAKES = 2 * CALL_TIMEOUT + MARGIN  # a look and the request take a call each
FIRST_NUMBER = {"glue": 1, "emr-serverless": 0, "datazone": 0}
UNTIL = {
    RunState.QUEUED: {"SUBMITTED", "PENDING", "QUEUED", "WAITING"},
    RunState.RUNNING: {"RUNNING", "IN_PROGRESS"},
    RunState.STOPPING: {"STOPPING", "CANCELLING"},
}


def allowance(pace: Pace) -> float:
    """Return how long after a change it has to be seen where all goes well."""
    return 1.25 * pace.longest + MARGIN


def is_as(run: JobRun[Any], life: Life, state: str, attempt: int) -> bool:
    return (run.id, run.native_state, run.attempt) == (life.id, state, attempt + FIRST_NUMBER[life.work.service])


@define
class Judge:
    """Complains of what it is shown, once the schedule is over."""

    world: World

    def alien(self, record: Record) -> Iterator[str]:
        """Only the package's own errors leave it, and a cancellation where somebody cancelled."""
        error = record.error
        if error is None or isinstance(error, JobRunsError):
            return
        if type(error).__name__ == "CancelledError":
            if record.cancelled is None:
                yield "cancelled by nobody"
            return
        yield f"{type(error).__name__} left the package: {error!r:.200}"

    # -- one run, whatever waited for it

    def end(self, run: JobRun[Any], life: Life, at: float, pace: Pace) -> Iterator[str]:
        """It was handed out as the end of that run."""
        end = life.end
        if not is_as(run, life, end.state, end.attempt) or end.at > at + 0.01:
            yield (
                f"{life.ref} was told as {run.native_state} of attempt {run.attempt} at {at:.0f}; "
                f"it comes to {end.state} of attempt {end.attempt} at {end.at:.0f}"
            )
        elif (
            life.may_be_retried() and life.work.readable and life.work.deleted_at > at and at < end.at + pace.grace - 1
        ):
            early = f"{at - end.at:.0f} s after it failed with retries left"
            yield f"{life.ref} was taken for ended {early}; the grace is {pace.grace:.0f}"

    def bound(self, life: Life, since: float, pace: Pace) -> float:
        """Return when a wait that began then has to have seen the end: never, if the run cannot be read by then."""
        known = self.known_end(life, since, pace)
        due = max(since, life.seen_from, known)
        bound = self.world.calm_after(life.work, due, allowance(pace))
        return NEVER if life.lost_at <= bound else bound

    def known_end(self, life: Life, since: float, pace: Pace) -> float:
        """Return from when on a wait that began then can know that the run has ended for good."""
        known = life.known_end(pace.grace)
        # An outage hides an end as well as a wait that begins after it, and so do several in which one poll after the
        # other fails.
        hidden_until = life.end.at
        for outage in sorted(self.world.outages, key=lambda outage: outage.since):
            hides = outage.touches(life.work) and outage.since <= hidden_until + pace.longest * 1.25
            hidden_until = max(hidden_until, outage.until if hides else 0.0)
        since = max(since, hidden_until)
        if life.end.at < min(since, known):
            # The end was never seen to come, and this machine's clock may be as fast as AWS lets it be.
            known = min(known + SKEW, since + known - life.end.at)
        return known

    def late(self, life: Life, record: Record) -> Iterator[str]:
        bound = self.bound(life, record.begun, record.pace)
        if record.ended > bound:
            known = life.known_end(record.pace.grace)
            yield f"{life.ref} could be known to have ended at {known:.0f}, told at {record.ended:.0f}"

    def unfounded(
        self,
        error: JobRunsError,
        life: Life,
        record: Record,
        *,
        seen: float | None,
        polled: bool,
        unseen_for: float | None,
    ) -> Iterator[str]:
        """An error that is not about time ended the wait for that run, which had last been seen at `seen`."""
        at, work, name = record.ended, life.work, f"{life.ref}: {type(error).__name__}"
        stops = getattr(record, "on_timeout", "") == "stop"
        if stops and isinstance(error, UnsupportedOperationError) and work.service == "datazone":
            return
        since = record.begun if seen is None else seen
        patience = unseen_for
        if patience is None:
            patience = UNSEEN_WITHOUT_TIMEOUT if record.timeout is None else record.begun + record.timeout - since
        if seen is None and at < since + patience - 1:
            yield from self._refused_at_first(error, life, record)
            return
        if getattr(error, "run", None) is None and polled:
            yield f"{name} carries no run, and one was seen at {since:.0f}"
        if at < since + patience - 1 - record.pace.longest * 1.25:
            yield f"{name} {at - since:.0f} s after it was seen ended the wait; {patience:.0f} were due: {error!s:.120}"
        elif life.lost_at > at and self.world.is_calm(work, at - CALL_TIMEOUT, at):
            yield f"{name} though it can be read: {error!s:.150}"

    def _refused_at_first(self, error: JobRunsError, life: Life, record: Record) -> Iterator[str]:
        """The error ended the wait before the run was ever seen."""
        if isinstance(error, NotFoundError):
            if life.seen_from <= record.begun and life.lost_at > record.ended:
                yield f"{life.ref} is there, and was told as not found"
        elif not isinstance(error, AccessDeniedError | CredentialsError | ResponseFormatError):
            yield f"{life.ref}: {type(error).__name__} ended the wait before its time: {error!s:.150}"
        elif self.world.is_calm(life.work, record.begun, record.ended):
            yield f"{life.ref}: {type(error).__name__} though nothing was wrong: {error!s:.150}"

    def timed_out(self, error: WaitTimeoutError, record: Record, *, seen: bool, stops: list[Life]) -> Iterator[str]:
        if record.timeout is None:
            yield "WaitTimeoutError without a timeout"
            return
        over = record.begun + record.timeout
        slack = 5.0 if not stops else STOP_TAKES + len(stops)
        # An attempt that has failed may be followed by another one, which is stopped before the caller hears of it.
        ended = (life.phase_at(at) for life in stops for at in (over, record.ended) if life.work.service == "glue")
        if any(phase is not None and phase.state in ENDED["glue"] for phase in ended):
            slack += RETRY_TAKES
        throttled = self._throttled_until(stops, over, over + slack)
        if not over - 0.1 <= record.ended <= min(throttled, over + THROTTLE_TIMEOUT) + slack:
            yield f"the time was over at {over:.0f}, told at {record.ended:.0f}"
        if seen and error.run is None:
            yield "WaitTimeoutError carries no run, and one was seen"

    def backwards(self, life: Life, polls: list[tuple[float, JobRun[Any]]]) -> Iterator[str]:
        """It was told as it had been before what was told already: other words for one state are let pass."""
        furthest, last = -1, None
        for at, run in polls:
            place = life.place_of(run.native_state, run.attempt - FIRST_NUMBER[life.work.service])
            if 0 <= place < furthest and (run.state, run.attempt) != last:
                yield f"{life.ref}: on_poll goes back to {run.native_state} of attempt {run.attempt} at {at:.0f}"
            furthest, last = max(furthest, place), (run.state, run.attempt)

    def _throttled_until(self, lives: list[Life], since: float, until: float) -> float:
        """Return when the throttles have passed that delay stops in that span: no later than it begins, if none do."""
        ends = [
            outage.until + RECOVERY_FROM_THROTTLES
            for outage in self.world.outages
            if outage.kind == "throttle"
            and outage.since < until
            and outage.until > since
            and any(outage.touches(life.work) for life in lives)
        ]
        return max([since, *ends])

    # -- stops

    def stopped(self, life: Life, outcome: StopOutcome | None, since: float, until: float) -> Iterator[str]:
        """The run was to be stopped in that span, and that is what was told of it (None: nothing)."""
        due = self._stop_due(life, since, until)
        was_accepted = any(since - 0.01 <= stop <= due for stop in life.stops)
        troubled = not self.world.is_calm(life.work, since, due) or life.lost_at <= until or life.seen_from > since
        free = life.work.service != "datazone" and life.stoppable
        too_short = life.pauses_at(since) and life.longest_attempt_after(since) < AFTER_PAUSE
        if outcome is not None:
            if outcome.ref.run_id != life.id:
                yield f"the outcome of {life.ref} is about {outcome.ref}"
            # Nobody can know that no retry is to come: its stop may be promised, and never be needed.
            failed = life.work.service == "glue" and life.end.state in {"FAILED", "TIMEOUT"} and life.end.at <= until
            may_follow = failed and (life.end.attempt < life.work.max_retries or not life.work.readable)
            may_follow = may_follow or too_short
            if outcome.accepted and not any(stop >= since - 0.01 for stop in life.stops) and not may_follow:
                yield f"{life.ref}: the stop is told as accepted; the service took none"
            if outcome.accepted == (outcome.error is not None):
                yield f"{life.ref}: accepted is {outcome.accepted} and the error {outcome.error!r:.100}"
            if not outcome.accepted and any(since <= stop <= until for stop in life.stops) and not troubled:
                yield f"{life.ref}: the service took the stop, and the outcome says {outcome.error!s:.150}"
        if was_accepted or troubled or not free or too_short or life.lost_at <= due:
            return
        if life.goes_on_at(since) and life.goes_on_at(until):
            where = "in the pause before a retry" if life.pauses_at(since) else "while it was active"
            told = "" if outcome is None else f" (accepted={outcome.accepted}, {outcome.error!s:.120})"
            yield f"{life.ref} was to be stopped at {since:.0f} {where}, and was not{told}"

    def _stop_due(self, life: Life, since: float, until: float) -> float:
        """Return by when a run that was to be stopped in that span has to have been: a retry once it can be seen."""
        due = max(until, since + STOP_TAKES)
        for phase, after in zip(life.phases, life.phases[1:], strict=False):
            if life.is_ended(phase.state) and phase.at <= due and after.at > since:
                due = max(due, after.at + life.lag + AFTER_PAUSE)
        return due

    def stop(self, record: Stop) -> Iterator[str]:
        yield from self.alien(record)
        if record.cancelled is not None:
            return
        if record.error is not None:
            yield f"stop raised {type(record.error).__name__}: {record.error!s:.150}"
            return
        if [outcome.ref.run_id for outcome in record.outcomes] != [life.id for life in record.of]:
            yield "the outcomes are not one for each reference in order"
            return
        for life, outcome in zip(record.of, record.outcomes, strict=True):
            yield from self.stopped(life, outcome, record.begun, record.ended)
            yield from self._waited(record, life, outcome)

    def _waited(self, record: Stop, life: Life, outcome: StopOutcome) -> Iterator[str]:
        if record.wait is None or not hasattr(outcome, "run") or not outcome.accepted:
            return
        over = record.begun + record.wait
        if record.ended < over - 1 and life.end.at > record.ended:
            yield f"stop(wait=) returned at {record.ended:.0f} while {life.ref} goes on until {life.end.at:.0f}"
        paused = any(each.pauses_at(record.begun) for each in record.of)
        calm = all(self.world.is_calm(each.work, record.begun, record.ended) for each in record.of)
        if record.ended > over + CALL_TIMEOUT + MARGIN and calm and not paused:
            yield f"stop(wait=) was to return by {over:.0f} and did at {record.ended:.0f}"
        run: JobRun[Any] | None = getattr(outcome, "run", None)  # not there yet everywhere
        if (
            record.ended < over - 1
            and self.world.is_calm(life.work, record.begun, record.ended)
            and life.lost_at > record.ended
        ):
            if run is None:
                yield f"stop(wait=): {life.ref} has stopped, and its outcome carries no run"
            elif not is_as(run, life, life.end.state, life.end.attempt):
                yield f"stop(wait=): {life.ref} is {life.end.state}, its outcome's run {run.native_state}"

    # -- wait

    def wait(self, record: Wait) -> Iterator[str]:
        yield from self.alien(record)
        life = record.life
        if life is None:
            return
        for at, run in record.polls:
            if (run.native_state, run.attempt - FIRST_NUMBER[life.work.service]) not in life.states_between(
                at - 90, at
            ):
                told = f"{run.native_state} of attempt {run.attempt}"
                yield f"{life.ref}: on_poll was given {told} at {at:.0f}, which it was not"
        yield from self.backwards(life, record.polls)
        if record.cancelled is not None and type(record.error).__name__ == "CancelledError":
            yield from self._cancelled(record, life)
            return
        if not record.until:
            yield from self.late(life, record)
        else:
            yield from self._late_until(record, life)
        yield from self._nudged(record, life)
        if record.result is not None:
            yield from self._returned(record, life, record.result)
        seen = record.polls[-1][0] if record.polls else record.begun if record.of is not None else None
        error = record.error
        if isinstance(error, WaitTimeoutError):
            yield from self.timed_out(
                error, record, seen=bool(record.polls), stops=[life] if record.on_timeout == "stop" else []
            )
            if record.on_timeout == "stop" and record.timeout is not None:
                yield from self.stopped(
                    life, getattr(error, "outcome", None), record.begun + record.timeout, record.ended
                )
        elif isinstance(error, JobRunsError):
            yield from self.unfounded(
                error, life, record, seen=seen, polled=bool(record.polls), unseen_for=record.unseen_for
            )

    def _returned(self, record: Wait, life: Life, run: JobRun[Any]) -> Iterator[str]:
        if run.state not in record.until:
            yield from self.end(run, life, record.ended, record.pace)
        elif (run.native_state, run.attempt - FIRST_NUMBER[life.work.service]) not in life.states_between(
            record.ended - 90, record.ended
        ):
            yield f"{life.ref}: until={set(record.until)} was told as met by {run.native_state}, which it was not"

    def _late_until(self, record: Wait, life: Life) -> Iterator[str]:
        wanted = set[str]().union(*(UNTIL[state] for state in record.until))
        for phase, after in zip(life.phases, life.phases[1:], strict=False):
            bound = self.world.calm_after(
                life.work, max(record.begun, life.seen_from, phase.at), allowance(record.pace)
            )
            if phase.state in wanted and bound < min(after.at, life.lost_at) and record.ended > bound:
                lasted = f"from {phase.at:.0f} to {after.at:.0f}"
                yield f"{life.ref} was {phase.state} {lasted}; until= was told at {record.ended:.0f}"

    def _nudged(self, record: Wait, life: Life) -> Iterator[str]:
        at = record.nudged
        if at is None or not record.begun <= at or record.until or self.known_end(life, record.begun, record.pace) > at:
            return
        if at + MARGIN < min(record.ended, life.lost_at) and self.world.is_calm(life.work, at, at + MARGIN):
            yield f"{life.ref} had ended when it was nudged at {at:.0f}; told at {record.ended:.0f}"

    def _cancelled(self, record: Wait, life: Life) -> Iterator[str]:
        at = record.cancelled or 0.0
        longest = CALL_TIMEOUT + 1 if record.on_cancel == "stop" else 1.0
        if record.ended > at + longest:
            yield f"{life.ref}: cancelled at {at:.0f}, over at {record.ended:.0f}"
        if record.on_cancel == "stop" and not life.pauses_at(at):
            yield from self.stopped(life, None, at, record.ended)
