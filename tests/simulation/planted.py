"""Faults that are planted in a copy of the package, to see that the simulation finds them, and after how many worlds.

    python -m tests.simulation --planted [NAME ...] [--worlds N]

Each is a kind of fault that the package once had, made anew, or one that somebody thought of who had not written the
simulation: a table of places and of what stands there then. A place that is not found any more fails, as does a fault
that no world shows.
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

from tests.simulation.plans import KEEPING, LATER, MISTS, RARE

ROOT: Final = Path(__file__).resolve().parents[2]
LATER_CLIMATES: Final = frozenset(climate.name for climate in (*RARE, KEEPING, MISTS))


@frozen
class Planted:
    """A fault: what is wrong, and the places where it is made, each a file, what stands there, and what shall.

    Its worlds are those of the named climates, to save time; the others count as played. `world` is the first one that
    shows it, as docs/reliability.md says (`python -m tests.reliability planted`); None where none is known.
    """

    name: str
    climates: str
    world: int | None
    fault: str
    places: tuple[tuple[str, str, str], ...]


PLANTED: Final = (
    Planted(
        "R1",
        "lists",
        76,
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
        214,
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
        12,
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
        52,
        "a merged cursor does not hold how far the stream has come",
        (
            (
                "paging/standing.py",
                "place = place_since(self.page.order, place, since)",
                "pass",
            ),
        ),
    ),
    Planted(
        "S1",
        "starts",
        120,
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
        513,
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
        31,
        "a run that shows no arguments is taken for one without a key",
        (("services/glue/key_search.py", "if row.Arguments or self._has_no_key(row, root):", "if root:"),),
    ),
    Planted(
        "W1",
        "waits",
        6,
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
        51,
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
        91,
        "a watch polls one job after the other, and tells nothing of what ended before the first look",
        (
            ("runs/watch.py", "_AT_ONCE: Final = 64", "_AT_ONCE: Final = 1"),
            (
                "runs/discover.py",
                "self._began_at = self._began_by(meter.date)",
                "self._began_at = self._began_by(meter.date) + self._elapsed",
            ),
        ),
    ),
    Planted(
        "watched twice",
        "mists",
        10_158,
        "a run that was given, and has ended before its job is read, joins a watch once more",
        (("runs/watch.py", "rows = [row for row in rows if row.ref not in self._told]", "pass"),),
    ),
    Planted(
        "W4",
        "waits",
        12,
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
        4,
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
        12,
        "an answer that is an error ends a wait, though the run was seen",
        (
            (
                "runs/follow.py",
                "may_pass = unseen.known or error.retryable",
                "may_pass = error.retryable",
            ),
        ),
    ),
    Planted(
        "W7",
        "waits",
        12,
        "a few minutes of polls that fail end a wait of hours",
        (("runs/follow.py", "left = unseen.most - unseen.since", "left = min(unseen.most, 200.0) - unseen.since"),),
    ),
    Planted(
        "P2",
        "quota",
        91,
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
        13,
        "throttles slow nothing down",
        (
            (
                "transport/calls.py",
                "gate.keeper.throttled(ticket, self._clock.monotonic(), pacing.jitter.random())",
                "pass",
            ),
        ),
    ),
    Planted(
        "paging edge",
        "lists",
        52,
        "a page counts as consumed when its last row is still to be handed out",
        (("paging/standing.py", "if consumed == len(self.rows) or", "if consumed >= len(self.rows) - 1 or"),),
    ),
    Planted(
        "paging merged",
        "lists",
        76,
        "rows that are merged, and not handed out yet, count as consumed",
        (("paging/reader.py", "self.page, self._at - unconsumed,", "self.page, self._at,"),),
    ),
    Planted(
        "starting token",
        "twins",
        10039,
        "one key makes the same token for two applications",
        (
            (
                "services/emr_serverless/start.py",
                'text = f"{application_id}:{idempotency_key}" if count == 1',
                'text = f":{idempotency_key}" if count == 1',
            ),
        ),
    ),
    Planted(
        "starting cancelled",
        "bursts",
        10459,
        "the doubt about a start that was cancelled is dropped",
        (("services/glue/start.py", "if not sending.in_doubt:", "if sending is not None:"),),
    ),
    Planted(
        "waiting last retry",
        "waits",
        6,
        "a wait ends before the last retry of a run",
        (("runs/follow.py", "seen.attempt > retrying.limit", "seen.attempt >= retrying.limit"),),
    ),
    Planted(
        "waiting older answer",
        "mists",
        10_006,
        "a poll takes an answer that is older than what was seen",
        (("runs/poll.py", "newer := group.newer(run_id, seen)", "newer := seen"),),
    ),
    Planted(
        "watching again",
        "mists",
        10_254,
        "a watch forgets what it has told where it is cancelled and goes on",
        (("runs/watched.py", "self._poller.recall(self._handle, self._follower.last)", "pass"),),
    ),
    Planted(
        "watching late",
        "crowds",
        10007,
        "a watch of a job does not look back for runs that are listed late",
        (("runs/discover.py", "return self._newest - LATE", "return self._newest"),),
    ),
    Planted(
        "watching error",
        "waits,all",
        4,
        "a watch forgets a job once a look at it has failed",
        (
            (
                "runs/discover.py",
                "GiveUp):\n                raise\n",
                'GiveUp):\n                raise\n            self.due = float("inf")\n            return new\n',
            ),
        ),
    ),
    Planted(
        "pacing upwards",
        "quota",
        42,
        "a throttle makes calls more frequent",
        (("transport/pace.py", "self._rate = _CUT * self._top", "self._rate = self._top / _CUT"),),
    ),
    Planted(
        "pacing slots",
        "quota",
        91,
        "a call that is throttled keeps its connection",
        (
            (
                "transport/calls.py",
                "meter().add(throttled=1)",
                "meter().add(throttled=1)\n                    await slots.acquire()",
            ),
        ),
    ),
    Planted(
        "changes open",
        "keeping",
        10_001,
        "a cursor of changes does not carry the runs that go on",
        (("runs/news.py", "            followed=self._open,\n", "            followed={},\n"),),
    ),
    Planted(
        "changes retry",
        "keeping",
        10_001,
        "a retry that goes on is taken for older news than the failure before it",
        (
            (
                "runs/changed.py",
                "        if self.attempt != known.attempt:\n            return self.attempt < known.attempt\n",
                "",
            ),
        ),
    ),
    Planted(
        "changes late",
        "keeping",
        10_001,
        "a later read of changes begins at the newest row that is known, and not before it",
        (("runs/changed.py", "    return mark.until - overlap\n", "    return mark.until\n"),),
    ),
    Planted(
        "history lost",
        "keeping",
        10_021,
        "a run that is gone while it went on is not marked as lost",
        (("history/syncing.py", "lost = mark_lost(connection, gone, text_of(now()))", "lost = 0"),),
    ),
    Planted(
        "history pages",
        "keeping",
        10_005,
        "of the pages that came while others were written, the last one alone is stored",
        (("history/syncing.py", "runs += page.items", "runs = [*page.items]"),),
    ),
    Planted(
        "history place",
        "keeping",
        10_057,
        "a sync stores where it stands before what it has read",
        (
            (
                "history/syncing.py",
                "        rows = await self._database.run(",
                (
                    "        places = self._moved(spot)\n"
                    "        await self._database.write(lambda opened: _put_places(opened, listing, places))\n"
                    "        await asyncio.sleep(0.5)\n"
                    "        rows = await self._database.run("
                ),
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
        first, most = 0, worlds
        if LATER_CLIMATES.issuperset(fault.climates.split(",")):  # every twelfth world or so
            first, most = LATER, 4 * worlds
        command = [sys.executable, "-m", "tests.simulation", "--first", str(first), "--worlds", str(most), "--stop"]
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
        if is_found and not first.startswith(f"seed {fault.world}:"):
            how = f"found, though not first in world {fault.world},"
        tell(f"{fault.name} ({fault.fault}): {how} in {time.monotonic() - began:.0f} s: {first}")
    return missed
