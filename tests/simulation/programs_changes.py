"""What users do to keep what the services tell: they read changes into a store of their own, or sync a `RunStore`.

Both go on over many reads, and where their process is killed: from the cursor that was stored last, or with the file.
"""

import asyncio
import random
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from attrs import define, field, frozen

from jobruns_sdk import JobRunsClient, JobRunsError, NotFoundError, SourceError
from jobruns_sdk.history import RunStore
from tests.oracle.waiting_programs import Record
from tests.oracle.waiting_services import START
from tests.oracle.waiting_world import Work
from tests.simulation.programs import CLIENT, at, now
from tests.simulation.world import Job

FOLDER: ContextVar[Path] = ContextVar("FOLDER")
"""Where the files are."""

_NEVER = datetime.min.replace(tzinfo=UTC)


@contextmanager
def files() -> Generator[None]:
    """Have a folder for the files of a world."""
    with TemporaryDirectory(prefix="simulation-") as name:
        token = FOLDER.set(Path(name))
        try:
            yield
        finally:
            FOLDER.reset(token)


@frozen
class Word:
    """What is kept of a run: its last attempt, counted from 1, and that one's state, in the service's own word.

    `ended` is when it ended, in seconds of the world; `is_lost` says that it was gone while it went on.
    """

    attempt: int
    state: str
    ended: float | None = None
    is_lost: bool = False


@define(eq=False)
class Caught:
    """A read that came to its end, and what was kept when it did.

    `skipped` are the jobs and the runs that it told it could not read, `gone` the runs that it told are gone.
    """

    jobs: list[Job]
    began: float
    ended: float
    kept: dict[str, Word]
    tried: dict[str, dict[int, str]]
    skipped: set[str]
    gone: set[str]
    grown: int | None = None
    added: int | None = None


@define(eq=False)
class Keep(Record):
    """Reads what is new, again and again, and keeps it; `since` is where jobs begin, in seconds of the world."""

    jobs: list[Job] = field(factory=list[Job])
    since: float | None = None
    on_error: Literal["raise", "skip", "call"] = "raise"
    pauses: list[float] = field(factory=list[float])
    seed: str = ""
    done: int = 0
    times: int = 0
    caught: list[Caught] = field(factory=list[Caught])
    after_kill: list[tuple[float, dict[str, Word]]] = field(factory=list[tuple[float, dict[str, Word]]])
    failed: list[tuple[float, float, JobRunsError]] = field(factory=list[tuple[float, float, JobRunsError]])
    skipped: list[tuple[float, float, SourceError]] = field(factory=list[tuple[float, float, SourceError]])
    called: list[SourceError] = field(factory=list[SourceError])

    @property
    def works(self) -> set[Work]:
        return {*self.jobs}

    async def act(self, client: JobRunsClient) -> None:
        self.times += 1
        if self.times > 1:
            self.after_kill.append((now(), self.kept()))
        while self.done < len(self.pauses):
            rng = random.Random(f"{self.seed}/{self.done}")
            some = self.jobs if rng.random() < 0.7 else rng.sample(self.jobs, rng.randint(1, len(self.jobs)))
            began = now()
            try:
                await self.read(client, some, began, rng)
            except JobRunsError as error:
                self.failed.append((began, now(), error))
            self.done += 1
            await asyncio.sleep(self.pauses[self.done - 1])

    async def read(self, client: JobRunsClient, jobs: list[Job], began: float, rng: random.Random) -> None:
        """Read what is new of some jobs."""
        raise NotImplementedError

    def kept(self) -> dict[str, Word]:
        """Return what is kept, by the references of runs."""
        raise NotImplementedError

    def tried(self) -> dict[str, dict[int, str]]:
        """Return the states of attempts that are kept, by their runs and numbers."""
        return {}

    def options(self) -> dict[str, Any]:
        how: dict[str, Any] = {"on_error": self.called.append if self.on_error == "call" else self.on_error}
        return how if self.since is None else how | {"created_after": at(self.since)}

    def catch(self, jobs: list[Job], began: float, failed: tuple[SourceError, ...]) -> Caught:
        """Note what a read has come to."""
        self.skipped += [(began, now(), failure) for failure in failed]
        gone = {_plain(one.run) for one in failed if one.run is not None and isinstance(one.error, NotFoundError)}
        skipped = {_plain(one.run or one.job) for one in failed} - gone
        caught = Caught(jobs, began, now(), self.kept(), self.tried(), skipped, gone)
        self.caught.append(caught)
        return caught


def _plain(ref: object) -> str:
    return str(ref).partition("?")[0]


@define(eq=False)
class ReadChanges(Keep):
    """`client.changes`, page by page: rows are kept first, then the cursor. The last word wins."""

    cursor: str | None = None
    gone: set[str] = field(factory=set[str])
    words: dict[str, tuple[tuple[datetime, int], Word]] = field(factory=dict[str, tuple[tuple[datetime, int], Word]])
    handed_out: list[tuple[float, str, Word]] = field(factory=list[tuple[float, str, Word]])

    async def read(self, client: JobRunsClient, jobs: list[Job], began: float, rng: random.Random) -> None:
        del jobs  # the cursor forgets what is not asked for
        stop = rng.randint(1, 4) if rng.random() < 0.15 else None
        pages = client.changes([job.ref for job in self.jobs], cursor=self.cursor, **self.options())
        async with pages.open() as walk:
            count = 0
            while (page := await walk.next_page()) is not None:
                for run in page.items:
                    self._keep(run)
                self._keep_gone(walk.report.failed)
                self.cursor, count = page.cursor, count + 1
                if count == stop:
                    return
                if rng.random() < 0.2:
                    await asyncio.sleep(rng.uniform(0, 5))
            if walk.cursor is not None:
                self.cursor = walk.cursor
            self._keep_gone(walk.report.failed)
            self.catch(self.jobs, began, walk.report.failed).gone = set(self.gone)

    def _keep_gone(self, failed: tuple[SourceError, ...]) -> None:
        gone = (one.run for one in failed if one.run is not None and isinstance(one.error, NotFoundError))
        self.gone.update(map(_plain, gone))

    def _keep(self, run: Any) -> None:  # noqa: ANN401 - a run
        word, ref = Word(run.attempt, run.native_state), _plain(run.ref)
        self.handed_out.append((now(), ref, word))
        order = run.updated_at or _NEVER, run.attempt
        if ref not in self.words or order >= self.words[ref][0]:
            self.words[ref] = order, word

    def kept(self) -> dict[str, Word]:
        return {ref: word for ref, (_, word) in self.words.items()}


@define(eq=False)
class SyncStore(Keep):
    """`RunStore.sync`, with a file of its own, or one that other programs of the process use, too."""

    is_shared: bool = False
    hydrate: bool = False
    attempts: bool = False

    @property
    def path(self) -> Path:
        name = CLIENT.get().partition(".")[0] if self.is_shared else self.seed.replace("/", "-")
        return FOLDER.get() / f"{name}.sqlite"

    async def read(self, client: JobRunsClient, jobs: list[Job], began: float, rng: random.Random) -> None:
        del rng
        async with RunStore(self.path) as store:
            before = len(self.kept())
            report = await store.sync(
                client, [job.ref for job in jobs], hydrate=self.hydrate, attempts=self.attempts, **self.options()
            )
            caught = self.catch(jobs, began, report.walk.failed)
            caught.grown, caught.added = len(caught.kept) - before, report.added

    def kept(self) -> dict[str, Word]:
        return {
            _plain(ref): Word(attempt, state, _seconds(ended), lost is not None)
            for ref, attempt, state, ended, lost in self._rows(
                "select run_ref, attempt, native_state, ended_at, lost_at from runs"
            )
        }

    def tried(self) -> dict[str, dict[int, str]]:
        found: dict[str, dict[int, str]] = {}
        for ref, number, state in self._rows("select run_ref, attempt, native_state from attempts"):
            found.setdefault(_plain(ref), {})[number] = state
        return found

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        """Read the file as any program may."""
        if not self.path.exists():
            return []
        with closing(sqlite3.connect(self.path)) as connection:
            if not connection.execute("select name from sqlite_master").fetchall():
                return []
            return connection.execute(query).fetchall()


def _seconds(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp() - START
