"""The truth about a schedule that is over, which no client sees, and what nothing tells apart that clients do see."""

from dataclasses import dataclass

from tests.oracle.starting_history import GLUE, Run, Sending, StartCall
from tests.oracle.starting_world import World

DAY = 86400.0
HALF, DATE = 30.0, 1.0  # seconds: of the settling time, and to which a Date is cut


@dataclass(frozen=True)
class Violation:
    rule: str
    text: str


@dataclass(eq=False)
class History:
    """A schedule when it is over."""

    world: World
    calls: list[StartCall]
    ended_at: float

    def runs_of(self, call: StartCall) -> list[Run]:
        """Return the runs of a call's key, the oldest first."""
        runs = [run for run in self.world.runs.get(call.job, ()) if call.key is not None and run.key == call.key]
        return sorted(runs, key=lambda run: run.made_at)

    def run(self, call: StartCall) -> Run | None:
        """Return the run that a call handed out."""
        if call.result is None:
            return None
        wanted = call.result.run_id
        return next((run for run in self.world.runs.get(call.job, ()) if run.id == wanted), None)

    def lifetime(self, call: StartCall) -> float:
        """Return the time for which a call's key stands for a run that has ended."""
        return call.key_lifetime if call.key_lifetime is not None else self.longest()

    def longest(self) -> float:
        return max(DAY, 60.0 * (self.world.habits.timeout or 2880))

    def is_readable(self, call: StartCall) -> bool:
        """Tell whether every row of a job shows its arguments, listed or got, and there are few."""
        rows = len(self.world.runs.get(call.job, ()))
        habits = self.world.habits
        return rows < 1500 and (habits.lists_arguments == "all" or (habits.gets_arguments == "all" and rows < 100))

    def doubts(self, call: StartCall) -> list[Sending]:
        """Return the starts of a call's key that its client had sent by the call's end, and cannot know about."""
        return [
            sending
            for other in self.calls
            if (other.client, other.key, other.job) == (call.client, call.key, call.job)
            for sending in starts(other)
            if sending.in_doubt and sending.sent_at <= (call.ended or self.ended_at)
        ]

    def met_faults(self, call: StartCall, *, reads_only: bool = False) -> bool:
        """Tell whether anything went wrong with what the call's client sent, from the call's begin to its end."""
        end = call.ended if call.ended is not None else self.ended_at
        return any(
            sending.client == call.client
            and sending.fault.is_odd
            and sending.sent_at <= end
            and (sending.answered_at is None or sending.answered_at >= call.began)
            and not (reads_only and sending.operation == "StartJobRun")
            and sending.sent_at >= call.began - 120
            for sending in self.world.sendings
        )


def starts(call: StartCall) -> list[Sending]:
    return [sending for sending in call.sendings if sending.operation == "StartJobRun"]


def last_look(call: StartCall, before: float) -> float | None:
    """Return when the list was made whose first page the call had read last, by some moment."""
    looks = [
        look.acted_at
        for look in call.sendings
        if look.operation == "GetJobRuns"
        and look.first_page
        and look.answer == "200"
        and look.acted_at is not None
        and look.answered_at is not None
        and look.answered_at <= before
    ]
    return max(looks, default=None)


def told_apart(history: History, call: StartCall, run: Run) -> bool:
    """Tell whether what Glue shows tells a run that was handed out from the start's own; true of the own one, too.

    It does not only where all of this holds: the answer to a start without a key was lost; another client or program
    made a run without a key and with the same arguments and timeout, which began, by the time that Glue shows, while
    the request was on its way, to the second; it was looked for at least half of the settling time; and by the last
    look neither the start's own run, nor a third one that began within a minute before or since, was listed.
    """
    mine = starts(call)
    rival = run.maker is None or (run.maker.key is None and run.maker.client != call.client)
    if call.job.service != GLUE or call.key is not None or not rival or not mine or not mine[-1].in_doubt:
        return True
    sent, looked_at = mine[-1], last_look(call, call.ended or history.ended_at)
    if sent.over_at is None or looked_at is None or looked_at < sent.over_at + HALF or not _is_like(sent, run, history):
        return True
    if not sent.sent_at - DATE <= run.works_at <= sent.over_at + DATE:
        return True
    return any(
        other.visible_at <= looked_at and other.works_at >= sent.sent_at - 60 + DATE and _is_like(sent, other, history)
        for other in history.world.runs[call.job]
        if other is not run and (other is sent.run or other.maker is None or other.maker.client != call.client)
    )


def _is_like(sent: Sending, run: Run, history: History) -> bool:
    asked = sent.timeout or history.world.habits.timeout or 2880
    return run.arguments == sent.arguments and run.timeout == asked


def alike(history: History) -> list[Violation]:
    """Return the starts that were handed another program's run which nothing tells from their own."""
    handed = [(call, history.run(call)) for call in history.calls]
    return [
        Violation("alike", f"{call.said()}\n      {run.id} is not to be told apart from its own")
        for call, run in handed
        if run is not None and run.maker is not call and not told_apart(history, call, run)
    ]
