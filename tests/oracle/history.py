"""The oracle of stores: the schedules of changes, with a store in a file that syncs, is cut off, and is opened again.

    python -m tests.oracle.history [--schedules N] [--from SEED]

It judges as ``tests.oracle.changes`` does, and what it judges is read from the file. A run that a service has let go of
while it went on has to be marked as lost.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from aiobotocore.session import AioSession, get_session

from jobruns_sdk import JobRunsError, ServiceUnavailableError
from jobruns_sdk.history import RunStore
from tests.oracle import changes
from tests.oracle.changes_world import STALE, Job


async def _search(jobs: Sequence[Job], *, fails: bool) -> AsyncIterator[str]:
    for job in jobs:
        await asyncio.sleep(0)
        yield job.text
    if fails:
        raise ServiceUnavailableError("the search is down")


class Keeper(changes.Program):
    """One schedule: a program that keeps a store, and its world."""

    def __init__(self, seed: int, session: AioSession, path: Path) -> None:
        super().__init__(seed, session)
        self._path = path

    async def _leg(self, asked: list[Job], *, is_last: bool) -> bool:
        """Sync once; return whether it came to its end."""
        random, begun = self.random, self.world.now
        fails = not is_last and random.random() < 0.05
        targets = _search(asked, fails=fails) if random.random() < 0.4 else [job.text for job in asked]
        cut = None if is_last or random.random() < 0.6 else random.randint(1, 60)
        failed: set[str] = set()
        is_complete = False
        async with RunStore(self._path) as store:
            syncing = asyncio.ensure_future(
                store.sync(
                    self.client,
                    targets,
                    created_after=self.created_after,
                    on_error=random.choice(("raise", "skip", self._on_error.append)),
                    concurrency=random.choice((1, 3, 32)),
                )
            )
            if cut is not None:
                for _ in range(cut):
                    await asyncio.sleep(0)
                syncing.cancel()
            try:
                report = await syncing
            except (JobRunsError, asyncio.CancelledError):
                pass
            else:
                is_complete, failed = True, self._failures(report.walk)
        await self._load()
        if is_complete:
            for job in asked:
                if job.text not in failed and not (job.deleted or fails):
                    self._judge(job, begun - (0.0 if is_last else STALE), failed)
        return is_complete

    def _problem(self, text: str) -> None:
        is_lost = any(run_id in text for _, run_id in self.gone)
        super()._problem(f"{text}, marked as lost" if is_lost else text)

    async def _load(self) -> None:
        async with RunStore(self._path) as store:
            self.store.runs = {(str(run.job), run.id): run async for run in store.runs()}
            self.gone = {(str(run.job), run.id) async for run in store.runs(lost=True)}


async def run_all(seeds: Iterable[int]) -> changes.Result:
    """Run the schedules of some seeds."""
    session = get_session()
    session.set_credentials("an-access-key", "a-secret-key")
    total = changes.Result()
    for seed in seeds:
        with TemporaryDirectory() as folder:
            keeper = Keeper(seed, session, Path(folder) / "runs.sqlite")
            try:
                total.add(await keeper.run())
            finally:
                await keeper.client.aclose()
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description="Judge stores of a living world.")
    parser.add_argument("--schedules", type=int, default=1000, help="how many")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed of them")
    given = parser.parse_args()
    result = asyncio.run(run_all(range(given.first, given.first + given.schedules)))
    print("\n".join(result.problems[:40]))  # noqa: T201  # a program's output
    told = f"{result.syncs} syncs in {result.legs} legs, {result.runs} runs, {result.ended} of them ended"
    faults = f"{result.retries} retries, {result.gone} lost, {len(result.problems)} problems"
    print(f"{result.schedules} schedules, {told}, {faults}")  # noqa: T201  # as above
    return 1 if result.problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
