"""What holds for all tests."""

import signal


def pytest_configure() -> None:
    """Let interrupts interrupt also where the tests run in the background, whose processes ignore them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
