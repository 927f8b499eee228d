"""The events that runs send to EventBridge, in its envelopes; worked out when somebody looks, in the order of time.

What happens at an instant is a function of what was decided, so that nothing runs in between:

    08:00:00  a run is submitted
    08:05:00  somebody looks: SUBMITTED at 08:00:00, PENDING at 08:00:10, ..., RUNNING at 08:00:30
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias, cast

from jobruns_sdk.testing.world.jobs import Job
from jobruns_sdk.testing.world.lifecycle import EMR_SERVERLESS, GLUE, Attempt, Run, used

Envelope: TypeAlias = dict[str, Any]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE: Final = 60_000
_USAGE_EVERY: Final = 30 * _MINUTE
# Of Glue's other final states, ERROR and EXPIRED, nothing is told.
# https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html
_TOLD: Final[Mapping[str, tuple[str, str]]] = {
    "SUCCEEDED": ("INFO", "Job run succeeded"),
    "FAILED": ("ERROR", "Job run failed"),
    "TIMEOUT": ("WARN", "Job run timed out"),
    "STOPPED": ("INFO", "Job run stopped"),
}
_STATUSES: Final = frozenset({"STARTING", "RUNNING", "STOPPING"})


@dataclass(slots=True)
class Event:
    """An event: when it was sent, in milliseconds since the epoch, the run that it is about, and its envelope."""

    at: int
    job: Job
    envelope: Envelope


@dataclass(slots=True)
class _Sender:
    """A run whose life goes on, and what was told of it."""

    job: Job
    run: Run
    since: int
    told: set[tuple[str, int, int]] = field(default_factory=set[tuple[str, int, int]])
    last: tuple[int, int, str] | None = None

    def is_news(self, what: str, attempt: Attempt, part: int, at: int) -> bool:
        """True if something has happened since the beginning, and is told for the first time."""
        if at < self.since or (key := (what, attempt.number, part)) in self.told:
            return False
        self.told.add(key)
        return True


_Draft: TypeAlias = tuple[int, str, dict[str, object]]
"""An instant, a detail-type and a detail."""


@dataclass(slots=True)
class Outbox:
    """The events of a region of an account, and the runs that will send more."""

    region: str
    account: str
    arn: Callable[[str, str], str]
    caller: Callable[[], str]
    salt: str = ""
    events: list[Event] = field(default_factory=list[Event])
    _senders: list[_Sender] = field(default_factory=list[_Sender])

    def follow(self, job: Job, run: Run, since: int) -> None:
        """Tell what becomes of a run from an instant on."""
        if job.machine in (GLUE, EMR_SERVERLESS):
            self._senders.append(_Sender(job, run, since))

    def collect(self, now: int) -> None:
        """Bring the events up to an instant."""
        found: list[tuple[int, _Sender, _Draft]] = []
        going_on: list[_Sender] = []
        for sender in self._senders:
            sender.job.settle(now)
            drafts = self._of_glue(sender, now) if sender.job.machine is GLUE else self._of_emr(sender, now)
            found += [(draft[0], sender, draft) for draft in drafts]
            if not _is_over(sender.run, now):
                going_on.append(sender)
        self._senders = going_on
        for at, sender, (_, kind, detail) in sorted(found, key=lambda one: one[0]):
            self.events.append(Event(at, sender.job, self._envelope(sender, at, kind, detail)))

    def _envelope(self, sender: _Sender, at: int, kind: str, detail: dict[str, object]) -> Envelope:
        digest = hashlib.sha256(f"{self.salt}event:{len(self.events)}".encode()).digest()
        is_usage = kind.endswith("Utilization Update")
        return {
            "version": "0",
            "id": str(uuid.UUID(bytes=digest[:16])),
            "detail-type": kind,
            "source": "aws.glue" if sender.job.machine is GLUE else "aws.emr-serverless",
            "account": self.account,
            "time": _time(at).replace(microsecond=0).isoformat().replace("+00:00", "Z"),
            "region": self.region,
            "resources": [self.arn(sender.job.name, sender.run.id)] if is_usage else [],
            "detail": detail,
        }

    def _of_glue(self, sender: _Sender, now: int) -> Iterator[_Draft]:
        delay = _notified_after(sender)
        for attempt in sender.run.attempts():
            run_id = f"{sender.run.id}_attempt_{attempt.number}" if attempt.number else sender.run.id
            about = {"jobName": sender.job.name, "jobRunId": run_id}
            ended = attempt.ended_at(now)
            if attempt.final in _TOLD and ended is not None and sender.is_news("end", attempt, 0, ended):
                severity, text = _TOLD[attempt.final]
                message = attempt.message or text
                yield (
                    ended,
                    "Glue Job State Change",
                    {**about, "severity": severity, "state": attempt.final, "message": message},
                )
            for at in attempt.marks() if delay is not None else ():
                # One event for each of these states, once the run is older than that.
                moment = max(at, attempt.created + (delay or 0))
                state = attempt.state_at(moment)
                if moment <= now and state in _STATUSES and sender.is_news(state, attempt, 0, moment):
                    minutes = (moment - attempt.created) // _MINUTE
                    message = f"Job is in {state} state"
                    told = {"severity": "INFO", "state": state, "message": message}
                    condition = {"NotifyDelayAfter": float(delay or 0) / _MINUTE}
                    shown = {"notificationCondition": condition, "startedOn": _iso(attempt.created)}
                    yield moment, "Glue Job Run Status", {**about, **told, **shown, "elapsedMinutes": minutes}

    def _of_emr(self, sender: _Sender, now: int) -> Iterator[_Draft]:
        run = sender.run
        marks = {at for attempt in run.attempts() for at in attempt.marks()}
        for at in sorted(marks):
            if at > now or (sender.last is not None and at < sender.last[0]):
                continue
            attempt = run.attempt_at(at)
            state, before = attempt.state_at(at), sender.last
            if before is not None and before[1:] == (attempt.number, state):
                continue
            sender.last = (at, attempt.number, state)
            if at < sender.since:
                continue
            times = {"createdAt": _iso(run.created), "updatedAt": _iso(at), "createdBy": self.caller()}
            about = {**self._about(sender), **times}
            if before is not None and before[1] != attempt.number:
                yield at, "EMR Serverless Job Run Retry", {**about, **_retry(attempt)}
            changed = {} if before is None else {"previousState": before[2]}
            yield at, "EMR Serverless Job Run State Change", {**about, "state": state, **changed}
        for attempt in run.attempts():
            yield from self._usage(sender, attempt, now)

    def _about(self, sender: _Sender) -> dict[str, object]:
        name = sender.run.request.get("name")
        return {
            "jobRunId": sender.run.id,
            **({} if name is None else {"jobRunName": name}),
            "applicationId": sender.job.name,
            "arn": self.arn(sender.job.name, sender.run.id),
            "releaseLabel": sender.job.settings.get("releaseLabel"),
        }

    def _usage(self, sender: _Sender, attempt: Attempt, now: int) -> Iterator[_Draft]:
        begun, ended = attempt.started_at(now), attempt.ended_at(now)
        if begun is None:
            return
        until = now if ended is None else ended
        times = [*range(begun + _USAGE_EVERY, until + (ended is None), _USAGE_EVERY)]
        before = begun
        for at in times if ended is None else [*times, ended]:
            is_final = at == ended
            if sender.is_news("usage", attempt, at - begun, at):
                detail: dict[str, object] = {
                    "applicationId": sender.job.name,
                    "jobRunId": sender.run.id,
                    "attempt": attempt.number + 1,
                    "mode": sender.run.request.get("mode", "BATCH"),
                    "createdAt": _iso(sender.run.created),
                    "startedAt": _iso(begun),
                    "calculatedFrom": _iso(before),
                    "calculatedTo": _iso(at),
                    "resourceUtilizationFinal": is_final,
                    "resourceUtilizationForInterval": used((at - before) // 1000),
                    "billedResourceUtilizationForInterval": used((at - before) // 1000, billed=True),
                    "totalResourceUtilization": used((at - begun) // 1000),
                    "totalBilledResourceUtilization": used((at - begun) // 1000, billed=True),
                }
                yield at, "EMR Serverless Job Resource Utilization Update", detail
            before = at


def _is_over(run: Run, now: int) -> bool:
    last = run.last
    return last.is_terminal_at(now) and not (last.final == run.machine.failed and last.number < run.max_retries)


def _notified_after(sender: _Sender) -> int | None:
    for members in (sender.run.request, sender.job.settings):
        settings = members.get("NotificationProperty")
        delay = (
            cast("Mapping[str, object]", settings).get("NotifyDelayAfter") if isinstance(settings, Mapping) else None
        )
        if isinstance(delay, int):
            return delay * _MINUTE
    return None


def _retry(attempt: Attempt) -> dict[str, object]:
    previous = attempt.previous
    if previous is None:  # for type checkers: it is the first one that has none
        return {}
    return {
        "previousAttempt": previous.number + 1,
        "previousAttemptState": previous.final,
        "previousAttemptCreatedAt": _iso(previous.created),
        "previousAttemptEndedAt": _iso(previous.ended or attempt.created),
        "newAttempt": attempt.number + 1,
        "newAttemptCreatedAt": _iso(attempt.created),
    }


def _time(at: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=at)


def _iso(at: int) -> str:
    return _time(at).isoformat(timespec="microseconds").replace("+00:00", "Z")
