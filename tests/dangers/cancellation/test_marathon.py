"""A thousand cancellations in a row leave a client as it was; .ci/nightly does ten thousand."""

from tests.dangers.cancellation.marathon import marathon

OF_A_CONTEXT = (
    "jobruns_sdk.transport.operation.Sending",
    "jobruns_sdk.loop.meter.Meter",
    "jobruns_sdk.observing.walks.WalkCaller",
)
TIMERS = 100  # that were cancelled, with the contexts of their calls: asyncio sweeps them out when they are more


async def test_nothing_adds_up() -> None:
    before, after = await marathon(1_000)

    assert before.held == after.held == {}
    # A connection, too, keeps the context in which it was made: the doubt about that call, its meter and its walk.
    for kind in OF_A_CONTEXT:
        assert after.objects.pop(kind, 0) - before.objects.pop(kind, 0) <= TIMERS + after.sockets
    assert after.objects - before.objects == {}  # what other tests have left may go meanwhile
    assert after.sockets <= before.sockets
