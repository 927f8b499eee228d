"""Lines of logs, iterated with ``for``."""

from collections.abc import Generator

from jobruns_sdk.model import logs
from jobruns_sdk.model.logs import LogLine
from jobruns_sdk.sync.carry import Carrier


class LogLines(Carrier[logs.LogLines]):
    """The result of ``logs``: nothing is requested until it is iterated, and every loop starts afresh."""

    def __iter__(self) -> Generator[LogLine]:
        """Start afresh."""
        return self.bridge.iterate(aiter(self.carried), ahead=0)

    def collect(self) -> list[LogLine]:
        """Return all lines in a list, which takes as much memory as they do."""
        return self.bridge.run(self.carried.collect())
