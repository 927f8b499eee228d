"""The oracle of starting: random schedules, judged by the contract.

    python -m tests.oracle.starting [SEED] [--schedules N] [--flavour NAME] [--first SEED]

With a seed it plays that schedule alone and tells its whole history; without, it plays many and tells of each that
broke a promise its seed. Starts without a key that were handed an identical run of another program, begun while their
own request was on its way, are told by themselves: nothing that Glue shows tells the two apart, and only a key does.
"""

import argparse
import sys
import time
from collections import Counter

from tests.oracle.starting_driver import Schedule, play
from tests.oracle.starting_judge import judge
from tests.oracle.starting_plans import FLAVOURS
from tests.oracle.starting_reference import WEAKNESSES
from tests.oracle.starting_truth import History, Violation, alike


def tell(history: History, schedule: Schedule) -> str:
    """Tell a whole schedule, in the order of time."""
    lines = [(float(line.split(" ", 1)[0]), line) for line in schedule.log]
    lines += [(call.began, call.said()) for call in history.calls]
    for sending in history.world.sendings:
        run = f" run {sending.run.id} made={sending.made}" if sending.run else ""
        until = "never" if sending.answered_at is None else f"{sending.answered_at:.2f}"
        who = f"#{sending.call.number}" if sending.call else "?"
        fate = f"{sending.fault.kind} effect={sending.fault.effect}" if sending.fault.is_odd else ""
        text = (
            f"    {sending.sent_at:.2f}-{until} {sending.client} {who} {sending.operation} {sending.answer} {fate}{run}"
        )
        lines.append((sending.sent_at, text))
    for made in history.world.all_runs():
        if not made.id.startswith("jr_f"):
            maker = f"#{made.maker.number}" if made.maker else "others"
            text = f"  run {made.id} by {maker} made {made.made_at:.2f} listed {made.visible_at:.2f}"
            lines.append((made.made_at, f"{text} works {made.works_at:.2f} {made.phases}"))
    lines.sort(key=lambda line: line[0])
    return "\n".join([f"{schedule.plan.flavour}: {schedule.plan.habits}", *(text for _, text in lines)])


def examine(seed: int, flavour: str | None = None, weakness: str | None = None) -> list[Violation]:
    """Play a schedule and judge it."""
    return judge(play(seed, flavour, weakness)[0])


def main(arguments: list[str] | None = None) -> int:
    """Play one schedule or many; the result is how many broke a promise, 1 at most."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle.starting", description=__doc__)
    parser.add_argument("seed", nargs="?", type=int)
    parser.add_argument("--schedules", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--flavour", choices=FLAVOURS)
    parser.add_argument("--weakness", choices=["", *WEAKNESSES], help="of the reference, in the place of the package")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        history, schedule = play(options.seed, options.flavour, options.weakness)
        found = judge(history)
        sys.stdout.write(tell(history, schedule) + "\n")
        sys.stdout.writelines(f"{violation.rule}: {violation.text}\n" for violation in [*found, *alike(history)])
        return bool(found)
    count: Counter[str] = Counter()
    began, broken, same = time.perf_counter(), 0, list[int]()
    for seed in range(options.first, options.first + options.schedules):
        history, _ = play(seed, options.flavour, options.weakness)
        found = judge(history)
        broken += bool(found)
        same += [seed] if alike(history) else []
        for violation in found:
            count[violation.rule] += 1
            if count[violation.rule] <= 3:
                sys.stdout.write(f"seed {seed}: {violation.rule}: {violation.text}\n")
    took = time.perf_counter() - began
    sys.stdout.write(f"{options.schedules} schedules in {took:.0f} s, {broken} broke a promise: {dict(count)}\n")
    sys.stdout.write(f"{len(same)} held a start without a key and a run not to be told apart from its own: {same}\n")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
