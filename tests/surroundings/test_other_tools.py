"""Other tools that run or answer what this package does: refused in words, where they cannot work."""

from typing import Any

import pytest
from moto import mock_aws

from jobruns_sdk import JobRunsClient, UnsupportedOperationError
from tests.transport.clients import CountingSession

MOTO = r"moto's server .* or jobruns_sdk.testing.LocalService"
TRIO = r"needs an event loop of asyncio.* under trio, use jobruns_sdk.sync"


async def test_motos_mock_within_the_process_is_refused_in_words() -> None:
    with mock_aws():
        async with JobRunsClient(session=CountingSession(), region_name="us-east-1") as client:
            with pytest.raises(UnsupportedOperationError, match=MOTO) as caught:
                await client.glue("etl").runs().collect()

    assert (caught.value.operation, caught.value.retryable) == ("GetJobRuns", False)


def driven(coroutine: Any) -> None:  # noqa: ANN401  # a coroutine
    """Run a coroutine as trio does: with no event loop of asyncio's."""
    coroutine.send(None)


def test_trio_is_refused_in_words() -> None:
    client = JobRunsClient(session=CountingSession(), region_name="us-east-1")
    with pytest.raises(UnsupportedOperationError, match=TRIO):
        driven(client.__aenter__())
