"""Whatever an answer holds: a value, or ResponseFormatError; never a bare error, never a hang, never all the memory."""

import asyncio
import gzip
import json
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobruns_sdk import ResponseFormatError
from tests.dangers.faults.bodies import MEMBERS, NO_ANSWERS, Json, check, places, replaced, with_each_member_replaced
from tests.dangers.faults.large import BOUND, LARGE, PASSING, cost
from tests.dangers.faults.offline import largest_sample, read, samples
from tests.dangers.faults.operations import OPERATIONS
from tests.transport.clients import client_at
from tests.transport.scripted import answer, serving

# Their answers name what they are about, which is another run or application in the samples than in the requests.
_OF_OTHERS: Final = frozenset({"glue:BatchStopJobRun", "emr-serverless:StartJobRun", "emr-serverless:CancelJobRun"})


@pytest.mark.parametrize("name", OPERATIONS)
async def test_what_is_no_answer(name: str) -> None:
    for what, body in NO_ANSWERS.items():
        outcome = await read(name, body)

        assert isinstance(outcome, ResponseFormatError), what
        check(name, outcome)
        assert (outcome.where, outcome.in_doubt, outcome.retryable) == ("$", True, False), what


@pytest.mark.parametrize("name", OPERATIONS)
async def test_each_member_holds_what_it_should_not(name: str) -> None:
    for body in samples(name):
        outcome = await read(name, body)
        check(name, outcome)
        assert not isinstance(outcome, ResponseFormatError) or name in _OF_OTHERS
    for what, body in with_each_member_replaced(largest_sample(name)):
        try:
            check(name, await read(name, body))
        except Exception as error:
            error.add_note(what)
            raise


async def test_of_members_that_come_twice_the_last_one_counts() -> None:
    run = await read("datazone:GetJobRun", b'{"id": "a", "id": "r", "status": "SUCCESS", "status": "FAILED"}')

    assert getattr(run, "native_state", run) == "FAILED"


_json: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def mutated(draw: st.DrawFn, name: str) -> bytes:
    """A good answer with members replaced, and then a few bytes cut out, put in or changed."""
    answer: Json = json.loads(draw(st.sampled_from(list(samples(name)))))
    for _ in range(draw(st.integers(0, 4))):
        answer = replaced(answer, draw(st.sampled_from(list(places(answer)))), draw(_json))
    body = json.dumps(answer).encode()
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, len(body)))
        new = draw(st.binary(max_size=3) | st.sampled_from(MEMBERS))
        body = body[:start] + new + body[start + draw(st.integers(0, 9)) :]
    return body


@pytest.mark.parametrize("name", OPERATIONS)
def test_answers_changed_at_random(name: str) -> None:
    @settings(max_examples=60)
    @given(mutated(name))
    def holds(body: bytes) -> None:
        check(name, asyncio.run(read(name, body)))

    holds()


@pytest.mark.parametrize("shape", LARGE)
async def test_fifty_megabytes(shape: str) -> None:
    outcome, megabytes = await cost(shape)

    assert isinstance(outcome, ResponseFormatError) is (shape not in PASSING), outcome
    assert megabytes < BOUND


async def test_what_is_packed_is_not_unpacked() -> None:
    """A bomb of 50 kB that would become 50 MB; nobody has asked for anything packed."""
    bomb = gzip.compress(b" " * 50_000_000)
    async with (
        serving(answer(bomb, headers={"content-encoding": "gzip"})) as server,
        client_at(server.url) as client,
    ):
        for name, asked in OPERATIONS.items():
            if asked.kind not in {"read", "post"}:
                continue
            with pytest.raises(ResponseFormatError) as caught:
                await asked.ask(client, "r")
            assert f"{caught.value.service}:{caught.value.operation} {caught.value.http_status}" == f"{name} 200"


async def test_the_type_that_an_answer_claims_to_have_does_not_matter() -> None:
    script = answer(b'{"id": "r", "status": "FAILED"}', headers={"content-type": "text/html; charset=utf-16"})
    async with serving(script) as server, client_at(server.url) as client:
        assert (await client.datazone("dzd_x", "job42").run("r")).native_state == "FAILED"
