"""The simulation: seeded worlds of services, networks, processes and users, judged by the whole history.

    python -m tests.simulation [SEED] [--steps N] [--worlds N | --hours H] [--first SEED]

With SEED that world alone is played, and all that happened is printed. A world that fails is shrunk, and the command
that plays what is left of it is printed; the exit status is 1 then. `--planted` plants faults in a copy of the package
and tells after how many worlds each is found.
"""

import argparse
import logging
import sys
import time
from collections import Counter

from tests.simulation.judge import complaints
from tests.simulation.plans import PIECES, Story, climate_of
from tests.simulation.shrink import command, kind_of, shrink
from tests.simulation.simulation import Simulation, described, play, trace


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def played(story: Story) -> Simulation:
    return play(story, complaints)


def numbers(text: str) -> frozenset[int]:
    return frozenset() if text == "none" else frozenset(int(number) for number in text.split(","))


def one(story: Story) -> int:
    """Play one world, and tell all of it."""
    simulation = played(story)
    world = story.world
    tell(f"climate {story.climate.name}, latency {story.latency} s")
    for plan in story.processes:
        tell(f"process {plan.name} in {plan.account} {plan.region}, clock {plan.skew:+.0f} s {plan.steps or ''}")
    for trouble in story.troubles.values():
        tell(f"trouble {trouble}")
    lines = [
        *world.log,
        *(
            f"{heard.sent_at:10.2f} {heard.process} #{heard.program} {heard.operation} "
            f"{heard.job.name if heard.job else '?'} {heard.run} {heard.kind}: {heard.result or 'nothing'}, "
            f"{len(heard.rows)} rows, over {heard.over_at or -1:.2f}"
            for heard in world.heard
        ),
    ]
    for line in sorted(lines):
        tell(line)
    for done in simulation.done:
        tell(f"#{done.number} {done.process.name} {described(done.record)}")
    for text in simulation.complaints:
        tell(f"!! {text}")
    turns, seconds = simulation.loop.steps, simulation.loop.time()
    tell(f"{turns} steps, {seconds:.0f} s, {len(world.heard)} requests, {trace(simulation)}")
    return int(bool(simulation.complaints))


def many(
    first: int, worlds: int | None, hours: float | None, steps: int | None, *, stop: bool, climates: frozenset[str]
) -> int:
    """Play worlds one after the other, shrink those that fail, and tell what was reached."""
    began, seed, failed, turns, requests, seconds = time.monotonic(), first, 0, 0, 0, 0.0
    played_in: Counter[str] = Counter()
    while (worlds is None or seed < first + worlds) and (hours is None or time.monotonic() - began < hours * 3600):
        if climates and climate_of(seed).name not in climates:
            seed += 1
            continue
        story = Story(seed, steps=steps)
        simulation = played(story)
        played_in[story.climate.name] += 1
        turns, requests = turns + simulation.loop.steps, requests + len(story.world.heard)
        seconds += simulation.loop.time()
        if simulation.complaints:
            failed += 1
            tell(f"seed {seed}: {len(simulation.complaints)} complaints")
            for text in simulation.complaints[:3]:
                tell(f"    {text[:600]}")
            if stop:
                return 1
            kinds = {kind_of(text) for text in simulation.complaints}
            keep, told = shrink(seed, steps, kinds, lambda story: played(story).complaints)
            tell(f"    {command(seed, steps, keep)}")
            for text in told[:2]:
                tell(f"    {text[:600]}")
        seed += 1
    took = time.monotonic() - began
    tell(
        f"{failed} of {seed - first} worlds failed; {dict(played_in)}; {turns} steps, {requests} requests, "
        f"{seconds / 3600:.0f} hours of the services' time in {took:.0f} s: {(seed - first) / took:.2f} worlds, "
        f"{turns / took:.0f} steps and {seconds / 3600 / took:.1f} hours a second"
    )
    return int(bool(failed))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", help="play this world alone, and print all that happens")
    parser.add_argument("--steps", type=int, help="how many programs a world has, instead of a number that is drawn")
    parser.add_argument("--worlds", type=int, help="how many worlds to play (default: 100)")
    parser.add_argument("--hours", type=float, help="how long to play worlds")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--climates", metavar="NAME,NAME", help="leave out the worlds of other climates")
    parser.add_argument("--stop", action="store_true", help="end at the first world that fails, and do not shrink it")
    parser.add_argument("--planted", nargs="*", metavar="NAME", help="plant these faults, or all, and look for them")
    for piece in PIECES:
        parser.add_argument(f"--{piece}", type=numbers, metavar="N,N", help="leave in only these")
    asked = parser.parse_args(arguments)
    logging.getLogger("jobruns_sdk").setLevel(logging.CRITICAL)  # that MaxRetries cannot be read is what is simulated
    if asked.planted is not None:
        from tests.simulation.planted import find_all  # noqa: PLC0415 - it copies the package

        return find_all(asked.planted, asked.worlds or 600, tell)
    keep = {piece: given for piece in PIECES if (given := getattr(asked, piece)) is not None}
    if asked.seed is not None:
        return one(Story(asked.seed, keep, asked.steps))
    worlds = 100 if asked.worlds is None and asked.hours is None else asked.worlds
    climates = frozenset(asked.climates.split(",")) if asked.climates else frozenset[str]()
    return many(asked.first, worlds, asked.hours, asked.steps, stop=asked.stop, climates=climates)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
