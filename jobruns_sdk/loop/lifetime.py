"""The lifetime of a client, from opening to closing, in one event loop of one process."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from jobruns_sdk.errors import ClientClosedError, UnsupportedOperationError

_NO_LOOP: Final = (
    "this needs an event loop of asyncio, which does not run here: under trio, use jobruns_sdk.sync in a thread"
)


class Lifetime:
    """The time in which a client may be used, and its event loop; one that has not begun refuses nobody."""

    def __init__(self, opened_by: str = "async with") -> None:
        """Stand before the beginning; a client is opened by that statement."""
        self.opened_by = opened_by
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = os.getpid()
        self._ended = False
        self._scopes: set[asyncio.Timeout] = set()

    @property
    def has_begun(self) -> bool:
        """True once it has begun, also after its end."""
        return self._loop is not None

    @property
    def has_ended(self) -> bool:
        """True if it has ended."""
        return self._ended

    @property
    def state(self) -> str:
        """The word for its state in a ``repr``."""
        return "closed" if self._ended else "open" if self.has_begun else "not open yet"

    @property
    def is_another_process(self) -> bool:
        """True if this process was forked from the one in which it began: what is open belongs to that one."""
        return self._loop is not None and self._process != os.getpid()

    def begin(self) -> None:
        """Begin in this event loop.

        Raises:
            ClientClosedError: It has begun before.
            UnsupportedOperationError: No event loop of asyncio runs here.
        """
        if self._loop is not None:
            raise ClientClosedError("a client is opened once; make another one")
        try:
            self._loop, self._process = asyncio.get_running_loop(), os.getpid()
        except RuntimeError:  # trio runs coroutines, too
            raise UnsupportedOperationError(_NO_LOOP) from None

    def end(self) -> None:
        """End all that is enclosed in ``scope``.

        Raises:
            ClientClosedError: It belongs to another event loop.
        """
        if self._loop is not asyncio.get_running_loop():
            raise ClientClosedError(f"a client is closed where it was opened: {self.refusal()}")
        self._ended = True
        for scope in self._scopes:
            scope.reschedule(0)

    def refusal(self) -> str | None:
        """Return why the client cannot be used here and now, None if it can."""
        if self._ended:
            return "the client is closed"
        if self.is_another_process:
            return "the client was opened before this process was forked; make one for each process"
        if self._loop not in (None, asyncio.get_running_loop()):
            return "the client was opened in another event loop; make one for each loop"
        return None

    def check(self) -> None:
        """Refuse what cannot be done here and now.

        Raises:
            ClientClosedError: The client is closed, or belongs to another event loop or process.
        """
        if (refusal := self.refusal()) is not None:
            raise ClientClosedError(refusal)

    @asynccontextmanager
    async def scope(self) -> AsyncGenerator[None]:
        """End what is enclosed when the client is closed.

        Raises:
            ClientClosedError: The client was closed, before or meanwhile.
        """
        self.check()
        try:
            async with asyncio.timeout(None) as scope:
                self._scopes.add(scope)
                try:
                    yield
                finally:
                    self._scopes.discard(scope)
        except TimeoutError as error:
            if not self._ended:
                raise
            raise ClientClosedError("the client was closed meanwhile") from error
