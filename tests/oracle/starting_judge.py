"""The judge of starting: promises of the contract as rules, held against what the world knows to be true.

Where the contract leaves room, a careful user's reading is taken:

- Two runs of one key pass only if different clients started them, and the later start had read the newest page of the
  job's runs, within the five minutes before it was sent, when the earlier run was not listed yet. What other calls of
  its client read meanwhile, for other keys, while it was throttled or waited for its quota, is not held against it.
  Profiles of one account count as one client if ``share_quotas`` says that they belong together, else as two.
- A key stands for an active run always, for one that has ended ``key_lifetime`` from its start; five minutes before and
  after that moment both answers pass. By default that is the job's Timeout, and at least 24 h.
- ``on_failed="restart"`` may start another run only if the one before has failed for good: no retry of it comes later.
  It may not hand out one that has failed for good, once its retries are used up or none came for 31 minutes.
- A client in which a start of a key is in doubt sends none with that key for 24 h, unless it was shown the run since.
- A start that meets no fault, no full job and no doubt returns a run; nothing else is an answer to good conditions.
- ``find`` may say None about a run that ended more than 24 h after its start.
- A start without a key may hand out another program's run only where nothing that Glue shows tells it from its own:
  see ``told_apart``. These are no breach, and are counted by themselves.
- On EMR Serverless nobody can list by token, so that an adopting start may hand out the key's first run though a
  restarting one has made another since.
"""

from collections.abc import Callable, Iterator

from jobruns_sdk import ConflictError, LimitExceededError, StartOutcomeUnknownError
from tests.oracle.starting_history import BAD_ENDS, GLUE, Run, Sending, StartCall
from tests.oracle.starting_truth import DAY, History, Violation, last_look, starts, told_apart

SLACK = 300.0
GRACE = 31 * 60.0


def _owns(history: History, call: StartCall) -> Iterator[str]:
    """A run that is handed out is the start's own, or one of its key and request."""
    if call.result is None:
        return
    job = call.result.job
    if (job.service, job.path, job.profile) != (call.job.service, (call.job.name,), call.profile):
        yield f"the reference {call.result} is of another job or profile"
    run = history.run(call)
    if run is None:
        yield f"{call.result.run_id} is no run of this job"
    elif not told_apart(history, call, run):
        return
    elif run.maker is None:
        yield f"{run.id} was started by another program"
    elif call.key is None and run.maker is not call:
        yield f"{run.id} was made by start #{run.maker.number}, not by this one, which has no key"
    elif call.key is not None and run.key != call.key:
        yield f"{run.id} was made by start #{run.maker.number} with the key {run.key!r}"
    elif not call.finds and call.key is not None and run.maker.request != call.request:
        yield f"{run.id} was made by start #{run.maker.number} for another request, and no ConflictError came"


def _makes_one(_history: History, call: StartCall) -> Iterator[str]:
    """One call makes one run at most, and ``find`` sends no start."""
    made = [sending for sending in call.sendings if sending.made]
    if len(made) > 1 and not (
        call.job.service != GLUE and call.on_failed == "restart"
    ):  # its first may have failed since
        yield f"made {len(made)} runs"
    if call.finds and starts(call):
        yield "find() sent a start"


def _is_single(history: History, call: StartCall) -> Iterator[str]:
    """No second run of a key while the first may still be active, or stands for the key."""
    for sending in call.sendings:
        if not sending.made or sending.run is None or call.key is None:
            continue
        for earlier in history.runs_of(call):
            if earlier.made_at < sending.run.made_at and earlier is not sending.run:
                said = _excuse(history, call, sending, earlier)
                if said:
                    yield f"{sending.run.id} was started at {sending.sent_at:.2f} although {earlier.id} {said}"


def _excuse(history: History, call: StartCall, sending: Sending, earlier: Run) -> str | None:
    """Return why a second run may not be, None if it may."""
    state = f"(made at {earlier.made_at:.2f}, ends at {earlier.ended_at:.2f} with {earlier.end})"
    if _is_over(history, call, earlier, sending.sent_at):
        return None
    if call.job.service != GLUE:
        return f"stood for the key {state}"
    if earlier.maker is not None and earlier.maker.group == call.group:
        return f"was started by the same client for the same key {state}"
    looked_at = last_look(call, sending.sent_at)
    if looked_at is None or sending.sent_at - looked_at > SLACK:
        return f"was there, and the list was not read in the five minutes before {state}"
    if earlier.visible_at <= looked_at:
        return f"was listed since {earlier.visible_at:.2f}, and the list was read at {looked_at:.2f} {state}"
    return None


def _is_over(history: History, call: StartCall, earlier: Run, at: float) -> bool:
    """Tell whether a run stands no more for its key, for a call at a moment."""
    age = at - earlier.made_at
    if call.job.service != GLUE and age >= history.world.habits.token_memory:
        return True
    is_long = earlier.maker is not None and earlier.maker.request == "long" != call.request
    if is_long and age > history.longest() - SLACK:  # it may live longer than its job says, as only its request tells
        return True
    failed = earlier.end in BAD_ENDS and call.on_failed == "restart"
    return earlier.ended_at <= at and (failed or age >= history.lifetime(call) - SLACK)


def _is_current(history: History, call: StartCall) -> Iterator[str]:
    """What is adopted stands for the key at that time."""
    run = history.run(call)
    if run is None or call.key is None or run.maker is call:
        return
    if call.job.service == GLUE:
        newer = [
            other
            for other in history.runs_of(call)
            if other.visible_at <= call.began < other.made_at + DAY and other.made_at >= run.ended_at
        ]
        if newer and newer[-1] is not run:
            yield f"{run.id} had ended before {newer[-1].id} of the same key was started, which stands for it"
        lifetime = call.key_lifetime if call.key_lifetime is not None else max(history.longest(), _asked(history, call))
        if not call.finds and run.ended_at <= call.began and call.began - run.phases[-1][0] > lifetime + SLACK:
            yield f"{run.id} had ended and was older than the key's lifetime of {lifetime / 3600:.1f} h"
    if call.on_failed == "restart" and run.end in BAD_ENDS:
        habits = history.world.habits
        left = len(run.phases) <= habits.max_retries or habits.job_is_hidden
        may_retry = call.job.service == GLUE and run.end in {"FAILED", "TIMEOUT"} and left
        if run.ended_at <= call.began - (GRACE if may_retry else 1.0):
            yield f"{run.id} had ended in {run.end} at {run.ended_at:.2f}, and was handed out by a restarting start"


def _asked(history: History, call: StartCall) -> float:
    """Return how long a run may be active after all that a client can know, where that is longer than the job says."""
    return 100 * 3600.0 if call.request == "long" else 2 * DAY * history.world.habits.job_is_hidden


def _says_so(_history: History, call: StartCall) -> Iterator[str]:
    """An error without doubt means that nothing was started."""
    error = call.error
    if error is None or error.in_doubt or isinstance(error, StartOutcomeUnknownError):
        return
    for sending in call.sendings:
        if sending.made and sending.run is not None:
            yield f"{sending.run.id} was made, and the error is not in doubt"


def _sends_no_more(history: History, call: StartCall) -> Iterator[str]:
    """After a start of Glue that may have had an effect none is sent again."""
    if call.job.service != GLUE:
        return
    mine = starts(call)
    for number, sending in enumerate(mine):
        if sending.in_doubt and mine[number + 1 :]:
            yield f"sent again at {mine[number + 1].sent_at:.2f} what was in doubt since {sending.sent_at:.2f}"
            return
    if call.key is None or not mine:
        return
    runs = history.runs_of(call)
    for doubt in history.doubts(call):
        first = mine[0].sent_at
        if doubt.call is None or doubt.call is call or doubt.call.group != call.group:
            continue
        if not doubt.sent_at < first < doubt.sent_at + DAY:
            continue
        seen = any(
            run.made_at >= doubt.sent_at - 1 and history.world.shown.get((call.client, run.id), first + 1) <= first
            for run in runs
        )
        if not seen:
            yield f"sent at {first:.2f} while #{doubt.call.number} of the same client and key was in doubt"


def _is_not_needless(history: History, call: StartCall) -> Iterator[str]:
    """In good conditions a start returns a run."""
    error = call.error
    if error is None or call.cancelled_at is not None or isinstance(error, ConflictError):
        return
    if history.met_faults(call) or call.closed_at is not None:
        return
    if call.key is not None and not history.is_readable(call) and call.job.service == GLUE:
        return
    if isinstance(error, LimitExceededError) and not call.finds and _was_full(call):
        return
    doubts = history.doubts(call) if call.key is not None else []
    if doubts and not any(
        run.visible_at <= call.began < run.made_at + DAY and run.made_at >= max(d.sent_at for d in doubts) - 1
        for run in history.runs_of(call)
        if run.maker is not None and run.maker.request == call.request
    ):
        return
    yield "an error although nothing went wrong and nothing was in doubt"


def _was_full(call: StartCall) -> bool:
    return any(sending.answer == "400" and not sending.fault.is_odd for sending in starts(call))


def _waits_for_room(history: History, call: StartCall) -> Iterator[str]:
    """``slot_timeout`` is waited, and a slot that is free for five minutes is taken."""
    if not isinstance(call.error, LimitExceededError) or call.slot_timeout is None or call.ended is None:
        return
    waited = call.ended - call.began
    if waited < call.slot_timeout / 2:
        yield f"gave up after {waited:.0f} s of {call.slot_timeout:.0f}"
    elif waited > SLACK and all(history.world.room(call.job, call.ended - ago) > 0 for ago in range(0, int(SLACK), 10)):
        yield "there was room for the last five minutes"


def _conflicts(history: History, call: StartCall) -> Iterator[str]:
    """A ConflictError has another request of the same key as its reason."""
    if not isinstance(call.error, ConflictError):
        return
    end = call.ended or history.ended_at
    for other in history.calls:
        if other is call or other.finds or (other.key, other.job) != (call.key, call.job) or other.began > end:
            continue
        if other.request == call.request:
            continue
        if other.ended is None or other.ended >= call.began or any(sent.in_doubt for sent in starts(other)):
            return
        longest = max(history.lifetime(call), _asked(history, call)) + SLACK
        for run in history.runs_of(call):
            if run.maker is other and (
                call.job.service != GLUE or run.ended_at > call.began or call.began - run.made_at <= longest
            ):
                return
    yield "no other request of this key stands or is in doubt"


def _finds(history: History, call: StartCall) -> Iterator[str]:
    """``find`` knows what is listed."""
    if not call.finds or call.result is not None or call.error is not None or call.odd is not None:
        return
    if call.ended is None or call.cancelled_at is not None or history.met_faults(call):
        return
    for run in history.runs_of(call):
        age = call.ended - run.made_at
        stands = age < DAY - SLACK or (run.ended_at > call.ended and age < history.longest())
        if run.visible_at <= call.began and stands:
            yield f"None although {run.id} was listed"


def _looks_long_enough(history: History, call: StartCall) -> Iterator[str]:
    """A run that is listed while it is looked for is found, and it is looked for through the settling time."""
    if call.key is None or call.job.service != GLUE or call.error is None or call.cancelled_at is not None:
        return
    if call.closed_at is not None or call.ended is None:
        return
    if history.met_faults(call, reads_only=True) or not history.is_readable(call):
        return
    rivals = [
        run
        for run in history.runs_of(call)
        if run.maker is not None and run.maker.request != call.request and run.visible_at <= call.ended
    ]
    for sending in starts(call):
        if not sending.in_doubt:
            continue
        if sending.run is not None and sending.made and sending.run.visible_at <= call.ended - 15 and not rivals:
            yield f"{sending.run.id} was listed since {sending.run.visible_at:.2f}"
        elif call.ended - sending.sent_at < 45 and not rivals:
            yield f"gave up after {call.ended - sending.sent_at:.0f} s"


def _ends(_history: History, call: StartCall) -> Iterator[str]:
    """Every call ends, with a result, an error of the package or its cancellation."""
    if call.ended is None:
        yield "never ended"
    elif call.odd is not None:
        yield f"ended with {call.odd!r}"
    if call.cancelled_at is not None and call.ended is not None and call.ended - call.cancelled_at > 1:
        yield f"ended {call.ended - call.cancelled_at:.1f} s after its cancellation"


RULES: dict[str, Callable[[History, StartCall], Iterator[str]]] = {
    "own": _owns,
    "one": _makes_one,
    "double": _is_single,
    "current": _is_current,
    "no doubt": _says_so,
    "resent": _sends_no_more,
    "needless": _is_not_needless,
    "slot": _waits_for_room,
    "conflict": _conflicts,
    "find": _finds,
    "settle": _looks_long_enough,
    "ends": _ends,
}


def judge(history: History) -> list[Violation]:
    """Return every promise that was broken."""
    found = [
        Violation(name, f"{call.said()}\n      {text}")
        for call in history.calls
        for name, rule in RULES.items()
        for text in rule(history, call)
    ]
    found += [Violation("strange", text) for text in history.world.strange]
    return found
