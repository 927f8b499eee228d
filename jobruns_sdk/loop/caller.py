"""The caller of calls: a walk, the polls of a client, or a single call. They take turns where calls have to wait."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_caller: Final[ContextVar[object]] = ContextVar("jobruns_caller", default=None)


def caller() -> object:
    """Return on whose behalf calls are made here; None for a call that stands alone."""
    return _caller.get()


@contextmanager
def on_behalf_of(who: object) -> Generator[None]:
    """Make the calls of a block, and of tasks that it begins, on behalf of somebody; an outer block's caller stays."""
    if _caller.get() is not None:
        yield
        return
    token = _caller.set(who)
    try:
        yield
    finally:
        _caller.reset(token)
