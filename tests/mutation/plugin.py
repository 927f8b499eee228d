"""A plugin of pytest: a test that hangs fails, and garbage is collected only when a test asks for it.

mutmut itself waits for a mutant that hangs as long as all its tests together may take. Its bookkeeping sets a context
variable in every call, those of ``__del__`` too; CPython 3.11 crashes when garbage is collected meanwhile.
"""

import gc
import signal
from collections.abc import Generator
from typing import Final, NoReturn

import pytest

_MOST: Final = 15  # seconds

gc.disable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    """Give a test so much time."""
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(_MOST)
    try:
        return (yield)
    finally:
        signal.alarm(0)


def _give_up(*_: object) -> NoReturn:
    pytest.fail(f"it takes more than {_MOST} seconds")
