"""Faults that are planted in a copy of the package, to see that the simulation finds them, and after how many worlds.

    python -m tests.simulation --planted [NAME ...] [--worlds N]

Each is a kind of fault that the package once had, made anew: a table of places and of what stands there then. A place
that is not found any more fails, as does a fault that no world shows.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

ROOT: Final = Path(__file__).resolve().parents[2]


@frozen
class Planted:
    """A fault: what is wrong, and the places where it is made, each a file, what stands there, and what shall.

    Its worlds are those of the named climates, to save time; the others count as played.
    """

    name: str
    climates: str
    fault: str
    places: tuple[tuple[str, str, str], ...]


PLANTED: Final = (
    Planted(
        "R1",
        "lists",
        "the lists of active states are read once, against the order of a run's life",
        (
            ("paging/rounds.py", "if not self._news or self._round == _MOST_ROUNDS:", "if self._round:"),
            (
                "paging/rounds.py",
                "self._current = self._opened(self._source.active[self._index])",
                "self._current = self._opened(self._source.active[-self._index])",
            ),
        ),
    ),
    Planted(
        "R2",
        "lists",
        "reading stops early before the groups of retries are handed out",
        (
            (
                "services/glue/listing.py",
                "token = _BEHIND if fold.open else None",
                "token, fold = None, RetryFold(self._job)",
            ),
        ),
    ),
    Planted(
        "R2 gone",
        "waits,all",
        "a run is not found once its first attempts have left the history",
        (
            (
                "services/glue/listing.py",
                "more = number < self._known or (sought.error is not None and number < sought.last)",
                "more = number < self._known",
            ),
        ),
    ),
    Planted(
        "R4",
        "lists",
        "a merged cursor does not hold how far the stream has come",
        (
            (
                "paging/reader.py",
                "place = place_since(self._kind, place, since)",
                "pass",
            ),
        ),
    ),
    Planted(
        "S1",
        "starts",
        "a start without a key takes a run that another start may have made",
        (
            ("services/glue/start.py", "if starts.has_rivals(place, ticket):", "if False:"),
            ("services/glue/start.py", "and not starts.has_rivals(place, ticket)", ""),
            (
                "services/glue/likeness.py",
                "self._first <= started <= self._last != datetime.max.replace(tzinfo=UTC)",
                "True",
            ),
        ),
    ),
    Planted(
        "S2",
        "days",
        "a key is looked for a day back, however long a run may live",
        (
            (
                "services/glue/horizon.py",
                "max(lifetime, KEY_LIFETIME, active + _BEFORE_TIMEOUT)",
                "KEY_LIFETIME",
            ),
        ),
    ),
    Planted(
        "S3",
        "starts,days",
        "a run that shows no arguments is taken for one without a key",
        (("services/glue/key_search.py", "if row.Arguments or self._has_no_key(row, root):", "if root:"),),
    ),
    Planted(
        "W1",
        "waits",
        "of many waits with one deadline, only the first few runs are stopped",
        (
            (
                "runs/stop.py",
                "outcomes = await self._ask(targets, grace_period)",
                (
                    "outcomes = await self._ask(targets[:3], grace_period)\n"
                    "        refused = JobRunsError('the others failed first')\n"
                    "        outcomes += [StopOutcome(handle.ref.run(run_id), accepted=False, error=refused)"
                    " for handle, run_id in targets[3:]]"
                ),
            ),
        ),
    ),
    Planted(
        "W2",
        "waits",
        "a watch of a job reads one page",
        (
            (
                "runs/discover.py",
                "if reach is not None and newest is not None and any(at < newest - reach for at in times):",
                "if page:",
            ),
        ),
    ),
    Planted(
        "W3",
        "waits,quota",
        "a watch polls one job after the other, and tells nothing of what ended before the first look",
        (
            ("runs/watch.py", "_AT_ONCE: Final = 32", "_AT_ONCE: Final = 1"),
            ("runs/discover.py", "if elapsed.total_seconds() > _AT_ONCE and self._began is not None:", "if False:"),
        ),
    ),
    Planted(
        "watched twice",
        "all",
        "a run that was given, and has ended before its job is read, joins a watch once more",
        (("runs/watch.py", "rows = [row for row in rows if row.ref not in self._told]", "pass"),),
    ),
    Planted(
        "W4",
        "waits",
        "a stop between an attempt and its retry is refused, and the retry runs on",
        (
            (
                "runs/stop.py",
                "self.is_pausing = not isinstance(await self._follower.decide(run), Done)",
                "self.is_pausing = False",
            ),
        ),
    ),
    Planted(
        "W5",
        "waits,all",
        "what waits of a job share is dropped when nobody waits for a run, while the job is watched",
        (
            (
                "runs/poll.py",
                "            if not group.users:\n                del self._groups[handle.ref]",
                "            if not +group.watched:\n                self._groups.pop(handle.ref, None)",
            ),
        ),
    ),
    Planted(
        "W6",
        "waits,all",
        "an answer that is an error ends a wait, though the run was seen",
        (
            (
                "runs/follow.py",
                "may_pass = unseen.known or error.retryable or isinstance(error, CallTimeoutError)",
                "may_pass = error.retryable or isinstance(error, CallTimeoutError)",
            ),
        ),
    ),
    Planted(
        "W7",
        "waits",
        "a few minutes of polls that fail end a wait of hours",
        (("runs/follow.py", "left = unseen.most - unseen.since", "left = min(unseen.most, 200.0) - unseen.since"),),
    ),
    Planted(
        "P2",
        "quota",
        "throttles use up the attempts of a call",
        (
            (
                "transport/calls.py",
                "return 0.0 if now - self.throttled_since < self.policy.throttle_timeout else None",
                "",
            ),
        ),
    ),
    Planted(
        "P2 pace",
        "quota",
        "throttles slow nothing down",
        (
            (
                "transport/calls.py",
                "gate.keeper.throttled(ticket, self._clock.monotonic(), pacing.jitter.random())",
                "pass",
            ),
        ),
    ),
)


def planted_in(folder: Path, fault: Planted) -> None:
    """Copy the package and the simulation into a folder, with that fault.

    Raises:
        LookupError: A place is not there, or not once.
    """
    leave = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "jobruns_sdk", folder / "jobruns_sdk", ignore=leave)
    for part in ("simulation", "oracle"):
        shutil.copytree(ROOT / "tests" / part, folder / "tests" / part, ignore=leave)
    for name, old, new in fault.places:
        path = folder / "jobruns_sdk" / name
        text = path.read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise LookupError(f"{fault.name}: {name} has {text.count(old)} times {old!r}")
        path.write_text(text.replace(old, new), encoding="utf-8")


def found(fault: Planted, worlds: int) -> tuple[bool, str]:
    """Tell whether a fault is found within so many worlds, and what was told."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        planted_in(folder, fault)
        command = [sys.executable, "-m", "tests.simulation", "--worlds", str(worlds), "--stop"]
        command += ["--climates", fault.climates]
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own
        return run.returncode == 1 and run.stdout.startswith("seed"), run.stdout + run.stderr[-2000:]


def find_all(names: Sequence[str], worlds: int, tell: Callable[[str], None]) -> int:
    """Look for each of these faults, or for all; return how many are not found."""
    missed = 0
    for fault in PLANTED:
        if names and fault.name not in names:
            continue
        began = time.monotonic()
        is_found, told = found(fault, worlds)
        missed += not is_found
        first = " | ".join(line.strip()[:200] for line in told.splitlines()[:2])
        how = "found" if is_found else "NOT FOUND"
        tell(f"{fault.name} ({fault.fault}): {how} in {time.monotonic() - began:.0f} s: {first}")
    return missed
