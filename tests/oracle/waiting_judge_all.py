"""What must hold of `wait_all`, for each of its runs as for a wait of its own."""

from collections.abc import Iterator
from typing import Any

from attrs import define

from jobruns_sdk import JobRun, JobRunsError, StopOutcome, UnsupportedOperationError, WaitTimeoutError
from tests.oracle.waiting_judge import Judge, allowance
from tests.oracle.waiting_programs import WaitAll
from tests.oracle.waiting_world import Life


@define
class AllJudge(Judge):
    """Complains of a wait for many runs, once the schedule is over."""

    def wait_all(self, record: WaitAll) -> Iterator[str]:
        yield from self.alien(record)
        for life in record.of:
            yield from self.backwards(life, [(at, run) for at, run in record.polls if run.id == life.id])
        if record.cancelled is not None and type(record.error).__name__ == "CancelledError":
            if record.ended > record.cancelled + 1:
                yield f"cancelled at {record.cancelled:.0f}, over at {record.ended:.0f}"
            return
        if record.result is not None:
            yield from self._all_returned(record, record.result)
            return
        error = record.error
        given_up = [
            life for life in record.of if life.known_end(record.pace.grace) > record.ended - allowance(record.pace)
        ]
        if isinstance(error, WaitTimeoutError):
            stops = record.on_timeout == "stop"
            # A run that was seen may have ended, and the error is about one that has not.
            going = any(not run.is_terminal for run in {run.id: run for _, run in record.polls}.values())
            yield from self.timed_out(error, record, seen=going, stops=record.of if stops else [])
            if not any(self.bound(life, record.begun, record.pace) >= record.ended for life in record.of):
                yield "WaitTimeoutError though all could be known to have ended"
            if stops and record.timeout is not None:
                yield from self._all_stopped(record, error, given_up)
        elif isinstance(error, JobRunsError):
            seen = self._last_seen(record)
            doubts = [
                list(
                    self.unfounded(error, life, record, seen=seen.get(life.id), polled=life.id in seen, unseen_for=None)
                )
                for life in record.of
            ]
            if doubts and all(doubts):
                yield f"wait_all: no run accounts for the error: {doubts[0][0]}"

    def _last_seen(self, record: WaitAll) -> dict[str, float]:
        return {run.id: at for at, run in record.polls}

    def _all_returned(self, record: WaitAll, results: list[JobRun[Any] | JobRunsError]) -> Iterator[str]:
        if len(results) != len(record.of):
            yield f"wait_all: {len(results)} results for {len(record.of)} runs"
            return
        latest = max([self.bound(life, record.begun, record.pace) for life in record.of], default=record.begun)
        if not record.return_exceptions and record.ended > latest:
            yield f"wait_all: all could be known to have ended by {latest:.0f}, told at {record.ended:.0f}"
        seen = self._last_seen(record)
        for life, result in zip(record.of, results, strict=True):
            if isinstance(result, WaitTimeoutError):
                over = record.begun + (record.timeout or 0.0)
                if over - 1 > self.bound(life, record.begun, record.pace):
                    yield f"{life.ref}: WaitTimeoutError though it could be known to have ended"
                yield from self.timed_out(
                    result, record, seen=life.id in seen, stops=record.of if record.on_timeout == "stop" else []
                )
                if record.on_timeout == "stop" and record.timeout is not None:
                    yield from self.stopped(
                        life, getattr(result, "outcome", None), record.begun + record.timeout, record.ended
                    )
            elif isinstance(result, JobRunsError):
                # The moment of one run's own error is not told: it has to have had a reason by the end.
                if (
                    life.lost_at > record.ended
                    and life.seen_from <= record.begun
                    and self.world.is_calm(life.work, record.begun, record.ended)
                ):
                    unsupported = isinstance(result, UnsupportedOperationError) and life.work.service == "datazone"
                    if not (unsupported and record.on_timeout == "stop"):
                        error = f"{type(result).__name__}: {result!s:.150}"
                        yield f"{life.ref}: in the place of a run that can be read stands {error}"
            else:
                yield from self.end(result, life, record.ended, record.pace)

    def _all_stopped(self, record: WaitAll, error: WaitTimeoutError, given_up: list[Life]) -> Iterator[str]:
        over = record.begun + (record.timeout or 0.0)
        told: tuple[StopOutcome, ...] | None = getattr(error, "outcomes", None)
        by_id = {outcome.ref.run_id: outcome for outcome in told or ()}
        for life in given_up:
            yield from self.stopped(life, by_id.get(life.id), over, record.ended)
            if (
                told is not None
                and life.id not in by_id
                and life.goes_on_at(record.ended)
                and life.lost_at > record.ended
            ):
                yield f"wait_all: the error's outcomes leave out {life.ref}, which goes on"
