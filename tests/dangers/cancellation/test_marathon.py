"""A thousand cancellations in a row leave a client as it was; .ci/nightly does ten thousand."""

from tests.dangers.cancellation.marathon import marathon


async def test_nothing_adds_up() -> None:
    before, after = await marathon(1_000)

    assert before.held == after.held == {}
    assert after.objects == before.objects
    assert after.sockets <= before.sockets
