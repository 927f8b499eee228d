"""Starts before the judge of starting (`tests/oracle/starting_judge.py`), job by job.

A process that was killed is a call that was cancelled at that moment. A client is one life of a process: what it
remembers is lost with it, as docs/starting-and-waiting.md says ("a new client knows nothing of that doubt").
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from types import SimpleNamespace
from typing import Any, cast

from tests.oracle.starting_history import Fault, JobKey, Sending, StartCall
from tests.oracle.starting_history import Run as StartingRun
from tests.oracle.starting_judge import judge
from tests.oracle.starting_truth import History
from tests.oracle.starting_world import Habits
from tests.simulation.world import Heard, Job, Run, World


class StartingJudge:
    """Holds starts to the promises, once the world is over."""

    def __init__(self, world: World, ended_at: float) -> None:
        self.world = world
        self.ended_at = ended_at

    def complaints(self, job: Job, calls: Sequence[StartCall]) -> Iterator[str]:
        for number, call in enumerate(calls):
            call.number = number
        place = JobKey(job.service, job.account, job.name)
        runs = {run.id: _run(run, place) for run in job.runs if isinstance(run, Run)}
        heard = [one for one in self.world.heard if one.job is job]
        sendings = [_sending(one, place, runs) for one in heard]
        for call in calls:
            call.sendings = [sending for sending in sendings if sending.call is call]

        def room(_: JobKey, at: float) -> int:
            return job.room - self.world.active(job, at)

        view = SimpleNamespace(
            habits=Habits(
                lag=12.0,
                timeout=job.timeout,
                max_retries=job.max_retries,
                lists_arguments=job.list_shows,
                gets_arguments=job.get_shows,
                job_is_hidden=not job.readable,
                room=job.room,
                slot_lag=job.slot_lag,
                token_memory=float("inf"),
            ),
            runs={place: sorted(runs.values(), key=lambda run: run.made_at)},
            sendings=sendings,
            shown=self.world.shown,
            strange=[],
            room=room,
        )
        for violation in judge(History(cast("Any", view), list(calls), self.ended_at)):
            yield f"{violation.rule}: {violation.text}"


def _run(run: Run, place: JobKey) -> StartingRun:
    phases: list[tuple[float, float, str]] = []
    for _, group in groupby(run.phases, key=lambda phase: phase.attempt):
        mine = list(group)
        phases.append((mine[0].at, mine[-1].at, mine[-1].state))
    if run.work.service != "glue":
        phases = [(run.created, run.end.at, run.end.state)]
    works_at = run.began(0) if run.work.service == "glue" else run.created
    return StartingRun(
        run.id, place, run.arguments, run.maker, run.created, run.seen_from, works_at, phases, run.timeout, run.token
    )


def _sending(heard: Heard, place: JobKey, runs: dict[str, StartingRun]) -> Sending:
    over = heard.over_at
    kind = "throttle" if heard.result == "ThrottlingException" else heard.kind
    fault = Fault(kind, ends_after=(over if over is not None else heard.sent_at + 60) - heard.sent_at)
    first = not heard.given.get("NextToken")
    sending = Sending(heard.process, heard.operation, place, heard.call, heard.sent_at, fault, first)
    sending.acted_at, sending.answered_at, sending.over_at = heard.acted_at, heard.answered_at, over
    sending.answer = "html" if heard.kind in {"html", "503html"} else str(heard.status)
    # Nothing of it has left the process, be it that no connection came about, or that its client was cancelled before.
    if heard.kind in {"refused", "unreachable"} or not heard.is_written:
        sending.answered_at, sending.answer = over if over is not None else heard.sent_at, "refused"
    sending.made = heard.made is not None
    sending.run = runs.get(heard.found.id) if heard.found is not None else None
    sending.arguments, sending.timeout = heard.given.get("Arguments", {}), heard.given.get("Timeout")
    return sending
