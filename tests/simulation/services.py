"""What Glue, EMR Serverless, DataZone and STS answer at the moment at which a request arrives."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import define

from tests.oracle.waiting_services import START, Asked, Refusal
from tests.oracle.waiting_world import Phase
from tests.simulation.world import Heard, Job, Place, Run, World

_REGION = re.compile(r"\.([a-z]{2}-[a-z]+-\d)\.")
EMR_ACTIVE = ("SUBMITTED", "QUEUED", "PENDING", "SCHEDULED", "RUNNING", "CANCELLING")
Row = tuple[tuple[float, ...], Run, str, str, dict[str, Any]]  # its place, the run, its id, its state, what is told


def region_of(url: str) -> str:
    found = _REGION.search(url)
    assert found is not None, url
    return found[1]


@define(eq=False)
class Services:
    """Answers requests out of a world; `starts` plans the life of a run that is started."""

    world: World
    starts: Callable[[Job, float], Run]

    def job_of(self, asked: Asked, account: str, region: str) -> Job | None:
        if asked.service == "datazone" and asked.run:
            found = self.world.runs[account, region, "datazone"].get(asked.run)
            return None if found is None else found.job
        return self.world.jobs.get((account, region, asked.service, asked.name))

    def answer(self, heard: Heard, asked: Asked, account: str, region: str, now: float) -> dict[str, Any]:
        """Do what is asked for.

        Raises:
            Refusal: It is refused.
        """
        bucket = self.world.quotas.get((account, region, asked.service, asked.operation))
        if bucket is not None and not bucket.take(now):
            raise Refusal("ThrottlingException", "Rate exceeded", 400 if asked.service == "glue" else 429)
        if asked.operation in {"ListJobs", "ListApplications"}:
            return self._jobs(asked, account, region)
        job = heard.job
        if job is None or now >= job.deleted_at:
            glue = asked.service == "glue"
            missing = "EntityNotFoundException" if glue else "ResourceNotFoundException"
            raise Refusal(missing, f"{asked.name} not found", 400 if glue else 404)
        match asked.service:
            case "glue":
                return self._glue(heard, asked, job, now)
            case "emr-serverless":
                return self._emr(heard, asked, job, now)
            case "datazone":
                return self._datazone(heard, asked, job, now)

    def _jobs(self, asked: Asked, account: str, region: str) -> dict[str, Any]:
        """Return a page of the jobs of a region; its token is how many came before."""
        place = account, region, asked.service
        names = [job.name for job in self.world.jobs.values() if job.place[:3] == place]
        said: Any = asked.given.get("NextToken") or asked.given.get("nextToken", ["0"])[0]
        size: Any = asked.given.get("MaxResults") or asked.given.get("maxResults", ["50"])[0]
        first, last = int(said), int(said) + int(size)
        more = {} if last >= len(names) else {"NextToken" if asked.service == "glue" else "nextToken": str(last)}
        if asked.service == "glue":
            return {"JobNames": names[first:last], **more}
        return {"applications": [{"id": name, "name": name, "state": "STARTED"} for name in names[first:last]], **more}

    # -- Glue

    def _glue(self, heard: Heard, asked: Asked, job: Job, now: float) -> dict[str, Any]:
        given = asked.given
        match asked.operation:
            case "GetJob":
                if not job.readable:
                    raise Refusal("AccessDeniedException", "not authorized to perform glue:GetJob")
                told: dict[str, Any] = {"Name": job.name, "MaxRetries": job.max_retries, "Command": {"Name": "glueetl"}}
                return {"Job": told | ({"Timeout": job.timeout} if job.timeout else {})}
            case "GetJobRun":
                root, _, number = asked.run.partition("_attempt_")
                run = self._known(job, root, now)
                seen = {} if run is None else dict(run.listed(now))
                if run is None or int(number or 0) not in seen:
                    raise Refusal("EntityNotFoundException", f"Job run {asked.run} not found")
                row = glue_row(run, int(number or 0), seen[int(number or 0)].state, now, job.get_shows)
                heard.rows = [(row["Id"], row["JobRunState"])]
                return {"JobRun": row}
            case "GetJobRuns":
                rows = self._glue_rows(job, now - heard.behind)
                page, token = self._page(heard, rows, given.get("MaxResults", 200), given.get("NextToken"), now)
                return {"JobRuns": page} | ({"NextToken": token} if token else {})
            case "StartJobRun":
                return {"JobRunId": self._start_glue(heard, given, job, now).id}
            case "BatchStopJobRun":
                return self._stop_glue(job, given["JobRunIds"], now)
            case other:
                raise Refusal("UnknownOperationException", other)

    def _known(self, job: Job, run_id: str, now: float) -> Run | None:
        """Return a run that can be got: at once, not only when the list shows it."""
        run = self.world.runs[job.account, job.region, job.service].get(run_id)
        return run if run is not None and run.job is job and run.created <= now < run.lost_at else None

    def _glue_rows(self, job: Job, now: float) -> list[Row]:
        rows: list[Row] = []
        for run in job.runs:
            assert isinstance(run, Run)
            for number, phase in run.listed(now):
                key = (run.shift - run.began(number) if number == 0 else -run.began(number), -number)
                row_id = run.row_id(number)
                told = glue_row(run, number, phase.state, now, job.list_shows)
                rows.append(((*key, _rank(row_id)), run, row_id, phase.state, told))
        return rows

    def _start_glue(self, heard: Heard, given: Mapping[str, Any], job: Job, now: float) -> Run:
        if self.world.active(job, now) >= job.room:
            raise Refusal("ConcurrentRunsExceededException", "Concurrent runs exceeded")
        run = self.starts(job, now)
        run.arguments, run.maker = dict(given.get("Arguments", {})), heard.call
        run.timeout = given.get("Timeout") or job.timeout or 2880
        heard.made = heard.found = self.world.add(run)
        return run

    def _stop_glue(self, job: Job, ids: list[str], now: float) -> dict[str, Any]:
        done: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for run_id in ids:
            root, _, number = run_id.partition("_attempt_")
            run = self._known(job, root, now)
            phase = None if run is None else run.phase_at(now)
            named = {"JobName": job.name, "JobRunId": run_id}
            if run is None or phase is None or int(number or 0) > phase.attempt:
                code = "EntityNotFoundException"
            elif int(number or 0) < phase.attempt or not run.stop(now):
                code = "JobRunInvalidStateTransitionException" if run.stoppable else "AccessDeniedException"
            else:
                done.append(named)
                continue
            failed.append(named | {"ErrorDetail": {"ErrorCode": code, "ErrorMessage": "it cannot be stopped"}})
        return {"SuccessfulSubmissions": done, "Errors": failed}

    # -- EMR Serverless

    def _emr(self, heard: Heard, asked: Asked, job: Job, now: float) -> dict[str, Any]:
        match asked.operation:
            case "GetApplication":
                return {"application": _application(job)}
            case "StartJobRun":
                run = self._start_emr(heard, job, now)
                return {"applicationId": run.work.name, "jobRunId": run.id, "arn": _arn(run)}
            case "ListJobRuns":
                page, token = self._page(
                    heard,
                    self._emr_rows(job, asked.given, now - heard.behind),
                    int(asked.given.get("maxResults", ["50"])[0]),
                    _token(asked),
                    now,
                )
                return {"jobRuns": page} | ({"nextToken": token} if token else {})
            case _:
                pass
        run = self._existing(job, asked.run, now)
        if asked.operation == "ListJobRunAttempts":
            rows = _attempt_rows(run, now)
            page, token = self._page(heard, rows, int(asked.given.get("maxResults", ["50"])[0]), _token(asked), now)
            return {"jobRunAttempts": page} | ({"nextToken": token} if token else {})
        if asked.operation == "CancelJobRun":
            if not run.stop(now):
                code = "ValidationException" if run.stoppable else "AccessDeniedException"
                raise Refusal(code, "it cannot be cancelled", 400 if run.stoppable else 403)
            return {"applicationId": job.name, "jobRunId": run.id}
        number = int(asked.given.get("attempt", ["0"])[0])
        mine = [phase for phase in run.phases if phase.at <= now and phase.attempt == number]
        if number and not mine:
            raise Refusal("ResourceNotFoundException", f"Job run {asked.run} has no attempt {number}", 404)
        phase = mine[-1] if mine else run.phase_at(now) or run.phases[0]
        heard.rows = [(run.id, phase.state)]
        return {"jobRun": emr_row(run, now, phase, full=True)}

    def _existing(self, job: Job, run_id: str, now: float) -> Run:
        run = self._known(job, run_id, now)
        if run is None:
            raise Refusal("ResourceNotFoundException", f"Job run {run_id} not found", 404)
        return run

    def _emr_rows(self, job: Job, given: Mapping[str, Any], now: float) -> list[Row]:
        states: list[str] = given.get("states", [])
        after, before = (_moment(given.get(f"createdAt{end}", [None])[0]) for end in ("After", "Before"))
        rows: list[Row] = []
        for run in job.runs:
            assert isinstance(run, Run)
            phase = run.phase_at(now)
            if not run.seen_from <= now < run.lost_at or phase is None or (states and phase.state not in states):
                continue
            if (after is not None and run.created < after) or (before is not None and run.created > before):
                continue
            if given.get("mode", [run.mode])[0] != run.mode:
                continue
            group = states.index(phase.state) if states else 0
            key = (float(group), run.shift - run.created, _rank(run.id))
            rows.append((key, run, run.id, phase.state, emr_row(run, now, phase, full=False)))
        return rows

    def _start_emr(self, heard: Heard, job: Job, now: float) -> Run:
        given = heard.given
        asked = {"request": json.dumps({k: v for k, v in given.items() if k != "clientToken" and v}, sort_keys=True)}
        # Whether the service keeps the tokens of two applications apart is not documented: here it does not.
        for run in self.world.runs[job.account, job.region, job.service].values():
            if run.token == given["clientToken"]:
                if run.arguments != asked:
                    raise Refusal("ConflictException", "the token was used with other parameters", 409)
                heard.found = run
                return run
        run = self.starts(job, now)
        run.arguments, run.maker, run.token = asked, heard.call, given["clientToken"]
        heard.made = heard.found = self.world.add(run)
        return run

    # -- DataZone

    def _datazone(self, heard: Heard, asked: Asked, job: Job, now: float) -> dict[str, Any]:
        if asked.run:
            run = self._existing(job, asked.run, now)
            phase = run.phase_at(now) or run.phases[0]
            heard.rows = [(run.id, phase.state)]
            return datazone_row(run, now)
        return self._list_datazone(heard, asked.given, job, now)

    def _list_datazone(self, heard: Heard, given: Mapping[str, Any], job: Job, now: float) -> dict[str, Any]:
        sign = 1 if given.get("sortOrder", [""])[0] == "ASCENDING" else -1
        rows: list[Row] = []
        then = now - heard.behind
        for run in job.runs:
            assert isinstance(run, Run)
            phase = run.phase_at(then)
            if not run.seen_from <= then < run.lost_at or phase is None:
                continue
            if given.get("status", [phase.state])[0] != phase.state:
                continue
            key = (sign * (run.created - run.shift), sign * _rank(run.id))
            rows.append((key, run, run.id, phase.state, {**datazone_row(run, then), "runId": run.id}))
        page, token = self._page(
            heard, rows, int(given.get("maxResults", ["50"])[0]), given.get("nextToken", [None])[0], now
        )
        return {"items": page} | ({"nextToken": token} if token else {})

    # -- pages

    def _page(
        self, heard: Heard, rows: list[Row], size: int, token: str | None, now: float
    ) -> tuple[list[dict[str, Any]], str | None]:
        world, job = self.world, heard.job
        assert job is not None
        place = Place(now, None, 0) if token is None else world.tokens[token]
        if token is not None and now - place.issued > job.token_life:
            code = "InvalidInputException" if job.service == "glue" else "ValidationException"
            raise Refusal(code, "The pagination token has expired.")
        rows.sort(key=lambda row: row[0])
        if job.counts:
            rows = rows[place.passed :]
        elif place.key is not None:
            rows = [row for row in rows if row[0] > place.key]
        dice = world.rng.random()
        most = 0 if dice < 0.03 else world.rng.randint(1, size) if dice < 0.15 else size
        page = rows[:most]
        heard.rows = [(row[2], row[3]) for row in page]
        if len(page) == len(rows) and (dice > 0.02 or place.passed):
            return [row[4] for row in page], None
        made = f"t{len(world.tokens)}-{world.rng.getrandbits(32):08x}"
        world.tokens[made] = Place(now, page[-1][0] if page else place.key, place.passed + len(page))
        return [row[4] for row in page], made


def _rank(row_id: str) -> float:
    """Return a number by which rows of one moment have an order."""
    return float(int.from_bytes(hashlib.blake2s(row_id.encode(), digest_size=4).digest(), "big"))


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    when = datetime.fromisoformat(text)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - START


def glue_row(run: Run, number: int, state: str, now: float, shows: str) -> dict[str, Any]:
    job, row_id = run.job, run.row_id(number)
    mine = [phase for phase in run.phases if phase.attempt == number and phase.at <= now]
    row: dict[str, Any] = {
        "Id": row_id,
        "Attempt": number,
        "JobName": job.name,
        "LastModifiedOn": START + mine[-1].at,
        "JobRunState": state,
        "ExecutionTime": 0,
        "Timeout": run.timeout,
        "MaxCapacity": 2.0,
    }
    if state != "WAITING" or not job.waiting_is_undated:
        row["StartedOn"] = START + run.began(number)
    if run.is_ended(state):
        row["CompletedOn"] = START + mine[-1].at
    if number:
        row["PreviousRunId"] = run.row_id(number - 1)
    if shows == "all" or (shows == "not failed" and state != "FAILED"):
        row["Arguments"] = run.arguments
    return row


def _attempt_rows(run: Run, now: float) -> list[Row]:
    """Return the attempts of a run of EMR Serverless as they are listed: the latest may be missing for a moment."""
    latest = {phase.attempt: phase for phase in run.phases if phase.at + run.lag <= now}
    rows: list[Row] = []
    for number, phase in latest.items():
        told = emr_row(run, now, phase, full=False)
        told |= {"jobCreatedAt": told["createdAt"], "createdAt": told["attemptCreatedAt"]}
        rows.append(((float(number),), run, run.id, phase.state, told))
    return rows


def _token(asked: Asked) -> str | None:
    token: str | None = asked.given.get("nextToken", [None])[0]
    return token


def emr_row(run: Run, now: float, phase: Phase, *, full: bool) -> dict[str, Any]:
    """Return a run in a phase: somebody may have changed its tags since it has ended, and a list tells no end."""
    began = next(each.at for each in run.phases if each.attempt == phase.attempt)
    is_touched = run.is_ended(phase.state) and phase.at + run.touched <= now
    row: dict[str, Any] = {
        "applicationId": run.work.name,
        "jobRunId" if full else "id": run.id,
        "arn": _arn(run),
        "createdBy": f"arn:aws:iam::{run.job.account}:user/u",
        "createdAt": START + run.created,
        "updatedAt": START + phase.at + (run.touched if is_touched else 0.0),
        "executionRole": f"arn:aws:iam::{run.job.account}:role/r",
        "state": phase.state,
        "stateDetails": "",
        "releaseLabel": "emr-7.3.0",
        "mode": run.mode,
        "attempt": phase.attempt,
        "attemptCreatedAt": START + began,
        "attemptUpdatedAt": START + phase.at,
    }
    if full:
        row["jobDriver"] = {"sparkSubmit": {"entryPoint": "s3://b/main.py"}}
        if run.is_ended(phase.state):
            row["endedAt"] = START + phase.at
    return row


def datazone_row(run: Run, now: float) -> dict[str, Any]:
    phase = run.phase_at(now) or run.phases[0]
    domain, _, job = run.work.name.partition("/")
    row = {
        "id": run.id,
        "domainId": domain,
        "jobId": job,
        "jobType": "LINEAGE",
        "runMode": "ON_DEMAND",
        "status": phase.state,
        "createdAt": START + run.created,
        "startTime": START + run.created,
    }
    return row | {"endTime": START + phase.at} if run.is_ended(phase.state) else row


def _application(job: Job) -> dict[str, Any]:
    return {
        "applicationId": job.name,
        "name": job.name,
        "arn": f"arn:aws:emr-serverless:{job.region}:{job.account}:/applications/{job.name}",
        "releaseLabel": "emr-7.3.0",
        "type": "Spark",
        "state": "STARTED",
        "createdAt": START,
        "updatedAt": START,
    }


def _arn(run: Run) -> str:
    job = run.job
    return f"arn:aws:emr-serverless:{job.region}:{job.account}:/applications/{job.name}/jobruns/{run.id}"
