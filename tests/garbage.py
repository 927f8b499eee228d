"""Collecting the garbage of a test, and not that of the thousands before it."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def own_garbage() -> Generator[None]:
    """Let collections look through what is made meanwhile only, which takes a hundredth of the time."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
