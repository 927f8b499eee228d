"""Every sample of our own that tells of runs or attempts, read through the handles that users hold."""

import json
from typing import Final

from jobruns_sdk.model.runs import Job, Usage
from tests.truth.samples import own, own_body
from tests.truth.samples.handles import application, domain_job, estimated, glue_job, told

# Case, state, native state, attempt; created, started, updated, ended.
EMR_LISTED: Final = [
    "00f8sub0000001p9 QUEUED SUBMITTED 1 1795155600.004 - 1795155600.004 -",
    "00f8que0000002p9 QUEUED QUEUED 1 1795155552.25 - 1795155553.017 -",
    "00f8pen0000003p9 QUEUED PENDING 1 1795155520.981 - 1795155522.5 -",
    "00f8sch0000004p9 STARTING SCHEDULED 1 1795155301.7 - 1795155380.333 -",
    "00f8run0000005p9 RUNNING RUNNING 4 1795039451.119 - 1795154388.402 -",
    "00f8cng0000006p9 STOPPING CANCELLING 1 1795150957.64 - 1795155599.99 -",
    "00f8suc0000007p9 SUCCEEDED SUCCESS 2 1795143605.474 - 1795144151.201 -",
    "00f8fai0000008p9 FAILED FAILED 3 1795140004.313 - 1795141290.77 -",
    "00f8can0000009p9 STOPPED CANCELLED 1 1795050006.038 - 1795053672.55 -",
    "00f1old0000010p9 SUCCEEDED SUCCESS 1 1675243631.789 - 1675245002.299 -",
    "00f1old0000011p9 STOPPED CANCELLED 1 1675193231 - 1675194000.5 -",
]
EMR_GOT: Final = [
    "cancelled_at_its_timeout STOPPED CANCELLED 1 1795050006.038 1795050080.4 1795053672.55 1795053672.55",
    "queued_hive QUEUED QUEUED 1 1795155552.25 - 1795155553.017 -",
    "second_attempt SUCCEEDED SUCCESS 2 1795143605.474 - 1795144151.201 1795144151.201",
    "streaming RUNNING RUNNING 4 1795039451.119 - 1795154388.402 -",
]
ATTEMPTS: Final = [
    "00f8fai0000008p9 FAILED FAILED 1 1795140004.313 - 1795140501.6 -",
    "00f8fai0000008p9 FAILED FAILED 2 1795140501.6 - 1795140960.15 -",
    "00f8fai0000008p9 FAILED FAILED 3 1795140960.15 - 1795141290.77 -",
]
DATAZONE: Final = [
    "aborted FAILED ABORTED 1 1794891600.9 1794891602.25 1794891630 1794891630",
    "canceled STOPPED CANCELED 1 1794718800.75 - 1794718801 1794718801",
    "failed FAILED FAILED 1 1794978000.5 1794978002 1794978009.75 1794978009.75",
    "in_progress RUNNING IN_PROGRESS 1 1795154400.25 1795154404.5 1795154404.5 -",
    "partially_succeeded PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED 1 1795064400.44 1795064403.1 1795064580 1795064580",
    "scheduled QUEUED SCHEDULED 1 1795158000.125 - - -",
    "success SUCCEEDED SUCCESS 1 1795150800.011 1795150803.9 1795150967.303 1795150967.303",
    "timed_out TIMED_OUT TIMED_OUT 1 1794805200 1794805202 1794826802.001 1794826802.001",
]
GLUE: Final = [
    "error FAILED ERROR 1 1794963600 1794963600 1794963600.2 1794963600.2",
    "expired TIMED_OUT EXPIRED 1 1794272400.125 1794272400.125 1794877200.375 1794877200.375",
    "failed_on_its_last_retry FAILED FAILED 3 1794795611.3 1794795611.3 1794796260.61 1794796260.61",
    "flex_with_every_member SUCCEEDED SUCCEEDED 1 1794877200.001 1794877200.001 1794877800.999 1794877800.999",
    "running RUNNING RUNNING 1 1795152600.1 1795152600.1 1795152609.004 -",
    "starting STARTING STARTING 1 1795154400.582 1795154400.582 1795154400.582 -",
    "stopped STOPPED STOPPED 1 1795143600.007 1795143600.007 1795144321.457 1795144321.457",
    "stopping STOPPING STOPPING 1 1795147200.333 1795147200.333 1795147920.9 -",
    "timeout TIMED_OUT TIMEOUT 1 1795050000.5 1795050000.5 1795053631.25 1795053631.25",
    "waiting QUEUED WAITING 1 1795154460.25 1795154460.25 1795154530.75 -",
]
GLUE_LISTED: Final = [
    "jr_d92 SUCCEEDED SUCCEEDED 1 1795140300 1795140300 1795140540 1795140540",
    "jr_d0c SUCCEEDED SUCCEEDED 3 1795140000.04 1795140000.04 1795141860.61 1795141860.61",
]


async def test_runs_of_emr_serverless_as_they_are_listed() -> None:
    bodies = [own_body("emr_serverless", "ListJobRuns", case) for case in ("all_states", "last")]
    runs = [run for body in bodies async for run in application(ListJobRuns=body).runs()]

    assert [told(run.id, run) for run in runs] == EMR_LISTED
    assert [run.name for run in runs[:2]] == ["nightly-09", "nightly-08"]
    assert {run.usage for run in runs} == {None}
    failed, cancelled = runs[7:9]
    assert failed.message is not None
    assert failed.message.startswith("Job failed, please check complete logs in configured logging destination.")
    assert cancelled.message == "Job run was cancelled since it exceeded the configured timeout of 60 minutes."


async def test_runs_of_emr_serverless_as_they_are_got() -> None:
    samples = dict(own("emr_serverless", "GetJobRun"))
    runs = {
        case: await application(GetJobRun=body).run(json.loads(body)["jobRun"]["jobRunId"])
        for case, body in samples.items()
    }

    assert [told(case, run) for case, run in runs.items()] == EMR_GOT
    assert runs["second_attempt"].usage == Usage(0.333, 1.333, 0.0, basis="billed")
    assert runs["cancelled_at_its_timeout"].usage == Usage(8.2, 32.8, 0.0, basis="billed")
    assert runs["queued_hive"].usage is runs["streaming"].usage is None


async def test_attempts_of_emr_serverless() -> None:
    listed = own_body("emr_serverless", "ListJobRunAttempts", "three_attempts")
    got = json.loads(own_body("emr_serverless", "GetJobRun", "cancelled_at_its_timeout"))["jobRun"]
    latest = {"jobRun": {**got, "jobRunId": "00f8fai0000008p9", "attempt": 3, "state": "FAILED"}}
    app = application(ListJobRunAttempts=listed, GetJobRun=json.dumps(latest).encode())
    attempts = await app.attempts("00f8fai0000008p9").collect()

    assert [told(attempt.id, attempt) for attempt in attempts] == ATTEMPTS


async def test_runs_of_datazone() -> None:
    listed = own_body("datazone", "ListJobRuns", "all_states")
    rows = [told("", run) for run in await domain_job(ListJobRuns=listed).runs().collect()]
    got = {
        case: await domain_job(GetJobRun=body).run(json.loads(body)["id"])
        for case, body in own("datazone", "GetJobRun")
    }

    assert [told(case, run) for case, run in got.items()] == DATAZONE
    assert sorted(rows) == sorted(row[row.index(" ") :] for row in DATAZONE)
    assert {case: run.message for case, run in got.items() if run.message is not None} == {
        "aborted": "The connection was deleted while the job run was in progress.",
        "failed": "Connection to the Redshift cluster was refused.\nCheck the credentials of the connection.",
        "partially_succeeded": (
            "Query 3391 could not be parsed: unexpected token at line 7\n"
            'Query 3402: relation "tmp_änderung" does not exist'
        ),
        "timed_out": "The job run exceeded its time limit.",
    }
    assert {run.created_by for run in got.values()} == {"SYSTEM", "2f3c1e4a-user"}


async def test_the_attempt_of_a_datazone_run() -> None:
    found = {
        case: await domain_job(GetJobRun=body).attempts(json.loads(body)["id"]).collect()
        for case, body in own("datazone", "GetJobRun")
    }

    assert [told(case, attempt) for case, (attempt,) in found.items()] == DATAZONE


async def test_runs_of_glue() -> None:
    runs = {
        case: await glue_job(GetJobRun=body).run(json.loads(body)["JobRun"]["Id"])
        for case, body in own("glue", "GetJobRun")
    }

    assert [told(case, run) for case, run in runs.items()] == GLUE
    assert {case: run.message for case, run in runs.items() if run.message is not None and "\n" not in run.message} == {
        "error": "The job that the trigger starts does not exist.",
        "timeout": "Job run exceeded its timeout of 60 minutes.",
        "waiting": "The maximum number of concurrent runs for the account was reached. The job run is queued.",
    }
    assert runs["flex_with_every_member"].usage == Usage(dpu_hours=2310.25 / 3600, basis="consumed")
    assert runs["timeout"].usage == estimated(10.0 * 3600)
    assert runs["failed_on_its_last_retry"].usage is None
    message = runs["failed_on_its_last_retry"].message
    assert message is not None
    assert message.splitlines()[-1] == ": java.io.IOException: Zugriff verweigert \u2013 s3://example-lake/täglich/"


async def test_retries_of_glue() -> None:
    job = glue_job(GetJobRuns=own_body("glue", "GetJobRuns", "retried_until_it_succeeded"))
    between, retried = await job.runs().collect()

    assert told(between.id[:6], between) == GLUE_LISTED[0]
    assert told(retried.id[:6], retried) == GLUE_LISTED[1]
    assert (between.usage, retried.usage) == (estimated(10.0 * 200), estimated(10.0 * (588 + 590 + 640)))
    assert retried.message is None


async def test_applications_and_jobs() -> None:
    sent = own_body("emr_serverless", "GetApplication", "full")
    app: Job[object] = await application(GetApplication=sent).job()
    job: Job[object] = await glue_job(GetJob=own_body("glue", "GetJob", "nightly_etl")).job()

    assert (str(app.ref), app.name, app.state) == ("emr-serverless:00f7q2m4k8bvc909", "etl", "STARTED")
    assert (str(job.ref), job.name, job.state) == ("glue:nightly-etl", "nightly-etl", None)
