"""Lanes are what people call a job, and two jobs never share one by accident."""

from datetime import UTC
from typing import Any

import attrs
import pytest

from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.pictures import timeline
from jobruns_sdk.pictures.lanes import stem
from tests.pictures.kit import ANALYTICS, ETL, HOUR, NOW, run


def lanes(*runs: Any, **options: Any) -> dict[str, str]:  # noqa: ANN401  # as timeline() takes them
    return {bar.run.run_id: bar.lane for bar in timeline(runs, now=NOW, zone=UTC, **options).rows()}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nightly-2026-11-29", "nightly"),
        ("nightly_20261129T0400Z", "nightly"),
        ("nightly20261129", "nightly"),
        ("nightly 2026-11-29T04:00:00+01:00", "nightly"),
        ("load #17", "load"),
        ("etl-v2", "etl-v2"),
        ("etl-v2-2026-11-29", "etl-v2"),
        ("s3", "s3"),
        ("2026-11-29", "2026-11-29"),
        ("2026", "2026"),
        ("report", "report"),
    ],
)
def test_a_run_name_without_its_date_or_number(name: str, expected: str) -> None:
    assert stem(name) == expected


def test_jobs_of_one_name_are_told_apart_by_what_differs() -> None:
    elsewhere = attrs.evolve(ETL, region="us-east-1")
    other = attrs.evolve(ETL, profile="prod")
    twin = attrs.evolve(ANALYTICS, path=("00f1other",))

    assert lanes(run("a", job=ETL), run("b", job=elsewhere)) == {
        "a": "nightly-etl (eu-west-1)",
        "b": "nightly-etl (us-east-1)",
    }
    assert lanes(run("a", job=ETL), run("b", job=other)) == {"a": "nightly-etl", "b": "nightly-etl (prod)"}
    assert lanes(run("a", job=ANALYTICS), run("b", job=twin)) == {
        "a": "analytics (00f1spark00demo9)",
        "b": "analytics (00f1other)",
    }


def test_names_that_are_given_take_precedence_in_every_region_unless_one_is_named() -> None:
    unnamed = JobRef("emr-serverless", ("00f1",), "eu-west-1")
    for key in ("emr-serverless:00f1", unnamed, "emr-serverless:00f1?region=eu-west-1"):
        assert lanes(run("a", job=unnamed), names={key: "batch"}) == {"a": "batch"}
    assert lanes(run("a", job=unnamed), names={"emr-serverless:00f1?region=us-east-1": "batch"}) == {"a": "00f1"}
    assert lanes(run("a", job=unnamed)) == {"a": "00f1"}


def test_lanes_by_run_name_keep_jobs_apart() -> None:
    runs = [
        run("a", job=ANALYTICS, name="daily-1"),
        run("b", NOW - HOUR, job=ANALYTICS, name="daily-2"),
        run("c", job=ANALYTICS, name=None),
        run("d", job=ETL, name="nightly-etl"),
    ]
    assert lanes(*runs, lane="name") == {"a": "daily", "b": "daily", "c": "analytics", "d": "nightly-etl"}
    assert lanes(*runs, run("e", job=ETL, name="daily"), lane="name") == {
        "a": "daily (analytics)",
        "b": "daily (analytics)",
        "c": "analytics",
        "d": "nightly-etl",
        "e": "daily (nightly-etl)",
    }


def service_of(of: JobRun[Any]) -> str:
    return of.service


def test_lanes_by_a_function() -> None:
    assert lanes(run("a"), run("b", job=ANALYTICS), lane=service_of) == {
        "a": "glue",
        "b": "emr-serverless",
    }
