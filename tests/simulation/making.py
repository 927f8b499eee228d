"""The programs of a process, made out of what there is in its account and region when they begin."""

import hashlib
import math
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from attrs import define

from jobruns_sdk import RunState
from tests.oracle.reading_queries import ACTIVE, ENDED
from tests.oracle.waiting_programs import Pace, Record, Stop, Wait, WaitAll, Watch
from tests.oracle.waiting_world import Life, Work
from tests.simulation.plans import EVENTS, HOUR, ProgramPlan, Story
from tests.simulation.programs import Start, StartAndWait, Walk
from tests.simulation.programs import at as moment_at
from tests.simulation.programs_changes import Keep, ReadChanges, SyncStore
from tests.simulation.reads import Read, What
from tests.simulation.world import Job, Run


def lot(seed: str, life: Life) -> bytes:
    return hashlib.blake2s(f"{seed}/{life.id}".encode(), digest_size=8).digest()


@define(eq=False)
class Maker:
    """Makes the programs of a process out of what there is in its account and region when they begin."""

    story: Story
    account: str
    region: str

    @property
    def jobs(self) -> list[Job]:
        world = self.story.world
        return [job for job in world.jobs.values() if (job.account, job.region) == (self.account, self.region)]

    def make(self, plan: ProgramPlan, begins: float) -> Record | None:
        """Return a program that begins now, None if there is nothing for it to do."""
        rng = random.Random(plan.seed)
        made: Record | None = getattr(self, f"_{plan.kind}")(rng, plan, begins)
        return made

    def _runs(self, plan: ProgramPlan, by: float, works: Sequence[Work] | None = None) -> list[Run]:
        """Return the runs that somebody can have heard of by then, in an order that the program's lots give."""
        runs = [
            run
            for job in (self.jobs if works is None else works)
            for run in job.runs
            if isinstance(run, Run) and run.created <= by
        ]
        runs = [run for run in runs if "b0" not in run.id[:5] or run.id.endswith("buried")]
        return sorted(runs, key=lambda run: lot(plan.seed, run))

    def _pace(self, rng: random.Random) -> Pace:
        paces = [(10.0, 60.0), (30.0, 120.0), (60.0, 60.0), (60.0, 300.0), (120.0, 120.0), (300.0, 300.0)]
        return Pace(*rng.choice(paces), grace=self.story.grace)

    def _job(self, rng: random.Random, jobs: list[Job]) -> Job:
        return jobs[0] if rng.random() < self.story.climate.same_job else rng.choice(jobs)

    def _states(self, rng: random.Random) -> frozenset[RunState] | None:
        match rng.choices(("none", "one", "active", "ended", "mixed"), (22, 12, 34, 12, 20))[0]:
            case "one":
                return frozenset(rng.sample((*ACTIVE, *ENDED), 1))
            case "active":
                return frozenset(ACTIVE if rng.random() < 0.7 else rng.sample(ACTIVE, rng.randint(2, 3)))
            case "ended":
                return frozenset(rng.sample(ENDED, rng.randint(2, len(ENDED))))
            case "mixed":
                return frozenset((*rng.sample(ACTIVE, rng.randint(1, 4)), *rng.sample(ENDED, rng.randint(1, 4))))
            case _:
                return None

    def _walk(self, rng: random.Random, plan: ProgramPlan, begins: float) -> Record | None:
        # A row without a date is in no window and has no place in the order: such jobs are for starts.
        jobs, options = [job for job in self.jobs if not job.waiting_is_undated], dict[str, Any]()
        if not jobs:
            return None
        chosen = [self._job(rng, jobs)]
        if len(jobs) > 1 and rng.random() < 0.5:
            chosen = rng.sample(jobs, rng.randint(2, min(len(jobs), 8)))
            if rng.random() < 0.3:
                options["order"] = "any"
        elif chosen[0].service == "datazone" and rng.random() < 0.3:
            options["order"] = "oldest"
        if (states := self._states(rng)) is not None:
            options["states"] = states
        if rng.random() < 0.5:
            edge = begins - self.story.planner_span(rng, 1, 2 * HOUR * min(1.0, self.story.climate.tempo))
            options["created_after"] = moment_at(edge)
            if rng.random() < 0.3:
                options["created_before"] = moment_at(edge + self.story.planner_span(rng, 60, 2 * HOUR))
        if len(chosen) == 1 and chosen[0].service == "glue" and rng.random() < 0.1:
            options["collapse_retries"] = False
        size = rng.choice([None, 1, 2, 5, 5, 10, 50]) if self.story.climate.name != "quota" else rng.choice([2, 5])
        return Walk(begins, Pace(), jobs=chosen, options=options, page_size=size, seed=plan.seed)

    def _read(self, rng: random.Random, plan: ProgramPlan, begins: float) -> Record | None:
        what: What = rng.choices(("runs", "attempts", "jobs"), (6, 3, 1))[0]
        record = Read(begins, Pace(), what=what, seed=plan.seed)
        record.on_error = rng.choice(["raise", "skip", "call"])
        if what == "jobs":
            record.jobs, record.name = self.jobs, rng.choice([None, "*1*"])
            return record
        jobs = [job for job in self.jobs if not job.waiting_is_undated]
        if not jobs:
            return None
        record.jobs = rng.sample(jobs, rng.randint(1, min(len(jobs), 6)))
        record.hydrate = rng.random() < 0.3
        if what == "runs" and len(record.jobs) > 1 and rng.random() < 0.3:
            record.options["order"] = "any"
        if what == "attempts":
            record.runs = self._runs(plan, begins)[: rng.choice([0, 3])]
        if rng.random() < 0.75:
            span = self.story.planner_span(rng, 1, 2 * HOUR * min(1.0, self.story.climate.tempo))
            record.since = math.floor((begins - span) * 1000) / 1000
            record.active = what == "runs" and rng.random() < 0.5
            if what == "runs" and not record.active and rng.random() < 0.3:
                record.until = math.floor((record.since + self.story.planner_span(rng, 10, span + 60)) * 1000) / 1000
            if what == "runs" and rng.random() < 0.7:
                record.reach = rng.choice([60.0, 600.0, HOUR])
        if rng.random() < 0.3:
            record.options["states"] = frozenset({RunState.FAILED, RunState.STOPPED, RunState.TIMED_OUT})
        return record

    def _changes(self, rng: random.Random, plan: ProgramPlan, begins: float) -> Record | None:
        return self._keep(ReadChanges(begins, Pace(), seed=plan.seed), rng, begins)

    def _sync(self, rng: random.Random, plan: ProgramPlan, begins: float) -> Record | None:
        record = SyncStore(begins, Pace(), seed=plan.seed, is_shared=rng.random() < 0.25)
        record.hydrate, record.attempts = rng.random() < 0.3, rng.random() < 0.3
        return self._keep(record, rng, begins)

    def _keep(self, record: Keep, rng: random.Random, begins: float) -> Keep | None:
        jobs = [job for job in self.jobs if not job.waiting_is_undated]
        if not jobs:
            return None
        record.jobs = rng.sample(jobs, rng.randint(1, len(jobs)))
        record.on_error = rng.choice(["raise", "skip", "call"])
        if rng.random() < 0.4 and not getattr(record, "is_shared", False):  # there the first one says where jobs begin
            record.since = math.floor((begins - self.story.planner_span(rng, 60, 2 * HOUR)) * 1000) / 1000
        for _ in range(rng.randint(3, 8)):
            record.pauses.append(self.story.planner_span(rng, 5, 2 * HOUR))
        return record

    def _start(self, rng: random.Random, plan: ProgramPlan, begins: float) -> Record | None:
        del plan
        climate = self.story.climate
        jobs = [job for job in self.jobs if job.service != "datazone"]
        if not jobs:
            return None
        job = self._job(rng, jobs)
        key = rng.choice(["k1", "k1", "k1", "k2"]) if rng.random() < self.story.keyed else None
        record = Start(begins, Pace(), job=job, key=key, request="a" if rng.random() < 0.85 else "b")
        if key is not None and job.service == "glue" and rng.random() < 0.15:
            record.finds = True
        elif key is not None and rng.random() < 0.2:
            record.options["on_failed"] = "restart"
        if key is not None and not record.finds and job.service == "glue" and rng.random() < 0.15:
            record.options["key_lifetime"] = timedelta(seconds=rng.choice([60.0, HOUR, 26 * HOUR]))
        if job.service == "glue" and not record.finds and rng.random() < (0.4 if job.room < 10 else 0.05):
            record.options["slot_timeout"] = timedelta(seconds=rng.choice([10.0, 120.0, 1200.0]))
        if climate.name == "days" and job.service == "glue" and rng.random() < 0.15:
            record.request = "long"
        if rng.random() < climate.cancels:
            record.cancel_at = rng.choice(EVENTS), rng.choice([1, 1, 2, 2, 3, 5])
        return record

    def _wait(self, rng: random.Random, plan: ProgramPlan, begins: float) -> Record | None:
        timeout = rng.choice([None, 60.0, 900.0, HOUR, 3 * HOUR, 8 * HOUR])
        able = [job for job in self.jobs if job.service != "datazone"]
        record: Wait
        if able and rng.random() < 0.25:
            record = StartAndWait(begins, self._pace(rng), timeout, of=self._job(rng, able))
        else:
            record = Wait(begins, self._pace(rng), timeout)
            runs = self._runs(plan, begins)
            if not runs:
                return None
            record.life = (
                next((run for run in runs if run.goes_on_at(begins)), runs[0]) if rng.random() < 0.7 else runs[0]
            )
        record.on_timeout = rng.choice(["leave", "leave", "stop"])
        if rng.random() < 0.15:
            record.until = rng.choice([frozenset({RunState.RUNNING}), frozenset({RunState.RUNNING, RunState.STOPPING})])
        if rng.random() < 0.2 and not (record.life and record.life.work.service == "datazone"):
            record.on_cancel = "stop"
        if rng.random() < 0.2:
            record.unseen_for = rng.choice([120.0, 600.0, 2400.0])
        if rng.random() < 0.15:
            record.nudged = begins + rng.uniform(1, self.story.climate.horizon)
        return record

    def _wait_all(self, rng: random.Random, plan: ProgramPlan, begins: float) -> Record | None:
        record = WaitAll(begins, self._pace(rng), rng.choice([None, 60.0, 900.0, HOUR, 3 * HOUR]))
        record.return_exceptions = rng.random() < 0.5
        sound = rng.random() < 0.7
        runs: list[Life] = [run for run in self._runs(plan, begins) if not (sound and run.lost_at < 20 * HOUR)]
        record.on_timeout = rng.choice(["leave", "stop"])
        if record.on_timeout == "stop":
            record.timeout = record.timeout or rng.choice([900.0, HOUR])
            runs = [run for run in runs if run.work.service != "datazone"]
        most = rng.choice([2, 10, 40])
        if rng.random() < 0.5:
            runs.sort(key=lambda run: not run.goes_on_at(begins))
        record.of = runs[:most]
        return record if record.of else None

    def _watch(self, rng: random.Random, plan: ProgramPlan, begins: float) -> Record:
        record = Watch(begins, self._pace(rng), rng.choice([900.0, HOUR, 2 * HOUR]))
        record.on_error = rng.choice(["call", "call", "call", "skip", "raise"])
        works: list[Work] = list(self.jobs)
        record.jobs = rng.sample(works, rng.randint(0, len(works)))
        if not record.jobs or rng.random() < 0.4:
            runs = self._runs(plan, begins)
            if self.story.climate.mists:
                runs.sort(key=lambda run: not run.goes_on_at(begins))
            record.runs = [*runs[: rng.randint(1, 5)]]
        if not record.jobs and not record.runs:
            record.jobs = works
        own = random.Random(f"{plan.seed}/patience")
        if self.story.climate.mists and own.random() < 0.6:
            record.patience = own.choice([5.0, 15.0, 60.0])
        return record

    def _stop(self, rng: random.Random, plan: ProgramPlan, begins: float) -> Record | None:
        record = Stop(begins, self._pace(rng), wait=rng.choice([None, None, 30.0, 600.0]))
        runs = self._runs(plan, begins)
        paused: list[Life] = [run for run in runs if run.pauses_at(begins)]
        going: list[Life] = [run for run in runs if run.goes_on_at(begins)]
        rest: list[Life] = [*runs]
        chosen = [*paused[:3], *going[: rng.randint(0, 4)], *rest[: rng.randint(1, 6)]]
        record.of = list(dict.fromkeys(chosen))
        return record if record.of else None
