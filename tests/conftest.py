"""What holds for all tests: nothing in this process that one draws by lot is another lot in another run."""

import signal
from random import Random
from typing import Final

import pytest
from hypothesis import register_random, settings

from jobruns_sdk.transport import quotas as pacing

JITTER: Final = Random()


def pytest_configure() -> None:
    """Try properties on the same examples in every run, let jitter be repeatable, and let interrupts interrupt.

    Processes that a shell runs in the background ignore them.
    """
    settings.register_profile("same-everywhere", derandomize=True, deadline=None, database=None)
    settings.load_profile("same-everywhere")
    register_random(JITTER)
    pacing.jitter = JITTER
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Begin each test with the same jitter."""
    JITTER.seed(0)
