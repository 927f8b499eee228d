"""The loggers of this package, and the observer that writes to them: silent unless a program sets them up.

    jobruns_sdk.calls   each call, walk and wait for the quota (DEBUG), retries and calls that have failed (INFO)
    jobruns_sdk.polls   each poll and wait (DEBUG), each change of a run (INFO)
    jobruns_sdk.events  events that cannot be received (WARNING)
    jobruns_sdk.starts  each start that was sent, and the run that it has led to (INFO)

The members of a record that begin with ``jobruns_`` say the same for machines.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from logging import DEBUG, INFO, Logger, NullHandler, getLogger
from typing import Final

from jobruns_sdk.errors import harmless
from jobruns_sdk.model.refs import RunRef
from jobruns_sdk.observing.observer import Observer
from jobruns_sdk.observing.values import (
    CallEnded,
    CallRetried,
    CallStarted,
    Failure,
    PollEnded,
    PollStarted,
    RunChanged,
    TurnTaken,
    WaitEnded,
    WaitStarted,
    WalkEnded,
)

CALLS: Final = getLogger("jobruns_sdk.calls")
POLLS: Final = getLogger("jobruns_sdk.polls")
STARTS: Final = getLogger("jobruns_sdk.starts")
EVENTS: Final = getLogger("jobruns_sdk.events")

_STARTS: Final = ("Start", "Submit")

for _logger in (CALLS, POLLS, STARTS, EVENTS):
    _logger.addHandler(NullHandler())  # else Python prints warnings of loggers that nobody has set up


def are_on() -> bool:
    """Return True if anything of what observers are told would be logged."""
    return CALLS.isEnabledFor(INFO) or POLLS.isEnabledFor(INFO) or STARTS.isEnabledFor(INFO)


def warn(logger: Logger, text: str, *, error: BaseException | None = None, **facts: object) -> None:
    """Log a warning of what only an operator can change; a handler that raises does not break anything here either."""
    with suppress(Exception):
        extra = {f"jobruns_{name}": value for name, value in facts.items()}
        logger.warning("%s", harmless(text), exc_info=error, extra=extra)


def logging_starts(remember: Callable[[RunRef], object]) -> Callable[[RunRef], object]:
    """Return what logs each run that a start has led to, too."""

    def remembering(run: RunRef) -> None:
        remember(run)
        if STARTS.isEnabledFor(INFO):
            with suppress(Exception):  # of a handler: whoever has started a run must be told of it
                _log(STARTS, INFO, f"a start has led to {run}", {"run": str(run)})

    return remembering


def _log(logger: Logger, level: int, text: str, facts: Mapping[str, object], failure: Failure | None = None) -> None:
    if failure is not None:
        facts = {
            **facts,
            "error": failure.type,
            "error_kind": failure.kind,
            "error_message": harmless(failure.message),
            "in_doubt": failure.in_doubt,
            "request_id": failure.request_id,
            "http_status": failure.http_status,
        }
    extra = {f"jobruns_{name}": value for name, value in facts.items() if value is not None}
    logger.log(level, "%s", harmless(text), extra=extra)


def _call(event: CallStarted | CallEnded) -> None:
    if isinstance(event, CallStarted):
        return
    level = DEBUG if event.failure is None else INFO
    is_start = event.call.operation.startswith(_STARTS) and STARTS.isEnabledFor(INFO)
    if not is_start and not CALLS.isEnabledFor(level):
        return
    outcome, why = ("has answered", "") if event.failure is None else ("has failed", f": {event.failure}")
    requests = "" if event.requests == 1 else f", {event.requests} requests"
    text = f"{_name(event.call)} {outcome} after {event.seconds:.3f} s{requests}{why}"
    facts = {
        **_facts(event.call),
        "seconds": event.seconds,
        "requests": event.requests,
        "waited": event.waited,
        "server": event.server,
        "request_id": event.request_id,
        "http_status": event.http_status,
    }
    if is_start:
        _log(STARTS, INFO, text, facts, event.failure)
    if CALLS.isEnabledFor(level):
        _log(CALLS, level, text, facts, event.failure)


def _retry(event: CallRetried) -> None:
    if CALLS.isEnabledFor(INFO):
        when = f"in {event.pause:.3f} s" if event.pause else "at its next turn"
        text = f"{_name(event.call)} is tried again {when}: {event.failure}"
        facts = {**_facts(event.call), "requests": event.requests, "pause": event.pause}
        _log(CALLS, INFO, text, facts, event.failure)


def _turn(event: TurnTaken) -> None:
    if CALLS.isEnabledFor(DEBUG):
        text = f"{_name(event.call)} has waited {event.seconds:.3f} s for its turn"
        _log(CALLS, DEBUG, text, {**_facts(event.call), "waited": event.seconds})


def _walk(event: WalkEnded) -> None:
    report, failed = event.report, len(event.report.failed)
    level = INFO if failed or event.failure else DEBUG
    if CALLS.isEnabledFor(level):
        end = f"failed ({event.failure})" if event.failure else "was left" if event.is_left else "came to the end"
        text = (
            f"a walk through {event.listing} {end}: calls {report.calls}, pages {report.pages}, "
            f"rows {report.rows}, jobs that have failed {failed}"
        )
        facts = {
            "listing": event.listing,
            "calls": report.calls,
            "pages": report.pages,
            "rows": report.rows,
            "waited": report.waited,
            "failed": failed,
        }
        _log(CALLS, level, text, facts, event.failure)


def _poll(event: PollStarted | PollEnded) -> None:
    if isinstance(event, PollEnded) and POLLS.isEnabledFor(DEBUG):
        poll = event.poll
        text = f"polled {poll.job} in {event.seconds:.3f} s: runs {poll.runs}, hidden by errors {event.hidden}"
        facts = {
            "job": str(poll.job),
            "runs": poll.runs,
            "waits": len(poll.waits),
            "hidden": event.hidden,
            "seconds": event.seconds,
        }
        _log(POLLS, DEBUG, text, facts, event.failure)


def _wait(event: WaitStarted | WaitEnded) -> None:
    if not POLLS.isEnabledFor(DEBUG):
        return
    if isinstance(event, WaitStarted):
        _log(POLLS, DEBUG, f"a wait for {event.run} begins", {"run": str(event.run)})
    else:
        run, state = str(event.wait.run), event.state
        text = f"a wait for {run} is over: {state or 'never seen'}"
        _log(POLLS, DEBUG, text, {"run": run, "state": state}, event.failure)


def _change(event: RunChanged) -> None:
    if POLLS.isEnabledFor(INFO):
        before = f"{event.before} -> " if event.before else ""
        facts = {
            "run": str(event.run),
            "before": event.before,
            "state": event.after,
            "native_state": event.native_state,
            "attempt": event.attempt,
        }
        _log(POLLS, INFO, f"{event.run}: {before}{event.after} (attempt {event.attempt})", facts)


def _name(call: CallStarted) -> str:
    about = "" if call.job is None else f" of {call.job}"
    return f"{call.service}.{call.operation}{about}"


def _facts(call: CallStarted) -> dict[str, object]:
    return {
        "service": call.service,
        "operation": call.operation,
        "region": call.region,
        "profile": call.profile,
        "job": None if call.job is None else str(call.job),
    }


LOGS: Final = Observer(call=_call, retry=_retry, turn=_turn, poll=_poll, wait=_wait, change=_change, walk=_walk)
"""The observer that writes to the loggers."""
