"""Names that try to be something else in a path, a header, a host or a reference are refused, and nothing is sent."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from botocore.config import Config

from jobruns_sdk import InvalidRequestError, JobRef, JobRunsClient, RunRef, TransportError
from tests.dangers.input.calls import CALLS, EMR, GLUE, SentError, silent_client
from tests.transport.clients import client_at
from tests.transport.scripted import answer, serving

PATH_TRICKS: Final = (
    "..",
    ".",
    "../x",
    "x/../y",
    "%2e%2e",
    "%2E%2E",
    "..%2f",
    "/",
    "x/y",
    "\\",
    "..\\",
    "?",
    "x?y=z",
    "#",
    "x#y",
    "\0",
    "x\0",
    "\u2024\u2024",  # one dot leaders
    "\u2025",  # a two dot leader
    "\uff0e\uff0e",  # full-width dots
    "\u2215",  # a division slash
    "x\n",
    "x\r\nHost: evil",
    "\tx",
    " ",
    "x ",
    "x\x7f",
    "\u202ex",
    "x" * 100_000,
    "\u0430pp",  # a Cyrillic a
    "e\u0301",  # decomposed
    "\u0661",  # a digit that is not ASCII
)
"""What is no id where ids travel in paths: on EMR Serverless and DataZone."""

config_of: Final[Any] = Config  # its stub lags behind

CONTROL: Final = ("x\n", "x\r\nHost: evil", "\0", "\x1b[2J", "\x08", "x\udcff", "x" * 256, "\uffff", "")
"""What is no name on Glue either, where names travel in bodies and may hold anything else."""

IDS: Final = {
    "application_id": ("client.emr_serverless",),
    "domain_id": ("client.datazone",),
    "job_id": ("client.datazone",),
    "run_id": (
        *(f"emr_serverless.{name}" for name in ("attempts", "run", "dashboard_url", "run_ref")),
        *(f"datazone.{name}" for name in ("attempts", "run", "run_ref")),
    ),
}
"""The calls that take an id which travels in a path."""

NAMES: Final = {
    "job_name": ("client.glue",),
    "run_id": tuple(f"glue.{name}" for name in ("attempts", "run", "bookmark", "reset_bookmark", "run_ref")),
    "retry_of": ("glue.start",),
}


ATHENA: Final = {"client.jobs": "athena", "client.job": "athena:x", "client.handle": JobRef("athena", "x")}
OF_A_FORM: Final = r"must be (up to \d+ |'dzd_' and up to \d+ )"


def _each(of: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(call, name) for name, calls in of.items() for call in calls]


@pytest.mark.parametrize(("call", "name"), _each(IDS))
async def test_an_id_is_nothing_but_an_id_in_a_path(call: str, name: str) -> None:
    async with silent_client() as (client, session):
        for trick in PATH_TRICKS:
            with pytest.raises(InvalidRequestError, match=OF_A_FORM):
                await CALLS[call](client, **{name: trick})
        assert session.sent == 0


@pytest.mark.parametrize(("call", "name"), _each(NAMES))
async def test_a_name_of_glues_is_one_line_of_text(call: str, name: str) -> None:
    async with silent_client() as (client, session):
        for trick in CONTROL:
            with pytest.raises(InvalidRequestError):
                await CALLS[call](client, **{name: trick})
        assert session.sent == 0


def _references() -> Iterator[tuple[str, Any]]:
    """Yield every call that takes a reference, with one that hides a trick in a part of it."""
    for trick in PATH_TRICKS:
        if trick.isprintable() or trick == "x\n":
            run, job = EMR.run(trick), EMR.sibling(trick)
            yield from ((call, {"run": run}) for call in ("client.run", "client.wait"))
            yield from ((call, {"run": job.run("00f")}) for call in ("client.run", "client.wait"))
            yield from ((call, {"job": job}) for call in ("client.job", "client.handle"))
            yield "client.runs", {"jobs": [GLUE, job]}
            yield "client.wait_all", {"runs": [GLUE.run("jr_0"), run]}
            for call in ("client.watch", "client.attempts"):
                yield from ((call, {"targets": targets}) for targets in (run, job, [GLUE, run], [GLUE, job]))


async def test_a_reference_hides_no_trick() -> None:
    async with silent_client() as (client, session):
        for call, arguments in _references():
            with pytest.raises(InvalidRequestError, match=OF_A_FORM):
                await CALLS[call](client, **arguments)
        assert session.sent == 0


async def test_a_trick_among_runs_to_stop_is_an_outcome_of_its_own() -> None:
    async with silent_client() as (client, session):
        runs = [EMR.run(trick) for trick in PATH_TRICKS]
        outcomes = await client.stop(runs)
        assert [outcome.ref for outcome in outcomes] == runs
        assert {type(outcome.error) for outcome in outcomes} == {InvalidRequestError}
        assert session.sent == 0


@pytest.mark.parametrize("text", ["glue:etl", "glue:etl/jr_0", "emr-serverless:00f1abc", "glue:etl?region=eu-west-1"])
async def test_a_text_form_is_no_name_of_a_glue_job_unless_a_reference_says_so(text: str) -> None:
    async with silent_client() as (client, session):
        with pytest.raises(InvalidRequestError, match=r"got .*: client\.handle\(\) takes that"):
            client.glue(text)
        assert client.handle(JobRef("glue", text)).ref.path == (text,)
        assert client.glue("nightly: etl").ref.path == ("nightly: etl",)
        assert session.sent == 0


@pytest.mark.parametrize("call", ["client.jobs", "client.job", "client.handle"])
async def test_a_service_that_nobody_knows_is_told_alike(call: str) -> None:
    async with silent_client() as (client, session):
        with pytest.raises(
            InvalidRequestError, match="unknown service 'athena', known are emr-serverless, datazone, glue"
        ):
            await CALLS[call](client, **{"service" if call == "client.jobs" else "job": ATHENA[call]})
        assert session.sent == 0


async def test_who_gives_none_for_an_id_is_told_what_one_is_in_words() -> None:
    async with silent_client() as (client, _):
        with pytest.raises(
            InvalidRequestError, match=r"^a run id must be one line, of up to 255 characters, got None$"
        ):
            await CALLS["glue.run"](client, run_id=None)


@pytest.mark.parametrize(
    "text",
    [
        "glue:a%2Fb/c",  # a run of the job a/b, not a job
        "glue:a%2fb",
        "glue:a%2",
        "glue:a%252Fb/",
        "glue%3Aa",
        "glue:a?region=eu-west-1?region=eu-west-2",
        "glue:a?region=eu-west-1&region=eu-west-2",
        "glue:a?region=eu-west-1%26profile=prod",
        "glue:a?region=eu-west-1@evil.com",
        "glue:a?region=x.evil.com/",
        "glue:a?region=x.evil.com%2F",
        "glue:a?region=evil.com%23",
        "glue:a?region=eu-west-1%00",
        "glue:a?region=eu-west-1%0D%0A",
        "glue:a?region=" + "x" * 64,
        "glue:a?region=-eu",
        "glue:a?region=eu-",
        "glue:a?region=eu_west_1",
        "glue:a?region=\u0435u-west-1",
        "glue:a?region=eu\u2010west\u20101",
        "glue:a?profile=",
        "glue:a?profile=p%2frod",
        "glue:a;profile=prod",
        "g\u217cue:a",  # a Roman numeral for an l
        "\uff47lue:a",
        "glue\uff1aa",
        "glue:\u00e9",
        "glue:e\u0301",
        "glue:%c3%a9",
        "glue:a\u2044b",
        "emr_serverless:00f",
        "emr-serverless:00f%2F..",
        "datazone:dzd_x%2Fjob42",
        "glue:a" + "%2F" * 100_000 + "/",
    ],
)
async def test_no_text_looks_like_another_reference(text: str) -> None:
    async with silent_client() as (client, session):
        with pytest.raises(InvalidRequestError) as caught:
            await CALLS["client.job"](client, job=text)
        assert session.sent == 0
    assert len(str(caught.value)) < 1000


def test_what_looks_alike_is_not_the_same() -> None:
    composed, decomposed = JobRef("glue", "\u00e9"), JobRef("glue", "e\u0301")

    assert str(composed) == "glue:%C3%A9"
    assert str(decomposed) == "glue:e%CC%81"
    assert composed != decomposed
    assert JobRef.parse(str(decomposed)).path == ("e\u0301",)


@pytest.mark.parametrize(
    "region",
    ["eu-west-1@evil.com", "x.evil.com/", "evil.com#", "evil.com?", "127.0.0.1:80/", "eu-west-1\r\nHost: x", "x" * 64],
)
async def test_a_region_is_a_part_of_a_host_name_and_no_more(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidRequestError, match="a region must be made of"):
        JobRunsClient(region_name=region)
    with pytest.raises(InvalidRequestError, match="a region must be made of"):
        RunRef(JobRef("glue", "a", region), "jr_0")
    async with silent_client(region_name=None) as (client, session):
        monkeypatch.setenv("AWS_DEFAULT_REGION", region.replace("\0", ""))
        with pytest.raises(InvalidRequestError, match="a region must be made of"):
            client.glue("etl")
        assert session.sent == 0


async def test_what_the_services_hand_out_is_checked_like_what_a_caller_gives() -> None:
    async with silent_client() as (client, session):
        for run_id in ("..", "x/../../applications"):
            with pytest.raises(InvalidRequestError, match="a run id must be up to 64 digits and small letters"):
                await client.emr_serverless("00f1abc").run(run_id)
        assert session.sent == 0


@pytest.mark.parametrize("agent", ["nightly\r\nX-Evil: 1", "nightly\nX-Evil: 1", "nightly\0"])
@pytest.mark.parametrize("option", ["user_agent", "user_agent_extra"])
async def test_nothing_is_smuggled_into_a_header(option: str, agent: str) -> None:
    async with serving(answer(b'{"JobRuns":[]}')) as server:
        async with client_at(server.url, config=config_of(**{option: agent}), max_attempts=1) as client:
            with pytest.raises((InvalidRequestError, TransportError)):
                await client.glue("etl").runs().collect()
        assert server.requests == []


async def test_botocore_itself_cleans_the_id_of_an_application() -> None:
    config = config_of(user_agent_appid="nightly\r\nX-Evil: 1")
    async with serving(answer(b'{"JobRuns":[]}')) as server:
        async with client_at(server.url, config=config) as client:
            await client.glue("etl").runs().collect()

        assert "x-evil" not in server.requests[0].headers
        assert "app/nightly--X-Evil--1" in server.requests[0].headers["user-agent"]


@pytest.mark.parametrize("key", ["nightly\r\nX-Evil: 1", "\0", "\u202e", "k" * 100_000])
async def test_a_key_reaches_no_header(key: str) -> None:
    async with silent_client(max_attempts=1) as (client, session):
        with pytest.raises(SentError):
            await CALLS["emr_serverless.start"](client, idempotency_key=key)
        assert session.sent == 1
        assert session.urls == ["https://emr-serverless.us-east-1.amazonaws.com/applications/00f1abc/jobruns"]
