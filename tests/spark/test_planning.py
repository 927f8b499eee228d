"""Work is divided by quota domain: however many tasks there are, together they call no oftener than the quotas say."""

from collections import Counter, defaultdict
from itertools import product
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobruns_sdk import JobRef, Quota, Service
from jobruns_sdk.services.registry import ENTRIES
from jobruns_sdk.spark.access import Access, Domain, share, table_of
from jobruns_sdk.spark.options import read_options
from jobruns_sdk.spark.patterns import JobPattern, placed
from jobruns_sdk.spark.planning import Share, plan
from jobruns_sdk.transport.quotas import UNPUBLISHED

READS: Final = {str(service): entry.read_names for service, entry in ENTRIES.items()}


def jobs_in(domains: int, each: int) -> list[JobRef]:
    return [JobRef("glue", (f"job-{index}",), f"region-{domain}") for domain in range(domains) for index in range(each)]


def domains_of(task: Share, access: Access) -> set[Domain]:
    return {access.domain(job) for job in task.jobs}


def test_each_domain_is_one_task_unless_told_otherwise() -> None:
    profiles, regions, services = ("prod", "dev", None), ("eu-west-1", "us-east-1"), ("glue", "emr-serverless")
    jobs = [
        JobRef(service, (name,), region, profile)
        for name, profile, region, service in product(("a", "b", "c"), profiles, regions, services)
    ]
    tasks = plan(jobs, None, Access())
    assert len(tasks) == 3 * 2 * 2
    assert all(len(domains_of(task, Access())) == 1 and task.parts == 1 for task in tasks)
    assert Counter(job for task in tasks for job in task.jobs) == Counter(jobs)


def test_profiles_of_one_account_are_one_domain() -> None:
    jobs = [JobRef("glue", ("a",), "eu-west-1", profile) for profile in ("prod", "audit", "dev")]
    access = read_options({"jobs": "glue:a", "shareQuotas": "audit=prod"}).access
    assert [{job.profile for job in task.jobs} for task in plan(jobs, None, access)] == [{"dev"}, {"prod", "audit"}]


def test_with_fewer_tasks_than_domains_a_task_reads_several_by_turns() -> None:
    tasks = plan(jobs_in(40, 5), 8, Access())
    assert [len(task.jobs) for task in tasks] == [25] * 8
    for task in tasks:
        assert task.parts == 1
        assert len({job.region for job in task.jobs[:5]}) == 5


def test_with_more_tasks_than_domains_the_quotas_are_divided_too() -> None:
    tasks = plan(jobs_in(2, 10), 6, Access())
    assert [(len(task.jobs), task.parts) for task in tasks] == [(4, 3), (3, 3), (3, 3)] * 2


def test_there_are_no_more_tasks_than_jobs_or_calls_at_once() -> None:
    assert len(plan(jobs_in(1, 3), 100, Access())) == 3
    access = Access(quotas=table_of({("glue", "GetJobRuns"): Quota(rate=2, burst=6)}))
    assert len(plan(jobs_in(1, 50), 100, access)) == 4  # of a burst of 6, the calls of one second are kept back
    assert len(plan(jobs_in(1, 50), 100, Access(quotas=None))) == 50


def test_no_jobs_are_no_tasks() -> None:
    assert plan([], None, Access()) == []
    assert plan([], 4, Access()) == []


def test_a_task_of_the_whole_domain_keeps_a_second_of_calls_back() -> None:
    assert share(Quota(rate=1, burst=25), 1) == Quota(rate=1, burst=24)
    assert share(Quota(rate=10, burst=50), 4) == Quota(rate=2.5, burst=10)
    assert share(Quota(rate=1, burst=1), 1) == Quota(rate=1, burst=1)


def test_operations_whose_quota_is_not_published_are_shared_too() -> None:
    shares = Access().shares(4)
    assert shares is not None
    assert shares["glue", "GetJobRuns"] == Quota(UNPUBLISHED.rate / 4, 20)
    assert set(shares) == {(service, operation) for service, operations in READS.items() for operation in operations}
    assert Access(quotas=None).shares(4) is None


@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=12),
    tasks=st.none() | st.integers(1, 60),
    rate=st.floats(0.1, 50),
    burst=st.integers(1, 100),
    service=st.sampled_from(sorted(READS)),
)
def test_the_shares_of_a_domain_never_exceed_its_quota(
    sizes: list[int], tasks: int | None, rate: float, burst: int, service: str
) -> None:
    path = ("dzd_x",) if service == "datazone" else ()
    jobs = [
        JobRef(service, (*path, f"job{index}"), f"region-{domain}")
        for domain, size in enumerate(sizes)
        for index in range(size)
    ]
    access = Access(quotas=table_of({(service, operation): Quota(rate, burst) for operation in READS[service]}))
    drawn: defaultdict[Domain, list[Quota]] = defaultdict(list)
    planned = plan(jobs, tasks, access)
    for task in planned:
        shares = access.shares(task.parts)
        assert shares is not None
        for domain in domains_of(task, access):
            drawn[domain].append(shares[service, READS[service][0]])
    assert sorted(job for task in planned for job in task.jobs) == sorted(jobs)
    assert all(task.jobs for task in planned)
    assert tasks is None or len(planned) <= tasks
    for quotas in drawn.values():
        assert sum(one.rate for one in quotas) <= rate * (1 + 1e-9)
        assert sum(one.burst for one in quotas) <= burst


@pytest.mark.parametrize(
    ("job", "places"),
    [
        (JobRef("glue", ("a",)), [("r1", "p1"), ("r1", "p2"), ("r2", "p1"), ("r2", "p2")]),
        (JobRef("glue", ("a",), "r9"), [("r9", "p1"), ("r9", "p2")]),
        (JobPattern(Service.GLUE, "*", None, "p9"), [("r1", "p9"), ("r2", "p9")]),
    ],
)
def test_jobs_are_looked_for_in_each_place_unless_they_name_their_own(
    job: JobRef | JobPattern, places: list[tuple[str, str]]
) -> None:
    assert [(one.region, one.profile) for one in placed([job], ("r1", "r2"), ("p1", "p2"))] == places
    assert placed([job], (), ()) == [job]
