"""The turns of calls that have to wait: throttled ones first, then caller by caller."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from jobruns_sdk.loop.caller import caller


class Turns:
    """A lock that is handed on to calls that were throttled first, and then from caller to caller.

    A call that was throttled would go behind a thousand others, and its time would be up before its turn. And a single
    call shall not stand behind the five hundred of a walk:

        walk   get 1  get 2  get 3  get 4        in turn: get 1, single, get 2, get 3, get 4
        single call
    """

    def __init__(self) -> None:
        self._taken = False
        self._first: deque[asyncio.Future[None]] = deque()
        self._others: dict[object, deque[asyncio.Future[None]]] = {}  # by caller, the next one first

    def locked(self) -> bool:
        """Return whether somebody has the turn."""
        return self._taken

    @asynccontextmanager
    async def taken(self, *, first: bool) -> AsyncGenerator[None]:
        """Wait for the turn and keep it in the block; ``first`` goes before all who were not throttled."""
        if self._taken:
            turn = asyncio.get_running_loop().create_future()
            queue = self._first if first else self._others.setdefault(caller() or turn, deque())
            queue.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if not turn.cancelled():  # it was this one's turn when it was cancelled
                    self._hand_on()
                raise
        self._taken = True
        try:
            yield
        finally:
            self._hand_on()

    def _hand_on(self) -> None:
        while (turn := self._next()) is not None:
            if not turn.done():
                turn.set_result(None)
                return
        self._taken = False

    def _next(self) -> asyncio.Future[None] | None:
        if self._first:
            return self._first.popleft()
        if not self._others:
            return None
        who, queue = next(iter(self._others.items()))
        turn = queue.popleft()
        del self._others[who]
        if queue:
            self._others[who] = queue  # behind all others
        return turn
