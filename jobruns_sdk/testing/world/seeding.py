"""The methods by which a test adds jobs, and runs that are over or still to be lived."""

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import unquote

from jobruns_sdk.testing.clock import Clock, milliseconds
from jobruns_sdk.testing.world.bookmarks import ENABLED, OPTION, Bookmarks
from jobruns_sdk.testing.world.history import History, add_past_run, script, script_like, span
from jobruns_sdk.testing.world.jobs import Job, Limits, put
from jobruns_sdk.testing.world.lifecycle import DATAZONE, EMR_SERVERLESS, GLUE
from jobruns_sdk.testing.world.logs import Source
from jobruns_sdk.testing.world.seeds import checked
from jobruns_sdk.testing.world.world import World

_MINUTE: Final = 60_000
_FIVE_MINUTES: Final = timedelta(minutes=5)
_GLUE_SETTINGS: Final = {"JobMode": "SCRIPT", "GlueVersion": "5.0"}
_GLUE_COMMAND: Final = {"ScriptLocation": "s3://aws-glue-assets-local/scripts/job.py", "PythonVersion": "3"}


class Seeding:
    """The part of the local service that takes what a test puts in.

    A job is named as in the SDK's references: `glue:etl`, `emr-serverless:00f1abc`, `datazone:dzd_x/job42`. Outcomes
    and states are given in a service's own words (`SUCCESS`) or in the SDK's (`SUCCEEDED`). What is invalid is
    refused with a ValueError.
    """

    def __init__(self, world: World, clock: Clock, lock: threading.RLock) -> None:
        self._world = world
        self._clock = clock
        self._lock = lock

    @checked
    def add_glue_job(
        self,
        name: str,
        *,
        max_retries: int = 0,
        max_concurrent_runs: int | None = 1000,
        timeout_minutes: int | None = 2880,
        tags: Mapping[str, str] | None = None,
        default_arguments: Mapping[str, str] | None = None,
        duration: timedelta | None = _FIVE_MINUTES,
        outcome: str = "SUCCEEDED",
        fail_attempts: int = 0,
        message: str | None = None,
        startup: timedelta = timedelta(seconds=10),
        retry_delay: timedelta = timedelta(seconds=30),
        slot_release: timedelta = timedelta(0),
        queuing: bool = False,
        streaming: bool = False,
        worker_type: str = "G.1X",
        number_of_workers: int = 10,
        native: Mapping[str, object] | None = None,
    ) -> None:
        """Add a Glue job and say how its runs go; one that is there is described again, and keeps its runs.

        The first `fail_attempts` attempts of a run fail, as far as the job retries (`max_retries`); the next one ends
        in `outcome` after `startup` and `duration` (None: it never ends). A retry follows `retry_delay` after the
        failure, and a slot is free `slot_release` after the end. With `queuing`, a run without a slot waits up to 15
        minutes instead of being refused. AWS's own default for `max_concurrent_runs` is 1; this is its highest value.
        `native` are further members of Glue's Job structure, by their AWS names.
        """
        arguments = dict(default_arguments or {})
        script_of_job = script(
            GLUE,
            outcome=outcome,
            duration=duration,
            startup=startup,
            fail_attempts=fail_attempts,
            message=message,
            endless=streaming,
        )
        limits = Limits(
            max_retries=max_retries,
            max_concurrent=max_concurrent_runs,
            queues=queuing,
            queue_message="The run waited too long for a free run slot.",
            slot_release=span(slot_release) or 0,
            retry_delay=span(retry_delay) or 0,
            timeout=None if streaming or timeout_minutes is None else timeout_minutes * _MINUTE,
        )
        settings: dict[str, object] = {
            "JobRunQueuingEnabled": queuing,
            "Role": self._world.role,
            "Command": {**_GLUE_COMMAND, "Name": "gluestreaming" if streaming else "glueetl"},
            "DefaultArguments": arguments,
            "WorkerType": worker_type,
            "NumberOfWorkers": number_of_workers,
            **_GLUE_SETTINGS,
            **(native or {}),
        }
        job = Job(GLUE, name, self._now(), script_of_job, limits, settings, attempts_are_rows=True)
        job.tags.update(tags or {})
        job.bookmarks = Bookmarks(enabled=arguments.get(OPTION) == ENABLED)
        with self._lock:
            put(self._world.glue, job)

    @checked
    def add_application(
        self,
        application_id: str | None = None,
        *,
        name: str | None = None,
        type: str = "SPARK",  # noqa: A002  # AWS's own name of the member
        state: str = "STARTED",
        release_label: str = "emr-7.9.0",
        max_concurrent_runs: int | None = 15,
        queue_timeout_minutes: int = 360,
        max_retries: int = 0,
        tags: Mapping[str, str] | None = None,
        duration: timedelta | None = _FIVE_MINUTES,
        outcome: str = "SUCCEEDED",
        fail_attempts: int = 0,
        message: str | None = None,
        startup: timedelta = timedelta(seconds=30),
        native: Mapping[str, object] | None = None,
    ) -> str:
        """Add an EMR Serverless application and say how its runs go, as `add_glue_job` does; answers its id.

        Runs beyond `max_concurrent_runs` are queued. A run's own retry policy comes before `max_retries`. For the rest
        see `add_glue_job`; `native` are further members of the Application structure.
        """
        with self._lock:
            application_id = self._world.new_id("emr-serverless") if application_id is None else application_id
            script_of_app = script(
                EMR_SERVERLESS,
                outcome=outcome,
                duration=duration,
                startup=startup,
                fail_attempts=fail_attempts,
                message=message,
            )
            limits = Limits(
                max_retries=max_retries,
                max_concurrent=max_concurrent_runs,
                queues=True,
                queue_timeout=queue_timeout_minutes * _MINUTE,
                queue_message="The job run exceeded the application's queue timeout.",
            )
            settings: dict[str, object] = {
                "name": name or f"application-{application_id[-4:]}",
                "type": type.capitalize(),
                "releaseLabel": release_label,
                "architecture": "X86_64",
                "tags": dict(tags or {}),
                "autoStartConfiguration": {"enabled": True},
                "autoStopConfiguration": {"enabled": True, "idleTimeoutMinutes": 15},
                **(native or {}),
            }
            if max_concurrent_runs is not None:
                settings["schedulerConfiguration"] = {
                    "queueTimeoutMinutes": queue_timeout_minutes,
                    "maxConcurrentRuns": max_concurrent_runs,
                }
            app = Job(EMR_SERVERLESS, application_id, self._now(), script_of_app, limits, settings, state=state)
            put(self._world.applications, app)
        return application_id

    @checked
    def add_datazone_job(
        self,
        domain_id: str,
        job_id: str,
        *,
        duration: timedelta | None = _FIVE_MINUTES,
        outcome: str = "SUCCEEDED",
        message: str | None = None,
        startup: timedelta = timedelta(seconds=5),
    ) -> None:
        """Add a DataZone job and say how its runs go, as `add_glue_job` does; its runs come from `add_run` only."""
        script_of_job = script(DATAZONE, outcome=outcome, duration=duration, startup=startup, message=message)
        with self._lock:
            job = Job(DATAZONE, job_id, self._now(), script_of_job, Limits(), {})
            put(self._world.datazone.setdefault(domain_id, {}), job)

    @checked
    def add_run(
        self,
        job: str,
        *,
        run_id: str | None = None,
        state: str | None = None,
        created_at: datetime | None = None,
        started_at: datetime | None = None,
        ended_at: datetime | None = None,
        message: str | None = None,
        attempts: int = 1,
        outcome: str | None = None,
        duration: timedelta | None = None,
        fail_attempts: int | None = None,
        startup: timedelta | None = None,
        arguments: Mapping[str, str] | None = None,
        mode: str | None = None,
        name: str | None = None,
        native: Mapping[str, object] | None = None,
    ) -> str:
        """Add a run and answer its id.

        With `state` (or `ended_at`) its past is given: it is, and stays, in that state, whatever its name; times that
        are left out are made up to fit, and all its `attempts` but the last have failed. Without, it is begun at
        `created_at` (now) and goes its way under the clock, as its job's runs do or as the other options say.
        `arguments` are Glue's, `mode` and `name` EMR Serverless's; `native` are further members of the run, by their
        AWS names. A Glue run without arguments is that of a trigger, `schedule`.
        """
        given = {"mode": mode, "name": name}
        said = {**{key: value for key, value in given.items() if value is not None}, **(native or {})}
        with self._lock:
            found = self.job(job)
            request = {**_origin(found, arguments), **said}
            run_id = self._world.new_id(found.machine.service) if run_id is None else run_id
            if run_id in found.runs:
                raise ValueError(f"{job} has a run {run_id!r} already")
            if state is not None or ended_at is not None:
                past = History(
                    state or "SUCCEEDED",
                    created_at,
                    started_at,
                    ended_at,
                    duration=duration,
                    message=message,
                    attempts=attempts,
                )
                add_past_run(found, run_id, past, request, self._now())
            else:
                at = self._now() if created_at is None else milliseconds(created_at)
                way = script_like(
                    found,
                    outcome=outcome,
                    duration=duration,
                    fail_attempts=attempts - 1 if fail_attempts is None and attempts > 1 else fail_attempts,
                    message=message,
                    startup=startup,
                    endless=mode == "STREAMING",
                )
                run = found.add(run_id, at, request=request, script=way, timeout=found.limits.timeout)
                run.max_retries = max(run.max_retries, attempts - 1)
                found.begin(run.last, at, queue=False)
                self._world.outbox.follow(found, run, max(at, self._now()))
        return run_id

    @checked
    def add_runs(
        self,
        job: str,
        count: int,
        *,
        state: str = "SUCCEEDED",
        every: timedelta = timedelta(minutes=1),
        until: datetime | None = None,
        arguments: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Add many runs of the past at once, one each `every`, the last one ended at `until` (now); answers the ids."""
        with self._lock:
            found, now = self.job(job), self._clock.now() if until is None else until
            request = _origin(found, arguments)
            ids = [self._world.new_id(found.machine.service) for _ in range(count)]
            for index, run_id in enumerate(ids):
                past = History(state, ended_at=now - every * (count - 1 - index))
                add_past_run(found, run_id, past, request, milliseconds(now))
        return ids

    @checked
    def next_run(
        self,
        job: str,
        *,
        outcome: str | None = None,
        duration: timedelta | None = None,
        fail_attempts: int | None = None,
        message: str | None = None,
        startup: timedelta | None = None,
    ) -> None:
        """Say how the job's next started run goes; called several times, the next ones, in that order."""
        with self._lock:
            found = self.job(job)
            found.upcoming.append(
                script_like(
                    found,
                    outcome=outcome,
                    duration=duration,
                    fail_attempts=fail_attempts,
                    message=message,
                    startup=startup,
                )
            )

    def add_log_lines(
        self,
        run: str,
        source: Source,
        lines: Iterable[str],
        *,
        at: datetime | None = None,
        attempt: int | None = None,
    ) -> None:
        """Let a run write lines, which show at `at` (now), as its service would: where its job or application logs to.

        Glue writes to CloudWatch Logs, EMR Serverless to S3 and CloudWatch Logs as its `monitoringConfiguration` says
        (`native=` of `add_application` and `add_run`), DataZone nowhere. `source` is `"driver"`, `"error"`,
        `"executor"`, or Glue's `"progress"`. `attempt` counts from 1, and may still be to come; by default it is the
        latest that is known by that time.

        Raises:
            KeyError: There is no such job.
            ValueError: There is no such run or attempt, or it writes no such log.
        """
        job_name, _, run_id = run.partition("?")[0].rpartition("/")
        moment = self._now() if at is None else milliseconds(at)
        with self._lock:
            job = self.job(job_name)
            job.settle(self._now())
            found = job.runs.get(unquote(run_id))
            if found is None:
                raise ValueError(f"there is no run {run!r}: its job has {len(job.runs)} runs")
            number = found.attempt_at(moment).number + 1 if attempt is None else attempt
            if not 1 <= number <= (most := found.most_attempts):
                raise ValueError(f"{run} has no attempt {number}: it is tried {most} times at most")
            texts = [lines] if isinstance(lines, str) else list(lines)
            self._world.logs.add(job, found, number, source, lines=texts, at=moment)

    def states(self, job: str) -> dict[str, str]:
        """The present native state of each of a job's runs, by run id, in the order in which they were added."""
        with self._lock:
            found, now = self.job(job), self._now()
            found.settle(now)
            return {run.id: run.attempt_at(now).state_at(now) for run in found.runs.values()}

    def job(self, text: str) -> Job:
        """The job of a string such as `glue:etl`; names may be percent-encoded, as in the SDK's references.

        Raises:
            KeyError: There is no such job: add it first.
            ValueError: It names another region.
        """
        service, _, rest = text.partition(":")
        if service != "glue" or rest not in self._world.glue:
            rest, _, where = rest.partition("?")
            region = next((part[7:] for part in where.split("&") if part.startswith("region=")), self._world.region)
            if region != self._world.region:
                raise ValueError(f"{text!r} is in another region: LocalService.account(region_name={region!r}) has it")
        jobs: Mapping[str, Job] = self._world.glue if service == "glue" else self._world.applications
        name = rest if rest in jobs else unquote(rest)
        if service == "datazone":
            domain, _, name = (unquote(part) for part in rest.partition("/"))
            jobs = self._world.datazone.get(domain, {})
        if service not in {"glue", "emr-serverless", "datazone"} or name not in jobs:
            raise KeyError(
                f"there is no job {text!r}: add it first, with add_glue_job, add_application or add_datazone_job"
            )
        return jobs[name]

    def _now(self) -> int:
        return milliseconds(self._clock.now())


def _origin(job: Job, arguments: Mapping[str, str] | None) -> dict[str, object]:
    # Glue shows no arguments of a run that has none. With neither those nor a trigger it might be anybody's start,
    # also one with a key that is not shown, and a client that looks for a key would have to doubt each of them.
    if arguments:
        return {"Arguments": dict(arguments)}
    return {"TriggerName": "schedule"} if job.machine is GLUE else {}
