import itertools
import re
import string
from collections.abc import Callable
from contextlib import suppress
from operator import attrgetter
from typing import Any, Final

import attrs
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.model.refs import JobRef, RunRef, Service, check_name, check_region, is_text_form

PATH_LENGTHS: Final = {Service.EMR_SERVERLESS: 1, Service.DATAZONE: 2, Service.GLUE: 1}

NAMES: Final = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
REGIONS: Final = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", fullmatch=True)


@st.composite
def job_refs(draw: st.DrawFn) -> JobRef:
    service = draw(st.sampled_from(Service))
    path = draw(st.tuples(*[NAMES] * PATH_LENGTHS[service]))
    return JobRef(service, path, draw(st.none() | REGIONS), draw(st.none() | NAMES))


RUN_REFS: Final = st.builds(RunRef, job_refs(), NAMES)


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("glue:nightly-etl", JobRef("glue", ("nightly-etl",))),
        ("emr-serverless:00f1abc", JobRef("emr-serverless", ("00f1abc",))),
        ("datazone:dzd_x/job42", JobRef("datazone", ("dzd_x", "job42"))),
        ("glue:a?region=eu-west-1", JobRef("glue", ("a",), "eu-west-1")),
        ("glue:a?profile=prod", JobRef("glue", ("a",), None, "prod")),
        ("glue:a?profile=prod%2Fco", JobRef("glue", ("a",), None, "prod/co")),
        ("glue:a?region=eu-west-1&profile=prod%26co", JobRef("glue", ("a",), "eu-west-1", "prod&co")),
        ("glue:Combine%20legistators%20data", JobRef("glue", ("Combine legistators data",))),
        ("glue:reports%2Fdaily%3Fv%3D2", JobRef("glue", ("reports/daily?v=2",))),
        ("glue:%C3%A4nderungen", JobRef("glue", ("änderungen",))),
        ("glue:100%25", JobRef("glue", ("100%",))),
        ("glue:a+b", None),
        ("glue:a%2Bb", JobRef("glue", ("a+b",))),
        ("glue:..", JobRef("glue", ("..",))),
        ("glue:a.b_c-d~e", JobRef("glue", ("a.b_c-d~e",))),
        ("glue:%F0%9F%A6%86%E2%80%A8", JobRef("glue", ("🦆\u2028",))),
    ],
)
def test_the_text_form_of_a_job(text: str, ref: JobRef | None) -> None:
    if ref is None:
        with pytest.raises(InvalidRequestError):
            JobRef.parse(text)
    else:
        assert str(ref) == text
        assert JobRef.parse(text) == ref


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("glue:nightly-etl/jr_0123?region=eu-west-1", JobRef("glue", "nightly-etl", "eu-west-1").run("jr_0123")),
        ("emr-serverless:00f1abc/00frun1", JobRef("emr-serverless", "00f1abc").run("00frun1")),
        ("datazone:dzd_x/job42/run7", JobRef("datazone", ("dzd_x", "job42")).run("run7")),
        ("glue:a%2Fb/jr_0%2Fx?profile=p", JobRef("glue", "a/b", profile="p").run("jr_0/x")),
    ],
)
def test_the_text_form_of_a_run(text: str, ref: RunRef) -> None:
    assert str(ref) == text
    assert RunRef.parse(text) == ref


@given(job_refs())
@example(JobRef("glue", ("/",)))
@example(JobRef("glue", ("%2F",)))
@example(JobRef("glue", ("\x00",)))
@example(JobRef("glue", ("a",), profile="?&=%"))
def test_any_job_comes_back_from_its_text(ref: JobRef) -> None:
    assert JobRef.parse(str(ref)) == ref
    assert set(str(ref)) <= set(string.ascii_letters + string.digits + "-._~%:/?&=")


@given(RUN_REFS)
def test_any_run_comes_back_from_its_text(ref: RunRef) -> None:
    assert RunRef.parse(str(ref)) == ref
    assert str(ref).startswith(str(attrs.evolve(ref.job, region=None, profile=None)) + "/")


@given(
    st.text(max_size=40)
    | st.from_regex(r"(glue|datazone|emr-serverless):[^?]*(\?(region|profile)=.*)?", fullmatch=True)
)
def test_text_is_a_reference_to_the_letter_or_refused(text: str) -> None:
    for kind in (JobRef, RunRef):
        with suppress(InvalidRequestError):
            assert str(kind.parse(text)) == text


@given(RUN_REFS, st.data())
def test_another_text_is_never_the_same_reference(ref: RunRef, data: st.DataObject) -> None:
    text = str(ref)
    place = data.draw(st.integers(0, len(text)))
    dropped = data.draw(st.integers(0, 1))
    other = text[:place] + data.draw(st.text(max_size=2)) + text[place + dropped :]
    assume(other != text)
    with suppress(InvalidRequestError):
        assert RunRef.parse(other) != ref


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "glue",
        "glue:",
        "glue:?region=eu-west-1",
        ":nightly-etl",
        "nightly-etl",
        "Glue:nightly-etl",
        "GLUE:nightly-etl",
        " glue:nightly-etl",
        "glue:nightly-etl ",
        "glue:nightly-etl\n",
        "glue: nightly-etl",
        "glue:nightly etl",
        "glue:änderungen",
        "glue:%e4nderungen",
        "glue:%c3%a4nderungen",
        "glue:%61",
        "glue:%",
        "glue:%zz",
        "glue:%ED%A0%80",
        "glue:a/",
        "glue:/a",
        "glue:a/b",
        "glue:a//b",
        "glue:a?",
        "glue:a?region=",
        "glue:a?region",
        "glue:a?region=eu%2Dwest-1",
        "glue:a?region=eu-west-1&",
        "glue:a?&region=eu-west-1",
        "glue:a?profile=p&region=eu-west-1",
        "glue:a?region=eu-west-1&region=eu-west-2",
        "glue:a?region=eu-west-1&mood=good",
        "glue:a?Region=eu-west-1",
        "glue:a?region=eu west",
        "glue:a?region=../..",
        "glue:a?region=eu-west-1#x",
        "glue:a#x",
        "glue://a",
        "athena:a",
        "datazone:dzd_x",
        "datazone:dzd_x/job42/run7",
        "datazone:dzd_x/",
    ],
)
def test_what_is_no_job(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="is not the text form of a job"):
        JobRef.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "glue:nightly-etl",
        "glue:nightly-etl/",
        "glue:/jr_0",
        "glue:a/b/jr_0",
        "datazone:dzd_x/job42",
        "datazone:dzd_x/job42/run7/x",
        "emr-serverless:00f1abc?region=eu-west-1/00frun1",
        "jr_0",
    ],
)
def test_what_is_no_run(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="is not the text form of a run"):
        RunRef.parse(text)


@pytest.mark.parametrize("text", [None, 5, b"glue:a", JobRef("glue", "a")])
def test_what_is_no_text_at_all(text: Any) -> None:  # noqa: ANN401  # what untyped callers may pass
    for kind in (JobRef, RunRef):
        with pytest.raises(InvalidRequestError):
            kind.parse(text)


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("glue", ()),
        ("glue", ("a", "b")),
        ("glue", ("",)),
        ("glue", ""),
        ("glue", ("\ud800",)),
        ("glue", (None,)),
        ("glue", (5,)),
        ("emr-serverless", ("a", "b")),
        ("datazone", ("a",)),
        ("datazone", "ab"),
        ("datazone", ("a", "")),
        ("datazone", ("a", "b", "c")),
        ("", ("a",)),
        ("a:b", ("a",)),
        ("a/b", ("a",)),
        (None, ("a",)),
    ],
)
def test_a_path_fits_its_service(service: Any, path: Any) -> None:  # noqa: ANN401  # what untyped callers may pass
    with pytest.raises(InvalidRequestError):
        JobRef(service, path)


@pytest.mark.parametrize("region", ["", "eu west", "eu/west", "..", "-eu", "eu-west-1\n", "ö", 5])
def test_a_region_that_is_none(region: Any) -> None:  # noqa: ANN401  # what untyped callers may pass
    with pytest.raises(InvalidRequestError, match="region"):
        JobRef("glue", "a", region)


@pytest.mark.parametrize("profile", ["", "\ud800", 5])
def test_a_profile_that_is_none(profile: Any) -> None:  # noqa: ANN401  # what untyped callers may pass
    with pytest.raises(InvalidRequestError, match="profile"):
        JobRef("glue", "a", None, profile)


@pytest.mark.parametrize("run_id", ["", "\ud800", None, 5])
def test_a_run_id_that_is_none(run_id: Any) -> None:  # noqa: ANN401  # what untyped callers may pass
    with pytest.raises(InvalidRequestError, match="run id"):
        JobRef("glue", "a").run(run_id)


BYTES: Any = b"a"
FIVE: Any = 5
SERVICES: Final = "emr-serverless, datazone, glue"
FORM: Final = "[?region=REGION&profile=PROFILE], names percent-encoded)"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("glue:nightly etl/a", ""),
        ("glue:a:b/c", ""),
        ("athena:a/b", f": unknown service 'athena', known are {SERVICES}"),
        (
            "glue:a/b?region=x=y",
            ": a region must be made of up to 63 letters, digits and '-', such as 'eu-west-1', got 'x=y'",
        ),
        (5, ": expected a string, got int"),
    ],
)
def test_a_text_that_is_no_reference_is_told_with_the_form_and_the_reason(text: Any, why: str) -> None:  # noqa: ANN401
    with pytest.raises(InvalidRequestError) as caught:
        RunRef.parse(text)
    assert caught.value.message == f"{text!r} is not the text form of a run (SERVICE:JOB/RUN{FORM}{why}"
    if isinstance(text, str):
        text = text.replace("/", "%2F", 1)
    with pytest.raises(InvalidRequestError) as caught:
        JobRef.parse(text)
    assert caught.value.message == f"{text!r} is not the text form of a job (SERVICE:JOB{FORM}{why}"


def test_the_services_of_adapters_are_known_where_they_are_told() -> None:
    assert JobRef.parse("athena:a", services=["athena"]) == JobRef("athena", "a")
    assert RunRef.parse("athena:a/b", services=["athena"]) == JobRef("athena", "a").run("b")
    with pytest.raises(InvalidRequestError, match=f"known are {SERVICES}, athena, batch$"):
        JobRef.parse("hive:a", services=("athena", "batch"))
    with pytest.raises(
        InvalidRequestError, match="services must be a list or another collection of names of services, got"
    ):
        JobRef.parse("athena:a", services="athena")


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: JobRef("a/b", "a"), "a service's name must be made of letters, digits, '-' and '_', got 'a/b'"),
        (lambda: JobRef("glue", ()), "a job of glue is named by a job name, got ()"),
        (lambda: JobRef("athena", ()), "a job of athena is named by a name, got ()"),
        (lambda: JobRef("datazone", "a"), "a job of datazone is named by a domain id and a job id, got ('a',)"),
        (
            lambda: JobRef("emr-serverless", ("a", "b")),
            "a job of emr-serverless is named by an application id, got ('a', 'b')",
        ),
        (
            lambda: JobRef("glue", BYTES),
            "a job's path must be a list or another collection of names, got a value of type bytes",
        ),
        (
            lambda: check_region("eu west"),
            "a region must be made of up to 63 letters, digits and '-', such as 'eu-west-1', got 'eu west'",
        ),
        (lambda: JobRef("glue", "a", None, ""), "a profile must be a non-empty string, got ''"),
        (lambda: JobRef("glue", "a").run(""), "a run id must be a non-empty string, got ''"),
        (lambda: RunRef(FIVE, "a"), "a run's job must be a JobRef, as JobRef.parse() makes of a string, got 5"),
        (lambda: check_name("an id", "..", re.compile("[a-z]+")), "an id must have the form [a-z]+, got '..'"),
        (lambda: check_name("an id", 5, re.compile("[a-z]+")), "an id must have the form [a-z]+, got 5"),
    ],
)
def test_what_is_refused_is_told_with_what_is_right(make: Callable[[], object], text: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        make()
    assert caught.value.message == text


@pytest.mark.parametrize("job", ["glue:a", "emr-serverless:00f", "datazone:dzd_a/b?region=eu-west-1"])
def test_who_gives_a_job_for_a_run_or_a_run_for_a_job_is_told_so(job: str) -> None:
    run = str(JobRef.parse(job).run("x"))
    with pytest.raises(
        InvalidRequestError, match=r"text form of a run \(SERVICE:JOB/RUN.*: it names a job, and no run of it$"
    ):
        RunRef.parse(job)
    with pytest.raises(InvalidRequestError, match=r"text form of a job \(SERVICE:JOB\[.*: it names a run of a job$"):
        JobRef.parse(run)


def test_a_text_form_is_told_from_a_name() -> None:
    forms = ("glue:a", "glue:a/b", "datazone:dzd_a/b", "emr-serverless:00f?region=eu-west-1")
    names = ("glue", "nightly: etl", "glue: a", "a:b", "datazone:a", "glue:", "")
    assert [text for text in (*forms, *names) if is_text_form(text)] == [*forms]


def test_a_name_of_the_right_form_passes() -> None:
    check_name("an id", "abc", re.compile("[a-z]+"))


def test_a_service_is_known_by_its_name() -> None:
    ref = JobRef("emr-serverless", "00f1abc")

    assert ref.service is Service.EMR_SERVERLESS
    assert ref.path == ("00f1abc",)
    assert ref == JobRef(Service.EMR_SERVERLESS, ["00f1abc"])
    assert hash(ref) == hash(JobRef(Service.EMR_SERVERLESS, ("00f1abc",)))


def test_an_adapter_of_ones_own_may_name_its_jobs() -> None:
    ref = JobRef("emr-containers", ("cluster", "job"), "eu-west-1").run("000001")

    assert str(ref) == "emr-containers:cluster/job/000001?region=eu-west-1"


def test_references_are_told_apart_by_every_part() -> None:
    jobs = {
        JobRef(service, path, region, profile)
        for service in ("glue", "emr-serverless")
        for path in ("a", "b")
        for region in (None, "eu-west-1", "us-east-1")
        for profile in (None, "prod")
    }
    runs = {job.run(run_id) for job in jobs for run_id in ("1", "2")}

    assert len(jobs) == 24
    assert len(runs) == len(set(map(str, runs))) == 48


def test_references_are_ordered_where_regions_are_missing_too() -> None:
    jobs = [
        JobRef("datazone", ("a", "b")),
        JobRef("glue", "a"),
        JobRef("glue", "a", None, "A"),
        JobRef("glue", "a", None, "prod"),
        JobRef("glue", "a", "A"),
        JobRef("glue", "a", "eu-west-1"),
        JobRef("glue", "a", "eu-west-1", "prod"),
        JobRef("glue", "a", "us-east-1"),
        JobRef("glue", "b"),
    ]

    assert sorted(set(jobs)) == jobs
    assert all(first < second and not second < first for first, second in itertools.pairwise(jobs))
    assert sorted(job.run(str(number)) for number in (2, 1) for job in jobs) == [
        job.run(str(number)) for job in jobs for number in (1, 2)
    ]


def test_a_sibling_lives_in_the_same_place() -> None:
    assert JobRef("glue", "a", "eu-west-1", "prod").sibling("b") == JobRef("glue", "b", "eu-west-1", "prod")
    with pytest.raises(InvalidRequestError):
        JobRef("glue", "a").sibling("b", "c")


def test_a_run_knows_its_job() -> None:
    job = JobRef("glue", "a", "eu-west-1")

    assert attrgetter("job", "run_id")(job.run("jr_0")) == (job, "jr_0")


def test_a_glue_job_goes_by_its_own_name_alone() -> None:
    ref = JobRef("glue", ("etl",), "eu-west-1")
    assert attrs.evolve(ref, path=("other",)).job_name == "other"
    assert JobRef("glue", ("etl",), job_name="another").job_name == "etl"


@pytest.mark.parametrize("name", [3, b"etl", ["etl"]])
def test_a_job_name_that_is_no_string_is_refused(name: Any) -> None:  # noqa: ANN401  # of a wrong type
    with pytest.raises(InvalidRequestError, match="job_name must be a string, or None"):
        JobRef("emr-serverless", ("00f1app",), job_name=name)
