"""The oracle of Spark's stream: the world of changes, read by a stream that is killed and goes on, without a JVM.

    python -m tests.oracle.streaming [SEED] [--schedules N] [--from SEED]

A schedule is a world, and an engine that does with a stream's reader what Spark's does: it keeps a log of offsets as
JSON and one of what is done, reads the tasks of a batch in any order, some of them twice, and is killed anywhere; then
another reader repeats the batch that was not done. What is judged, besides what the oracle of changes judges:

- a batch that is repeated holds the same runs, and of each a word that is not older;
- it raises where a run has left its service, and only there; told to skip, it gives all others.
"""

import argparse
import asyncio
import json
import logging
import pickle
import time
from collections import Counter
from collections.abc import Coroutine, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final, TypeVar
from unittest.mock import patch

import attrs
import pyarrow as pa
from aiobotocore.session import AioSession, get_session

from jobruns_sdk import JobRef, JobRunsClient, JobRunsError, NotFoundError, RunRef, RunState
from jobruns_sdk.errors import ServiceUnavailableError
from jobruns_sdk.spark import JobRunsDataSource
from jobruns_sdk.spark.offsets import Offset
from jobruns_sdk.spark.options import ReadOptions
from jobruns_sdk.spark.tasks import Jobs
from tests.oracle.changes import Key, Program, Result
from tests.oracle.changes_world import STALE, Job, Temper

T = TypeVar("T")
SYNCS: Final = 12
_MOST_TRIES: Final = 60
_RETRY_GRACE: Final = timedelta(minutes=30)  # as a stream waits unless it is told
_LOGGERS: Final = ("jobruns_sdk.spark.read", "jobruns_sdk.spark.look", "jobruns_sdk.spark.reread")
_KILLED: Final = ("logged", "planned", "half", "delivered")  # what is done of a batch when its process is killed


@attrs.frozen
class Told:
    """A row that the stream has handed out, as the judge of changes takes runs."""

    job: str
    id: str
    native_state: str
    attempt: int
    updated_at: datetime | None
    is_terminal: bool

    @property
    def key(self) -> Key:
        return self.job, self.id


@attrs.define
class Counts:
    """What streams have gone through."""

    batches: int = 0
    empty: int = 0  # of them
    kills: int = 0
    repeated: int = 0
    repeated_rows: int = 0
    missing: int = 0
    settled: int = 0  # batches of which not all runs are named
    longest: int = 0  # characters of an offset


class KilledError(Exception):
    """The process was killed."""


class OwnLoop:
    """What a process of Spark keeps: here one event loop, and the client of the schedule."""

    def __init__(self, client: JobRunsClient, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop
        self.bridge = self

    def client(self, _access: object, _parts: int) -> JobRunsClient:
        return self._client

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)


class Log(logging.Handler):
    """What the stream says of jobs and runs that it cannot read, or that are gone."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[object] = []

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple) and record.args:
            self.said.append(record.args[0])


class Stream(Program):
    """One schedule: a world, and an engine that streams from it."""

    def __init__(self, seed: int, session: AioSession, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(seed, session)
        self._loop = loop
        self.counts = Counts()
        self.offsets: list[str] = []  # the logs of the checkpoint
        self.done = 0
        self.asked: list[Job] = []
        self.fails = False
        self.log = Log()
        self._on_missing = "raise"
        self._reader: Any = None
        self._given = {"pollInterval": "0s", "jobs": self.random.choice(("glue:*", "glue:nobody"))}
        if past := self.created_after:
            self._given["createdAfter"] = past.isoformat()
        if self.random.random() < 0.2:
            self._given["hydrate"] = "true"
        self._tells_start = self.random.random() < 0.5  # as Spark 4.2 does, and 4.0 does not
        self._named = self.random.choice((0, 2, 1_000))
        self._planned: dict[int, set[Key]] = {}  # what each batch has held

    def stream(self) -> Result:
        """Stream again and again, and judge."""
        self._loop.run_until_complete(self._connected())
        with self._process():
            for _ in range(SYNCS):
                self.world.advance(self.random.choice((0.0, 30.0, 600.0, 600.0, 3_000.0, 20_000.0)))
                if self.random.random() < 0.05:
                    job = self.random.choice(self.world.jobs)
                    job.refused_until = self.world.now + self.random.choice((5.0, 3_000.0))
                self._catch_up()
            for job in self.world.jobs:
                job.refused_until, job.failing = 0.0, 0
            self.world.advance(STALE)
            self.world.temper = Temper(events=0.0, dated=self.world.temper.dated)
            self._catch_up(is_last=True)
        self._count()
        return self.result

    @contextmanager
    def _process(self) -> Generator[None]:
        own = OwnLoop(self.client, self._loop)
        loggers = [logging.getLogger(name) for name in _LOGGERS]
        for logger in loggers:
            logger.addHandler(self.log)
            logger.propagate = False
        try:
            with (
                patch("jobruns_sdk.spark.streaming.worker", lambda: own),
                patch("jobruns_sdk.spark.streaming.jobs_of", self._jobs_of),
                patch("jobruns_sdk.spark.batches.NAMED", self._named),
            ):
                yield
        finally:
            for logger in loggers:
                logger.removeHandler(self.log)
                logger.propagate = True

    def _jobs_of(self, options: ReadOptions, *, skip: bool) -> Jobs:
        if self.fails:
            error = ServiceUnavailableError("the search is down")
            if not skip:
                raise error
            lacking = self.asked[:-1]  # what the failed part would have found
            return Jobs([JobRef.parse(job.text) for job in lacking], options.access)
        return Jobs([JobRef.parse(job.text) for job in self.asked], options.access)

    # The engine

    def _catch_up(self, *, is_last: bool = False) -> None:
        """Make batches until there is nothing new, through failures and kills."""
        self.result.syncs += 1
        self._on_missing = "raise"
        for _ in range(_MOST_TRIES):
            self.result.legs += 1
            is_failed = True
            try:
                if self._reader is None:
                    self._start(is_last=is_last)
                is_failed = False
                if not self._batch(is_last=is_last) or (not is_last and self.random.random() < 0.6):
                    return  # in a restless world there is always something new
            except (KilledError, JobRunsError) as error:
                self._end_of_process(error, was_repeating=is_failed)
                if not is_last and self.random.random() < 0.2:
                    return  # nobody starts it again for a while
        if is_last:
            self._problem("the stream does not catch up")

    def _end_of_process(self, error: Exception, *, was_repeating: bool) -> None:
        """Take note of why a process has ended; who reads that runs are missing goes on without them."""
        self._reader, self._on_missing = None, "raise"
        if isinstance(error, KilledError):
            self.counts.kills += 1
            self.world.advance(self.random.choice((0.0, 5.0, 600.0)))
        elif was_repeating and isinstance(error, NotFoundError) and "onMissing=skip" in str(error):
            self.counts.missing += 1
            if not any(self._has_left(key) for key in self._planned[self.done]):
                self._problem("a repeated batch misses a run, and all are there")
            self._on_missing = "skip"

    def _start(self, *, is_last: bool) -> None:
        """Start the query: repeat the batch that was not done, if there is one."""
        on_error = self.random.choice(("raise", "skip"))
        if is_last:  # a stream of a job that was deleted fails each time, unless it goes on without
            on_error = "skip" if any(job.deleted for job in self.world.jobs) else "raise"
        self._ask(is_last=is_last)
        source = JobRunsDataSource({**self._given, "onError": on_error, "onMissing": self._on_missing})
        reader = pickle.loads(pickle.dumps(source.streamReader(source.schema())))  # noqa: S301  # our own
        if len(self.offsets) > self.done:
            start = json.loads(self.offsets[self.done - 1]) if self.done else reader.initialOffset()
            self._repeat(reader, start, json.loads(self.offsets[self.done]), skips=self._on_missing == "skip")
        elif self.offsets:
            latest = json.loads(self.offsets[-1])
            if reader.partitions(latest, latest):
                self._problem("a batch of nothing holds rows")
        self._reader = reader

    def _repeat(self, reader: Any, start: Any, end: Any, *, skips: bool) -> None:  # noqa: ANN401  # Spark's
        rows = [row for task in self._tasks(reader, start, end) for row in task]
        self.counts.repeated += 1
        self.counts.repeated_rows += len(rows)
        found, planned = {row.key for row in rows}, self._planned[self.done]
        if found - planned:
            self._problem(f"a repeated batch holds others: {sorted(found - planned)[:3]}")
        lost = {key for key in planned - found if not (skips and self._has_left(key))}
        if lost:
            self._problem(f"a repeated batch lacks {sorted(lost)[:3]}")
        self.gone |= planned - found
        self._deliver(rows)
        self.done += 1

    def _has_left(self, key: Key) -> bool:
        """Whether a run, or an attempt of it, has left its service, or its job was deleted meanwhile."""
        job = next((job for job in self.world.jobs if job.text == key[0]), None)
        return (
            job is None or job.deleted or any(row.removed <= self.world.now for row in job.rows if row.root == key[1])
        )

    def _is_brief_retry(self, job: Job, root: str) -> bool:
        """Whether a run went on only in a retry later than the stream waits for one, which left as soon as it came.

        A batch that is repeated reads again, and hands out what its look did not know, so that nobody follows it:

            08:00  attempt 1 fails, and is in a batch whose process is killed
            08:35  attempt 2 begins, past the 30 minutes; the batch is repeated: attempt 2 is running
            08:36  the run leaves; an answer that is a minute behind shows attempt 1, and it is followed no more
        """
        rows = sorted((row for row in job.rows if row.root == root), key=lambda row: row.attempt)
        late = [
            row for before, row in pairwise(rows) if row.created - before.history[-1][0] > _RETRY_GRACE.total_seconds()
        ]
        return any(row.attempt <= self.store.runs[job.text, root].attempt for row in late) and all(
            row.removed < late[0].created + STALE for row in rows
        )

    def _batch(self, *, is_last: bool) -> bool:
        """Look, and make a batch of what is new; return whether there was anything."""
        reader = self._reader
        start = json.loads(self.offsets[-1]) if self.offsets else reader.initialOffset()
        if not self.offsets and "createdAfter" not in self._given:
            self.created_after = datetime.fromisoformat(start["begin"])
        self._ask(is_last=is_last)
        begun = self.world.now
        self.log.said.clear()
        end = reader.latestOffset(start, None) if self._tells_start else reader.latestOffset()
        told = json.dumps(end)
        failed = self._failures_said()
        asked = [job for job in self.asked if job.text not in failed and not job.deleted]
        if self.fails:  # the search lacked the last one
            asked = [job for job in asked if job is not self.asked[-1]]
        is_new = bool(json.loads(told) != start)
        if is_new:
            self.offsets.append(told)
            self.counts.longest = max(self.counts.longest, len(told))
            self.counts.settled += any(part.settled for part in Offset.from_dict(json.loads(told)).batch.values())
            self._run(reader, start, json.loads(told), may_die=not is_last)
        for job in asked:
            self._judge(job, begun - (0.0 if is_last else STALE), failed)
        return is_new

    def _run(self, reader: Any, start: Any, end: Any, *, may_die: bool) -> None:  # noqa: ANN401  # Spark's
        dies = self.random.choice(_KILLED) if may_die and self.random.random() < 0.3 else None
        # Also where it dies before anybody asks: the judge has to know what the batch holds.
        tasks = self._tasks(reader, start, end)
        rows = [row for task in tasks for row in task]
        self._planned[len(self.offsets) - 1] = {row.key for row in rows}
        self.counts.batches += 1
        self.counts.empty += not rows
        if dies in {"logged", "planned"}:
            raise KilledError
        self._deliver([row for task in tasks[: len(tasks) // 2] for row in task] if dies == "half" else rows)
        if dies:
            raise KilledError
        self.done += 1
        reader.commit(end)

    def _tasks(self, reader: Any, start: Any, end: Any) -> list[list[Told]]:  # noqa: ANN401  # Spark's
        parts = [pickle.loads(pickle.dumps(part)) for part in reader.partitions(start, end)]  # noqa: S301  # our own
        keys = [row.key for part in parts for batch in reader.read(part) for row in _rows(batch)]
        if len(set(keys)) < len(keys):
            self._problem("a batch holds a run twice")
        twice = self.random.sample(parts, self.random.randint(0, len(parts)))
        self.random.shuffle(parts)
        return [[row for batch in reader.read(part) for row in _rows(batch)] for part in [*parts, *twice]]

    def _deliver(self, rows: Sequence[Told]) -> None:
        self.result.handed_out += len(rows)
        for row in rows:
            self.store.keep(row)  # type: ignore[arg-type]  # it has what the store looks at
            self.unsaved.discard(row.key)

    # What is asked, and what is said

    def _ask(self, *, is_last: bool) -> None:
        self.fails = not is_last and self._given["jobs"] == "glue:*" and self.random.random() < 0.05
        self.asked = self._asked(is_last=is_last)
        if self._given["jobs"] == "glue:nobody":  # what is asked for no more is dropped, with what was followed
            names = {job.text for job in self.asked}
            self.unsaved |= {key for key in self.store.runs if key[0] not in names}

    def _failures_said(self) -> set[str]:
        failed: set[str] = set()
        for said in self.log.said:
            if isinstance(said, RunRef):
                self.gone.add((str(said.job), said.run_id))
                failed.add(f"{said.job} {said.run_id}")
            elif isinstance(said, JobRef):
                failed.add(str(said))
        return failed

    def _count(self) -> None:
        there = [run for job in self.world.jobs for run in self.world.truth(job)]
        self.result.runs, self.result.retries = len(there), self.world.retries
        self.result.requests, self.result.gone = self.world.requests, len(self.gone)


def _rows(batch: pa.RecordBatch) -> Iterator[Told]:
    for row in batch.to_pylist():
        yield Told(
            row["job_ref"],
            row["run_id"],
            row["native_state"],
            row["attempt"],
            row["updated_at"],
            RunState(row["state"]).is_terminal,
        )


def run_all(seeds: range) -> tuple[Result, Counts]:
    """Run the schedules of some seeds."""
    session = get_session()
    session.set_credentials("an-access-key", "a-secret-key")
    total, counts = Result(), Counts()
    loop = asyncio.new_event_loop()
    try:
        for seed in seeds:
            stream = Stream(seed, session, loop)
            try:
                result = stream.stream()
                total.add(result)
                for problem in result.problems:
                    print(problem, flush=True)  # noqa: T201  # a program's output
            finally:
                loop.run_until_complete(stream.client.aclose())
            for field in attrs.fields(Counts):
                before, new = getattr(counts, field.name), getattr(stream.counts, field.name)
                setattr(counts, field.name, max(before, new) if field.name == "longest" else before + new)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
    return total, counts


def main() -> int:
    parser = argparse.ArgumentParser(description="Judge Spark's stream of a living world.")
    parser.add_argument("seed", nargs="?", type=int, help="run the schedule of this seed alone")
    parser.add_argument("--schedules", type=int, default=500, help="how many")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed of them")
    given = parser.parse_args()
    began = time.process_time()
    first, count = (given.first, given.schedules) if given.seed is None else (given.seed, 1)
    result, counts = run_all(range(first, first + count))
    kinds = Counter(problem.partition(",")[0] for problem in result.problems)
    took = time.process_time() - began
    told = {**attrs.asdict(result), **attrs.asdict(counts)}
    del told["problems"]
    figures = ", ".join(f"{value} {name}" for name, value in told.items())
    print(f"{figures}, {took:.0f} s of processor time; {len(result.problems)} problems in {len(kinds)} schedules")  # noqa: T201  # as above
    return 1 if kinds else 0


if __name__ == "__main__":
    raise SystemExit(main())
