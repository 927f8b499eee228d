"""What a local service may not be told, and what becomes of a job that is added again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from inspect import signature
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from jobruns_sdk.testing import LocalService, SpeedClock
from jobruns_sdk.testing.world.seeds import RULES

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient

NAIVE: Final = datetime(2026, 1, 5)  # noqa: DTZ001  # it is what is refused
CALLS: Final[dict[str, tuple[Any, dict[str, Any]]]] = {
    "__init__": (LocalService.__init__, {}),
    "add_glue_job": (LocalService.add_glue_job, {"name": "new"}),
    "add_application": (LocalService.add_application, {}),
    "add_datazone_job": (LocalService.add_datazone_job, {"domain_id": "dzd_x", "job_id": "new"}),
    "add_run": (LocalService.add_run, {"job": "glue:etl"}),
    "add_runs": (LocalService.add_runs, {"job": "glue:etl", "count": 2}),
    "next_run": (LocalService.next_run, {"job": "glue:etl"}),
    "add_queue": (LocalService.add_queue, {"name": "new"}),
    "add_message": (LocalService.add_message, {"queue": "job-runs", "text": "hello"}),
    "messages": (LocalService.messages, {"queue": "job-runs"}),
    "fault": (LocalService.fault, {"operation": "GetJobRun", "kind": "throttle"}),
}
ELSEWHERE: Final = {"self", "clock", "quotas", "operation", "kind", "jobs"}
"""What is checked in other ways; the tests are below and in test_faults.py."""

CASES: Final = [(call, name) for call, (of, _) in CALLS.items() for name in signature(of).parameters]


class Other:
    """Nothing that anyone would want."""


@pytest.mark.parametrize(("call", "name"), [case for case in CASES if case[1] not in ELSEWHERE])
def test_every_argument_has_a_rule_and_is_refused_by_it(local: LocalService, call: str, name: str) -> None:
    local.add_glue_job("etl")
    function, right = CALLS[call]
    for value in (Other(), b"x" if name != "body" else "x", NAIVE, -1, [5]):
        with pytest.raises(ValueError, match=rf"^{name} must be {RULES[name].right.split(' ', 1)[0]}") as caught:
            function(local, **{**right, name: value})
        assert "0x" not in str(caught.value)


def test_what_is_checked_elsewhere_is_no_other_than_that() -> None:
    assert {name for _, name in CASES} - RULES.keys() == ELSEWHERE
    assert RULES.keys() - {name for _, name in CASES} == set()


Tell = Callable[[LocalService], object]
REFUSED: Final[list[tuple[Tell, str]]] = [
    (lambda local: local.add_run("glue:etl", created_at=NAIVE), "created_at must be a datetime with a time zone"),
    (
        lambda local: local.add_run("glue:etl", state="SUCEEDED"),
        "glue has no state 'SUCEEDED': did you mean 'SUCCEEDED'",
    ),
    (lambda local: local.next_run("glue:etl", outcome="TIMEDOUT"), "did you mean 'TIMED_OUT'"),
    (
        lambda local: local.add_glue_job("x", tags=cast("Any", {"a": 5})),
        "tags must be a mapping of names to strings, or None, got a value",
    ),
    (lambda _: SpeedClock(NAIVE), "aware datetime"),
    (lambda _: LocalService(port=70_000), "a port is a number up to 65535"),
    (lambda _: LocalService(quotas={"glue:GetJobRunz": (1, 1)}), "there is no operation 'glue:GetJobRunz'"),
    (
        lambda _: LocalService(quotas={"GetJobRuns": (0, 1)}),
        r"quotas\['GetJobRuns'\] must be \(calls a second, calls at",
    ),
    (
        lambda _: LocalService(quotas=cast("Any", {"GetJobRuns": 5})),
        r"quotas\['GetJobRuns'\] must be \(calls a second, calls at",
    ),
    (lambda _: LocalService(quotas=cast("Any", "yes")), "quotas must be True, False or a mapping"),
]


@pytest.mark.parametrize(("tell", "text"), REFUSED)
def test_what_is_refused_is_told_with_what_is_right(local: LocalService, tell: Tell, text: str) -> None:
    local.add_glue_job("etl")
    with pytest.raises(ValueError, match=text):
        tell(local)


@pytest.mark.parametrize("name", ["GetJobRunz", "glue:ListJobRuns", "lambda:Invoke", "getjobrun", "glue:", "", "**", 5])
def test_an_operation_that_there_is_not_is_refused(local: LocalService, name: str) -> None:
    with pytest.raises(ValueError, match="operation"):
        local.calls(name)
    with pytest.raises(ValueError, match="operation"):
        local.fault(name, "throttle")


def test_calls_are_counted_by_operation_and_by_service(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl")
    glue.get_job_runs(JobName="etl")
    glue.list_jobs()
    counted = ("GetJobRuns", "glue:GetJobRuns", "glue:*", "*", "datazone:*", "glue:DeleteJob", "ListJobs", "GetJobRun")
    assert [local.calls(name) for name in counted] == [1, 1, 2, 2, 0, 0, 1, 0]
    assert local.calls() == 2


def test_tomorrows_states_pass(local: LocalService) -> None:
    local.add_glue_job("etl")
    run_id = local.add_run("glue:etl", state="PONDERING")
    assert local.states("glue:etl") == {run_id: "PONDERING"}


def test_a_job_that_is_added_again_keeps_its_runs(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl", duration=timedelta(hours=1), tags={"team": "old"})
    local.add_application("00f1abc")
    local.add_datazone_job("dzd_x", "job42")
    jobs = ("glue:etl", "emr-serverless:00f1abc", "datazone:dzd_x/job42")
    past = {job: local.add_run(job, state="FAILED") for job in jobs}
    active = glue.start_job_run(JobName="etl")["JobRunId"]

    local.add_glue_job("etl", max_retries=2, outcome="FAILED", tags={"team": "new"}, worker_type="G.2X")
    local.add_application("00f1abc", state="STOPPED")
    local.add_datazone_job("dzd_x", "job42")

    assert {job: next(iter(local.states(job))) for job in jobs} == past
    job = glue.get_job(JobName="etl")["Job"]
    assert (job.get("MaxRetries"), job.get("WorkerType")) == (2, "G.2X")
    assert glue.list_jobs(Tags={"team": "new"})["JobNames"] == ["etl"]
    following = glue.start_job_run(JobName="etl")["JobRunId"]
    local.advance(timedelta(minutes=20))
    assert local.states("glue:etl") == {past["glue:etl"]: "FAILED", active: "RUNNING", following: "FAILED"}


def test_a_seed_is_no_less_typed_for_being_checked(local: LocalService) -> None:
    assert cast("object", local.add_glue_job("etl")) is None
    assert local.clock.now().tzinfo is UTC
