"""Costs against worked figures that others have published, and against published responses."""

from decimal import Decimal

import attrs
import pytest

from jobruns_sdk.costs.metering import Architecture
from tests.costs.figures import APPLICATION, GLUE, amount, emr_run, glue_run, published

SINGAPORE = attrs.evolve(APPLICATION, region="ap-southeast-1")


def about(figure: str) -> object:
    return pytest.approx(Decimal(figure), rel=Decimal("1e-4"))


@pytest.mark.parametrize(
    ("dpus", "minutes", "figure"),
    [
        (6, 15, "0.66"),  # https://aws.amazon.com/glue/pricing/, an ETL job
        (5, 24, "0.88"),  # https://aws.amazon.com/glue/pricing/, an interactive session: the arithmetic is the same
    ],
)
def test_the_pricing_page_of_glue(dpus: int, minutes: int, figure: str) -> None:
    run = glue_run({"MaxCapacity": float(dpus), "ExecutionTime": minutes * 60, "GlueVersion": "4.0"})
    assert amount(run) == about(figure)


def test_flexible_execution_has_its_own_price() -> None:
    members = {"MaxCapacity": 10.0, "ExecutionTime": 1800, "GlueVersion": "4.0", "ExecutionClass": "FLEX"}
    assert amount(glue_run(members)) == about("1.45")


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("02_get_job_run_succeeded_awscli.json", "0.1430"),  # 10 DPU, 117 s
        ("17_sfn_success_g1x.json", "0.36667"),  # 50 DPU, 30 s: a minute at least, without it 0.18333
        ("18_sfn_failed_dpuseconds.json", "0.014667"),  # DPUSeconds of 24 s and two workers: 120, a minute of each
        ("19_sfn_failed_missing_path.json", "0.029333"),
        ("05_get_job_runs_pythonshell_2026_cliv2.json", "0.000542"),  # 0.0625 DPU, 71 s
    ],
)
def test_published_runs_of_glue(name: str, figure: str) -> None:
    run = glue_run(published(name)[-1])
    assert amount(run) == pytest.approx(Decimal(figure), rel=Decimal("1e-3"))


def test_three_attempts_cost_what_each_costs() -> None:
    # Published are the second and third attempt of one run, and another run: here they are attempts of one.
    attempts = published("03_get_job_runs_retries_awscli.json")
    seconds = [one["ExecutionTime"] for one in attempts]
    assert sorted(seconds, key=str) == [110, 113, 117]

    assert amount(glue_run(*attempts)) == about("0.4155556")
    assert amount(glue_run(*attempts)) == about(str(sum(amount(glue_run(one)) for one in attempts)))


def test_a_run_that_never_got_resources_costs_nothing() -> None:
    run = glue_run(published("16_workflow_jobrun_failed_2024.json")[-1])
    assert amount(run) == 0


def test_a_published_run_of_emr_serverless() -> None:
    # emr_serverless/04_get_job_run_success_spark_cliv2.json: 2.122 GB hours of storage were consumed, none is billed
    assert amount(emr_run(0.106, 0.531)) == about("0.0086465")


def test_a_published_comparison_of_engines() -> None:
    assert amount(emr_run(1_200, 9_600)) == about("118.6224")


def test_the_pricing_page_of_emr() -> None:
    # 25 workers of 4 vCPU and 30 GB for 30 minutes, 50 more for 15
    vcpu, memory = 25 * 4 * 0.5 + 50 * 4 * 0.25, 25 * 30 * 0.5 + 50 * 30 * 0.25
    assert amount(emr_run(vcpu, memory)) == about("9.5963")


@pytest.mark.parametrize("architecture", ["X86_64", "ARM64", None])
def test_the_architecture_changes_the_price(architecture: Architecture | None) -> None:
    rates = {"X86_64": ("0.0657280", "0.0071890"), "ARM64": ("0.0525850", "0.0057460")}
    vcpu, memory = rates[architecture or "X86_64"]
    expected = 50 * Decimal(vcpu) + 1000 * Decimal(memory) + 20 * Decimal("0.0001330")
    run = emr_run(50, 1000, 20, job=SINGAPORE)

    assert amount(run, architecture=architecture) == expected


@pytest.mark.parametrize(("version", "seconds"), [("0.9", 600), ("1.0", 600), ("2.0", 60), (None, 60)])
def test_the_first_versions_of_glue_are_billed_for_ten_minutes(version: str | None, seconds: int) -> None:
    run = glue_run({"MaxCapacity": 10.0, "ExecutionTime": 30, "GlueVersion": version})
    assert amount(run) == about(str(Decimal(10 * seconds) * Decimal("0.44") / 3600))


def test_a_python_shell_is_billed_for_a_minute_on_every_version() -> None:
    run = glue_run({"MaxCapacity": 1.0, "ExecutionTime": 30, "GlueVersion": "1.0"}, job=GLUE)
    assert amount(run) == about(str(Decimal(60) * Decimal("0.44") / 3600))
