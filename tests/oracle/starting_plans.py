"""The choices of a schedule: what the services are like, what goes wrong, and how long runs live."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.oracle.starting_history import Fault
from tests.oracle.starting_world import Habits

HOUR, DAY = 3600.0, 86400.0
Fates = Callable[[random.Random], tuple[float, float, list[tuple[float, str]]]]
FLAVOURS = ("mixed", "long", "keyless", "race", "slots", "emr", "restart", "unreadable", "pace", "profiles")


_WRONG: dict[str, bool | None] = {  # what may go wrong with a start, and whether it takes effect; None for either
    "refused": False,
    "lost": False,
    "took": True,
    "late": True,
    "cut": True,
    "silence": None,
    "error500": None,
    "html503": None,
    "html200": None,
    "throttle": False,
    "http429": False,
    "slow": True,
}


@dataclass(frozen=True)
class Plan:
    """What one schedule is about, as chances and ranges.

    Attributes:
        odd_starts: The chance that something goes wrong with a StartJobRun.
        odd_reads: The same of a read.
        cancels: The chance that a call is cancelled.
        keyed: The chance that a start has a key.
        others: The chance that a step is another program's start.
        together: The chance that a step follows at once.
        far: The chance that hours pass before a step.
    """

    flavour: str
    habits: Habits
    fates: Fates
    odd_starts: float = 0.3
    odd_reads: float = 0.1
    cancels: float = 0.15
    keyed: float = 0.7
    others: float = 0.15
    together: float = 0.4
    far: float = 0.1
    skewed: bool = True
    paced: bool = False
    fills: bool = False
    emr: bool = False


def _fates(lives: tuple[float, ...], failing: float, waits: tuple[float, ...] = (0.0,)) -> Fates:
    def choose(rng: random.Random) -> tuple[float, float, list[tuple[float, str]]]:
        works: list[tuple[float, str]] = []
        for _ in range(3):
            bad = rng.random() < failing
            state = rng.choice(("FAILED", "FAILED", "STOPPED", "TIMEOUT")) if bad else "SUCCEEDED"
            works.append((rng.choice(lives) * rng.uniform(0.8, 1.2), state))
        return rng.choice(waits), rng.uniform(20, 400), works

    return choose


def plan_for(rng: random.Random, flavour: str) -> Plan:
    """Make the plan of a schedule."""
    plan = _plan_for(rng, flavour)
    if plan.habits.job_is_hidden and (plan.habits.timeout or 2880) > 2880:  # nobody could know how long runs may live
        plan = replace(plan, habits=replace(plan.habits, timeout=2880))
    return plan


def _plan_for(rng: random.Random, flavour: str) -> Plan:
    habits = Habits(
        lag=rng.choice((0.0, 0.0, 0.0, 3.0, 8.0, 30.0)),
        timeout=rng.choice((None, None, 60, 2880, 7 * 1440)),
        max_retries=rng.choice((0, 0, 0, 1, 2)),
        lists_arguments=rng.choice(("all", "all", "all", "not failed")),
        job_is_hidden=rng.random() < 0.1,
    )
    plan = Plan(flavour, habits, _fates((30.0, 600.0, 3 * HOUR), 0.25, (0.0, 0.0, 5.0, 600.0)))
    few, readable = rng.random() < 0.3, rng.choice((("none", "all"), ("none", "none"), ("not failed", "not failed")))
    if flavour == "long":
        habits = replace(habits, timeout=rng.choice((None, 2880, 7 * 1440, 5 * 1440)))
        plan = replace(plan, fates=_fates((HOUR, 20 * HOUR, 40 * HOUR, 46 * HOUR, 100 * HOUR), 0.2), fills=True)
        plan = replace(plan, far=0.5, odd_starts=0.1, cancels=0.1)
    elif flavour == "keyless":
        plan = replace(plan, keyed=0.15, others=0.35, odd_starts=0.6, cancels=0.3, together=0.7)
    elif flavour == "race":
        habits = replace(habits, lag=rng.choice((0.0, 2.0, 8.0, 25.0)))
        plan = replace(plan, keyed=0.95, together=0.8, odd_starts=0.25, cancels=0.25)
    elif flavour == "slots":
        habits = replace(habits, room=rng.choice((1, 1, 2)), slot_lag=rng.choice((0.0, 40.0)))
        plan = replace(plan, fates=_fates((30.0, 300.0, 900.0), 0.2), odd_starts=0.15, cancels=0.1)
    elif flavour == "emr":
        habits = replace(habits, token_of_account=few, max_retries=0)
        plan = replace(plan, emr=True, odd_starts=0.5, far=0.2)
    elif flavour == "restart":
        plan = replace(plan, fates=_fates((30.0, 300.0, HOUR), 0.7), keyed=0.9, odd_starts=0.2, emr=few)
    elif flavour == "unreadable":
        habits = replace(habits, lists_arguments=readable[0], gets_arguments=readable[1])
        plan = replace(plan, fates=_fates((60.0, HOUR), 0.4, (0.0, 900.0, 1200.0)), odd_starts=0.15)
    elif flavour == "pace":
        plan = replace(plan, paced=True, odd_starts=0.15, cancels=0.5, keyed=0.85)
    elif flavour == "profiles":
        plan = replace(plan, keyed=0.4, odd_starts=0.5, cancels=0.25, others=0.1, together=0.6)
    return replace(plan, habits=habits)


def start_faults(rng: random.Random, chance: float) -> list[Fault]:
    """Choose what goes wrong with the first requests of a start."""
    if rng.random() >= chance:
        return [_plain(rng)]
    kind = rng.choice(tuple(_WRONG))
    when, broken = rng.uniform(0.02, 0.3), rng.choice(("lost", "reset"))
    effect = _WRONG[kind] if _WRONG[kind] is not None else rng.random() < 0.5
    fault = Fault(kind, effect=bool(effect), ends_after=when)
    times = rng.choice((1, 1, 5))
    if kind in {"lost", "took"}:
        fault = replace(fault, kind=broken)
    elif kind == "late":
        fault, times = (
            replace(fault, kind="lost", acts_after=rng.choice((rng.uniform(0.5, 20), rng.uniform(20, 100)))),
            1,
        )
    elif kind == "silence":
        fault = replace(fault, acts_after=rng.choice((0.02, 5.0, 40.0)))
    elif kind == "slow":
        ends = rng.choice((rng.uniform(5, 50), 90.0))
        fault, times = Fault(acts_after=rng.choice((0.02, 5.0, 30.0)), ends_after=ends), 1
    return [fault] * times


def _plain(rng: random.Random) -> Fault:
    when = rng.uniform(0.02, 0.4)
    return Fault(acts_after=when, ends_after=when + rng.uniform(0.01, 0.4), drops=rng.random() < 0.3)


def read_faults(rng: random.Random, chance: float) -> list[Fault]:
    """Choose what goes wrong with the first reads of a call."""
    faults: list[Fault] = []
    for _ in range(rng.choice((1, 2, 6))):
        if rng.random() >= chance:
            faults.append(_plain(rng))
            continue
        kind = rng.choice(
            ("refused", "lost", "reset", "cut", "error500", "html503", "html200", "throttle", "silence", "answer")
        )
        faults += [Fault(kind, effect=kind == "answer", ends_after=rng.uniform(0.05, 20))] * rng.choice((1, 1, 5))
    return faults


def cancellation(rng: random.Random, chance: float) -> tuple[str, float, int] | None:
    """Choose where a call is cancelled: at a time, or so many turns after something happened to its n-th request."""
    if rng.random() >= chance:
        return None
    turns = rng.randrange(12)
    if rng.random() < 0.5:
        return "time", rng.choice((0.0, rng.uniform(0, 1), rng.uniform(0, 100))), turns
    return rng.choice(("sent", "acted", "answered")), float(rng.choice((1, 1, 2, 2, 3, 5))), turns


def pause(rng: random.Random, plan: Plan) -> float:
    """Choose how long to wait before the next step."""
    if rng.random() < plan.far:
        return rng.choice((HOUR, 5 * HOUR, 23 * HOUR, 25 * HOUR, 30 * HOUR, 50 * HOUR, 4 * DAY)) * rng.uniform(
            0.99, 1.01
        )
    if rng.random() < plan.together:
        return rng.choice((0.0, 0.001, rng.uniform(0, 0.2), rng.uniform(0, 3)))
    return rng.choice((rng.uniform(0, 20), rng.uniform(20, 200), rng.uniform(200, 3000)))
