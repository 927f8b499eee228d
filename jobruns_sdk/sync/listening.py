"""Listening to events, in ``with``."""

from types import TracebackType
from typing import Self

from jobruns_sdk.runs import listening
from jobruns_sdk.sync.carry import Carrier


class Listening(Carrier[listening.Listening]):
    """The block in which a client listens: waits and watches of all threads are woken, whichever thread entered it."""

    @property
    def is_hearing(self) -> bool:
        """True while events can be received; else runs are polled as usual."""
        return self.carried.is_hearing

    def __enter__(self) -> Self:
        """Begin to listen; see the asynchronous block."""
        self.bridge.run(self.carried.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End to listen; an error of the source is raised here, unless the block has failed by itself."""
        self.bridge.run(self.carried.__aexit__(kind, error, trace))
