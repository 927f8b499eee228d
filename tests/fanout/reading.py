"""Reading many jobs in steps: here a run, there a page, and then on in another client, as in another process."""

import random
from collections.abc import Callable, Sequence
from typing import Final, Literal

from hypothesis import strategies as st

from jobruns_sdk import JobRef, JobRunsClient
from jobruns_sdk.paging.pages import Walk
from tests.fanout.kit import Run

Step = tuple[str, int]
Order = Literal["newest", "any"]


def steps(*actions: str) -> st.SearchStrategy[list[Step]]:
    """Return lists of steps.

    Tokens expire once at most: if they do again while a place is looked for, that is an error, and is tested as one.
    """
    step = st.tuples(st.sampled_from(("take", "page", "resume", *actions)), st.integers(0, 9))
    return st.lists(step, max_size=25).map(_expiring_once)


def _expiring_once(steps: list[Step]) -> list[Step]:
    first = next((index for index, (action, _) in enumerate(steps) if action == "expire"), None)
    return [step for index, step in enumerate(steps) if step[0] != "expire" or index == first]


STEADY: Final = steps("expire")
LIVELY: Final = steps("expire", "add")


class Reader:
    """Reads jobs to their end, step by step; a `resume` goes on in a new client, with the jobs in another order.

    With `some` only some of the jobs are there then; at the end all are.
    """

    def __init__(
        self,
        client: Callable[[], JobRunsClient],
        jobs: Sequence[JobRef],
        *,
        order: Order = "newest",
        concurrency: int = 4,
        change: Callable[[str, int], None],
        some: bool = False,
        same_order: bool = False,
        page_size: int | None = None,
    ) -> None:
        self._client = client
        self._page_size = page_size
        self._jobs = list(jobs)
        self._order: Order = order
        self._concurrency = concurrency
        self._change = change
        self._some = some
        self._same_order = same_order
        self._chance = random.Random(len(jobs))
        self._seen: list[Run] = []
        self._begun: set[str] = set()
        self._over: set[str] = set()
        self._walk: Walk[Run] = self._open(None, self._chosen())

    async def read(self, steps: Sequence[Step]) -> list[Run]:
        """Take all steps, and then what is left; return all that was read."""
        for action, count in steps:
            if action == "take":
                await self._take(count)
            elif action == "page":
                page = await self._walk.next_page()
                self._seen += page.items if page else ()
            elif action == "resume":
                await self._resume(self._chosen())
            elif self._seen:  # what changes before anything was read is simply so
                self._change(action, count)
        if self._some:
            await self._resume(self._jobs)
        self._seen += [run async for run in self._walk]
        assert self._walk.cursor is None
        await self._walk.aclose()
        return self._seen

    async def _take(self, count: int) -> None:
        for _ in range(count):
            run = await anext(self._walk, None)
            if run is not None:
                self._seen.append(run)

    async def _resume(self, jobs: Sequence[JobRef]) -> None:
        cursor = self._walk.cursor
        self._begun |= {source.name.split()[0] for source in self._walk.report.sources}
        if cursor is None:  # nothing is left of the jobs that were begun, so only others may be read afresh
            self._over |= self._begun
        rest = [job for job in jobs if str(job) not in self._over]
        if cursor is not None or rest:
            await self._walk.aclose()
            self._walk = self._open(cursor, rest)

    def _chosen(self) -> Sequence[JobRef]:
        chosen = list(self._jobs)
        if not self._same_order:
            self._chance.shuffle(chosen)
        return chosen[: self._chance.randint(0, len(chosen))] if self._some else chosen

    def _open(self, cursor: str | None, jobs: Sequence[JobRef]) -> Walk[Run]:
        pages = self._client().runs(
            jobs, order=self._order, concurrency=self._concurrency, cursor=cursor, page_size=self._page_size
        )
        return pages.open()
